package domain

import (
	"fmt"
	"slices"
)

// TierRules are a program's tiers, and what lifts an account from one to the next.
//
// A version of a program that counts something else (another metric, unit or window) begins at nothing,
// and decides with the next sale or at the end of the account's period: until then a tier stays held.
// What was counted under other categories stays counted. One that averages a balance begins with what
// is there when it begins to rule, and counts no day before.
type TierRules struct {
	Metric     TierMetric  `json:"metric"`
	Unit       string      `json:"unit,omitempty"`       // of what is spent or earned; none of visits
	Categories []string    `json:"categories,omitempty"` // of lines that count; none: every sale
	Window     TierWindow  `json:"window"`
	Downgrade  Downgrade   `json:"downgrade"`
	GraceDays  int         `json:"grace_days,omitempty"` // after the period's end, before a tier is lost
	Tiers      []TierTerms `json:"tiers"`                // rising; who has reached nothing is in the first
}

// TierMetric is what is counted for a tier.
type TierMetric string

// The metrics. A sale counts by what of it was paid for: not by points, nor by value that was given.
//
// An average balance grows by time alone, and is decided on when days end; see average.go.
const (
	MetricSpend   TierMetric = "spend"
	MetricVisits  TierMetric = "visits" // sales of which something was paid for
	MetricEarned  TierMetric = "earned" // points of a unit, whatever became of them
	MetricAverage TierMetric = "average_balance"
)

var tierMetrics = []TierMetric{MetricSpend, MetricVisits, MetricEarned, MetricAverage}

// Downgrade is what happens to who has not kept a tier when its period ends.
type Downgrade string

// The policies: a tier is kept for ever, or the one below is held next, or the one that was kept.
const (
	DowngradeNone     Downgrade = "none"
	DowngradeOne      Downgrade = "one_down"
	DowngradeReassess Downgrade = "reassess"
)

var downgrades = []Downgrade{DowngradeNone, DowngradeOne, DowngradeReassess}

// TierTerms are a tier: what it takes, and what it gives.
type TierTerms struct {
	Name     string   `json:"name"`          // 1 to 64 bytes
	From     Quantity `json:"from,omitzero"` // in a window, this much or more reaches it; none of the first
	Keep     Quantity `json:"keep,omitzero"` // this much or more keeps it; as From, unless it is said
	Benefits Benefits `json:"benefits,omitzero"`
}

// Benefits are what a tier gives.
type Benefits struct {
	PointsRate Quantity          `json:"points_rate,omitzero"` // times the points that others earn
	Discount   Quantity          `json:"discount,omitzero"`    // percent, off every checkout
	Coupons    []TierCoupon      `json:"coupons,omitempty"`    // at most 10
	Text       map[string]string `json:"text,omitempty"`       // by language (BCP 47)
}

// TierCoupon is a coupon that comes with a tier.
type TierCoupon struct {
	Campaign   string `json:"campaign"`
	Definition string `json:"definition_id"` // in its newest version
	Each       string `json:"each"`          // entry, or period: on entry, and whenever it is retained
}

// The bounds of tiers: they are held in memory, and so is an account's progress.
const (
	mostTiers       = 20
	mostCategories  = 100
	mostTierDays    = 732 // of a rolling window
	mostTierCoupons = 10
	mostTierName    = 64
	mostTierText    = 2000 // bytes in one language
)

// normal are the rules with everything said.
func (r *TierRules) normal() *TierRules {
	if r == nil {
		return nil
	}
	c := *r
	or(&c.Downgrade, DowngradeReassess)
	c.Tiers = slices.Clone(r.Tiers)
	for i := range c.Tiers {
		if t := &c.Tiers[i]; i > 0 && t.Keep.IsZero() {
			t.Keep = t.From
		}
	}
	return &c
}

