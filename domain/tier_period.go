package domain

import "time"

// due is when time alone next brings about something of the account's tier, zero if never.
func (s *tiering) due() time.Time {
	due := s.ValidUntil
	if s.Scheduled != nil {
		due = s.Scheduled.On
	}
	if o := s.Override; o != nil {
		due = earliest(due, o.Until)
	}
	return due
}

// TierDue is when time alone next brings about something of the account's tier, zero if never.
func (a *Account) TierDue() time.Time {
	if a.ended != nil {
		return time.Time{}
	}
	return a.tiering.due()
}

// tierDue is when something of the tier is due: by what stands, or by an average. An import is at the time
// that it tells of: what it brings later is not late, as it would be if the periods until today had been
// decided before it.
func (d *Draft) tierDue() time.Time {
	due := d.TierDue()
	if d.tierRules() == nil {
		return time.Time{}
	}
	if d.Context.Channel == ChannelImport && due.After(d.Decided) {
		due = time.Time{}
	}
	return earliest(due, d.reachedAt())
}

// endTierPeriod decides what was due at an instant: an override's end, or a period's, or a day's by which
// an average has reached more.
//
// When a period ends, a tier is held against what its window counted. Who kept it holds it until the
// next one ends. Who did not loses it by the program's policy, or, where it gives days of grace, at
// their end, for all of which counting goes on as if the period had not ended.
func (d *Draft) endTierPeriod(at time.Time) error {
	s := &d.tiering
	if o := s.Override; o != nil && o.Until.Equal(at) {
		return d.post(TierOverrideEnded{Tier: o.Tier, Reason: o.Reason, EndedAt: at})
	}
	if !d.TierDue().Equal(at) {
		return d.endDay(at)
	}
	r, opened := d.tierRules(), d.openedDay()
	next := dateOf(at.In(zone(d.present().Terms.Zone)))
	e := TierDecision{From: s.Tier, Cause: TierPeriodEnd, Program: d.present().Name(), Metric: r.Metric,
		Unit: r.Unit, Window: r.Window.around(plusDays(next, -1), opened), EndedAt: at, TierSince: at,
		ValidUntil: d.midnight(r.Window.ends(next, opened))}
	if s.Scheduled != nil {
		e.Cause, e.Window = TierGraceEnd, Span{s.Scheduled.Window.From, plusDays(next, -1)}
	}
	e.Value = d.metric(d.present(), e.Window, next)
	held := r.rank(s.Tier)
	to := r.after(e.Value, held)
	e.To = r.Tiers[to].Name
	switch {
	case e.To == e.From:
		e.TierSince, e.Rank = s.Since, to
		return d.retain(r, e)
	case to < held && s.Scheduled == nil && r.GraceDays > 0:
		return d.post(TierDowngradeScheduled{From: e.From, To: e.To, Program: e.Program, Metric: e.Metric,
			Unit: e.Unit, Value: e.Value, Window: e.Window, EndedAt: at,
			On: d.midnight(plusDays(next, r.GraceDays)), Missing: r.Tiers[held].Keep.Sub(e.Value)})
	}
	return d.change(r, e, to)
}

// after is the place of the tier that is held after a period that counted so much.
func (r *TierRules) after(value Quantity, held int) int {
	kept := max(r.keeps(value, held), r.reached(value))
	switch {
	case kept >= held:
		return kept
	case r.Downgrade == DowngradeNone:
		return held
	case r.Downgrade == DowngradeOne:
		return held - 1
	}
	return kept
}

// retain posts that the account has kept its tier.
func (d *Draft) retain(r *TierRules, e TierDecision) error {
	if r.Downgrade == DowngradeNone {
		e.ValidUntil = time.Time{}
	}
	id := d.nextID()
	if err := d.post(TierRetained{e}); err != nil {
		return err
	}
	return d.grantTierCoupons(&r.Tiers[e.Rank], &e, id)
}

// none is nothing of what is counted, at its scale.
func (r *TierRules) none() Quantity { return r.Tiers[len(r.Tiers)-1].From.Zero() }
