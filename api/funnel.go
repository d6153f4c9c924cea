package api

import (
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections"
)

// getFunnel answers how far a campaign's coupons have come, what they gave, and what is left of its
// budgets now.
func getFunnel(c *call) error {
	if err := c.modelled(); err != nil {
		return err
	}
	id := c.Params("campaign_id")
	known, err := c.s.Ledger.Campaign(c.UserContext(), id)
	if err != nil {
		return err
	}
	if known == nil {
		return domain.ErrNotFound.Because("there is no such campaign")
	}
	budget, err := c.s.Ledger.Budget(id)
	if err != nil {
		return err
	}
	steps, at, err := c.s.Models.Funnel(c.UserContext(), id)
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.plain("campaign_id", id)
	o.plain("status", string(known.Status))
	o.some("partner", known.Terms.Partner)
	o.open("data", '[')
	for _, step := range steps {
		o.begin('{')
		if err := o.funnelStep(c, step, known); err != nil {
			return err
		}
		o.end('}')
	}
	o.end(']')
	o.json("left", budget.Left())
	o.position("as_of_position", uint64(at))
	o.end('}')
	return c.ok(o)
}

func (o *out) funnelStep(c *call, s projections.FunnelStep, of *domain.Campaign) error {
	o.plain("definition", s.Definition)
	for _, figure := range []struct {
		name  string
		value int64
	}{
		{"issued", s.Issued}, {"reserved", s.Reserved}, {"redeemed", s.Redeemed},
		{"expired", s.Expired}, {"revoked", s.Revoked}, {"recycled", s.Recycled},
	} {
		o.integer(figure.name, figure.value)
	}
	if s.Unit == "" {
		return nil
	}
	unit, err := c.s.Ledger.Unit(c.UserContext(), s.Unit)
	if err != nil {
		return err
	}
	given := unit.Steps(s.Discount)
	o.money("discount", given)
	if !of.Terms.CostShare.IsZero() {
		o.money("partner_cost", of.PartnerCost(given))
	}
	return nil
}
