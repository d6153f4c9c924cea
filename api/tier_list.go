package api

import "github.com/tillbook/tillbook/projections"

// listTiers lists the tiers that accounts hold, from the read model.
func listTiers(c *call) error {
	filter := projections.TierFilter{Tier: c.Query("tier")}
	if r := c.s.everyones(); r != nil && filter.Tier != "" {
		filter.FirstTier = r.Tiers[0].Name == filter.Tier
	}
	var err error
	if filter.DueBefore, err = c.instant("due_before"); err != nil {
		return err
	}
	return listed(c, filter, (*projections.Models).Tiers, func(o *out, e projections.TierEntry) {
		o.begin('{')
		o.id("account_id", e.AccountID)
		o.text("tier", c.s.named(e.Tier))
		o.integer("rank", int64(e.Rank))
		o.time("since", e.Since)
		o.time("valid_until", e.ValidUntil)
		if e.Scheduled.To != "" {
			o.open("scheduled", '{')
			o.text("to", e.Scheduled.To)
			o.time("on", e.Scheduled.On)
			o.end('}')
		}
		if e.Overridden {
			o.open("override", '{')
			o.text("counted", c.s.named(e.Counted))
			o.time("until", e.Ends)
			o.end('}')
		}
		o.end('}')
	})
}
