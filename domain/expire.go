package domain

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// SweepEvents bounds what one Sweep writes, but for what its last event settles: where it wrote as much,
// there may be more.
const SweepEvents = 100

// Sweep writes what time alone has brought about on an account: holds that lapsed, lots that
// expired. It has nothing to post when nothing is due.
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

// Decide lapses holds and expires lots in the order in which their time was over, so that a late sweep
// writes what one in time would have written. A freeze by law suspends expiry.
func (Sweep) Decide(d *Draft) error {
	for len(d.posted) < SweepEvents {
		if ended, err := d.elapse(d.Recorded, true); err != nil || !ended {
			return err
		}
	}
	return nil
}

// elapse ends the hold or, in a sweep, the lot whose time was over first of those whose time is over at
// an instant; false: there is none. Of a hold and a lot that end together the hold comes first.
func (d *Draft) elapse(at time.Time, sweep bool) (bool, error) {
	holds := d.lapsed(at)
	var lots []*Lot
	if sweep && !d.stops(FreezeLegal, d.Recorded) {
		lots = d.Due(at)
	}
	if len(lots) > 0 {
		l := slices.MinFunc(lots, func(a, b *Lot) int { return a.ExpiresAt.Compare(b.ExpiresAt) })
		if len(holds) == 0 || l.ExpiresAt.Before(holds[0].ExpiresAt) {
			return true, d.expire(l)
		}
	}
	if len(holds) > 0 {
		return true, d.release(holds[0], ReleasedLapsed)
	}
	return false, nil
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