func (r *TierRules) faults(f *faults) {
	if r == nil {
		return
	}
	f.want(slices.Contains(tierMetrics, r.Metric), "terms.tiers.metric",
		"want spend, visits, earned or average_balance")
	if r.Metric == MetricVisits {
		f.want(r.Unit == "", "terms.tiers.unit", "visits have none")
	} else {
		f.want(unitCode.MatchString(r.Unit), "terms.tiers.unit", "want a unit's code")
	}
	sales := r.Metric == MetricSpend || r.Metric == MetricVisits
	f.want(len(r.Categories) <= mostCategories && (sales || len(r.Categories) == 0),
		"terms.tiers.categories", fmt.Sprint("want at most ", mostCategories, ", of spend or visits"))
	r.Window.faults(f)
	f.want(slices.Contains(downgrades, r.Downgrade), "terms.tiers.downgrade",
		"want none, one_down or reassess")
	grace := r.GraceDays == 0 || r.Downgrade != DowngradeNone && r.GraceDays <= r.Window.shortest()
	f.want(r.GraceDays >= 0 && grace, "terms.tiers.grace_days",
		"want no more than the window has, and none where no tier is lost")
	f.want(len(r.Tiers) >= 1 && len(r.Tiers) <= mostTiers, "terms.tiers.tiers",
		fmt.Sprint("want 1 to ", mostTiers))
	r.levelFaults(f)
}

// levelFaults notes tiers that do not rise.
func (r *TierRules) levelFaults(f *faults) {
	names := map[string]bool{}
	for i, t := range r.Tiers {
		at := fmt.Sprintf("terms.tiers.tiers.%d.", i)
		f.want(t.Name != "" && len(t.Name) <= mostTierName && printable(t.Name) && !names[t.Name],
			at+"name", fmt.Sprint("want 1 to ", mostTierName, " bytes, each name once"))
		names[t.Name] = true
		if i == 0 {
			f.want(t.From.IsZero() && t.Keep.IsZero(), at+"from", "the first tier takes nothing")
		} else {
			f.want(t.From.IsPositive() && r.Tiers[i-1].From.Less(t.From), at+"from",
				"want more than zero, and more than the tier before")
			f.want(t.Keep.IsPositive() && !t.From.Less(t.Keep), at+"keep",
				"want more than zero, and no more than from")
		}
		t.Benefits.faults(f, at+"benefits.")
	}
}

func (b *Benefits) faults(f *faults, at string) {
	f.want(b.PointsRate.IsZero() || isPercent(b.PointsRate), at+"points_rate", wantPercent)
	f.want(b.Discount.IsZero() || isPercent(b.Discount), at+"discount", wantPercent)
	f.want(len(b.Coupons) <= mostTierCoupons, at+"coupons", fmt.Sprint("want at most ", mostTierCoupons))
	for i, c := range b.Coupons {
		at := fmt.Sprintf("%scoupons.%d.", at, i)
		f.want(programID.MatchString(c.Campaign), at+"campaign", "want a campaign's id")
		f.want(programID.MatchString(c.Definition), at+"definition_id", "want a definition's id")
		f.want(c.Each == "entry" || c.Each == "period", at+"each", "want entry or period")
	}
	f.want(len(b.Text) <= mostLanguages, at+"text", fmt.Sprint("want at most ", mostLanguages, " languages"))
	for tag, text := range b.Text {
		f.want(language.MatchString(tag) && text != "" && len(text) <= mostTierText, at+"text",
			fmt.Sprint("want 1 to ", mostTierText, " bytes by language as in BCP 47"))
	}
}

// rank is a tier's place, 0 of the first and of one that there is not any more.
func (r *TierRules) rank(name string) int {
	return max(0, slices.IndexFunc(r.Tiers, func(t TierTerms) bool { return t.Name == name }))
}

// reached is the place of the highest tier that so much reaches.
func (r *TierRules) reached(value Quantity) int {
	for i := len(r.Tiers) - 1; i > 0; i-- {
		if !value.Less(r.Tiers[i].From) {
			return i
		}
	}
	return 0
}

// keeps is the place of the highest tier, from one downwards, that so much keeps.
func (r *TierRules) keeps(value Quantity, from int) int {
	for i := from; i > 0; i-- {
		if !value.Less(r.Tiers[i].Keep) {
			return i
		}
	}
	return 0
}
