package api

import (
	"context"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// Who moves value between accounts: tills, and support on the telephone. Support alone ends accounts.
var (
	senders = []domain.Role{domain.RolePOS, domain.RoleSupport, domain.RoleAdmin}
	enders  = []domain.Role{domain.RoleSupport, domain.RoleAdmin}
)

func (s *Server) transferRoutes() []*route {
	post := func(path, id string, op operation) *route {
		return &route{method: "POST", path: account + path, id: id, roles: op.roles, query: dry,
			serve: write(op)}
	}
	return []*route{
		post("/transfers", "sendTransfer", transfer),
		post("/merge", "mergeAccount", merge),
		post("/close", "closeAccount", closeAccount),
		{method: "GET", path: account + "/transfers/{transfer_id}", id: "getTransfer", roles: readers,
			query: fresh, serve: getTransfer},
	}
}

type transferBody struct {
	To            string              `json:"to"`
	ToCustomerRef string              `json:"to_customer_ref"`
	Amount        *amount             `json:"amount"`
	Kind          domain.TransferKind `json:"kind"`
	post
}

var transfer = operation{name: "transfer", roles: senders, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b transferBody
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	t := domain.SendTransfer{Amount: r.money("amount", b.Amount), Kind: b.Kind,
		To: r.otherAccount("to", b.To, b.ToCustomerRef)}
	if b.Kind == "" {
		r.malformed("kind", "is required")
	}
	return t
}}

// otherAccount reads the account that a field names by its id, or another by its customer_ref.
func (r *reading) otherAccount(field, id, ref string) uuid.UUID {
	switch {
	case id != "" && ref != "":
		r.malformed(field, "want it or "+field+"_customer_ref, not both")
	case id != "":
		return r.id(field, id)
	case ref == "":
		r.malformed(field, "is required, or "+field+"_customer_ref")
	case domain.CheckCustomerRef(ref) != nil:
		r.malformed(field+"_customer_ref", "want a customer_ref")
	}
	return domain.AccountID(ref)
}

// transfer answers how a transfer ended; one that the receiver refused is a problem.
func (o *out) transfer(a ledger.Answer, e domain.TransferSent) {
	o.id("id", e.TransferID)
	o.id("account_id", a.Account)
	o.id("to_account", e.ToAccount)
	o.plain("kind", string(e.Kind))
	o.arrival(a, "sent", "received")
	o.money("amount", e.Amount)
	o.moves("allocations", e.Moves)
	o.tail(a)
}

// arrival writes the status of what was sent, and when it arrived.
func (o *out) arrival(a ledger.Answer, before, after string) {
	if a.Outcome == nil {
		o.plain("status", before)
		return
	}
	o.plain("status", after)
	o.time("received_at", a.Outcome.Metadata.RecordedAt)
}

var merge = operation{name: "merge", roles: enders, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b struct {
		Into            string `json:"into"`
		IntoCustomerRef string `json:"into_customer_ref"`
		post
	}
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	return domain.MergeAccount{Into: r.otherAccount("into", b.Into, b.IntoCustomerRef)}
}}

func (o *out) merged(a ledger.Answer, e domain.AccountsMerged) {
	o.id("id", e.MergeID)
	o.id("account_id", a.Account)
	o.id("survivor_id", e.Survivor)
	o.arrival(a, "sent", "merged")
	o.open("moved", '[')
	for _, p := range a.Events {
		if sent, ok := p.Event.(domain.TransferSent); ok {
			o.begin('{')
			o.id("transfer_id", sent.TransferID)
			o.money("amount", sent.Amount)
			o.moves("allocations", sent.Moves)
			o.end('}')
		}
	}
	o.end(']')
	o.ending(a)
}

var closeAccount = operation{name: "close", roles: enders, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	return domain.CloseAccount{Reason: r.why(body)}
}}

func (o *out) closed(a ledger.Answer, e domain.AccountClosed) {
	o.id("id", a.First().Metadata.OperationID)
	o.id("account_id", a.Account)
	o.plain("status", string(domain.Closed))
	o.text("reason", e.Reason)
	o.ending(a)
}

// getTransfer reads a transfer from the sender's side, or from the receiver's, who knows of it once it
// was decided.
func getTransfer(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	id, err := c.pathID("transfer_id")
	if err != nil {
		return err
	}
	t, err := c.s.Ledger.Transfer(context.Background(), v.ID(), id)
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.id("id", id)
	o.id("account_id", v.ID())
	o.someID("from_account", t.From)
	o.id("to_account", t.To)
	o.plain("status", t.Status)
	o.some("kind", string(t.Kind))
	o.someMoney("amount", t.Amount)
	o.moves("allocations", t.Moves)
	o.some("reason", string(t.Reason))
	o.time("sent_at", t.SentAt)
	o.time("ended_at", t.EndedAt)
	o.position("as_of_position", uint64(v.Position))
	o.end('}')
	return c.ok(o)
}
