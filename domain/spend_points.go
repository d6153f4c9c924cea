package domain

import (
	"cmp"
	"errors"
	"math/big"
	"time"

	"github.com/google/uuid"
)

// PointsSpent records points that paid a part of a checkout.
type PointsSpent struct {
	Value
	CheckoutID uuid.UUID `json:"checkout_id"`
	Paid       Money     `json:"value"` // what they paid, in the sale's unit
}

func (PointsSpent) event() {}

// SpentName is the name that the points of a checkout answer to: what was spent, and what of it came
// back.
func SpentName(checkout uuid.UUID) Name { return Name{"points_spent", checkout.String()} }

func (e PointsSpent) appendNames(names []Name) []Name { return append(names, SpentName(e.CheckoutID)) }

func (e PointsSpent) balanced(b Balance) Event { e.Balance = b; return e }

// pointsWorth is what points pay of a sale of so much under the program, rounded down: in its steps, and
// no more than its share of the sale. It does not ask whether the account has them.
func (d *Draft) pointsWorth(points, sale Money) (Money, error) {
	s := d.program().spend(points.unit, sale.unit)
	if s == nil {
		return Money{}, ErrConversionNotOffered.Because("the program takes no such points for " + sale.unit)
	}
	if !multiple(points, s.Step) {
		return Money{}, ErrPointsStep.Because("want a multiple of " + s.Step.String())
	}
	worth := s.WorthOf(points)
	if worth.IsZero() {
		return Money{}, ErrPointsStep.Because("they are worth nothing")
	}
	most := sale
	if s.Share.IsPositive() {
		most = s.most(sale)
	}
	if most.Less(worth) {
		return Money{}, ErrLimitExceeded.Because("points may pay at most "+most.String()+" of it").
			Short(worth, most)
	}
	return worth, nil
}

// most is the share of a sale that points may pay, rounded down.
func (s *PointsSpend) most(sale Money) Money {
	whole := new(big.Int).Mul(hundred.minor(), power(s.Share.Scale()))
	n := new(big.Int).Mul(sale.minor(), s.Share.minor())
	return sale.With(fromMinor(n.Quo(n, whole), sale.Scale()))
}

// spend is what points of a unit pay in a currency, nil if nothing.
func (p *Program) spend(unit, currency string) *PointsSpend {
	for i := range p.Terms.Points {
		r := &p.Terms.Points[i]
		if r.Points.unit == unit && r.Spend != nil && r.Spend.Worth.unit == currency {
			return r.Spend
		}
	}
	return nil
}

// multiple reports whether x is one or more whole steps.
func multiple(x, step Money) bool {
	return x.IsPositive() && new(big.Int).Rem(x.minor(), step.minor()).Sign() == 0
}

// spendPoints sells points for a part of a checkout that they are worth, once a checkout. It refuses
// more than can be spent here and now; whether the account may spend at all was asked for the whole.
func (d *Draft) spendPoints(points, worth Money, checkout uuid.UUID) error {
	if free := d.spendable(points, d.Decided, &d.Context); free.Less(points) {
		return ErrInsufficientFunds.Short(points, free)
	}
	return d.post(PointsSpent{Value: d.value(points, d.sell(points)), CheckoutID: checkout, Paid: worth})
}

func (e PointsSpent) check() error {
	if e.CheckoutID == noID || e.Paid.unit == "" || !e.Paid.IsPositive() {
		return errors.New("want a checkout, and what it was paid")
	}
	return e.takes()
}

func (e PointsSpent) appendJSON(b jsonText) jsonText {
	b = e.Value.appendMembers(append(b, '{')).id("checkout_id", e.CheckoutID)
	return append(b.money("value", e.Paid), '}')
}

func (e PointsSpent) apply(a *Account, _ time.Time) error { return a.consume(e.Moves) }

// PointsRestored records points of a checkout that came back, as the part that they paid did. Amount
// is all that came back: Moves what the lots got, Forfeited what was lost because its lot had expired.
type PointsRestored struct {
	Value
	CheckoutID    uuid.UUID   `json:"checkout_id"`
	RefundID      uuid.UUID   `json:"refund_id"`
	Paid          Money       `json:"value"`          // of the checkout, that came back with them
	RestoredTotal Quantity    `json:"restored_total"` // of this checkout's points, these included
	PaidTotal     Quantity    `json:"value_total"`    // of what they paid, this included
	Reopened      []Reopened  `json:"reopened,omitempty"`
	Forfeited     []Forfeited `json:"forfeited,omitempty"`
}

func (PointsRestored) event() {}

func (e PointsRestored) appendNames(names []Name) []Name {
	return append(names, SpentName(e.CheckoutID))
}

func (e PointsRestored) balanced(b Balance) Event { e.Balance = b; return e }

// restorePoints gives back the points that paid a part of a checkout which comes back now: of value v
// in all that came back of the value V that p points paid, round_half_up(p·v/V), so that in the end it
// is all of them. They go to the lots they came from; what the account owes in points is settled from
// them first. More than was paid is refund_exceeds_debit; no value restores nothing.
func (d *Draft) restorePoints(checkout, refund uuid.UUID, worth Money) error {
	spent, at, ok := d.spentAt(checkout)
	if !ok || !worth.IsPositive() {
		return nil
	}
	points, value := d.restored(spent)
	if left := spent.Paid.With(spent.Paid.Quantity.Sub(value)); left.Less(worth) {
		return ErrRefundExceedsDebit.Short(worth, left)
	}
	value = value.Add(worth.Quantity)
	total := portion(spent.Amount.Quantity, value, spent.Paid.Quantity)
	debit := DebitPosted{Value: spent.Value}
	back, err := d.giveBackBetween(debit.returned(points), debit.returned(total), at)
	if err != nil {
		return err
	}
	err = d.post(PointsRestored{
		Value:      d.value(spent.Amount.With(total.Sub(points)), back.moves),
		CheckoutID: checkout, RefundID: refund, Paid: worth, RestoredTotal: total, PaidTotal: value,
		Reopened: back.reopened, Forfeited: back.forfeited,
	})
	if err != nil {
		return err
	}
	return d.settlePoints(spent.Amount.Unit(), SettledByRefund)
}

// spentAt is what a checkout took of points, and when; false if it took none.
func (d *Draft) spentAt(checkout uuid.UUID) (PointsSpent, time.Time, bool) {
	p, _ := d.first(SpentName(checkout))
	e, ok := p.Event.(PointsSpent)
	return e, p.Metadata.RecordedAt, ok
}

// restored is how many points of a checkout came back until now, and the value that did with them.
func (d *Draft) restored(spent PointsSpent) (points, value Quantity) {
	p, _ := d.last(SpentName(spent.CheckoutID))
	if e, ok := p.Event.(PointsRestored); ok {
		return e.RestoredTotal, e.PaidTotal
	}
	return spent.Amount.Quantity.Zero(), spent.Paid.Quantity.Zero()
}

func (e PointsRestored) check() error {
	if e.CheckoutID == noID || e.Paid.unit == "" || !e.Paid.IsPositive() {
		return errors.New("want a checkout, and the value that came back")
	}
	return cmp.Or(e.returns(e.Forfeited), e.Amount.like(e.Amount.With(e.RestoredTotal)),
		e.Paid.like(e.Paid.With(e.PaidTotal)))
}

func (e PointsRestored) apply(a *Account, recorded time.Time) error {
	return a.unsold(e.Moves, e.Reopened, e.Forfeited, recorded)
}
