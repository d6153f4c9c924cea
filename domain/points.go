package domain

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// PointsRule is how sales earn points of a unit, how long these last, and what they are good for. Of
// the rules of one unit that match a sale the first earns; units earn beside each other.
//
// What was paid for counts: the sale less points and less value that was given. It is parted by the
// categories that Categories names, each with its points, rounded down at the points unit's scale.
type PointsRule struct {
	ID          string              `json:"id"`
	Points      Money               `json:"points"`               // earned for every Per; zero: nothing, only given
	Per         Money               `json:"per"`                  // of what counts, in its currency
	Tiers       map[string]Quantity `json:"tiers,omitempty"`      // times as many, by tier; else its benefits
	Categories  map[string]Quantity `json:"categories,omitempty"` // times as many, by the line's category
	Campaigns   []PointsCampaign    `json:"campaigns,omitempty"`  // times as many, for a time
	Minimum     Money               `json:"minimum,omitzero"`     // of what counts
	Begins      time.Time           `json:"begins,omitzero"`      // the rule holds in [Begins, Ends)
	Ends        time.Time           `json:"ends,omitzero"`
	Scope       Scope               `json:"scope,omitzero"`         // stores and channels of the sale
	PendingDays int                 `json:"pending_days,omitempty"` // through the last of so many days; 0: none
	Expiry      Expiry              `json:"expiry,omitzero"`        // none: the terms' of earned lots
	Limits      PointsLimits        `json:"limits,omitzero"`
	Spend       *PointsSpend        `json:"spend,omitempty"`       // none: they pay nothing
	Conversions []Conversion        `json:"conversions,omitempty"` // none: they turn into nothing
}

// PointsCampaign multiplies what is earned in [Begins, Ends). Of several the greatest counts, among
// equals the first.
type PointsCampaign struct {
	ID     string    `json:"id"`
	Times  Quantity  `json:"times"`
	Begins time.Time `json:"begins,omitzero"`
	Ends   time.Time `json:"ends,omitzero"`
}

// PointsLimits bound the points that sales earn in the unit. What is absent is not limited.
type PointsLimits struct {
	Sale  Money  `json:"sale,omitzero"`
	Day   Money  `json:"day,omitzero"`   // of the terms' zone
	Month Money  `json:"month,omitzero"` // of the terms' zone
	Over  string `json:"over,omitempty"` // a sale beyond: reduce (default) to what is left, or reject all of it
}

// What becomes of points beyond a limit.
const (
	OverReduce = "reduce"
	OverReject = "reject"
)

// PointsSpend is what points pay at the till: Worth for every Points of them.
type PointsSpend struct {
	Points Money    `json:"points"`
	Worth  Money    `json:"worth"`
	Step   Money    `json:"step,omitzero"`  // spent in multiples of it; none: of Points
	Share  Quantity `json:"share,omitzero"` // percent of a sale that they pay at the most; none: all of it
}

// WorthOf is what points of the unit are worth, rounded down.
func (s *PointsSpend) WorthOf(points Money) Money {
	return (&PointsRate{Points: s.Worth, Per: s.Points}).of(points)
}

// PointsRate is how many points an amount earned: Points for every Per of it, times what is there.
type PointsRate struct {
	Points   Money     `json:"points"`
	Per      Money     `json:"per"`
	Tier     *Quantity `json:"tier,omitempty"`
	Category *Quantity `json:"category,omitempty"`
	Campaign *Quantity `json:"campaign,omitempty"`
}

// pointsRule is the first rule of a points unit, nil if the program has none.
func (p *Program) pointsRule(unit string) *PointsRule {
	for i := range p.Terms.Points {
		if r := &p.Terms.Points[i]; r.Points.unit == unit {
			return r
		}
	}
	return nil
}

// pointsEnd is when points of a unit end that take effect at an instant, zero if they never do.
func (p *Program) pointsEnd(unit string, effective time.Time) time.Time {
	return p.ruleEnd(p.pointsRule(unit), effective)
}

func (p *Program) ruleEnd(r *PointsRule, effective time.Time) time.Time {
	if r == nil || r.Expiry == (Expiry{}) {
		return p.expiry(Earned, effective)
	}
	return r.Expiry.end(p.Terms.Zone, effective)
}

// begin is when points earned at an instant take effect: at once, or when the last day is over that
// they are pending.
func (r *PointsRule) begin(at time.Time, in *time.Location) time.Time {
	if r.PendingDays == 0 {
		return at
	}
	year, month, day := at.In(in).Date()
	return midnight(year, month, day+r.PendingDays+1, in)
}

