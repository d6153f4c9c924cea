package domain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// MergedTier is what an absorbed account brings its survivor of its tier: what was counted for it, under
// which rule, and what it holds. On the survivor's stream the sums stand under the survivor's own windows,
// and what was counted under a rule that rules no more is left out.
//
// The absorbed account keeps its own. So a merge that was undone has lost nothing.
type MergedTier struct {
	Opened   string     `json:"opened"` // YYYY-MM-DD: of the membership under whose windows Counts stand
	Rule     string     `json:"rule,omitempty"`
	Counts   []dayUsage `json:"counts,omitempty"`
	Oldest   string     `json:"oldest,omitempty"`
	Tier     string     `json:"tier,omitempty"` // as counting says
	Override *Override  `json:"override,omitempty"`
	Era      int        `json:"era,omitempty"` // the survivor's, under which Counts are counted there
}

// mergedTier is what the account brings, nil where that is nothing.
func (d *Draft) mergedTier() *MergedTier {
	s := &d.tiering
	m := &MergedTier{Opened: d.openedDay(), Rule: s.Rule, Counts: s.Counts, Oldest: s.Oldest, Tier: s.Tier,
		Override: s.Override}
	if r := d.tierRules(); r.averages() && s.Rule != r.rule() {
		m.Rule = r.rule()
		m.Counts, m.Oldest = d.changes(d.present())
	}
	if len(m.Counts) == 0 && s.Tier == "" && s.Override == nil {
		return nil
	}
	return m
}

// asOwn is what is brought as it counts here: what was counted in the window that runs there counts in
// the one that runs here at an instant, whenever each membership's years begin; the rest by its day.
func (d *Draft) asOwn(m *MergedTier, at time.Time) *MergedTier {
	r := d.tierRules()
	if m == nil || m.Rule == "" || r == nil {
		return m
	}
	own, opened := *m, d.openedDay()
	own.Opened, own.Counts, own.Era = opened, nil, 0
	if m.Rule != r.rule() {
		own.Rule, own.Oldest = "", ""
		return &own
	}
	if r.averages() {
		return d.ownAverage(own, m.Counts)
	}
	own.Era = d.tiering.era(own.Rule)
	today := dateOf(at.In(zone(d.present().Terms.Zone)))
	for _, c := range m.Counts {
		day := c.Day
		if r.Window.around(day, m.Opened).Holds(today) {
			day = today
		}
		own.Counts = addUsage(own.Counts, r.Window.bucket(day, opened), c.Sum)
	}
	return &own
}

// ownAverage is what is brought of an average: day by day, with the account's own where nothing was counted
// of it yet. What the merge sends counts by those days, and not once more when it comes.
func (d *Draft) ownAverage(own MergedTier, brought []dayUsage) *MergedTier {
	own.Counts = slices.Clone(brought)
	if s := &d.tiering; s.Rule == own.Rule {
		own.Oldest = s.Oldest
	} else {
		days, oldest := d.changes(d.present())
		own.Oldest = min(own.Oldest, oldest)
		for _, c := range days {
			own.Counts = addUsage(own.Counts, c.Day, c.Sum)
		}
	}
	own.Counts = since(own.Counts, own.Oldest)
	return &own
}

// addUsage adds to a day's sum. It changes days in place.
func addUsage(days []dayUsage, day string, sum Quantity) []dayUsage {
	i, found := slices.BinarySearchFunc(days, day, func(c dayUsage, day string) int {
		return strings.Compare(c.Day, day)
	})
	if !found {
		return slices.Insert(days, i, dayUsage{day, sum})
	}
	days[i].Sum = days[i].Sum.Add(sum)
	return days
}

// join adds what was counted elsewhere. What was counted here under another rule, which rules no more,
// is forgotten, as by the next sale.
func (s *tiering) join(m *MergedTier) {
	if m == nil || m.Rule == "" {
		return
	}
	if s.Rule != m.Rule {
		s.Rule, s.Era, s.Counts, s.Oldest = m.Rule, s.era(m.Rule), nil, m.Oldest
	}
	counts := slices.Clone(s.Counts)
	for _, c := range m.Counts {
		if c.Day >= s.Oldest {
			counts = addUsage(counts, c.Day, c.Sum)
		}
	}
	s.Counts = counts
}

// joinTier has the survivor of a merge, who has what was counted for both, hold the better tier: that
// which both together have reached; or else that which the absorbed account held, as if it had been
// reached now, but for the coupons that come with it, which have come with the merge. An override comes
// where it sets a better tier yet.
func (d *Draft) joinTier(merge uuid.UUID, m *MergedTier) error {
	r := d.tierRules()
	if r == nil || m == nil {
		return nil
	}
	opened, today := d.openedDay(), dateOf(d.Recorded.In(zone(d.present().Terms.Zone)))
	e := TierDecision{From: r.name(d.tiering.Tier), Program: d.present().Name(), Metric: r.Metric,
		Unit: r.Unit, Window: r.running(today, opened), TierSince: d.Recorded,
		ValidUntil: d.midnight(r.Window.ends(today, opened)), Evidence: []uuid.UUID{merge}}
	e.Value = d.metric(d.present(), e.Window, today)
	held, brought, reached := r.rank(d.tiering.Tier), r.rank(m.Tier), r.reached(e.Value)
	best := max(held, brought, reached)
	if best > held {
		e.To, e.Cause = r.Tiers[best].Name, TierMerged
		if best > brought {
			e.Cause = TierReached
		}
		if err := d.change(r, e, best); err != nil {
			return err
		}
	}
	o := m.Override
	if o == nil || !o.Until.IsZero() && !o.Until.After(d.Recorded) || r.rank(o.Tier) <= r.rank(d.Tier()) {
		return nil
	}
	return d.post(TierOverridden{Tier: o.Tier, Rank: r.rank(o.Tier), Reason: o.Reason,
		Approver: o.Approver, Until: o.Until})
}

func (m *MergedTier) check() error {
	if m == nil {
		return nil
	}
	if dayOf(m.Opened).IsZero() || len(m.Counts) > 0 && m.Rule == "" {
		return fmt.Errorf("what is brought of a tier: opened %.20q, counted by %.20q", m.Opened, m.Rule)
	}
	return nil
}
