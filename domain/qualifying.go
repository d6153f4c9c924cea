package domain

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Qualifying says how an event counts for its account's tier, so that replay runs no rule. It stands in
// the event where the program that rules when it is recorded has tiers; what was posted before counts
// for none. Of what came back it is negative, and on the day of what it came back of.
type Qualifying struct {
	Rule   string   `json:"rule"`             // what is counted; another one begins at nothing
	Spend  Quantity `json:"spend"`            // that was paid for, or points that were earned
	Visits int      `json:"visits"`           // 1, or −1 of a sale of which the last came back
	Bucket string   `json:"bucket"`           // the day under which it is summed
	Day    string   `json:"day"`              // YYYY-MM-DD: the business date
	Oldest string   `json:"oldest,omitempty"` // what was summed under earlier days is forgotten
	Lines  []int    `json:"lines,omitempty"`  // of a checkout, by number, that count alone; none: all do
	Era    int      `json:"era,omitempty"`    // how often another rule took over before

	Opening Quantity `json:"opening,omitzero"` // of an average that begins: what was there on Oldest
}

// qualified is an event that may count for a tier.
type qualified interface{ qualifies() *Qualifying }

// tiering is where an account stands among tiers. Its slices never change in place.
type tiering struct {
	Rule       string     `json:"rule,omitempty"`   // of Counts
	Counts     []dayUsage `json:"counts,omitempty"` // by bucket, rising; those before Oldest are forgotten
	Oldest     string     `json:"oldest,omitempty"`
	Era        int        `json:"era,omitempty"`  // how often another rule took over
	Tier       string     `json:"tier,omitempty"` // as counting says; "" until there was a first change
	Since      time.Time  `json:"since,omitzero"`
	ValidUntil time.Time  `json:"valid_until,omitzero"` // it is decided on again; none: never
	Before     string     `json:"before,omitempty"`     // the tier that was lost when the last period ended
	Scheduled  *Scheduled `json:"scheduled,omitempty"`
	Override   *Override  `json:"override,omitempty"`
}

