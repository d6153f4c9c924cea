package api

import (
	"context"
	"errors"
	"strconv"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// cashiers read what tills have counted.
var cashiers = []domain.Role{domain.RolePOS, domain.RoleFinance, domain.RoleAdmin}

// posdayRoutes are about a till's day: its shifts, what it settles, what it posts late.
func (s *Server) posdayRoutes() []*route {
	return []*route{
		{method: "POST", path: "/v1/shifts", id: "openShift", roles: tills, query: dry, serve: openShift},
		{method: "POST", path: "/v1/shifts/{shift_id}/close", id: "closeShift", roles: tills,
			query: []string{"dry_run", "max_wait"}, serve: closeShift},
		{method: "GET", path: "/v1/shifts/{shift_id}", id: "getShift", roles: cashiers, serve: getShift},
		{method: "GET", path: "/v1/shifts", id: "listShifts", roles: cashiers,
			query: append([]string{"store", "terminal", "business_date", "status"}, paged...),
			serve: listShifts},
		{method: "GET", path: "/v1/reports/settlement", id: "reportSettlement", roles: cashiers,
			query: []string{"store", "terminal", "shift", "business_date", "format", "at_position",
				"max_wait"}, serve: reportSettlement},
		{method: "POST", path: "/v1/batches", id: "uploadBatch", roles: tills, serve: uploadBatch},
		{method: "GET", path: "/v1/exceptions", id: "listExceptions", roles: auditors,
			query: append([]string{"status", "store", "terminal", "kind"}, paged...),
			serve: listExceptions},
		{method: "POST", path: "/v1/exceptions/{exception_id}/resolve", id: "resolveException",
			roles: auditors, query: dry, serve: resolveException},
	}
}

type openShiftBody struct {
	Store        string `json:"store"`
	Terminal     string `json:"terminal"`
	Shift        string `json:"shift"`
	BusinessDate string `json:"business_date"`
	Operator     string `json:"operator"`
}

func openShift(c *call) error {
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	var b openShiftBody
	r := &reading{s: c.s, who: c.who}
	if r.decode(body, &b) {
		r.about(post{Store: b.Store, Terminal: b.Terminal, Shift: b.Shift, Operator: b.Operator,
			BusinessDate: b.BusinessDate})
	}
	if err := r.err(); err != nil {
		return err
	}
	q, err := c.registration(r.context)
	if err != nil {
		return err
	}
	known, err := c.s.knownShift(b.Store, b.Terminal, q.Key)
	if err != nil {
		return err
	}
	a, err := c.s.Ledger.OpenShift(context.Background(), q, domain.OpenShift{Store: b.Store,
		Terminal: b.Terminal, Name: b.Shift, BusinessDate: b.BusinessDate}, known)
	return c.answer(a, err, q.DryRun)
}

// knownShift is where to begin to look for a terminal's last shift. Without read models that serve
// it is the first.
func (s *Server) knownShift(store, terminal, key string) (int, error) {
	if s.Models == nil {
		return 0, nil
	}
	known, err := s.Models.KnownShift(context.Background(), store, terminal, key)
	if errors.Is(err, projections.ErrStale) {
		return 0, nil
	}
	return known, err
}

// registration is what a registration at a place is asked with, but for the registration itself.
func (c *call) registration(place domain.Context) (ledger.Registering, error) {
	key, dryRun, err := c.once()
	return ledger.Registering{Key: key, DryRun: dryRun, Caller: c.who.Caller,
		CorrelationID: c.correlation(), Context: place}, err
}

type closeShiftBody struct {
	Totals     list[totalBody]        `json:"totals"`
	Operations list[posOperationBody] `json:"operations"`
	Operator   string                 `json:"operator"`
}

type totalBody struct {
	Type   domain.Operation `json:"type"`
	Count  int              `json:"count"`
	Amount *amount          `json:"amount"`
}

type posOperationBody struct {
	PosTxnID string           `json:"pos_txn_id"`
	Leg      string           `json:"leg"`
	Type     domain.Operation `json:"type"`
	Amount   *amount          `json:"amount"`
}

// closeShift closes a shift once the read models hold the log as it stood when the request came:
// what a till counted is compared with all that was posted until then.
func closeShift(c *call) error {
	body, done, err := c.largeBody()
	if err != nil {
		return err
	}
	defer done()
	s, id, err := c.shift()
	if err != nil {
		return err
	}
	var b closeShiftBody
	r := &reading{s: c.s, who: c.who}
	command := domain.CloseShift{ID: id}
	if r.decode(body, &b) {
		b.read(r, &command)
	}
	if err := r.err(); err != nil {
		return err
	}
	q, err := c.registration(domain.Context{Store: s.Opened.Store, Terminal: s.Opened.Terminal,
		Shift: s.Opened.Name, BusinessDate: s.Opened.BusinessDate, Operator: b.Operator})
	if err != nil {
		return err
	}
	if s.Closed == nil {
		if command.Settled, err = c.settledIn(id); err != nil {
			return err
		}
	}
	q.Registration = command
	a, err := c.s.Ledger.Register(context.Background(), q)
	if q.DryRun {
		a.Position = eventstore.Start
	}
	return c.answer(a, err, q.DryRun)
}

func (b *closeShiftBody) read(r *reading, to *domain.CloseShift) {
	r.word("operator", b.Operator)
	if len(b.Totals) > domain.MaxPosTotals || len(b.Operations) > domain.MaxPosOperations {
		r.malformed("totals", "want at most 100 totals and 10000 operations")
		return
	}
	for i, t := range b.Totals {
		field := "totals." + strconv.Itoa(i) + ".amount"
		to.Totals = append(to.Totals,
			domain.Total{Type: t.Type, Count: t.Count, Amount: r.money(field, t.Amount)})
	}
	for i, o := range b.Operations {
		field := "operations." + strconv.Itoa(i) + ".amount"
		to.Operations = append(to.Operations, domain.PosOperation{PosTxnID: o.PosTxnID, Leg: o.Leg,
			Type: o.Type, Amount: r.money(field, o.Amount)})
	}
}

// settledIn is what the ledger has in an open shift's window.
func (c *call) settledIn(id uuid.UUID) ([]domain.Settled, error) {
	if err := c.modelledToHead(); err != nil {
		return nil, err
	}
	windows, _, err := c.s.Models.Settled(context.Background(), projections.SettlementFilter{ID: id})
	if err != nil {
		return nil, err
	}
	if len(windows) != 1 {
		return nil, errBehind
	}
	return windows[0].Operations, nil
}

// shift is the shift of the path, where the caller may have to do with it.
func (c *call) shift() (domain.Shift, uuid.UUID, error) {
	id, err := c.pathID("shift_id")
	if err != nil {
		return domain.Shift{}, id, err
	}
	s, err := c.s.Ledger.Shift(context.Background(), id)
	if err != nil {
		return s, id, err
	}
	return s, id, c.who.mayPost(s.Opened.Store)
}

func shiftPlace(a ledger.Answer) string {
	return "/v1/shifts/" + a.First().Event.(domain.ShiftOpened).ShiftID.String() // by its type
}

func (o *out) shiftOpened(a ledger.Answer, e domain.ShiftOpened) {
	o.shift(domain.Shift{Opened: e, OpenedAt: a.First().Metadata.RecordedAt})
}

func (o *out) shiftClosed(a ledger.Answer, e domain.ShiftClosed) {
	m := a.First().Metadata
	o.id("id", e.ShiftID)
	o.text("store", m.Store)
	o.text("terminal", m.Terminal)
	o.text("shift", m.Shift)
	o.text("business_date", m.BusinessDate)
	o.plain("status", "closed")
	o.closing(&e)
	o.time("closed_at", m.RecordedAt)
}

// shift writes a shift, open or closed.
func (o *out) shift(s domain.Shift) {
	o.id("id", s.Opened.ShiftID)
	o.text("store", s.Opened.Store)
	o.text("terminal", s.Opened.Terminal)
	o.integer("number", int64(s.Opened.Number))
	o.text("shift", s.Opened.Name)
	o.text("business_date", s.Opened.BusinessDate)
	o.plain("status", s.Status())
	o.time("opened_at", s.OpenedAt)
	if s.Closed != nil {
		o.closing(s.Closed)
		o.time("closed_at", s.ClosedAt)
	}
}

// closing writes what a till counted, what the ledger did, and where they differ.
func (o *out) closing(e *domain.ShiftClosed) {
	o.totals("pos_totals", e.PosTotals)
	o.totals("ledger_totals", e.LedgerTotals)
	o.open("differences", '[')
	for i := range e.Differences {
		o.difference(&e.Differences[i])
	}
	o.end(']')
	o.integer("difference_count", int64(e.DifferenceCount))
}

func (o *out) totals(name string, totals []domain.Total) {
	o.open(name, '[')
	for _, t := range totals {
		o.begin('{')
		o.text("type", string(t.Type))
		o.integer("count", int64(t.Count))
		o.money("amount", t.Amount)
		if t.Late {
			o.boolean("late", true)
		}
		o.end('}')
	}
	o.end(']')
}

func (o *out) difference(d *domain.Difference) {
	o.begin('{')
	o.plain("kind", string(d.Kind))
	o.text("type", string(d.Type))
	o.some("pos_txn_id", d.PosTxnID)
	o.some("leg", d.Leg)
	if d.OperationID != uuid.Nil {
		o.id("account_id", d.AccountID)
		o.id("operation_id", d.OperationID)
	}
	o.some("business_date", d.BusinessDate)
	for _, side := range []struct {
		name   string
		amount *domain.Money
		count  int
	}{{"pos", d.Pos, d.PosCount}, {"ledger", d.Ledger, d.LedgerCount}} {
		if side.amount != nil {
			o.money(side.name, *side.amount)
		}
		if side.count > 0 {
			o.integer(side.name+"_count", int64(side.count))
		}
	}
	o.end('}')
}

func getShift(c *call) error {
	s, _, err := c.shift()
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.shift(s)
	o.end('}')
	return c.ok(o)
}

func listShifts(c *call) error {
	filter := projections.ShiftFilter{Store: c.Query("store"), Terminal: c.Query("terminal"),
		BusinessDate: c.Query("business_date"), Status: c.Query("status")}
	if s := filter.Status; s != "" && s != "open" && s != "closed" {
		return domain.ErrMalformed.Field("status", "want open or closed")
	}
	if err := c.who.mayPost(filter.Store); err != nil {
		return err
	}
	return listed(c, filter, (*projections.Models).Shifts, func(o *out, s projections.ShiftEntry) {
		o.begin('{')
		o.shiftEntry(s)
		o.integer("difference_count", int64(s.Differences))
		o.end('}')
	})
}

func (o *out) shiftEntry(s projections.ShiftEntry) {
	o.id("id", s.ID)
	o.text("store", s.Store)
	o.text("terminal", s.Terminal)
	o.integer("number", int64(s.Number))
	o.text("shift", s.Name)
	o.text("business_date", s.BusinessDate)
	o.plain("status", s.Status)
	o.time("opened_at", s.OpenedAt)
	o.time("closed_at", s.ClosedAt)
}
