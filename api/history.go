package api

import (
	"context"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// getHistory pages through an account's events, the newest first.
func getHistory(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	paging, err := c.paging()
	if err != nil {
		return err
	}
	from := eventstore.End
	if paging.Cursor != "" {
		var account uuid.UUID
		if err := projections.ReadCursor(paging.Cursor, "history", &account, &from); err != nil {
			return err
		}
		if account != v.ID() || from < 0 {
			return projections.ErrCursor
		}
	}
	entries, err := c.s.Ledger.History(context.Background(), v.ID(), from, paging.Limit)
	if err != nil {
		return err
	}
	next := ""
	if n := len(entries); n > 0 && entries[n-1].Revision > 0 {
		next, err = projections.NewCursor("history", v.ID(), entries[n-1].Revision-1)
		if err != nil {
			return err
		}
	}
	at := v.Position
	o := c.out()
	o.begin('{')
	o.id("account_id", v.ID())
	o.open("data", '[')
	for _, e := range entries {
		o.entry(e)
		at = max(at, e.Position)
	}
	o.page(next, at)
	return c.ok(o)
}

// entry writes one event of an account's history.
func (o *out) entry(e ledger.Entry) {
	m := e.Metadata
	o.begin('{')
	o.id("event_id", m.EventID)
	o.plain("type", domain.TypeOf(e.Event))
	o.time("occurred_at", m.OccurredAt)
	o.time("recorded_at", m.RecordedAt)
	o.skewed(m)
	o.text("business_date", m.BusinessDate)
	o.entryValue(e.Event)
	o.reference("reference", m.Reference)
	o.text("actor", m.Actor)
	o.some("channel", m.Channel)
	o.some("store", m.Store)
	o.some("terminal", m.Terminal)
	o.some("operator", m.Operator)
	o.id("operation_id", m.OperationID)
	o.integer("revision", e.Revision)
	o.position("position", uint64(e.Position))
	o.end('}')
}

// entryValue writes what an event moved, of which lots, and the total it left; null where it moved nothing.
func (o *out) entryValue(e domain.Event) {
	switch e := e.(type) {
	case domain.Valued:
		v := e.Worth()
		o.money("amount", v.Amount)
		o.quantity("balance_after", v.Balance.Total)
		o.signedMoves(v.Moves)
		return
	case domain.OperationDeclined:
		o.money("amount", e.Requested)
		o.plain("code", string(e.Code))
	case domain.ReceivableOpened:
		o.money("amount", e.Amount)
	default:
		o.null("amount")
	}
	o.null("balance_after")
}
