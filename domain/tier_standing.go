package domain

import (
	"math/big"
	"time"
)

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

	// Of an average over a window that does not roll, what has to be there at the end of each day that
	// is left, today's too, to come to From or Keep; nil else.
	NextDaily, KeepDaily *Quantity
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
	s.Window = r.running(today, opened)
	s.Value = a.metric(p, s.Window, today)
	if counted+1 < len(r.Tiers) {
		s.Next = &r.Tiers[counted+1]
		s.ToNext = most(s.Next.From.Sub(s.Value), s.Value.Zero())
		s.NextDaily = a.daily(p, s.Window, today, s.Next.From)
	}
	if counted > 0 {
		s.KeepFrom = s.Window
		if s.Scheduled != nil {
			s.KeepFrom.From = s.Scheduled.Window.From
			if r.averages() {
				s.KeepFrom.Through = plusDays(p.Today(s.Scheduled.On), -1)
			}
		}
		kept := a.metric(p, s.KeepFrom, today)
		s.ToKeep = most(r.Tiers[counted].Keep.Sub(kept), kept.Zero())
		s.KeepDaily = a.daily(p, s.KeepFrom, today, r.Tiers[counted].Keep)
	}
	return s, true
}

// daily is what has to be there at the end of each day of a span that is left so that its average comes to
// as much; nil where nothing is averaged, the days roll or none is left.
func (a *Account) daily(p *Program, span Span, today string, want Quantity) *Quantity {
	r := p.Terms.Tiers
	left := daysIn(Span{max(today, span.From), span.Through})
	if !r.averages() || r.Window.Kind == WindowRolling || left < 1 {
		return nil
	}
	missing := times(want, daysIn(span)).Sub(balanceSum(a.balanceDays(p), span, today, r.none()))
	up := new(big.Int).Add(most(missing, r.none()).minor(), big.NewInt(int64(left-1)))
	each := fromMinor(up.Quo(up, big.NewInt(int64(left))), want.Scale())
	return &each
}
