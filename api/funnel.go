package api

import (
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections"
)

// getFunnel answers how far a campaign's coupons have come, what they gave and brought in, and what is left
// of its budgets now.
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
	steps, whole, at, err := c.s.Models.Funnel(c.UserContext(), id)
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
		if err := o.funnelStep(c, step); err != nil {
			return err
		}
		o.end('}')
	}
	o.end(']')
	o.open("totals", '[')
	for _, sum := range whole {
		o.begin('{')
		if err := o.useSum(c, sum); err != nil {
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

func (o *out) funnelStep(c *call, s projections.FunnelStep) error {
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
	if s.Used.Unit == "" {
		return nil
	}
	return o.useSum(c, s.Used)
}

// useSum writes what coupons gave and brought in.
func (o *out) useSum(c *call, s projections.UseSum) error {
	unit, err := c.s.Ledger.Unit(c.UserContext(), s.Unit)
	if err != nil {
		return err
	}
	o.integer("uses", s.Uses)
	o.integer("sales", s.Sales)
	o.integer("accounts", s.Accounts)
	o.money("discount", unit.Steps(s.Discount))
	o.money("partner_cost", unit.Steps(s.PartnerCost))
	o.money("revenue", unit.Steps(s.Revenue))
	return nil
}
