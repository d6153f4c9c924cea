package domain

import (
	"fmt"
	"slices"
	"time"
)

// Counted says how limits count a debit, a hold or a transfer. It stands in the event where the program
// limits the unit by day or by velocity, so that replay runs no rule; what was posted before such a limit
// ruled does not count.
//
// A hold counts when it is placed, its captures no more. What is voided, lapses or is left over counts
// no longer, nor does a debit or capture that a cancel reverses, or a transfer that came back; a refund
// gives nothing back, and nothing gives velocity back.
type Counted struct {
	Day string    `json:"day,omitempty"` // YYYY-MM-DD in the terms' zone
	At  time.Time `json:"at,omitzero"`
}

// appendMember appends "counted" to an object, where there is one.
func (c *Counted) appendMember(b jsonText) jsonText {
	if c == nil {
		return b
	}
	b = append(b.key("counted"), '{').optional("day", c.Day)
	if !c.At.IsZero() {
		b = b.time("at", c.At)
	}
	return append(b, '}')
}

// limits are what the program says of a unit, nil if nothing.
func (p *Program) limits(unit string) *Limits {
	for i := range p.Terms.Limits {
		if l := &p.Terms.Limits[i]; l.Unit == unit {
			return l
		}
	}
	return nil
}

// limitTopUp refuses a top-up that is too small or too large, or would leave a balance above the cap.
// An import brings what was, whatever the limits.
func (d *Draft) limitTopUp(principal, total Money) error {
	l := d.program().limits(principal.Unit())
	switch {
	case l == nil || d.Context.Channel == ChannelImport:
		return nil
	case l.MinTopUp.unit != "" && principal.Less(l.MinTopUp):
		return ErrLimitExceeded.Because("a top-up must be at least " + l.MinTopUp.String())
	case l.MaxTopUp.unit != "" && l.MaxTopUp.Less(principal):
		return ErrLimitExceeded.Because("a top-up may be at most "+l.MaxTopUp.String()).
			Short(principal, l.MaxTopUp)
	}
	return d.limitBalance(total)
}

// limitBalance refuses what would leave a balance above the cap: of all that has not expired, held or
// not.
func (d *Draft) limitBalance(more Money) error {
	l := d.program().limits(more.Unit())
	if l == nil || l.MaxBalance.unit == "" {
		return nil
	}
	b := d.Balance(more.Unit(), more.Scale(), d.Recorded)
	room := more.With(l.MaxBalance.Quantity.Sub(b.Total.Sub(b.ExpiredUnposted)))
	if room.Less(more) {
		return ErrLimitExceeded.Because("the balance may be at most "+l.MaxBalance.String()).
			Short(more, room.floor())
	}
	return nil
}

// limitDebit refuses a debit, hold or transfer that is too large, or the last of too much in a day or of too many
// in a stretch, and says how it is counted.
func (d *Draft) limitDebit(x Money) (*Counted, error) {
	l := d.program().limits(x.Unit())
	if l == nil {
		return nil, nil
	}
	if l.MaxDebit.unit != "" && l.MaxDebit.Less(x) {
		return nil, ErrLimitExceeded.Because("a debit, hold or transfer may be at most "+l.MaxDebit.String()).
			Short(x, l.MaxDebit)
	}
	c, used := l.counted(d), d.usageOf(x.Unit())
	if c != nil && c.Day != "" {
		left := x.With(l.MaxDebitDay.Quantity.Sub(used.on(c.Day, x.Quantity.Zero())))
		if left.Less(x) {
			return nil, ErrLimitExceeded.Because("a day's debits and transfers may be at most "+l.MaxDebitDay.String()).
				Short(x, left.floor())
		}
	}
	if v := l.Velocity; v.Count > 0 {
		if used.within(c.At, time.Duration(v.Seconds)*time.Second) >= v.Count {
			return nil, ErrLimitExceeded.Because(fmt.Sprintf("there may be at most %d debits, holds and transfers "+
				"in %d seconds", v.Count, v.Seconds))
		}
	}
	return c, nil
}

