package api

import (
	"context"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/projections"
)

// listExceptions lists what happened at tills and is not in the books as it happened.
func listExceptions(c *call) error {
	filter := projections.ExceptionFilter{Status: c.Query("status"), Store: c.Query("store"),
		Terminal: c.Query("terminal"), Kind: c.Query("kind")}
	if s := filter.Status; s != "" && s != "open" && s != "resolved" {
		return domain.ErrMalformed.Field("status", "want open or resolved")
	}
	if err := c.who.mayPost(filter.Store); err != nil {
		return err
	}
	return listed(c, filter, (*projections.Models).Exceptions,
		func(o *out, x projections.ExceptionEntry) {
			o.begin('{')
			o.exception(x)
			o.end('}')
		})
}

func (o *out) exception(x projections.ExceptionEntry) {
	o.id("id", x.ID)
	o.id("batch_id", x.BatchID)
	o.text("store", x.Store)
	o.text("terminal", x.Terminal)
	o.integer("seq", x.Seq)
	o.plain("kind", string(x.Kind))
	o.plain("status", x.Status)
	o.some("operation", string(x.Operation))
	o.someID("account_id", x.AccountID)
	o.someID("operation_id", x.OperationID)
	o.someMoney("amount", x.Amount)
	o.some("code", string(x.Code))
	o.time("raised_at", x.RaisedAt)
	o.time("resolved_at", x.ResolvedAt)
	o.some("resolved_by", x.ResolvedBy)
	o.some("how", x.How)
}

// resolveException says how people settled an exception. It moves no value: what is to be corrected
// is corrected by operations of its own.
func resolveException(c *call) error {
	id, err := c.pathID("exception_id")
	if err != nil {
		return err
	}
	body, err := c.body(c.s.BodyLimit)
	if err != nil {
		return err
	}
	var b struct {
		How string `json:"how"`
	}
	if err := decode(body, &b); err != nil {
		return err
	}
	x, err := c.s.Ledger.Exception(context.Background(), id)
	if err != nil {
		return err
	}
	if err := c.who.mayPost(x.Store); err != nil {
		return err
	}
	q, err := c.registration(domain.Context{Store: x.Store, Terminal: x.Terminal})
	if err != nil {
		return err
	}
	q.Registration = domain.ResolveException{ID: id, How: b.How}
	a, err := c.s.Ledger.Register(context.Background(), q)
	return c.answer(a, err, q.DryRun)
}

func (o *out) exceptionResolved(a ledger.Answer, e domain.ExceptionResolved) {
	o.id("id", e.ID)
	o.plain("status", "resolved")
	o.text("how", e.How)
	o.time("resolved_at", a.First().Metadata.RecordedAt)
	o.plain("resolved_by", a.First().Metadata.Actor)
}
