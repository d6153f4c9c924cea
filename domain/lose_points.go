package domain

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// PointsRevoked records that points of a sale were taken back, as some of it came back. Due is what
// had to be, of which Amount was taken, Lapsed had gone with its time, and Uncollected was spent: it is
// owed, unless the account has ended. The survivor of one that was absorbed owes it: see MergeAdjusted.
type PointsRevoked struct {
	Value
	EarningID    uuid.UUID `json:"earning_id"`
	SourceID     uuid.UUID `json:"source_id"` // the debit or checkout
	RefundID     uuid.UUID `json:"refund_id"`
	Due          Money     `json:"due"`
	Lapsed       Money     `json:"lapsed,omitzero"`
	Uncollected  Money     `json:"uncollected,omitzero"`
	ReceivableID uuid.UUID `json:"receivable_id,omitzero"` // of Uncollected
	EarnedLot    uuid.UUID `json:"earned_lot"`
	Day          string    `json:"day,omitempty"` // as the earning's: limits count Due no more

	Qualifying *Qualifying `json:"qualifying,omitempty"` // negative
}

func (PointsRevoked) event() {}

func (e PointsRevoked) balanced(b Balance) Event { e.Balance = b; return e }

func (e PointsRevoked) qualifies() *Qualifying { return e.Qualifying }

// ReceivablePoints is the cause of what is owed in points, its source the debit or checkout.
const ReceivablePoints = "points"

// losePoints revokes the points that the part of a consumption earned which came back.
func (d *Draft) losePoints(l loss) error {
	for _, p := range slices.Backward(d.found(PointsName(l.id))) {
		e, ok := p.Event.(PointsEarned)
		if !ok {
			continue
		}
		if due := e.lost(l.of(e.Lines)); due.IsPositive() {
			if err := d.revokePoints(e, l, due); err != nil {
				return err
			}
		}
	}
	return nil
}

// lost is what is due of an earning for what came back just now: of returns up to c of an amount A,
// round_half_up(points·c/A) in all, so that in the end it is all of them. Of points that some lines have
// earned, only what comes back of those counts.
func (e PointsEarned) lost(c cameBack) Money {
	earned := func(c, amount Money) Quantity {
		return portion(e.Amount.Quantity, c.Quantity, amount.Quantity)
	}
	return e.Amount.With(earned(c.before.Add(c.now), c.amount).Sub(earned(c.before, c.amount)))
}

// revokePoints takes what is due back: from the lot that it was earned in, then from others of the
// unit; what is not there any more is owed. What went there with its time was not had, and is not due.
func (d *Draft) revokePoints(earned PointsEarned, loss loss, due Money) error {
	lot, err := d.unexpired(d.lot(earned.Moves[0].Lot))
	if err != nil {
		return err
	}
	return d.takePoints(PointsRevoked{EarningID: earned.EarningID, SourceID: earned.SourceID,
		RefundID: loss.refund, Due: due, EarnedLot: lot.ID, Day: earned.Day,
		Qualifying: earned.Qualifying.returned(loss.of(earned.Lines))}, lot)
}

// takePoints posts e with what of its Due can be taken: first of a lot, if there is one.
func (d *Draft) takePoints(e PointsRevoked, lot *Lot) error {
	due := e.Due
	lots, lapsed, left := d.points(due.unit), due.Sub(due), due.Quantity
	if lot != nil {
		lots = append([]*Lot{lot}, lots...)
		lapsed = due.With(least(left, most(lot.Lost, left.Zero())))
		left = left.Sub(lapsed.Quantity)
	}
	var moves []Move
	for i, l := range lots {
		x := least(left, l.free())
		if !x.IsPositive() || i > 0 && l == lot {
			continue
		}
		moves, left = append(moves, l.lost(x)), left.Sub(x)
	}
	e.Lapsed, e.Uncollected = lapsed.orNone(), due.With(left).orNone()
	e.Value = d.value(due.Sub(lapsed).Sub(due.With(left)), moves)
	if left.IsZero() || d.ended != nil {
		return d.post(e)
	}
	e.ReceivableID = partOf(d.nextID(), 1)
	if err := d.post(e); err != nil {
		return err
	}
	return d.post(ReceivableOpened{ReceivableID: e.ReceivableID, Amount: e.Uncollected,
		Cause: ReceivablePoints, SourceID: e.SourceID, Outstanding: e.Uncollected})
}

func (e PointsRevoked) check() error {
	if e.EarnedLot == noID || e.Due.unit == "" {
		return errors.New("want the lot that it was earned in, and what is due")
	}
	err := cmp.Or(e.Qualifying.check(), e.takes(), e.Amount.like(e.Due), e.Due.likeSome(e.Lapsed),
		e.Due.likeSome(e.Uncollected))
	if err != nil {
		return err
	}
	if sum := e.Amount.plus(e.Lapsed).plus(e.Uncollected); !sum.Equal(e.Due) {
		return fmt.Errorf("%s of %s due", sum, e.Due)
	}
	return nil
}

func (e PointsRevoked) apply(a *Account, _ time.Time) error {
	a.earned(e.Day, e.Due.With(e.Due.Quantity.Neg()))
	if e.Lapsed.unit == "" {
		return nil
	}
	l, err := a.edit(e.EarnedLot)
	if err != nil {
		return err
	}
	if l.Lost = l.Lost.Sub(e.Lapsed.Quantity); l.Lost.IsNegative() {
		return fmt.Errorf("lot %s lost less than %s", l.ID, e.Lapsed)
	}
	return nil
}