// counted is how the limits count a debit or hold, nil where they need not.
func (l *Limits) counted(d *Draft) *Counted {
	if l == nil || l.MaxDebitDay.unit == "" && l.Velocity.Count == 0 {
		return nil
	}
	c := new(Counted)
	if l.MaxDebitDay.unit != "" {
		c.Day = dateOf(d.Decided.In(zone(d.program().Terms.Zone)))
	}
	if l.Velocity.Count > 0 {
		c.At = d.Decided
	}
	return c
}

// floor is m, or zero where m is negative.
func (m Money) floor() Money { return m.With(most(m.Quantity, m.Quantity.Zero())) }

// usage is what limits count of an account in one unit. Its slices never change in place.
type usage struct {
	Unit string      `json:"unit"`
	Days []dayUsage  `json:"days,omitempty"`
	At   []time.Time `json:"at,omitempty"` // of the last debits and holds, in the order they came
}

type dayUsage struct {
	Day string   `json:"day"`
	Sum Quantity `json:"sum"`
}

// mostCountedDays bounds the days that an account remembers in a unit: what is late comes within
// MaxSkew. The earliest is forgotten.
const mostCountedDays = 5

func (a *Account) usageOf(unit string) usage {
	for _, u := range a.usage {
		if u.Unit == unit {
			return u
		}
	}
	return usage{Unit: unit}
}

func (u usage) on(day string, none Quantity) Quantity {
	return sumOn(u.Days, day, none)
}

// within is how many came in the stretch that ends at an instant.
func (u usage) within(at time.Time, stretch time.Duration) (n int) {
	for _, t := range u.At {
		if t.After(at.Add(-stretch)) && !t.After(at) {
			n++
		}
	}
	return n
}

// count notes a debit or hold that limits count.
func (a *Account) count(c *Counted, x Money) {
	if c == nil {
		return
	}
	u := a.usageOf(x.Unit())
	if c.Day != "" {
		u.add(c.Day, x.Quantity)
	}
	if !c.At.IsZero() {
		u.At = append(slices.Clone(u.At[max(0, len(u.At)+1-mostVelocity):]), c.At)
	}
	a.use(u)
}

// uncount takes x back from the day it was counted on, if that is remembered.
func (a *Account) uncount(c *Counted, x Money) {
	if c == nil || c.Day == "" {
		return
	}
	u := a.usageOf(x.Unit())
	if sum := u.on(c.Day, x.Quantity.Zero()); !sum.Less(x.Quantity) {
		u.add(c.Day, x.Quantity.Neg())
		a.use(u)
	}
}

// add changes a day's sum.
func (u *usage) add(day string, x Quantity) { u.Days = addOn(u.Days, day, x) }

// use puts u in the place of what there was of its unit.
func (a *Account) use(u usage) {
	all := slices.DeleteFunc(slices.Clone(a.usage), func(o usage) bool { return o.Unit == u.Unit })
	a.usage = append(all, u)
}

func (t *Terms) limitFaults(f *faults) {
	units := map[string]bool{}
	for i, l := range t.Limits {
		at := fmt.Sprintf("terms.limits.%d.", i)
		f.want(unitCode.MatchString(l.Unit) && !units[l.Unit], at+"unit",
			"want a unit's code, each once")
		units[l.Unit] = true
		f.amount(l.MinTopUp, l.Unit, at+"min_top_up")
		f.amount(l.MaxTopUp, l.Unit, at+"max_top_up")
		f.amount(l.MaxBalance, l.Unit, at+"max_balance")
		f.amount(l.MaxDebit, l.Unit, at+"max_debit")
		f.amount(l.MaxDebitDay, l.Unit, at+"max_debit_day")
		f.want(l.MaxTopUp.unit == "" || !l.MaxTopUp.Quantity.Less(l.MinTopUp.Quantity), at+"max_top_up",
			"want no less than min_top_up")
		v := l.Velocity
		f.want(v == Velocity{} || v.Count >= 1 && v.Count <= mostVelocity, at+"velocity.count",
			"want 1 to 100")
		f.want(v == Velocity{} || v.Seconds >= 1 && v.Seconds <= mostStretch, at+"velocity.seconds",
			"want 1 to 2678400")
	}
}

// The bounds of velocity: an account remembers as many instants.
const (
	mostVelocity = 100
	mostStretch  = 31 * 24 * 3600 // seconds
)
