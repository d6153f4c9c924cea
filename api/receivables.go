package api

import (
	"slices"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

func (s *Server) receivableRoutes() []*route {
	const receivables = account + "/receivables"
	return []*route{
		{method: "GET", path: receivables, id: "listReceivables", roles: creditors, query: fresh,
			serve: listReceivables},
		{method: "POST", path: receivables + "/{receivable_id}/write-off", id: "writeOffReceivable",
			roles: writeOff.roles, query: dry, serve: write(writeOff)},
	}
}

// creditors read what accounts owe.
var creditors = slices.DeleteFunc(slices.Clone(readers), isCustomer)

var writeOff = operation{name: "write_off", roles: auditors, ids: []string{"receivable_id"}, parse: func(
	r *reading, t *target, body []byte,
) domain.Command {
	return domain.WriteOff{ReceivableID: t.ids["receivable_id"], Reason: r.why(body)}
}}

// settled answers a write-off.
func (o *out) settled(a ledger.Answer, e domain.ReceivableSettled) {
	o.id("id", a.First().Metadata.OperationID)
	o.id("account_id", a.Account)
	o.id("receivable_id", e.ReceivableID)
	o.plain("by", string(e.By))
	o.owedFor(e.Cause, e.SourceID)
	o.money("amount", e.Amount)
	o.money("outstanding", e.Outstanding)
	o.some("reason", e.Reason)
	o.tail(a)
}

// listReceivables lists what an account owes, oldest first.
func listReceivables(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.id("account_id", v.ID())
	o.open("data", '[')
	for _, r := range v.Receivables() {
		o.begin('{')
		o.id("receivable_id", r.ID)
		o.plain("cause", r.Cause)
		o.owedFor(r.Cause, r.SourceID)
		o.money("amount", r.Amount)
		o.money("outstanding", r.Outstanding)
		o.time("opened_at", r.OpenedAt)
		o.end('}')
	}
	o.page("", v.Position)
	return c.ok(o)
}
