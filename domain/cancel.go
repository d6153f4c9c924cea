package domain

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Cancel reverses what stands under the context's reference: checkout, top-up, debit, capture and hold. From then
// on the reference refuses every late original.
type Cancel struct{}

// DebitReversed records that all that was left of a debit or capture came back.
type DebitReversed struct {
	Value
	DebitID        uuid.UUID   `json:"debit_id"`
	CheckoutID     uuid.UUID   `json:"checkout_id,omitzero"` // as the debit's
	RefundedBefore Money       `json:"refunded_before"`
	Cause          string      `json:"cause"`                 // cancel
	ListAmount     *Money      `json:"list_amount,omitempty"` // of the debit's, what came back; see listReturned
	Reopened       []Reopened  `json:"reopened,omitempty"`
	Forfeited      []Forfeited `json:"forfeited,omitempty"`
	Unpaid         Money       `json:"unpaid,omitzero"`   // given back beside Amount, as still owed
	Counted        *Counted    `json:"counted,omitempty"` // as the debit was: that is given back
	Qualifying     *Qualifying `json:"qualifying,omitempty"`
}

// ReferenceCancelled is the tombstone: no operation that can be cancelled may use the reference of
// this event any more, or no transfer or merge of this id will arrive here.
type ReferenceCancelled struct {
	Reference   Reference `json:"reference,omitzero"`
	Found       string    `json:"found"`                 // nothing, declined, or posted where nothing was left to undo
	OperationID uuid.UUID `json:"operation_id,omitzero"` // what another account sent
	Code        Code      `json:"code,omitempty"`        // why that was not taken in
	Detail      string    `json:"detail,omitempty"`
}

func (DebitReversed) event()      {}
func (ReferenceCancelled) event() {}

func (DebitReversed) operation() Operation      { return OpCancel }
func (ReferenceCancelled) operation() Operation { return OpCancel }

func (e DebitReversed) appendNames(names []Name) []Name {
	return append(names, RefundsName(e.DebitID))
}

// Refusal is what the sender of a transfer or merge is told, who learns the code from the field.
func (e ReferenceCancelled) Refusal() *Refusal {
	return ErrTransferReturned.Field("to", string(e.Code)).
		Because(ErrTransferReturned.Detail + ": " + e.Detail)
}

func (e ReferenceCancelled) appendNames(names []Name) []Name {
	if e.OperationID != noID {
		names = append(names, TransferName(e.OperationID))
	}
	return names
}

func (e DebitReversed) qualifies() *Qualifying { return e.Qualifying }

func (e DebitReversed) balanced(b Balance) Event { e.Balance = b; return e }

// cancellable are the kinds of operation that a reference can cancel, in the order they are undone.
var cancellable = []Operation{OpCheckout, OpCapture, OpDebit, OpHold, OpPostTopUp, OpTopUp, OpSellVoucher}

// stopped are the kinds that a cancelled reference refuses from then on.
var stopped = slices.Concat(lasting, cancellable)

// lasting are the kinds that no reference cancels: their value may be spent again.
var lasting = []Operation{OpRefund, OpReturnCheckout, OpTransfer}

// Operation is cancel.
func (Cancel) Operation() Operation { return OpCancel }

// Decide checks that there is a reference, the account, then what stands under it. To cancel again
// is Done: the first cancellation's answer stands. Where nothing is left to undo, the cancellation is
// written all the same; a refund or a transfer alone is not undone: the value may be spent again.
func (Cancel) Decide(d *Draft) error {
	ref := d.Context.Reference()
	if ref.IsZero() {
		return ErrMalformed.Field("pos_txn_id", "want the reference to cancel")
	}
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if before, ok := d.first(ReferenceName(OpCancel, ref)); ok {
		return &Done{before}
	}
	for _, op := range lasting {
		if p, ok := d.first(ReferenceName(op, ref)); ok && len(d.standing(ref)) == 0 {
			return ErrNotCancellable.By(p)
		}
	}
	undone, err := d.undoAll(d.standing(ref))
	if err != nil || undone {
		return err
	}
	return d.post(ReferenceCancelled{Reference: ref, Found: d.foundUnder(ref)})
}

// standing are the operations that a cancellation of ref is about.
func (d *Draft) standing(ref Reference) []Posted {
	var all []Posted
	for _, op := range cancellable {
		if p, ok := d.first(ReferenceName(op, ref)); ok {
			all = append(all, p)
		}
	}
	return all
}

