package api

import (
	"maps"
	"slices"
	"strconv"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections"
)

func (s *Server) dormantRoutes() []*route {
	return []*route{
		{method: "GET", path: "/v1/reports/dormant", id: "reportDormant", roles: recallers,
			query: slices.Concat(paged, []string{"step"}), serve: reportDormant,
			unbound: true},
	}
}

// recallers look after customers who stay away.
var recallers = []domain.Role{domain.RoleFinance, domain.RoleMarketing, domain.RoleAdmin}

// reportDormant lists accounts whose customers have done nothing for so long that their programs say
// so. It is about customers of every store: no key that is bound to stores reads it.
func reportDormant(c *call) error {
	var filter projections.DormantFilter
	if text := c.Query("step"); text != "" {
		days, err := strconv.Atoi(text)
		if err != nil || days < 1 || days > 36500 {
			return domain.ErrMalformed.Field("step", "want 1 to 36500 days")
		}
		filter.Step = days
	}
	if c.Query("cursor") != "" {
		filter = projections.DormantFilter{} // the cursor carries it
	}
	return listed(c, filter, (*projections.Models).Dormant, (*out).dormant)
}

func (o *out) dormant(d projections.DormantEntry) {
	o.begin('{')
	o.id("account_id", d.AccountID)
	o.text("customer_ref", d.CustomerRef)
	o.time("since", d.Since)
	o.integer("step", int64(d.Step))
	o.open("balance", '[')
	for _, unit := range slices.Sorted(maps.Keys(d.Balance)) {
		o.begin('{')
		o.quantity("amount", d.Balance[unit])
		o.plain("unit", unit)
		o.end('}')
	}
	o.end(']')
	o.end('}')
}
