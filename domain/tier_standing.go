package domain

import "time"

// TierStanding is where an account stands among a program's tiers at an instant.
type TierStanding struct {
	Tiering
	Rules    *TierRules
	Tier     *TierTerms // held
	Since    time.Time  // of Tier; zero: ever
	Window   Span       // that runs
	Value    Quantity   // of the metric, in Window
	Next     *TierTerms // after the counted tier; nil: there is none
	ToNext   Quantity   // missing in Window
	KeepFrom Span       // over which Keep is counted: Window, or with it the one that has ended
	ToKeep   Quantity   // missing in KeepFrom to keep the counted tier when its period ends
}

// Standing is where an account stands at an instant, false where the program has no tiers. What is due
// and not written yet it does not show, but that an override's time is over.
func (p *Program) Standing(a *Account, at time.Time) (TierStanding, bool) {
	r := p.Terms.Tiers
	if r == nil {
		return TierStanding{}, false
	}
	s := TierStanding{Tiering: a.Tiering(), Rules: r}
	if o := s.Override; o != nil && !o.Until.IsZero() && !at.Before(o.Until) {
		s.Override = nil
	}
	location := zone(p.Terms.Zone)
	today, opened := dateOf(at.In(location)), dateOf(a.openedAt.In(location))
	counted := r.rank(s.Counted)
	s.Tier, s.Since = &r.Tiers[counted], s.Tiering.Since
	if o := s.Override; o != nil {
		s.Tier, s.Since = &r.Tiers[r.rank(o.Tier)], o.Since
	}
	s.Window = r.Window.around(today, opened)
	s.Value = a.tiering.counted(r.rule(), s.Window, r.none())
	if counted+1 < len(r.Tiers) {
		s.Next = &r.Tiers[counted+1]
		s.ToNext = most(s.Next.From.Sub(s.Value), s.Value.Zero())
	}
	if counted > 0 {
		s.KeepFrom = s.Window
		if s.Scheduled != nil {
			s.KeepFrom.From = s.Scheduled.Window.From
		}
		kept := a.tiering.counted(r.rule(), s.KeepFrom, r.none())
		s.ToKeep = most(r.Tiers[counted].Keep.Sub(kept), kept.Zero())
	}
	return s, true
}
