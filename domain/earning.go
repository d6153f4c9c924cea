package domain

import (
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
)

// What a limit of points is called in an event.
const (
	LimitSale  = "per_sale"
	LimitDay   = "per_day"
	LimitMonth = "per_month"
)

// earnPoints posts the points that a consumption earns under the program. They are a part of the sale,
// so no freeze stops them that let it pass.
func (d *Draft) earnPoints(c consumption) error {
	rules := d.program().Terms.Points
	if len(rules) == 0 || d.Context.Channel == ChannelImport {
		return nil
	}
	var units []string // that a rule before has earned
	for i := range rules {
		r := &rules[i]
		if slices.Contains(units, r.Points.unit) || !r.matches(d, c.qualifying) {
			continue
		}
		units = append(units, r.Points.unit)
		if err := d.earnUnder(r, c); err != nil {
			return err
		}
	}
	return nil
}

// matches reports whether the rule is there for a sale of which so much counts, now and here.
func (r *PointsRule) matches(d *Draft, counted Money) bool {
	return r.Per.unit == counted.unit && counted.IsPositive() && within(d.Decided, r.Begins, r.Ends) &&
		(r.Minimum.unit == "" || !counted.Less(r.Minimum)) && r.Scope.matches(&d.Context)
}

// earnUnder posts what a consumption earns under a rule, category by category, as far as limits let it.
func (d *Draft) earnUnder(r *PointsRule, c consumption) error {
	all := r.earnings(d, c)
	sum := r.Points.With(r.Points.Quantity.Zero())
	for _, e := range all {
		sum = sum.Add(e.Amount)
	}
	if !sum.IsPositive() {
		return nil
	}
	room, limit := r.room(d, sum)
	if room.Less(sum) && r.Limits.Over == OverReject {
		room = room.With(room.Quantity.Zero())
	}
	for _, e := range all {
		x := e.Amount.With(least(e.Amount.Quantity, room.Quantity))
		if e.Amount.IsZero() {
			continue
		}
		if x.Less(e.Amount) {
			e.LimitedBy = limit
		}
		room = room.Sub(x)
		if err := d.postPoints(x, e); err != nil {
			return err
		}
	}
	return nil
}

// room is how many of x points the rule's limits leave, and the limit that leaves the least.
func (r *PointsRule) room(d *Draft, x Money) (room Money, limit string) {
	room = x
	day := r.day(d)
	had, none := d.earningsOf(x.unit), x.Quantity.Zero()
	for _, l := range []struct {
		name string
		most Money
		had  Quantity
	}{
		{LimitSale, r.Limits.Sale, none},
		{LimitDay, r.Limits.Day, sumOn(had.Days, day, none)},
		{LimitMonth, r.Limits.Month, sumOn(had.Months, monthOf(day), none)},
	} {
		if l.most.unit == "" {
			continue
		}
		if left := l.most.Sub(l.most.With(l.had)).floor(); left.Less(room) {
			room, limit = left, l.name
		}
	}
	return room, limit
}

// day is the day that limits count an earning on, "" where none counts days.
func (r *PointsRule) day(d *Draft) string {
	if r.Limits.Day.unit == "" && r.Limits.Month.unit == "" {
		return ""
	}
	return dateOf(d.Decided.In(zone(d.program().Terms.Zone)))
}

func monthOf(day string) string { return day[:min(len(day), len("2006-01"))] }

// earnings are what a consumption earns before limits: what the lines of each category of their own
// rate have earned, and first all others.
func (r *PointsRule) earnings(d *Draft, c consumption) []PointsEarned {
	in := zone(d.program().Terms.Zone)
	base := PointsEarned{SourceID: c.id, Rule: r.ID, Day: r.day(d),
		EffectiveAt: r.begin(d.Decided, in), Rate: &PointsRate{Points: r.Points, Per: r.Per}}
	base.ExpiresAt = d.program().ruleEnd(r, base.EffectiveAt)
	if tier := d.tier(); tier != nil {
		base.Tier, base.Rate.Tier = r.tierTimes(tier)
	}
	if best := r.campaign(d.Decided); best != nil {
		base.Campaign, base.Rate.Campaign = best.ID, &best.Times
	}
	names, parts := r.parts(c)
	all := make([]PointsEarned, len(parts))
	for i, name := range names {
		e, rate := base, *base.Rate
		if len(parts) > 1 {
			e.Lines = r.linesOf(c, name)
		}
		if times, ok := r.Categories[name]; ok {
			e.Category, rate.Category = name, &times
		}
		e.Base, e.Rate = c.qualifying.With(parts[i]), &rate
		e.Amount = rate.of(e.Base)
		all[i] = e
	}
	return all
}

// tierTimes is how often as many a tier earns: as the rule says, else as its benefits do. The name is ""
// where neither says.
func (r *PointsRule) tierTimes(t *TierTerms) (string, *Quantity) {
	if times, ok := r.Tiers[t.Name]; ok {
		return t.Name, &times
	}
	if t.Benefits.PointsRate.IsPositive() {
		return t.Name, &t.Benefits.PointsRate
	}
	return "", nil
}

