package api

import (
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
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

// reportPoints answers what became of points, and what of them is owed to customers, by unit. Asked at a
// position it is the same for ever, and says nothing of what is as it stands now.
func reportPoints(c *call) error {
	now := time.Now()
	f, asCSV, err := c.pointsFilter(now)
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
	found, at, err := c.s.Models.PointsReport(c.UserContext(), f)
	if err != nil {
		return err
	}
	units := make([]domain.Unit, len(found))
	for i := range found {
		if units[i], err = c.s.Ledger.Unit(c.UserContext(), found[i].Unit); err != nil {
			return err
		}
	}
	if asCSV {
		return c.pointsCSV(found, units, at)
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
		o.begin('{')
		o.pointsSum(&found[i], units[i])
		if f.At == eventstore.Start {
			o.pointsNow(&found[i], units[i], rules)
		}
		o.end('}')
	}
	o.end(']')
	o.position("as_of_position", uint64(at))
	o.end('}')
	return c.ok(o)
}

func (c *call) pointsFilter(now time.Time) (f projections.PointsFilter, asCSV bool, err error) {
	f = projections.PointsFilter{Unit: c.Query("unit"), Now: now}
	if f.From, f.Through, err = c.days(); err != nil {
		return f, false, err
	}
	if f.At, err = c.atPosition(); err != nil {
		return f, false, err
	}
	asCSV, err = c.wantsCSV()
	return f, asCSV, err
}

var pointsHeader = []string{"unit", "entry", "events", "amount", "as_of_position"}

// pointsCSV answers what became of points as CSV (RFC 4180): of each unit opening, a row a type of events,
// and closing.
func (c *call) pointsCSV(found []projections.PointsSum, units []domain.Unit, at eventstore.Position) error {
	rows := [][]string{pointsHeader}
	for i, s := range found {
		add := func(entry, events string, amount int64) {
			rows = append(rows, []string{s.Unit, entry, events, units[i].Steps(amount).Quantity.String(),
				strconv.FormatUint(uint64(at), 10)})
		}
		add("opening", "", s.Opening)
		for _, change := range s.Changes {
			add(change.Type, strconv.FormatInt(change.Events, 10), change.Amount)
		}
		add("closing", "", s.Closing)
	}
	return c.csv("points.csv", rows)
}

// pointsSum writes figures at the unit's scale.
func (o *out) pointsSum(s *projections.PointsSum, unit domain.Unit) {
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
	o.integer("accounts", s.Accounts)
}

// pointsNow writes what is as it stands: what the points are worth by the first of the rules that has them
// pay, and what of them is pending and ends.
func (o *out) pointsNow(s *projections.PointsSum, unit domain.Unit, rules []domain.PointsRule) {
	for i := range rules {
		if r := &rules[i]; r.Points.Unit() == s.Unit && r.Spend != nil {
			o.money("worth", r.Spend.WorthOf(unit.Steps(max(s.Closing, 0))))
			break
		}
	}
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
