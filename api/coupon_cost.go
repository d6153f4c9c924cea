package api

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

func (s *Server) couponCostRoutes() []*route {
	return []*route{
		{method: "GET", path: "/v1/reports/coupon-cost", id: "reportCouponCost", roles: campaignReaders,
			query: []string{"from", "through", "store", "campaign", "partner", "by", "at_position", "format",
				"min_position", "max_wait"}, serve: reportCouponCost},
	}
}

// costLimit bounds the rows of one report.
const costLimit = 100_000

// reportCouponCost answers what coupons gave, and who bears it, from the read model. Asked at a position
// it is the same for ever. A key that is bound to stores asks for one of them.
func reportCouponCost(c *call) error {
	f, asCSV, err := c.costFilter()
	if err != nil {
		return err
	}
	if f.At == eventstore.Start {
		err = c.modelled()
	} else {
		err = c.modelledTo(f.At)
	}
	if err != nil {
		return err
	}
	found, at, err := c.s.Models.CouponCost(context.Background(), f)
	if errors.Is(err, projections.ErrTooMany) {
		return domain.ErrLimitExceeded.Because("more than 100000 rows: ask for fewer days")
	}
	if err != nil {
		return err
	}
	costs, err := c.costs(found)
	if err != nil {
		return err
	}
	if asCSV {
		return c.costCSV(costs, at)
	}
	o := c.out()
	o.begin('{')
	o.costAsked(f)
	o.open("data", '[')
	for i := range costs {
		o.begin('{')
		o.cost(&costs[i])
		o.end('}')
	}
	o.end(']')
	o.bearers(costs)
	o.position("as_of_position", uint64(at))
	o.end('}')
	return c.ok(o)
}

func (c *call) costFilter() (f projections.CostFilter, asCSV bool, err error) {
	f = projections.CostFilter{Campaign: c.Query("campaign"), Partner: c.Query("partner"),
		Store: c.Query("store"), Limit: costLimit}
	if f.From, f.Through, err = c.days(); err != nil {
		return f, false, err
	}
	if f.At, err = c.atPosition(); err != nil {
		return f, false, err
	}
	if by := c.Query("by"); by != "" {
		parts := strings.Split(by, ",")
		f.ByDay, f.ByStore = slices.Contains(parts, "day"), slices.Contains(parts, "store")
		if slices.ContainsFunc(parts, func(p string) bool { return p != "day" && p != "store" }) {
			return f, false, domain.ErrMalformed.Field("by", "want day, store or both")
		}
	}
	if asCSV, err = c.wantsCSV(); err != nil {
		return f, false, err
	}
	return f, asCSV, c.who.mayPost(f.Store)
}

// couponCost is an entry with its figures as amounts.
type couponCost struct {
	projections.CostEntry
	given, returned, net, partners, own domain.Money
}

func (c *call) costs(found []projections.CostEntry) ([]couponCost, error) {
	all := make([]couponCost, len(found))
	for i, e := range found {
		unit, err := c.s.Ledger.Unit(c.UserContext(), e.Unit)
		if err != nil {
			return nil, err
		}
		all[i] = couponCost{CostEntry: e, given: unit.Steps(e.Given), returned: unit.Steps(e.Returned),
			net: unit.Steps(e.Net()), partners: unit.Steps(e.PartnerCost),
			own: unit.Steps(e.Net() - e.PartnerCost)}
	}
	return all, nil
}

// costAsked echoes the question that the report answers.
func (o *out) costAsked(f projections.CostFilter) {
	o.open("query", '{')
	for _, p := range [][2]string{{"from", f.From}, {"through", f.Through}, {"store", f.Store},
		{"campaign", f.Campaign}, {"partner", f.Partner}} {
		o.some(p[0], p[1])
	}
	o.open("by", '[')
	if f.ByDay {
		o.quote("day")
	}
	if f.ByStore {
		o.quote("store")
	}
	o.end(']')
	o.end('}')
}

func (o *out) cost(e *couponCost) {
	o.text("campaign", e.Campaign)
	o.text("definition", e.Definition)
	o.some("partner", e.Partner)
	o.plain("cost_share", e.CostShare)
	o.some("day", e.Day)
	o.some("store", e.Store)
	o.plain("unit", e.Unit)
	o.integer("uses", e.Uses)
	o.quantity("given", e.given.Quantity)
	o.quantity("returned", e.returned.Quantity)
	o.quantity("discount", e.net.Quantity)
	o.quantity("partner_cost", e.partners.Quantity)
	o.quantity("own_cost", e.own.Quantity)
}

// bearers writes who bears how much in all, unit by unit: each partner, and the shop itself.
func (o *out) bearers(costs []couponCost) {
	type bearer struct{ unit, partner string }
	sums := map[bearer]domain.Money{}
	var order []bearer
	add := func(b bearer, x domain.Money) {
		if sum, known := sums[b]; known {
			x = sum.Add(x)
		} else {
			order = append(order, b)
		}
		sums[b] = x
	}
	for _, e := range costs {
		add(bearer{e.Unit, ""}, e.own)
		if e.Partner != "" {
			add(bearer{e.Unit, e.Partner}, e.partners)
		}
	}
	slices.SortFunc(order, func(a, b bearer) int {
		return strings.Compare(a.unit+" "+a.partner, b.unit+" "+b.partner)
	})
	o.open("borne", '[')
	for _, b := range order {
		o.begin('{')
		o.some("partner", b.partner)
		o.plain("unit", b.unit)
		o.quantity("cost", sums[b].Quantity)
		o.end('}')
	}
	o.end(']')
}

var costHeader = []string{"campaign", "definition", "partner", "cost_share", "day", "store", "unit",
	"uses", "given", "returned", "discount", "partner_cost", "own_cost", "as_of_position"}

// costCSV answers the rows as CSV (RFC 4180).
func (c *call) costCSV(costs []couponCost, at eventstore.Position) error {
	rows := [][]string{costHeader}
	for _, e := range costs {
		rows = append(rows, []string{harmless(e.Campaign), harmless(e.Definition), harmless(e.Partner),
			e.CostShare, e.Day, harmless(e.Store), e.Unit, strconv.FormatInt(e.Uses, 10),
			e.given.Quantity.String(), e.returned.Quantity.String(), e.net.Quantity.String(),
			e.partners.Quantity.String(), e.own.Quantity.String(), strconv.FormatUint(uint64(at), 10)})
	}
	return c.csv("coupon-cost.csv", rows)
}