// foundUnder says what a cancellation that undid nothing found.
func (d *Draft) foundUnder(ref Reference) string {
	if len(d.standing(ref)) > 0 {
		return "posted"
	}
	if _, ok := d.first(ReferenceName(OpDeclined, ref)); ok {
		return "declined"
	}
	return "nothing"
}

// undoAll reverses what is left of operations, and says whether there was any. Only value that moves
// is stopped by a freeze; a tombstone is not.
func (d *Draft) undoAll(operations []Posted) (bool, error) {
	if len(operations) == 0 {
		return false, nil
	}
	if err := d.maySettle(); err != nil {
		return false, err
	}
	if err := d.lapseHolds(); err != nil {
		return false, err
	}
	upkeep := len(d.posted)
	for _, p := range operations {
		if err := d.undo(p); err != nil {
			return false, err
		}
	}
	return len(d.posted) > upkeep, nil
}

func (d *Draft) undo(p Posted) error {
	switch e := p.Event.(type) {
	case CheckoutPosted:
		return d.undoCheckout(e)
	case DebitPosted:
		return d.undoDebit(sale{e, p.Metadata.RecordedAt}, false)
	case HoldPlaced:
		if h := d.hold(e.HoldID); h != nil {
			return d.release(h, ReleasedCancelled)
		}
		return nil
	case TopUpPosted:
		return d.undoTopUp(e.TopUpID)
	case TopUpInitiated:
		return d.undoInitiated(e)
	case AccountOpened:
		return d.undoVoucher()
	}
	return nil
}

// undoVoucher takes back what a voucher was sold for. No other gift lot was opened here.
func (d *Draft) undoVoucher() error {
	i := slices.IndexFunc(d.lots, func(l *Lot) bool { return l.Class == Gift && l.OriginLot == noID })
	return d.undoTopUp(d.lots[i].Funding)
}

func (d *Draft) undoTopUp(id uuid.UUID) error {
	if d.funding(id)[0].Reversed {
		return nil
	}
	err := d.reverse(id, CauseCancelled, "")
	if errors.Is(err, ErrTopUpSpent) {
		return ErrNotCancellable.Because(ErrTopUpSpent.Detail)
	}
	return err
}

// undoDebit returns all that is left of a debit; byLots is paidByLots of its checkout's lines.
func (d *Draft) undoDebit(debit sale, byLots bool) error {
	before := d.refunded(debit)
	rest := debit.Amount.Sub(before)
	owed, receivable := d.owedFor(debit.DebitPosted)
	if rest.IsZero() && owed.IsZero() {
		return nil
	}
	earlier, now := debit.gives(d.backTo(debit)), debit.gives(debit.taken())
	back, err := d.giveBackOf(debit, earlier, now)
	if err != nil {
		return err
	}
	id := d.nextID()
	err = d.post(DebitReversed{
		Value: d.value(rest, back.moves), DebitID: debit.DebitID, CheckoutID: debit.CheckoutID,
		RefundedBefore: before, Cause: "cancel", ListAmount: back.list,
		Reopened: back.reopened, Forfeited: back.forfeited, Unpaid: owed.orNone(),
		Counted: debit.Counted, Qualifying: debit.Qualifying.returned(cameBack{before, rest, debit.Amount}),
	})
	if err != nil {
		return err
	}
	if err := d.loseSale(debit.DebitPosted, id, debit.cameBack(byLots, earlier, now)); err != nil {
		return err
	}
	if err := d.settleReturned(back.moves, SettledByRefund); err != nil {
		return err
	}
	return d.forgive(receivable, owed)
}

// Undone is all that was given back: to the lots, and of what was still owed.
func (e DebitReversed) Undone() Money { return e.Amount.plus(e.Unpaid) }

func (e DebitReversed) check() error {
	return cmp.Or(e.returns(e.Forfeited), e.Amount.like(e.RefundedBefore),
		e.Amount.likeSome(e.Unpaid), e.Qualifying.check())
}

func (DebitReversed) command(Posted) Command      { return Cancel{} }
func (ReferenceCancelled) command(Posted) Command { return Cancel{} }

func (e DebitReversed) apply(a *Account, recorded time.Time) error {
	a.unprice(e.Amount, e.ListAmount, e.Moves, e.Forfeited)
	a.uncount(e.Counted, e.Amount)
	if e.CheckoutID == noID {
		a.sales--
	}
	return a.unsold(e.Moves, e.Reopened, e.Forfeited, recorded)
}