func (t *Terms) normalPoints() {
	t.Points = slices.Clone(t.Points)
	for i := range t.Points {
		r := &t.Points[i]
		r.Begins, r.Ends = r.Begins.UTC(), r.Ends.UTC()
		r.Campaigns = slices.Clone(r.Campaigns)
		for j := range r.Campaigns {
			c := &r.Campaigns[j]
			c.Begins, c.Ends = c.Begins.UTC(), c.Ends.UTC()
		}
		if r.Limits.any() {
			or(&r.Limits.Over, OverReduce)
		}
		if s := r.Spend; s != nil {
			spend := *s
			if spend.Step.unit == "" {
				spend.Step = spend.Points
			}
			r.Spend = &spend
		}
	}
}

func (l PointsLimits) any() bool {
	return l.Sale.unit != "" || l.Day.unit != "" || l.Month.unit != ""
}

func (t *Terms) pointsFaults(f *faults) {
	f.want(len(t.Points) <= mostSteps, "terms.points", fmt.Sprint("want at most ", mostSteps))
	ids := map[string]bool{}
	for i := range t.Points {
		r, at := &t.Points[i], fmt.Sprintf("terms.points.%d.", i)
		f.want(storeID.MatchString(r.ID) && !ids[r.ID], at+"id",
			"want 1 to 64 of [A-Za-z0-9._:-], each once")
		ids[r.ID] = true
		f.want(unitCode.MatchString(r.Points.unit) && !r.Points.IsNegative(), at+"points", "is required")
		f.want(r.Per.unit != "" && r.Per.IsPositive() && r.Per.unit != r.Points.unit, at+"per",
			"want more than zero, of another unit than the points'")
		f.amount(r.Minimum, r.Per.unit, at+"minimum")
		f.window(r.Begins, r.Ends, at)
		f.whom(r.Scope, nil, at)
		f.want(r.PendingDays >= 0 && r.PendingDays <= mostDays, at+"pending_days", "want 0 to 36500")
		if r.Expiry != (Expiry{}) {
			r.Expiry.wrong(f, at+"expiry")
		}
		r.timesFaults(f, at)
		r.Limits.faults(f, r.Points.unit, at+"limits.")
		r.Spend.faults(f, r.Points.unit, at+"spend.")
		r.conversionFaults(f, at)
	}
}

const wantTimes = "want 0 to 100, with at most 4 fraction digits"

// isTimes reports whether q can multiply what is earned.
func isTimes(q Quantity) bool { return !q.IsNegative() && !hundred.Less(q) && q.Scale() <= 4 }

func (r *PointsRule) timesFaults(f *faults, at string) {
	timesFaults(f, r.Tiers, at+"tiers")
	timesFaults(f, r.Categories, at+"categories")
	f.want(len(r.Campaigns) <= mostSteps, at+"campaigns", fmt.Sprint("want at most ", mostSteps))
	ids := map[string]bool{}
	for i, c := range r.Campaigns {
		at := fmt.Sprintf("%scampaigns.%d.", at, i)
		f.want(storeID.MatchString(c.ID) && !ids[c.ID], at+"id",
			"want 1 to 64 of [A-Za-z0-9._:-], each once")
		ids[c.ID] = true
		f.want(isTimes(c.Times), at+"times", wantTimes)
		f.window(c.Begins, c.Ends, at)
	}
}

func timesFaults(f *faults, times map[string]Quantity, at string) {
	f.want(len(times) <= mostSteps, at, fmt.Sprint("want at most ", mostSteps))
	for _, key := range slices.Sorted(maps.Keys(times)) {
		f.want(key != "" && len(key) <= 64 && printable(key) && isTimes(times[key]), at, wantTimes)
	}
}

func (l PointsLimits) faults(f *faults, unit, at string) {
	f.amount(l.Sale, unit, at+"sale")
	f.amount(l.Day, unit, at+"day")
	f.amount(l.Month, unit, at+"month")
	f.want(l.Over == "" || l.Over == OverReduce || l.Over == OverReject, at+"over",
		"want reduce or reject")
}

func (s *PointsSpend) faults(f *faults, unit, at string) {
	if s == nil {
		return
	}
	f.want(s.Points.unit == unit && s.Points.IsPositive(), at+"points", "want more than zero, of unit "+unit)
	f.want(s.Worth.unit != "" && s.Worth.unit != unit && s.Worth.IsPositive(), at+"worth",
		"want more than zero, of another unit than the points'")
	f.amount(s.Step, unit, at+"step")
	f.want(s.Share.IsZero() || isPercent(s.Share), at+"share", wantPercent)
}

func (r *PointsRate) appendJSON(b jsonText) jsonText {
	b = append(b, '{').money("points", r.Points).money("per", r.Per)
	for _, f := range []struct {
		name  string
		times *Quantity
	}{{"tier", r.Tier}, {"category", r.Category}, {"campaign", r.Campaign}} {
		if f.times != nil {
			b = b.quantity(f.name, *f.times)
		}
	}
	return append(b, '}')
}
