package api

import (
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections"
)

// listPoints lists who has points of a unit, by account, from the read model.
func listPoints(c *call) error {
	filter := projections.BalanceFilter{Unit: c.Query("unit")}
	if c.Query("cursor") == "" {
		unit, err := c.s.Ledger.Unit(c.UserContext(), filter.Unit)
		if err != nil || unit.Kind != domain.Points {
			return domain.ErrMalformed.Field("unit", "want a points unit")
		}
	}
	return listed(c, filter, (*projections.Models).Balances, func(o *out, b projections.BalanceEntry) {
		o.begin('{')
		o.id("account_id", b.AccountID)
		o.plain("unit", b.Unit)
		o.quantity("total", b.Total)
		o.quantity("held", b.Held)
		o.end('}')
	})
}

// reportPoints answers what became of points, and what of them is owed to customers, by unit.
func reportPoints(c *call) error {
	now := time.Now()
	f := projections.PointsFilter{Unit: c.Query("unit"), Now: now}
	var err error
	if f.From, f.Through, err = c.days(); err != nil {
		return err
	}
	if err := c.modelled(); err != nil {
		return err
	}
	found, at, err := c.s.Models.PointsReport(c.UserContext(), f)
	if err != nil {
		return err
	}
	rules := c.s.Ledger.Program(uuid.UUID{}, now).Terms.Points
	o := c.out()
	o.begin('{')
	o.open("query", '{')
	o.some("unit", f.Unit)
	o.some("from", f.From)
	o.some("through", f.Through)
	o.end('}')
	o.open("data", '[')
	for i := range found {
		unit, err := c.s.Ledger.Unit(c.UserContext(), found[i].Unit)
		if err != nil {
			return err
		}
		o.begin('{')
		o.pointsSum(&found[i], unit, rules)
		o.end('}')
	}
	o.end(']')
	o.position("as_of_position", uint64(at))
	o.end('}')
	return c.ok(o)
}

// pointsSum writes figures at the unit's scale, and what the points are worth by the first of the rules
// that has them pay.
func (o *out) pointsSum(s *projections.PointsSum, unit domain.Unit, rules []domain.PointsRule) {
	o.plain("unit", s.Unit)
	o.quantity("opening", unit.Steps(s.Opening).Quantity)
	o.open("changes", '[')
	for _, change := range s.Changes {
		o.begin('{')
		o.plain("type", change.Type)
		o.integer("events", change.Events)
		o.quantity("amount", unit.Steps(change.Amount).Quantity)
		o.end('}')
	}
	o.end(']')
	o.quantity("closing", unit.Steps(s.Closing).Quantity)
	for i := range rules {
		if r := &rules[i]; r.Points.Unit() == s.Unit && r.Spend != nil {
			o.money("worth", r.Spend.WorthOf(unit.Steps(max(s.Closing, 0))))
			break
		}
	}
	o.integer("accounts", s.Accounts)
	o.quantity("pending", unit.Steps(s.Pending).Quantity)
	o.open("ending", '[')
	for _, e := range s.Ending {
		o.begin('{')
		o.some("month", e.Month)
		o.quantity("amount", unit.Steps(e.Amount).Quantity)
		o.end('}')
	}
	o.end(']')
}
