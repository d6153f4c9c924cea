package domain

import (
	"time"

	"github.com/google/uuid"
)

// Tier is the name of the tier that the account holds, "" while it is the first one of its program
// because it has never been in another. An override that lasts goes before what counting says.
func (a *Account) Tier() string {
	if o := a.tiering.Override; o != nil {
		return o.Tier
	}
	return a.tiering.Tier
}

// Tiering is where the account stands among tiers.
type Tiering struct {
	Counted    string     // the tier that counting says; "": it has never been in another than the first
	Since      time.Time  // of Counted
	ValidUntil time.Time  // Counted is decided on again; none: never
	Scheduled  *Scheduled // the downgrade that the days of grace put off
	Override   *Override  // that goes before what was counted
}

// Tiering is where the account stands among tiers, by events.
func (a *Account) Tiering() Tiering {
	s := &a.tiering
	return Tiering{s.Tier, s.Since, s.ValidUntil, s.Scheduled, s.Override}
}

// present is the program that rules when this is recorded: what is imported, or comes late, counts for
// tiers by its own business date, but by the rules of today.
func (m *Moment) present() *Program {
	if m.Present == nil {
		return m.program()
	}
	return m.Present
}

// tierRules are the rules of tiers, nil where the program has none.
func (m *Moment) tierRules() *TierRules { return m.present().Terms.Tiers }

// TierOf is the tier that an account holds under the program, nil where it has none. One that the
// program does not know, or no more, is the first.
func (p *Program) TierOf(a *Account) *TierTerms {
	r := p.Terms.Tiers
	if r == nil {
		return nil
	}
	return &r.Tiers[r.rank(a.Tier())]
}

// tier is the tier that the account holds as the draft stands, nil where the program has none.
func (d *Draft) tier() *TierTerms { return d.present().TierOf(d.Account) }

// tierOffer is the discount on checkouts that comes with the account's tier, if any does. It stacks
// with every coupon.
func (d *Draft) tierOffer(unit string) (Offer, bool) {
	t := d.tier()
	if t == nil || !t.Benefits.Discount.IsPositive() {
		return Offer{}, false
	}
	return tierOffer(t.Name, unit, t.Benefits.Discount), true
}

// tierOffer is what a tier takes off checkouts in a unit.
func tierOffer(tier, unit string, percent Quantity) Offer {
	return Offer{Tier: tier, Definition: &Definition{Kind: PercentOff, Unit: unit, Uses: 1,
		Value: CouponValue{Percent: percent}, Stacking: Stacking{Group: StackAlways}}}
}

// promote raises the account to the tier that what the command posted has reached: at once, and last
// of its events. The command itself was decided under the tier before.
//
// What counts in the window that runs is held against what tiers take. What comes late, in the window
// before, may still raise: to what it reaches, or to the tier that it would have kept.
func (d *Draft) promote() error {
	r := d.tierRules()
	if r == nil || d.ended != nil {
		return nil
	}
	best, reached := r.rank(d.tiering.Tier), TierDecision{}
	for _, p := range d.posted {
		q := d.raising(p.Event)
		if q == nil {
			continue
		}
		rank, decision := d.judge(r, q)
		if rank > best {
			best, reached = rank, decision
			reached.Evidence = []uuid.UUID{newID(p.Revision, d.Seed, 0)}
		}
	}
	if reached.Cause == "" {
		return nil
	}
	reached.From, reached.To = r.name(d.tiering.Tier), r.Tiers[best].Name
	reached.Program, reached.Metric, reached.Unit = d.present().Name(), r.Metric, r.Unit
	reached.TierSince = latest(d.Decided, d.tiering.Since) // what is late goes on from what stands
	return d.change(r, reached, best)
}

// raising is how an event counts that may raise, nil of every other. To an average only what comes late
// may: of what counts today nothing is known before the day has ended.
func (d *Draft) raising(e Event) *Qualifying {
	if v, ok := e.(Valued); ok && v.Worth().Balance.Averaged != nil {
		q := v.Worth().Balance.Averaged
		if q.Day < d.today() && q.Spend.IsPositive() {
			return q
		}
		return nil
	}
	if q, ok := e.(qualified); ok && q.qualifies() != nil && q.qualifies().Oldest != "" {
		return q.qualifies()
	}
	return nil
}

// today is the last day that may count: that on which it is recorded, of an import the latest it told of.
func (d *Draft) today() string {
	if d.Context.Channel == ChannelImport {
		return max(d.businessDay(), d.tiering.latest())
	}
	return max(d.tiering.latest(), d.present().Today(d.Recorded))
}

// judge is the place of the tier that the window reaches in which something counts.
func (d *Draft) judge(r *TierRules, q *Qualifying) (int, TierDecision) {
	opened := d.openedDay()
	now := max(q.Day, d.today())
	running := r.running(now, opened)
	until := d.midnight(r.Window.ends(now, opened))
	if running.Holds(q.Day) {
		v := d.metric(d.present(), running, now)
		return r.reached(v), TierDecision{Cause: TierReached, Value: v, Window: running, ValidUntil: until}
	}
	late := r.Window.before(running, opened)
	if r.Window.Kind == WindowRolling || !late.Holds(q.Day) {
		return 0, TierDecision{}
	}
	v := d.metric(d.present(), late, now)
	rank := max(r.reached(v), r.keeps(v, r.rank(d.tiering.Before)))
	return rank, TierDecision{Cause: TierReachedLate, Value: v, Window: late, ValidUntil: until}
}

// change posts that the tier has changed, and what comes with the new one.
func (d *Draft) change(r *TierRules, decided TierDecision, rank int) error {
	if r.Downgrade == DowngradeNone || rank == 0 {
		decided.ValidUntil = time.Time{}
	}
	decided.Rank = rank
	id := d.nextID()
	if err := d.post(TierChanged{TierDecision: decided}); err != nil {
		return err
	}
	return d.grantTierCoupons(&r.Tiers[rank], &decided, id)
}

// name is the name of a tier that is held, of the first where the program does not know it.
func (r *TierRules) name(held string) string { return r.Tiers[r.rank(held)].Name }

// midnight is when a day begins in the program's zone.
func (d *Draft) midnight(day string) time.Time {
	year, month, n := dayOf(day).Date()
	return midnight(year, month, n, zone(d.present().Terms.Zone))
}
