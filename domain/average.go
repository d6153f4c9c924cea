package domain

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
	"time"
)

// An average balance is the sum of what was there at the end of each day of a window, divided by all the
// days of the window, rounded down at the unit's scale: so what is rounded reaches a tier when the exact
// average does. Days that are to come, that were before the account was opened, or before counting
// began, add nothing: in a window that runs the figure only rises, and who has reached a tier has reached
// it whatever becomes of the balance.
//
// What counts is what was paid for, principal and gift, and points: whether or not a hold pins it, from
// the business date on which it came until the one on which it went. What expires counts through the day
// before its end, whenever that is written, also where a hold pins it still.
//
// Each event that changes such a balance says so itself, see Balance.Averaged. An account remembers by
// how much each day changed it, for as long as the window that runs and the one before: a quiet one
// next to nothing, and never more than a change a day.

// averages reports whether the rules count a balance.
func (r *TierRules) averages() bool { return r != nil && r.Metric == MetricAverage }

// Averages is the unit whose balances the program's tiers average, false where they do not.
func (p *Program) Averages() (unit string, ok bool) {
	if r := p.Terms.Tiers; r.averages() {
		return r.Unit, true
	}
	return "", false
}

// Today is the day, YYYY-MM-DD, that an instant lies on in the program's zone.
func (p *Program) Today(at time.Time) string { return dateOf(at.In(zone(p.Terms.Zone))) }

// averagedClasses are the lots that an average counts.
var averagedClasses = []Class{Principal, Gift, Earned}

// averaged is how an event counts that has just changed the account's lots, nil where it does not.
func (d *Draft) averaged(e Valued) *Qualifying {
	r := d.tierRules()
	v := e.Worth()
	if !r.averages() || v.Amount.Unit() != r.Unit || d.brings(e) {
		return nil
	}
	change := v.Amount.Quantity.Zero()
	for _, m := range v.Moves {
		if slices.Contains(averagedClasses, m.Class) {
			change = change.Add(m.Amount)
		}
	}
	if change.IsZero() {
		return nil
	}
	day := d.businessDay()
	if h, ok := e.(happener); ok && !h.happened().IsZero() {
		day = d.present().Today(h.happened())
	}
	q := d.qualifying(r, change, 0, day)
	if s := &d.tiering; s.Rule != q.Rule || s.Era != q.Era {
		q.Opening = d.averagedNow(r.Unit, change).Sub(change)
		if q.Opening.IsPositive() {
			q.Oldest = max(q.Oldest, d.averagedSince(d.present()))
		}
	} else {
		q.Oldest = max(q.Oldest, s.Oldest)
	}
	q.Bucket = max(q.Day, q.Oldest)
	return q
}

// brings reports that an event brings what an absorbed account had, whose days were brought before it.
func (d *Draft) brings(e Valued) bool {
	received, ok := e.(TransferReceived)
	return ok && d.brought != noID && received.MergeID == d.brought
}

// averagedNow is what counts of a unit as the events have left it, at the scale of like.
func (a *Account) averagedNow(unit string, like Quantity) Quantity {
	sum := like.Zero()
	for _, l := range a.lots {
		if l.Unit == unit && slices.Contains(averagedClasses, l.Class) {
			sum = sum.Add(l.Remaining)
		}
	}
	return sum
}

// averagedSince is the first day that counts of an account of which nothing was counted yet.
func (a *Account) averagedSince(p *Program) string {
	since := p.CountsSince
	if since.IsZero() {
		since = p.EffectiveFrom
	}
	return max(p.Today(since), p.Today(a.openedAt))
}

// average adds by how much an event changed a day. What is older than the oldest day is part of what
// that one begins with.
func (s *tiering) average(q *Qualifying) {
	if q == nil {
		return
	}
	counts := slices.Clone(s.Counts)
	if s.Rule != q.Rule || s.Era != q.Era {
		counts = nil
		if q.Opening.IsPositive() {
			counts = []dayUsage{{q.Oldest, q.Opening}}
		}
	}
	s.Rule, s.Era, s.Oldest = q.Rule, q.Era, q.Oldest
	s.Counts = since(addUsage(counts, q.Bucket, q.Spend), q.Oldest)
}

// since is changes by day of which those before a day are part of what that one begins with. It changes
// them in place.
func since(days []dayUsage, oldest string) []dayUsage {
	n, _ := slices.BinarySearchFunc(days, oldest, byDay)
	if n == 0 {
		return days
	}
	began := days[0].Sum
	for _, c := range days[1:n] {
		began = began.Add(c.Sum)
	}
	return addUsage(days[n:], oldest, began)
}

func byDay(c dayUsage, day string) int { return strings.Compare(c.Day, day) }

// changes are the days on which what counts changed, rising, and by how much: as it was counted, or what was
// there on the first day where nothing was counted yet. None is before the oldest.
func (a *Account) changes(p *Program) (days []dayUsage, oldest string) {
	r := p.Terms.Tiers
	if a.tiering.Rule == r.rule() {
		return slices.Clone(a.tiering.Counts), a.tiering.Oldest
	}
	oldest = a.averagedSince(p)
	if began := a.averagedNow(r.Unit, r.none()); began.IsPositive() {
		days = []dayUsage{{oldest, began}}
	}
	return days, oldest
}

