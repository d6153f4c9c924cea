package domain

import (
	"cmp"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Cancel reverses what stands under the context's reference: top-up, debit, capture and hold. Where
// nothing does, it leaves a tombstone that refuses a late original.
type Cancel struct{}

// DebitReversed records that all that was left of a debit or capture came back.
type DebitReversed struct {
	Value
	DebitID        uuid.UUID   `json:"debit_id"`
	RefundedBefore Money       `json:"refunded_before"`
	Cause          string      `json:"cause"` // cancel
	Reopened       []Reopened  `json:"reopened,omitempty"`
	Forfeited      []Forfeited `json:"forfeited,omitempty"`
}

// ReferenceCancelled is the tombstone: no operation that can be cancelled may use the reference of
// this event any more.
type ReferenceCancelled struct {
	Reference Reference `json:"reference"`
	Found     string    `json:"found"` // nothing or declined
}

func (DebitReversed) event()      {}
func (ReferenceCancelled) event() {}

func (e DebitReversed) balanced(b Balance) Event { e.Balance = b; return e }

// cancellable are the kinds of operation that a reference can cancel, in the order they are undone.
var cancellable = []Operation{OpCapture, OpDebit, OpHold, OpTopUp}

// Operation is cancel.
func (Cancel) Operation() Operation { return OpCancel }

// Decide checks that there is a reference, the account, then what stands under it. To cancel again
// is Done: the first cancellation's answer stands.
func (Cancel) Decide(d *Draft) error {
	ref := d.Context.Reference()
	if ref.IsZero() {
		return ErrMalformed.Field("pos_txn_id", "want the reference to cancel")
	}
	if err := d.maySettle(); err != nil {
		return err
	}
	if before, ok := d.first(ReferenceName(OpCancel, ref)); ok {
		return &Done{before}
	}
	if err := d.lapseHolds(); err != nil {
		return err
	}
	found, undone, err := d.undoAll(ref)
	switch {
	case err != nil:
		return err
	case found && undone:
		return nil
	case found:
		return ErrNotCancellable
	}
	e := ReferenceCancelled{Reference: ref, Found: "nothing"}
	if _, ok := d.first(ReferenceName(OpDeclined, ref)); ok {
		e.Found = "declined"
	}
	return d.post(e)
}

// undoAll reverses what stands under ref, and says whether there was any and whether any was left.
func (d *Draft) undoAll(ref Reference) (found, undone bool, err error) {
	for _, op := range cancellable {
		p, ok := d.first(ReferenceName(op, ref))
		if !ok {
			continue
		}
		found = true
		before := len(d.posted)
		if err := d.undo(p); err != nil {
			return found, undone, err
		}
		undone = undone || len(d.posted) > before
	}
	return found, undone, nil
}

func (d *Draft) undo(p Posted) error {
	switch e := p.Event.(type) {
	case DebitPosted:
		return d.undoDebit(sale{e, p.Metadata.RecordedAt})
	case HoldPlaced:
		if h := d.hold(e.HoldID); h != nil {
			return d.release(h, ReleasedCancelled)
		}
		return nil
	case TopUpPosted:
		if d.funding(e.TopUpID)[0].Reversed {
			return nil
		}
		err := d.reverse(e.TopUpID, CauseCancelled, "")
		if errors.Is(err, ErrTopUpSpent) {
			return ErrNotCancellable.Because(ErrTopUpSpent.Detail)
		}
		return err
	}
	return nil
}

func (d *Draft) undoDebit(debit sale) error {
	before := d.refunded(debit)
	rest := debit.Amount.Sub(before)
	if rest.IsZero() {
		return nil
	}
	back, err := d.giveBack(debit, before, rest)
	if err != nil {
		return err
	}
	err = d.post(DebitReversed{
		Value: d.value(rest, back.moves), DebitID: debit.DebitID, RefundedBefore: before,
		Cause: "cancel", Reopened: back.reopened, Forfeited: back.forfeited,
	})
	if err != nil {
		return err
	}
	return d.settleReturned(back.moves, SettledByRefund)
}

func (e DebitReversed) check() error {
	return cmp.Or(e.returns(e.Forfeited), e.Amount.like(e.RefundedBefore))
}

func (DebitReversed) command(Posted) Command      { return Cancel{} }
func (ReferenceCancelled) command(Posted) Command { return Cancel{} }

func (e DebitReversed) apply(a *Account, _ time.Time) error {
	return a.unsold(e.Moves, e.Reopened, e.Forfeited)
}
