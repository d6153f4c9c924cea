package domain

import (
	"cmp"
	"errors"

	"github.com/google/uuid"
)

// ReceiveTransfer takes in what another account sent. The service asks for it, as often as it takes.
type ReceiveTransfer struct{ Sent TransferSent }

// TransferReceived records value that came from another account, each lot under the terms that it was
// sold under there.
type TransferReceived struct {
	Value
	TransferID  uuid.UUID    `json:"transfer_id"`
	FromAccount uuid.UUID    `json:"from_account"`
	Kind        TransferKind `json:"kind"`
	MergeID     uuid.UUID    `json:"merge_id,omitzero"`
	Lots        []LotOpened  `json:"lots"` // origin_lot is the sender's
}

func (TransferReceived) event() {}

func (TransferReceived) operation() Operation { return OpReceive }

func (e TransferReceived) appendNames(names []Name) []Name {
	return append(names, TransferName(e.TransferID))
}

// Opened are the lots.
func (e TransferReceived) Opened() []LotOpened { return e.Lots }

func (e TransferReceived) balanced(b Balance) Event { e.Balance = b; return e }

// TransferName is the name that the end of a transfer or merge answers to: on the receiver's stream
// its receipt or tombstone, on the sender's its return.
func TransferName(id uuid.UUID) Name { return Name{"transfer", id.String()} }

// Operation is transfer_receipt.
func (ReceiveTransfer) Operation() Operation { return OpReceive }

// Decide lets the value in, or writes the tombstone that says why not: the account has ended, is
// frozen, or would hold more than it may. A second time it is Done.
func (r ReceiveTransfer) Decide(d *Draft) error {
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if before, ok := d.first(TransferName(r.Sent.TransferID)); ok {
		return &Done{before}
	}
	if err := r.welcome(d); err != nil {
		return d.refuseOperation(r.Sent.TransferID, err)
	}
	return d.receive(r.Sent)
}

// welcome refuses what the account may not take in. To a merged account value comes all the same: it
// moves on to the survivor, whom no limit stops either, as it would lie where nobody can spend it.
func (r ReceiveTransfer) welcome(d *Draft) error {
	if err := d.mayGive(); err != nil && !errors.As(err, new(*Moved)) {
		return err
	}
	if r.Sent.Kind == TransferMerge {
		return nil
	}
	return d.limitBalance(r.Sent.Amount)
}

// refuseOperation writes the tombstone of a transfer or merge that this account does not take in.
func (d *Draft) refuseOperation(id uuid.UUID, why error) error {
	var r *Refusal
	if !errors.As(why, &r) {
		return why
	}
	return d.post(ReferenceCancelled{OperationID: id, Found: "nothing", Code: r.Code, Detail: r.Detail})
}

// receive opens what was sent as lots of this account. Lots of one funding stay one: it is named after
// the first of them. Cashback comes for what is missed of its lot.
func (d *Draft) receive(sent TransferSent) error {
	e := TransferReceived{TransferID: sent.TransferID, FromAccount: sent.AccountID, Kind: sent.Kind,
		MergeID: sent.MergeID}
	id, fundings := d.nextID(), map[uuid.UUID]uuid.UUID{noID: noID}
	for i, l := range sent.Lots {
		l.OriginLot, l.ID = l.ID, partOf(id, i+1)
		if _, ok := fundings[l.Funding]; !ok {
			fundings[l.Funding] = l.ID
		}
		l.Funding = fundings[l.Funding]
		e.Lots = append(e.Lots, l)
	}
	e.Value = d.value(sent.Amount, fill(e.Lots))
	if err := d.post(e); err != nil {
		return err
	}
	return d.settleReturned(e.Moves, SettledByTransfer)
}

func (e TransferReceived) check() error {
	return cmp.Or(e.gives(), e.opens(e.Lots, mostTravelling))
}