// rule names what the rules count.
func (r *TierRules) rule() string {
	parts := []string{string(r.Metric), r.Unit, string(r.Window.Kind), r.Window.Of}
	if r.Window.Days > 0 {
		parts = append(parts, fmt.Sprint(r.Window.Days))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

// value is what an event counts for under a rule.
func (q *Qualifying) value() Quantity {
	if strings.HasPrefix(q.Rule, string(MetricVisits)) {
		return fromSteps(int64(q.Visits), 0)
	}
	return q.Spend
}

// counted is the sum of a span under a rule, none's scale where nothing was counted.
func (s *tiering) counted(rule string, span Span, none Quantity) Quantity {
	sum := none
	if s.Rule != rule {
		return sum
	}
	for _, c := range s.Counts {
		if span.Holds(c.Day) {
			sum = sum.Add(c.Sum)
		}
	}
	return sum
}

// latest is the latest bucket in which something was counted.
func (s *tiering) latest() string {
	if n := len(s.Counts); n > 0 {
		return s.Counts[n-1].Day
	}
	return ""
}

// count adds what an event counts for.
func (s *tiering) count(q *Qualifying) {
	if s.Rule != q.Rule || s.Era != q.Era {
		if q.Oldest == "" {
			return // came back of what was counted under another rule, or before another one ruled
		}
		s.Rule, s.Era, s.Counts, s.Oldest = q.Rule, q.Era, nil, ""
	}
	s.Oldest = max(s.Oldest, q.Oldest)
	counts := slices.DeleteFunc(slices.Clone(s.Counts), func(c dayUsage) bool { return c.Day < s.Oldest })
	i, found := slices.BinarySearchFunc(counts, q.Bucket, func(c dayUsage, day string) int {
		return strings.Compare(c.Day, day)
	})
	switch {
	case found:
		counts[i].Sum = counts[i].Sum.Add(q.value())
	case q.Bucket >= s.Oldest:
		counts = slices.Insert(counts, i, dayUsage{q.Bucket, q.value()})
	}
	s.Counts = counts
}

// qualify is how something counts that is about to be posted, nil where it does not.
func (d *Draft) qualify(c consumption) *Qualifying {
	r := d.tierRules()
	if r == nil || r.Metric != MetricSpend && r.Metric != MetricVisits ||
		r.Metric == MetricSpend && r.Unit != c.qualifying.Unit() {
		return nil
	}
	spend, lines := r.eligible(c)
	if !spend.IsPositive() {
		return nil
	}
	q := d.qualifying(r, spend, 1, d.businessDay())
	q.Lines = lines
	return q
}

// qualifyEarned is how points count that are about to be earned, nil where they do not.
func (d *Draft) qualifyEarned(points Money) *Qualifying {
	r := d.tierRules()
	if r == nil || r.Metric != MetricEarned || r.Unit != points.Unit() {
		return nil
	}
	return d.qualifying(r, points.Quantity, 0, d.businessDay())
}

func (d *Draft) qualifying(r *TierRules, spend Quantity, visits int, day string) *Qualifying {
	opened := d.openedDay()
	last := max(day, d.tiering.latest())
	oldest := r.Window.before(r.Window.around(last, opened), opened).From
	if r.Window.Kind == WindowRolling {
		oldest = plusDays(last, -r.Window.Days-r.GraceDays)
	}
	return &Qualifying{Rule: r.rule(), Era: d.tiering.era(r.rule()), Spend: spend, Visits: visits,
		Bucket: r.Window.bucket(day, opened), Day: day, Oldest: oldest}
}

// era is how often another rule will have taken over once one counts.
func (s *tiering) era(rule string) int {
	if s.Rule == "" || s.Rule == rule {
		return s.Era
	}
	return s.Era + 1
}

// eligible is the part of what was paid for that is of the categories that count: as of the sale's
// lines, so of its sum; and those lines, where not all lines count. What has no lines has no category.
func (r *TierRules) eligible(c consumption) (spend Quantity, lines []int) {
	spend = c.qualifying.Quantity
	if len(r.Categories) == 0 {
		return spend, nil
	}
	all, some := spend.Zero(), spend.Zero()
	for _, l := range c.lines {
		worth := l.Net
		if l.Counted != nil {
			worth = *l.Counted
		}
		all = all.Add(worth)
		if slices.Contains(r.Categories, l.Category) {
			some, lines = some.Add(worth), append(lines, l.N)
		}
	}
	return portion(spend, some, all), lines
}

// returned is how what comes back of a sale counts, or of its lines that count: of refunds up to c of an
// amount, as much less as c's share of what the sale counted for, so that in the end it counts for
// nothing; nil where nothing that counts came back.
func (q *Qualifying) returned(came cameBack) *Qualifying {
	if q == nil || !came.now.IsPositive() {
		return nil
	}
	share := func(c Money) Quantity { return portion(q.Spend, c.Quantity, came.amount.Quantity) }
	all := came.before.Add(came.now)
	less := Qualifying{Rule: q.Rule, Era: q.Era, Spend: share(came.before).Sub(share(all)),
		Bucket: q.Bucket, Day: q.Day}
	if all.Equal(came.amount) {
		less.Visits = -q.Visits
	}
	return &less
}

// businessDay is the day on which what is decided counts: as the caller says, as the registered store
// has it, or the program's zone. No day to come counts.
func (d *Draft) businessDay() string {
	location := zone(d.present().Terms.Zone)
	day := d.Context.BusinessDate
	switch {
	case day != "":
	case d.Place.Status == unregistered || d.Place.Zone == "":
		day = dateOf(d.Decided.In(location))
	default:
		day = d.Place.BusinessDate(d.Decided)
	}
	return min(day, dateOf(d.Recorded.In(location)))
}

// openedDay is the day on which the membership began.
func (d *Draft) openedDay() string {
	return dateOf(d.openedAt.In(zone(d.present().Terms.Zone)))
}

// check refuses what no event counts for.
func (q *Qualifying) check() error {
	if q == nil {
		return nil
	}
	if dayOf(q.Bucket).IsZero() || q.Rule == "" || q.Visits < -1 || q.Visits > 1 {
		return fmt.Errorf("qualifies on %.20q by %.20q", q.Bucket, q.Rule)
	}
	return nil
}

// appendMember appends "qualifying" to an object, where there is one.
func (q *Qualifying) appendMember(b jsonText) jsonText { return q.appendAs(b, "qualifying") }

func (q *Qualifying) appendAs(b jsonText, name string) jsonText {
	if q == nil {
		return b
	}
	b = append(b.key(name), '{').text("rule", q.Rule).quantity("spend", q.Spend)
	b = b.integer("visits", q.Visits)
	b = b.text("bucket", q.Bucket).text("day", q.Day).optional("oldest", q.Oldest)
	if b = b.numbers("lines", q.Lines); q.Era != 0 {
		b = b.integer("era", q.Era)
	}
	if !q.Opening.IsZero() {
		b = b.quantity("opening", q.Opening)
	}
	return append(b, '}')
}
