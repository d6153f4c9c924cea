package domain

import (
	"time"

	"github.com/google/uuid"
)

// ReturnTransfer takes back what was sent and refused. The service asks for it, after the receiver's
// tombstone.
type ReturnTransfer struct {
	TransferID uuid.UUID
	Why        ReferenceCancelled // the tombstone
}

// TransferReturned records that what was sent came back, to the lots it had come from.
type TransferReturned struct {
	Value
	TransferID uuid.UUID `json:"transfer_id"`
	ToAccount  uuid.UUID `json:"to_account"` // which refused it
	MergeID    uuid.UUID `json:"merge_id,omitzero"`
	Reason     Code      `json:"reason"`            // the refusal's code
	Counted    *Counted  `json:"counted,omitempty"` // as it was sent: that is given back
}

func (TransferReturned) event() {}

func (TransferReturned) operation() Operation { return OpReturn }

func (e TransferReturned) appendNames(names []Name) []Name {
	return append(names, TransferName(e.TransferID))
}

func (e TransferReturned) balanced(b Balance) Event { e.Balance = b; return e }

// SettledByTransfer is a receivable paid by value that a transfer returned.
const SettledByTransfer SettledBy = "transfer"

// Operation is transfer_return.
func (ReturnTransfer) Operation() Operation { return OpReturn }

// Decide gives back all of it, once. No freeze stops that: it was the account's own.
func (r ReturnTransfer) Decide(d *Draft) error {
	if before, ok := d.first(TransferName(r.TransferID)); ok {
		return &Done{before}
	}
	if p, ok := d.first(EventName(r.TransferID)); ok {
		if sent, ok := p.Event.(TransferSent); ok {
			return d.takeBack(sent, r.Why.Code)
		}
	}
	return ErrNotFound.Because("there is no such transfer")
}

// takeBack undoes the moves of what was sent. What returns to a reversed top-up settles what is owed
// for it.
func (d *Draft) takeBack(sent TransferSent, why Code) error {
	moves := make([]Move, len(sent.Moves))
	for i, m := range sent.Moves {
		m.Amount, m.Cost = m.Amount.Neg(), m.Cost.Neg()
		moves[i] = m
	}
	err := d.post(TransferReturned{Value: d.value(sent.Amount, moves), TransferID: sent.TransferID,
		ToAccount: sent.ToAccount, MergeID: sent.MergeID, Reason: why, Counted: sent.Counted})
	if err != nil {
		return err
	}
	return d.settleReturned(moves, SettledByTransfer)
}

func (e TransferReturned) check() error { return e.gives() }

func (e TransferReturned) apply(a *Account, _ time.Time) error {
	a.uncount(e.Counted, e.Amount)
	a.mergeLots(e.Moves, false)
	return a.transferred(e.Moves)
}
