package domain

import (
	"time"

	"github.com/google/uuid"
)

// Unreserved says that a command was decided up to what it needs of campaigns' budgets: the shell must
// reserve that, and ask again. What was reserved before and is not needed any more must be released
// first, as it may be what is wanted.
type Unreserved struct {
	Wanted []BudgetPart
	Unused []uuid.UUID

	before, after    *Account
	posted           []Posted // without reservations
	program, present *Program
}

func (*Unreserved) Error() string { return "the operation needs a reservation of a budget" }

// unreserved is what is to be reserved, and what is reserved and not needed any more, of a decision on
// before.
func (d *Draft) unreserved(before *Account) *Unreserved {
	u := &Unreserved{Wanted: d.wanted, before: before, after: d.Account, posted: d.stamped(),
		program: d.Program, present: d.Present}
	for _, r := range d.Reservations {
		if r.Refused == nil && !d.taken[r.ID] {
			u.Unused = append(u.Unused, r.ID)
		}
	}
	return u
}

// decisionLife is how long a decision may wait for its reservations. Those of a slow campaign find
// another moment, at which all of it is decided again.
const decisionLife = time.Second

// reserved is the decision with what was reserved for it, in the order in which it was wanted. It is
// false where it must be made anew: on another state or by other rules, too late, or where not all of it
// was to be had. Of coupons that are granted the account knows the reservation, too: they are granted
// anew.
func (u *Unreserved) reserved(a *Account, m *Moment) ([]Posted, bool) {
	if u == nil || len(u.posted) == 0 || a != u.before || m.Program != u.program || m.Present != u.present ||
		len(m.Reservations) != len(u.Wanted) ||
		m.Recorded.Sub(u.posted[0].Metadata.RecordedAt).Abs() > decisionLife {
		return nil, false
	}
	next := 0
	for i, r := range m.Reservations {
		w := u.Wanted[i]
		if r.Refused != nil || w.Kind != BudgetRedemption || !r.BudgetPart.equal(w) {
			return nil, false
		}
		for ; next < len(u.posted); next++ {
			if e, ok := u.posted[next].Event.(CouponRedeemed); ok && e.Campaign == w.Campaign {
				e.ReservationID = r.ID
				u.posted[next].Event = e
				break
			}
		}
		if next == len(u.posted) {
			return nil, false
		}
		next++
	}
	return u.posted, true
}