// balanceDays are changes with what expires, whether or not that is written.
func (a *Account) balanceDays(p *Program) []dayUsage {
	r := p.Terms.Tiers
	days, oldest := a.changes(p)
	for _, l := range a.lots {
		if l.Unit == r.Unit && !l.ExpiresAt.IsZero() && l.Remaining.IsPositive() &&
			slices.Contains(averagedClasses, l.Class) {
			days = addUsage(days, max(p.Today(l.ExpiresAt), oldest), l.Remaining.Neg())
		}
	}
	return days
}

// balanceSum is the sum of what was there at the end of each day of a span, of those before today.
func balanceSum(days []dayUsage, span Span, today string, none Quantity) Quantity {
	end := min(plusDays(span.Through, 1), today)
	sum := none
	for _, c := range days {
		if from := max(c.Day, span.From); from < end {
			sum = sum.Add(times(c.Sum, daysIn(Span{from, plusDays(end, -1)})))
		}
	}
	return sum
}

// averageOf is the average of a span, as far as its days are over.
func averageOf(days []dayUsage, span Span, today string, none Quantity) Quantity {
	sum := most(balanceSum(days, span, today, none), none)
	return fromMinor(new(big.Int).Quo(sum.minor(), big.NewInt(int64(daysIn(span)))), none.Scale())
}

// times is q, n times.
func times(q Quantity, n int) Quantity {
	return fromMinor(new(big.Int).Mul(q.minor(), big.NewInt(int64(n))), q.Scale())
}

// daysIn is how many days a span has.
func daysIn(s Span) int {
	return int(dayOf(s.Through).Sub(dayOf(s.From))/(24*time.Hour)) + 1
}

// metric is what is counted in a span; of an average, by its days before today.
func (a *Account) metric(p *Program, span Span, today string) Quantity {
	r := p.Terms.Tiers
	if r.averages() {
		return averageOf(a.balanceDays(p), span, today, r.none())
	}
	return a.tiering.counted(r.rule(), span, r.none())
}

// running is the window that runs today; of days that roll, for an average, that of those that are over.
func (r *TierRules) running(today, opened string) Span {
	if r.averages() && r.Window.Kind == WindowRolling {
		today = plusDays(today, -1)
	}
	return r.Window.around(today, opened)
}

// reachedAt is when the first day ended by which the balance has reached a tier above the one that is
// held, zero where none did yet. Days before the last change were asked for when that was recorded, and
// those before a version ruled are not: it decides at the end of the day on which it began.
func (d *Draft) reachedAt() time.Time {
	r, p := d.tierRules(), d.present()
	if !r.averages() || d.ended != nil || d.revision < 0 {
		return time.Time{}
	}
	imported := d.Context.Channel == ChannelImport
	today, first := p.Today(d.Recorded), cmp.Or(d.looked, d.tiering.Oldest)
	if d.tiering.Rule != r.rule() {
		first = d.averagedSince(p)
	}
	if imported {
		today = min(today, p.Today(d.Decided))
	} else {
		first = max(first, p.Today(p.EffectiveFrom))
	}
	if first = max(first, p.Today(d.tiering.Since)); first >= today {
		return time.Time{}
	}
	held, days := r.rank(d.tiering.Tier), d.balanceDays(p)
	if held+1 == len(r.Tiers) || mostAtOnce(days, r.none()).Less(r.Tiers[held+1].From) {
		return time.Time{} // no average is above all that is averaged
	}
	today = min(today, plusDays(max(first, days[len(days)-1].Day), 2*mostTierDays)) // it stays so then
	if day := firstReached(r, days, d.openedDay(), first, today, r.Tiers[held+1].From); day != "" {
		return d.midnight(plusDays(day, 1))
	}
	return time.Time{}
}

// mostAtOnce is the most that was there at the end of a day.
func mostAtOnce(days []dayUsage, none Quantity) Quantity {
	highest, balance := none, none
	for _, c := range days {
		balance = balance.Add(c.Sum)
		highest = most(highest, balance)
	}
	return highest
}

// firstReached is the first day, from one on and before today, at whose end the average of its window is as
// much; "" if none. In a window that does not roll it only rises: the last day tells of all before.
func firstReached(r *TierRules, days []dayUsage, opened, day, today string, want Quantity) string {
	reached := func(window Span, day string) bool {
		return !averageOf(days, window, plusDays(day, 1), r.none()).Less(want)
	}
	for day < today {
		window, last := r.Window.around(day, opened), day
		if r.Window.Kind != WindowRolling {
			last = min(window.Through, plusDays(today, -1))
		}
		if reached(window, last) {
			for day < last && !reached(window, day) {
				day = plusDays(day, 1)
			}
			return day
		}
		day = plusDays(last, 1)
	}
	return ""
}

// endDay raises the account to the tier that the day's end has reached.
func (d *Draft) endDay(at time.Time) error {
	r, p, opened := d.tierRules(), d.present(), d.openedDay()
	next := p.Today(at)
	window := r.Window.around(plusDays(next, -1), opened)
	e := TierDecision{From: r.name(d.tiering.Tier), Cause: TierDayEnd, Program: p.Name(), Metric: r.Metric,
		Unit: r.Unit, Value: d.metric(p, window, next), Window: window, TierSince: at,
		ValidUntil: d.midnight(r.Window.ends(next, opened))}
	rank := r.reached(e.Value)
	e.To = r.Tiers[rank].Name
	return d.change(r, e, rank)
}
