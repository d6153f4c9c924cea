package api

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/projections"
)

// asksReference reads the reference that a look-up names. What a missing leg means is the
// look-up's: one account is asked for leg 1, the read model for every leg.
func (c *call) asksReference() (domain.Reference, error) {
	ref := domain.Reference{Store: c.Query("store"), Terminal: c.Query("terminal"),
		PosTxnID: c.Query("pos_txn_id"), Leg: c.Query("leg")}
	if ref.PosTxnID == "" {
		return ref, domain.ErrMalformed.Field("pos_txn_id", "is required")
	}
	r := &reading{s: c.s, who: c.who}
	r.word("store", ref.Store)
	r.word("terminal", ref.Terminal)
	r.word("pos_txn_id", ref.PosTxnID)
	r.word("leg", ref.Leg)
	if err := r.err(); err != nil {
		return ref, err
	}
	return ref, c.who.mayPost(ref.Store)
}

// accountOperations answers what a reference with one leg, by default 1, did on one account: from
// its own stream, where names are hashes of whole references, and always current.
func accountOperations(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	ref, err := c.asksReference()
	if err != nil {
		return err
	}
	if ref.Leg == "" {
		ref.Leg = "1"
	}
	answers, err := c.s.Ledger.Operations(context.Background(), v.ID(), ref)
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.open("data", '[')
	at := v.Position
	for _, a := range unique(answers) {
		o.operation(a, statusOf(a, answers))
		at = max(at, a.Position)
	}
	o.page("", at)
	return c.ok(o)
}

// unique are answers without those that two names led to, in the order of the account's history.
func unique(answers []ledger.Answer) []ledger.Answer {
	answers = slices.Clone(answers)
	slices.SortStableFunc(answers, func(a, b ledger.Answer) int {
		return int(a.First().Revision - b.First().Revision)
	})
	return slices.CompactFunc(answers, func(a, b ledger.Answer) bool {
		return a.First().Revision == b.First().Revision
	})
}

// statusOf is whether an operation was posted, declined, or cancelled by another of these.
func statusOf(a ledger.Answer, all []ledger.Answer) string {
	switch a.First().Event.(type) {
	case domain.OperationDeclined:
		return "declined"
	case domain.ReferenceCancelled:
		return "cancelled"
	}
	for _, other := range all {
		for _, p := range other.Events {
			if id, kind := cancels(p); kind != "" && id == a.First().Metadata.OperationID {
				return "cancelled"
			}
		}
	}
	return "posted"
}

// operation writes an operation with the answer that its caller got, as the next element.
func (o *out) operation(a ledger.Answer, status string) {
	m := a.First().Metadata
	o.begin('{')
	o.id("operation_id", m.OperationID)
	o.id("account_id", a.Account)
	o.plain("kind", string(kindOf(a.First())))
	o.plain("status", status)
	o.reference("reference", m.Reference)
	o.time("recorded_at", m.RecordedAt)
	o.name("answer")
	o.answer(a)
	o.end('}')
}

// listOperations answers what a reference did on any account; without leg, with any leg. It waits
// until the read model holds everything that was in the log when the question came, so that it is
// never wrongly empty.
func listOperations(c *call) error {
	ref, err := c.asksReference()
	if err != nil {
		return err
	}
	paging, err := c.paging()
	if err != nil {
		return err
	}
	if err := c.modelledToHead(); err != nil {
		return err
	}
	page, err := c.s.Models.Operations(context.Background(), projections.OperationFilter{
		Store: ref.Store, Terminal: ref.Terminal, PosTxnID: ref.PosTxnID, Leg: ref.Leg}, paging)
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.open("data", '[')
	for _, found := range page.Data {
		if found.AccountID == uuid.Nil {
			continue
		}
		a, err := c.s.Ledger.Operation(context.Background(), found.AccountID, found.OperationID)
		if errors.Is(err, domain.ErrNotFound) {
			continue // an event that is not ours: its stream is damaged
		}
		if err != nil {
			return err
		}
		o.operation(a, found.Status)
	}
	o.page(page.Next, page.AsOf)
	return c.ok(o)
}

// modelledToHead waits, as long as the caller wants to, until the read models hold the log's head
// as it is now.
func (c *call) modelledToHead() error {
	least, wait, err := c.freshness()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.s.stop, wait)
	defer cancel()
	head, err := c.s.Ledger.Head(ctx)
	if err != nil {
		return err
	}
	return c.s.await(ctx, max(head, least))
}
