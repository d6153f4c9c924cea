package domain

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// OpRemind is the kind of what the service says by itself of a lot or a customer.
const OpRemind Operation = "remind"

// LotExpiring reminds of value that will expire: each step of the lot's reminders once, as of the
// instant at which it was due, with what remained of the lot then.
type LotExpiring struct {
	Lot       uuid.UUID `json:"lot"`
	Class     Class     `json:"class"`
	Remaining Money     `json:"remaining"`
	ExpiresAt time.Time `json:"expires_at"`
	Step      int       `json:"step"` // days before ExpiresAt
}

func (LotExpiring) event() {}

func (LotExpiring) operation() Operation { return OpRemind }

// happened is when the reminder was due, however late it is written.
func (e LotExpiring) happened() time.Time { return daysFrom(e.ExpiresAt, -e.Step) }

func daysFrom(t time.Time, days int) time.Time { return t.Add(time.Duration(days) * 24 * time.Hour) }

// NextReminder is when the first step after an instant is due for a lot that ends then; the zero time
// when none is.
func (l *LotOpened) NextReminder(ends, after time.Time) time.Time {
	if ends.IsZero() {
		return time.Time{}
	}
	for _, days := range l.Reminders {
		if due := daysFrom(ends, -days); due.After(after) {
			return due
		}
	}
	return time.Time{}
}

// remember writes the program's reminders on lots that will expire and bring none of their own: a lot
// keeps the ladder that it was opened under.
func (d *Draft) remember(lots []LotOpened) {
	for i := range lots {
		if l := &lots[i]; !l.ExpiresAt.IsZero() && l.Reminders == nil {
			l.Reminders = d.program().Terms.Reminders
		}
	}
}

// reschedule sets the lot's next reminder to the first after an instant: when value comes to it, goes
// from it, or its end moves. A step that was due while the lot was empty is not made up for.
func (a *Account) reschedule(l *Lot, after time.Time) {
	if len(l.Reminders) == 0 {
		return
	}
	before := l.RemindAt
	l.RemindAt = time.Time{}
	if l.Remaining.IsPositive() {
		l.RemindAt = l.NextReminder(l.ExpiresAt, after)
	}
	switch {
	case !l.RemindAt.IsZero() && (a.remindAt.IsZero() || l.RemindAt.Before(a.remindAt)):
		a.remindAt = l.RemindAt
	case !before.IsZero() && before.Equal(a.remindAt):
		a.remindAt = a.firstReminder()
	}
}

// firstReminder is the earliest reminder of all lots, zero if none has any.
func (a *Account) firstReminder() (first time.Time) {
	for _, l := range a.lots {
		if !l.RemindAt.IsZero() && (first.IsZero() || l.RemindAt.Before(first)) {
			first = l.RemindAt
		}
	}
	return first
}

// end lets a lot end at another instant.
func (a *Account) end(l *Lot, at, recorded time.Time) {
	l.ExpiresAt = at
	a.reschedule(l, recorded)
}

// upkeep writes the reminders that came due before the command, and what was decided of a tier when a
// period ended, in the order in which they did, each on the account as it stood then: after the holds
// that had lapsed by then, and in a sweep the lots that had expired, before anything else. So a sweep
// that is late writes what one in time would have written. Nothing is due nearly always, which costs a
// few comparisons.
func (d *Draft) upkeep(sweep bool) error {
	for len(d.posted) < SweepEvents {
		tier := d.tierDue()
		at := earliest(d.remindAt, tier, d.dormantAt())
		if at.IsZero() || at.After(d.Recorded) {
			return nil
		}
		ended, err := d.elapse(at, sweep)
		switch {
		case err != nil:
			return err
		case ended:
			continue // what that settled may have changed what is due
		case at.Equal(tier):
			err = d.endTierPeriod(at)
		default:
			err = d.post(d.reminder(at))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// earliest is the first of instants, of which the zero one is none.
func earliest(all ...time.Time) (first time.Time) {
	for _, t := range all {
		if first.IsZero() || !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first
}

// reminder is what is due at an instant: a lot's, or else that the customer is dormant.
func (d *Draft) reminder(at time.Time) Event {
	if at.Equal(d.remindAt) {
		i := slices.IndexFunc(d.lots, func(l *Lot) bool { return l.RemindAt.Equal(at) })
		l := d.lots[i]
		return LotExpiring{Lot: l.ID, Class: l.Class, Remaining: Money{unit: l.Unit, Quantity: l.Remaining},
			ExpiresAt: l.ExpiresAt, Step: int(l.ExpiresAt.Sub(at) / (24 * time.Hour))}
	}
	return d.dormant(at)
}

func (e LotExpiring) check() error {
	if e.Remaining.unit == "" || !e.Remaining.IsPositive() || e.Step <= 0 || e.Step > mostDays {
		return fmt.Errorf("a reminder of %s, %d days before", e.Remaining, e.Step)
	}
	return nil
}

func (e LotExpiring) apply(a *Account, _ time.Time) error {
	l, err := a.edit(e.Lot)
	if err != nil {
		return err
	}
	if !l.RemindAt.Equal(e.happened()) || !l.Remaining.Equal(e.Remaining.Quantity) {
		return fmt.Errorf("lot %s has %s left, and its reminder is due at %s", l.ID, l.Remaining,
			l.RemindAt)
	}
	a.reschedule(l, e.happened())
	return nil
}
