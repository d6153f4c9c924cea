package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// SweepEvents bounds what one Sweep writes, but for what its last event settles: where it wrote as much,
// there may be more.
const SweepEvents = 100

// Sweep writes what time alone has brought about on an account: holds and reservations that lapsed, lots
// and coupons that expired. It has nothing to post when nothing is due.
type Sweep struct{}

// LotExpired records that what was left of a lot, and not held, went with its time. Its moves' cost
// is the breakage. N counts the lot's expiries, as a refund may open it again.
type LotExpired struct {
	Value
	Lot       uuid.UUID `json:"lot"`
	N         int       `json:"n"`
	ExpiredAt time.Time `json:"expired_at"`
	Cost      Quantity  `json:"cost"`
}

func (LotExpired) event() {}

func (LotExpired) operation() Operation { return OpExpire }

func (e LotExpired) balanced(b Balance) Event { e.Balance = b; return e }

// happened is when the lot's time was over, however late that is written.
func (e LotExpired) happened() time.Time { return e.ExpiredAt }

// Operation is expire.
func (Sweep) Operation() Operation { return OpExpire }

// Decide lapses and expires them in the order in which their time was over, so that a late sweep
// writes what one in time would have written. A freeze by law suspends expiry.
func (Sweep) Decide(d *Draft) error {
	for len(d.posted) < SweepEvents {
		if ended, err := d.elapse(d.Recorded, true); err != nil || !ended {
			return err
		}
	}
	return nil
}

// elapse ends what its time was over for first, of what is over at an instant: a hold, or, in a sweep, a
// lot, a coupon or its reservation; false: there is none. Of those that end together the hold comes first.
func (d *Draft) elapse(at time.Time, sweep bool) (bool, error) {
	var first elapsed
	if holds := d.lapsed(at); len(holds) > 0 {
		first.or(holds[0].ExpiresAt, func() error { return d.release(holds[0], ReleasedLapsed) })
	}
	if sweep {
		suspended := d.stops(FreezeLegal, d.Recorded)
		if !suspended {
			for _, l := range d.Due(at) {
				first.or(l.ExpiresAt, func() error { return d.expire(l) })
			}
		}
		d.elapseCoupons(&first, at, suspended)
	}
	if first.end == nil {
		return false, nil
	}
	return true, first.end()
}

// elapsed is what was over first of what was seen, and what ends it.
type elapsed struct {
	at  time.Time
	end func() error
}

// or is what was over earlier, among equals what was seen before.
func (e *elapsed) or(at time.Time, end func() error) {
	if e.end == nil || at.Before(e.at) {
		*e = elapsed{at, end}
	}
}

// Due are the lots whose time is over while some of their value, unheld, still counts.
func (a *Account) Due(at time.Time) []*Lot {
	var due []*Lot
	for _, l := range a.lots {
		if l.expired(at) && l.free().IsPositive() {
			due = append(due, l)
		}
	}
	return due
}

// expire writes that the unheld rest of an expired lot is gone.
func (d *Draft) expire(l *Lot) error {
	if !l.free().IsPositive() {
		return nil
	}
	gone := l.lost(l.free())
	money := Money{unit: l.Unit, Quantity: l.free()}
	return d.post(LotExpired{
		Value: d.value(money, []Move{gone}), Lot: l.ID, N: l.Expiries + 1,
		ExpiredAt: l.ExpiresAt, Cost: gone.Cost.Neg(),
	})
}

func (e LotExpired) check() error {
	if len(e.Moves) != 1 || e.Moves[0].Lot != e.Lot || !e.Moves[0].Cost.Neg().Equal(e.Cost) {
		return fmt.Errorf("want one move, of lot %s at a cost of %s", e.Lot, e.Cost)
	}
	return e.takes()
}

func (e LotExpired) apply(a *Account, _ time.Time) error {
	l, err := a.edit(e.Lot)
	if err != nil {
		return err
	}
	if e.N != l.Expiries+1 {
		return fmt.Errorf("expiry %d of lot %s follows %d", e.N, e.Lot, l.Expiries)
	}
	l.Expiries = e.N
	l.Lost, l.LostCost = l.Lost.Add(e.Amount.Quantity), l.LostCost.Add(e.Cost)
	return nil
}
