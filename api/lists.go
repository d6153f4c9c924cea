package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// listAccounts lists accounts from the read model; one customer's account comes from the ledger,
// and is current.
func listAccounts(c *call) error {
	if ref := c.Query("customer_ref"); ref != "" {
		return accountOf(c, ref)
	}
	if c.who.Role == domain.RolePOS || c.who.Role == domain.RoleSupport {
		return domain.ErrForbidden.Field("customer_ref", "this role looks one account up at a time")
	}
	filter := projections.AccountFilter{Prefix: c.Query("prefix"),
		Status: domain.Status(c.Query("status")), Tag: c.Query("tag")}
	if filter.Status != "" && !slices.Contains(domain.Statuses, filter.Status) {
		return domain.ErrMalformed.Field("status", "want open, frozen, closed or merged")
	}
	if filter.Tier = c.Query("tier"); filter.Tier != "" {
		r := c.s.everyones()
		filter.FirstTier = r != nil && r.Tiers[0].Name == filter.Tier
	}
	if filter.Status != "" {
		filter.At = time.Now().UTC().Truncate(time.Second)
	}
	if c.Query("cursor") != "" {
		filter = projections.AccountFilter{} // the cursor carries it
	}
	return listed(c, filter, (*projections.Models).Accounts,
		func(o *out, a projections.AccountEntry) {
			o.begin('{')
			o.id("id", a.ID)
			o.plain("customer_ref", a.CustomerRef)
			o.plain("status", string(a.Status))
			o.time("opened_at", a.OpenedAt)
			o.integer("revision", a.Revision)
			o.end('}')
		})
}

// listed answers a page of a read model. write writes one row of it.
func listed[F, E any](c *call, filter F,
	read func(*projections.Models, context.Context, F, projections.Paging) (projections.Page[E], error),
	write func(*out, E),
) error {
	paging, err := c.paging()
	if err != nil {
		return err
	}
	if err := c.modelled(); err != nil {
		return err
	}
	page, err := read(c.s.Models, context.Background(), filter, paging)
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.open("data", '[')
	for _, row := range page.Data {
		write(o, row)
	}
	o.page(page.Next, page.AsOf)
	return c.ok(o)
}

// accountOf lists the account of a customer_ref: one, or none.
func accountOf(c *call, ref string) error {
	least, wait, err := c.freshness()
	if err != nil {
		return err
	}
	v, err := c.s.Ledger.Account(context.Background(), domain.AccountID(ref))
	if err == nil && v.Position < least {
		v, err = c.s.currentView(v, least, wait)
	}
	found := !errors.Is(err, domain.ErrNotFound)
	if err != nil && found {
		return err
	}
	o := c.out()
	o.begin('{')
	o.open("data", '[')
	if found {
		o.account(v, c.programOf(v))
	}
	at := v.Position
	if !found {
		if at, err = c.s.Ledger.Head(context.Background()); err != nil {
			return err
		}
	}
	o.page("", at)
	return c.ok(o)
}

// listAudit lists events: who, when, from where, what, before and after.
func listAudit(c *call) error {
	filter, err := c.auditFilter()
	if err != nil {
		return err
	}
	return listed(c, filter, (*projections.Models).Audit, (*out).audit)
}

func (c *call) auditFilter() (f projections.AuditFilter, err error) {
	f.Actor, f.Type, f.Store = c.Query("actor"), c.Query("type"), c.Query("store")
	if text := c.Query("account_id"); text != "" {
		id, ok := parseID(text)
		if !ok {
			return f, domain.ErrMalformed.Field("account_id", "want a UUID in lower case")
		}
		f.Account = id
	}
	if f.From, err = c.instant("from"); err != nil {
		return f, err
	}
	if f.To, err = c.instant("to"); err != nil {
		return f, err
	}
	if f.Position, err = c.positionOf("from_position"); err != nil {
		return f, err
	}
	if f.Type != "" && !isEventType(f.Type) {
		return f, errNoEvent
	}
	return f, c.who.mayPost(f.Store)
}

func (o *out) audit(e projections.AuditEntry) {
	o.begin('{')
	o.position("position", uint64(e.Position))
	o.text("stream", e.Stream)
	o.someID("account_id", e.AccountID)
	o.integer("revision", int64(e.Revision))
	o.id("event_id", e.EventID)
	o.plain("type", e.Type)
	o.id("operation_id", e.OperationID)
	o.text("actor", e.Actor)
	o.text("role", e.Role)
	o.some("on_behalf_of", e.OnBehalfOf)
	o.some("operator", e.Operator)
	o.time("occurred_at", e.OccurredAt)
	o.time("recorded_at", e.RecordedAt)
	if e.Skewed {
		o.boolean("skewed", true)
	}
	o.text("business_date", e.BusinessDate)
	o.some("channel", e.Channel)
	o.some("store", e.Store)
	o.some("entity", e.Entity)
	o.some("terminal", e.Terminal)
	o.some("shift", e.Shift)
	o.some("pos_txn_id", e.PosTxnID)
	o.some("leg", e.Leg)
	o.some("code", e.Code)
	if e.Amount == nil {
		o.null("amount")
	} else {
		o.open("amount", '{')
		o.plain("amount", e.Amount.Amount)
		o.plain("unit", e.Amount.Unit)
		o.end('}')
	}
	o.raw("before", e.Before)
	o.raw("after", e.After)
	o.end('}')
}

// caughtUp is a place in the log, and returns when the registries, which are in memory, hold what the
// log held there.
func (c *call) caughtUp() (eventstore.Position, error) {
	ctx, cancel := context.WithTimeout(c.s.stop, defaultWait)
	defer cancel()
	at, err := c.s.Ledger.Head(ctx)
	if err != nil {
		return 0, err
	}
	return at, c.s.Ledger.CatchUp(ctx)
}

// registered lists what a registry holds.
func registered[T any](c *call, list func() []T, write func(*out, T)) error {
	at, err := c.caughtUp()
	if err != nil {
		return err
	}
	all := list()
	o := c.out()
	o.begin('{')
	o.open("data", '[')
	for _, one := range all {
		o.begin('{')
		write(o, one)
		o.end('}')
	}
	o.page("", at)
	return c.ok(o)
}