// campaign is the one that multiplies the most at an instant, nil if there is none.
func (r *PointsRule) campaign(at time.Time) (best *PointsCampaign) {
	for i := range r.Campaigns {
		c := &r.Campaigns[i]
		if within(at, c.Begins, c.Ends) && (best == nil || best.Times.Less(c.Times)) {
			best = c
		}
	}
	return best
}

// parts are what counts of a consumption, split over the categories with a rate of their own and all
// others, "", by what their lines cost without points.
func (r *PointsRule) parts(c consumption) (names []string, parts []Quantity) {
	if len(r.Categories) == 0 {
		return []string{""}, []Quantity{c.qualifying.Quantity}
	}
	sums := map[string]Quantity{}
	for _, l := range c.lines {
		name := r.part(l)
		cost := l.Net.Sub(l.by(TenderPoints))
		if l.Counted != nil {
			cost = *l.Counted
		}
		if sum, ok := sums[name]; ok {
			cost = sum.Add(cost)
		}
		sums[name] = cost
	}
	if len(sums) < 2 {
		for name := range sums {
			return []string{name}, []Quantity{c.qualifying.Quantity}
		}
		return []string{""}, []Quantity{c.qualifying.Quantity}
	}
	names = slices.Sorted(maps.Keys(sums))
	weights := make([]Quantity, len(names))
	for i, name := range names {
		weights[i] = sums[name]
	}
	return names, split(c.qualifying.Quantity, weights)
}

// part is the category whose rate a line has, "" where it has none of its own.
func (r *PointsRule) part(l CheckoutLine) string {
	if _, own := r.Categories[l.Category]; own {
		return l.Category
	}
	return ""
}

// linesOf are the numbers of the lines of one part.
func (r *PointsRule) linesOf(c consumption, part string) (lines []int) {
	for _, l := range c.lines {
		if r.part(l) == part {
			lines = append(lines, l.N)
		}
	}
	return lines
}

// of is what an amount earns: points for every per, times all there is, rounded down once at the points
// unit's scale.
func (r *PointsRate) of(base Money) Money {
	if r.Tier == nil && r.Category == nil && r.Campaign == nil && isSmall(base, r.Points, r.Per) {
		return r.Points.With(fromSteps(base.steps*r.Points.steps/r.Per.steps, r.Points.scale))
	}
	n := new(big.Int).Mul(base.minor(), r.Points.minor())
	over := new(big.Int).Set(r.Per.minor())
	for _, times := range []*Quantity{r.Tier, r.Category, r.Campaign} {
		if times != nil {
			n.Mul(n, times.minor())
			over.Mul(over, power(times.Scale()))
		}
	}
	return r.Points.With(fromMinor(n.Quo(n, over), r.Points.Scale()))
}

// power is the number of steps of a scale in one.
func power(scale int32) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
}

// earnings are what limits count of an account's points of one unit. Slices never change in place.
type earnings struct {
	Unit   string     `json:"unit"`
	Days   []dayUsage `json:"days,omitempty"`
	Months []dayUsage `json:"months,omitempty"`
}

func (a *Account) earningsOf(unit string) earnings {
	for _, e := range a.earnings {
		if e.Unit == unit {
			return e
		}
	}
	return earnings{Unit: unit}
}

// earned counts x, which may be negative, on a day that limits count; what was lost of a day that is
// forgotten is not.
func (a *Account) earned(day string, x Money) {
	if day == "" {
		return
	}
	e := a.earningsOf(x.unit)
	if had := sumOn(e.Days, day, x.Quantity.Zero()); !had.Add(x.Quantity).IsNegative() {
		e.Days = addOn(e.Days, day, x.Quantity)
	}
	month := monthOf(day)
	if had := sumOn(e.Months, month, x.Quantity.Zero()); !had.Add(x.Quantity).IsNegative() {
		e.Months = addOn(e.Months, month, x.Quantity)
	}
	a.earn(e)
}

// earn puts e in the place of what there was of its unit.
func (a *Account) earn(e earnings) {
	all := slices.DeleteFunc(slices.Clone(a.earnings), func(o earnings) bool { return o.Unit == e.Unit })
	if len(e.Days)+len(e.Months) > 0 {
		all = append(all, e)
	}
	if a.earnings = all; len(all) == 0 {
		a.earnings = nil // as its snapshot brings it back
	}
}

// sumOn is the sum of a day, or of a month.
func sumOn(days []dayUsage, day string, none Quantity) Quantity {
	for _, d := range days {
		if d.Day == day {
			return d.Sum
		}
	}
	return none
}

// addOn changes a day's sum; a day without any is not kept, nor more than mostCountedDays.
func addOn(days []dayUsage, day string, x Quantity) []dayUsage {
	sum := sumOn(days, day, x.Zero()).Add(x)
	days = slices.DeleteFunc(slices.Clone(days), func(d dayUsage) bool { return d.Day == day })
	if sum.IsPositive() {
		i, _ := slices.BinarySearchFunc(days, day, func(d dayUsage, day string) int {
			return strings.Compare(d.Day, day)
		})
		days = slices.Insert(days, i, dayUsage{day, sum})
	}
	if len(days) == 0 {
		return nil // as a snapshot brings it back
	}
	return days[max(0, len(days)-mostCountedDays):]
}
