package domain

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Receivable is what an account owes: value of a reversed top-up that it had used, or what an offline
// debit could not take.
type Receivable struct {
	ID          uuid.UUID `json:"id"`
	Cause       string    `json:"cause"`
	SourceID    uuid.UUID `json:"source_id"` // the top-up, or the debit
	Amount      Money     `json:"amount"`    // what was owed at first
	Outstanding Money     `json:"outstanding"`
	OpenedAt    time.Time `json:"opened_at"`
}

// The causes of a receivable.
const ReceivableChargeback = "chargeback"

// SettledBy says what value settled a receivable.
type SettledBy string

// What settles a receivable.
const (
	SettledByTopUp   SettledBy = "top_up"
	SettledByRefund  SettledBy = "refund"
	SettledByRelease SettledBy = "release"

	SettledByReversal SettledBy = "reversal" // of the top-up itself, by what a merge brought of it
)

// ReceivableOpened records that an account owes.
type ReceivableOpened struct {
	ReceivableID uuid.UUID `json:"receivable_id"`
	Amount       Money     `json:"amount"`
	Cause        string    `json:"cause"`
	SourceID     uuid.UUID `json:"source_id"`
	Outstanding  Money     `json:"outstanding"`
}

// ReceivableSettled records that value of the account paid what it owed, or a part of it.
type ReceivableSettled struct {
	Value
	ReceivableID uuid.UUID `json:"receivable_id"`
	By           SettledBy `json:"by"`
	Cause        string    `json:"cause,omitempty"` // the receivable's; none: chargeback
	SourceID     uuid.UUID `json:"source_id"`
	Outstanding  Money     `json:"outstanding"`      // what is still owed
	Reason       string    `json:"reason,omitempty"` // of a write-off
}

func (ReceivableOpened) event()  {}
func (ReceivableSettled) event() {}

func (e ReceivableSettled) balanced(b Balance) Event { e.Balance = b; return e }

// settleReturned lets value that returned to a reversed top-up settle what is owed for it,
// principal first; its bonus is revoked, as the top-up's own was, and so is a revoked grant's value, and
// cashback's as far as a refund missed it.
func (d *Draft) settleReturned(moves []Move, by SettledBy) error {
	for _, m := range moves {
		l := d.lot(m.Lot)
		x := least(m.Amount.Add(m.Held.Neg()), l.free())
		if !x.IsPositive() {
			continue
		}
		if err := d.reclaim(l, x, by); err != nil {
			return err
		}
	}
	return nil
}

// reversed reports whether a lot's top-up was reversed: on an account that was merged, what it sold may come
// after that.
func (d *Draft) reversed(l *Lot) bool {
	owed := func(r Receivable) bool { return r.SourceID == l.TopUp }
	return l.Reversed || l.TopUp != noID && (slices.ContainsFunc(d.receivables, owed) ||
		slices.ContainsFunc(d.funding(l.TopUp), func(o *Lot) bool { return o.Reversed }))
}

// reclaim takes what is not the account's of x that returned to a lot. Principal whose debt was written
// off goes as far as it was: the loss stands in the books, and is not had twice.
func (d *Draft) reclaim(l *Lot, x Quantity, by SettledBy) error {
	if d.reversed(l) && (l.Class == Bonus || l.Funding == noID) {
		return d.revokeReturned(l, x)
	}
	for _, r := range d.receivables {
		if r.SourceID == cmp.Or(l.TopUp, l.Funding) {
			return d.settle(r, l, x, by)
		}
	}
	for {
		missed := least(x, d.missing(l).Missed)
		if !missed.IsPositive() {
			return nil
		}
		if err := d.revokeReturned(l, missed); err != nil {
			return err
		}
		l, x = d.lot(l.ID), x.Sub(missed)
	}
}

// settleFromTopUp lets a new top-up's principal settle what is owed in its unit, oldest first.
func (d *Draft) settleFromTopUp(lots []*Lot, amount Money) error {
	principal := lots[len(lots)-1]
	if principal.Class == Bonus {
		principal = lots[len(lots)-2]
	}
	for _, r := range slices.Clone(d.receivables) {
		if r.Outstanding.Unit() != amount.Unit() {
			continue
		}
		l := d.lot(principal.ID) // as the settlements before left it
		if err := d.settle(r, l, l.free(), SettledByTopUp); err != nil {
			return err
		}
	}
	return nil
}

// settle pays r with at most x of a lot.
func (d *Draft) settle(r Receivable, l *Lot, x Quantity, by SettledBy) error {
	x = least(x, r.Outstanding.Quantity)
	if !x.IsPositive() {
		return nil
	}
	paid := r.Outstanding.With(x)
	return d.post(ReceivableSettled{
		Value: d.value(paid, []Move{l.lost(x)}), ReceivableID: r.ID, By: by, Cause: r.Cause,
		SourceID: r.SourceID, Outstanding: r.Outstanding.Sub(paid),
	})
}

func (e ReceivableOpened) check() error {
	if e.Amount.unit == "" || !e.Amount.IsPositive() || !e.Amount.Equal(e.Outstanding) {
		return fmt.Errorf("%s is owed of %s", e.Outstanding, e.Amount)
	}
	return nil
}

func (e ReceivableSettled) check() error {
	moved := e.Amount.Quantity.Neg()
	if e.By == SettledByReturn || e.By == SettledByWriteOff {
		moved = moved.Zero()
	}
	return cmp.Or(e.adds(moved, moved.Zero()), e.Amount.like(e.Outstanding))
}

func (e ReceivableOpened) apply(a *Account, recorded time.Time) error {
	a.receivables = append(a.receivables, Receivable{e.ReceivableID, e.Cause, e.SourceID,
		e.Amount, e.Outstanding, recorded})
	return nil
}

func (e ReceivableSettled) apply(a *Account, _ time.Time) error {
	a.spend(e.Moves)
	if lots := a.funding(e.SourceID); len(lots) > 0 && e.By == SettledByWriteOff {
		l, err := a.edit(lots[0].ID)
		if err != nil {
			return err
		}
		l.Missed = l.Missed.Add(e.Amount.Quantity)
	}
	for i, r := range a.receivables {
		if r.ID != e.ReceivableID {
			continue
		}
		if r.Outstanding.unit != e.Amount.unit {
			return fmt.Errorf("receivable %s is of %s, paid with %s", r.ID, r.Outstanding, e.Amount)
		}
		if left := r.Outstanding.Sub(e.Amount); !left.Equal(e.Outstanding) || left.IsNegative() {
			return fmt.Errorf("receivable %s has %s left, not %s", r.ID, left, e.Outstanding)
		}
		if e.Outstanding.IsZero() {
			a.receivables = slices.Delete(a.receivables, i, i+1)
		} else {
			a.receivables[i].Outstanding = e.Outstanding
		}
		return nil
	}
	return fmt.Errorf("receivable %s is not open", e.ReceivableID)
}
