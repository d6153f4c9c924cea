package projections

import (
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// oracleKeys name the key of each table, oracleColumns all that is compared.
var (
	oracleKeys = map[string][]string{
		"adjustments":  {"id"},
		"balances":     {"account_id", "unit"},
		"checkouts":    {"id"},
		"codes":        {"id"},
		"coupon_uses":  {"source_id", "coupon_id"},
		"coupons":      {"account_id", "id"},
		"credentials":  {"account_id", "id"},
		"customers":    {"id"},
		"exceptions":   {"id"},
		"history":      {"position"},
		"holds":        {"id"},
		"interactions": {"account_id", "id"},
		"jobs":         {"id"},
		"lots":         {"account_id", "id"},
		"mandates":     {"account_id", "id"},
		"occasions":    {"account_id", "coupon_id"},
		"points":       {"account_id", "revision"},
		"purchases":    {"account_id", "unit", "day"},
		"reservations": {"id"},
		"segments":     {"id"},
		"settlement":   {"position"},
		"shifts":       {"id"},
		"stores":       {"id"},
		"tier_changes": {"account_id", "revision"},
		"tiers":        {"account_id"},
		"transfers":    {"id"},
		"withdrawals":  {"id"},
	}
	oracleColumns = map[string]string{
		"adjustments": "id, account_id, status, direction, unit, amount, maker, checker, proposed_at, decided_at",
		"balances":    "account_id, unit, total, held",
		"checkouts": "id, account_id, status, store, terminal, pos_txn_id, business_date, unit, gross, net, " +
			"stored_value, points_value, external, returned, revenue, coupons",
		"codes": "id, batch_id, serial, account_id, status, began_at, ended_at",
		"coupon_uses": "source_id, coupon_id, account_id, checkout_id, campaign, definition, partner, store, day, " +
			"unit, uses, discount, returned",
		"coupons": "account_id, id, status, campaign, definition, kind, used, valid_until, order_ref, unit, " +
			"discount, ended_at",
		"credentials": "account_id, id, kind, keyed_hash, status, bound_at, ended_at",
		"customers":   "id, changed_at, erased_at, revision, position",
		"exceptions":  "id, batch_id, seq, kind, account_id, amount, status, resolved_at, resolved_by",
		"history": "position, stream, revision, event_id, type, operation_id, actor, store, terminal, pos_txn_id, " +
			"business_date, occurred_at, recorded_at, account_id, balance_before, balance_after",
		"holds":        "id, account_id, unit, status, requested, captured, ended_at",
		"interactions": "account_id, id, kind, rating, occurred_at, position",
		"jobs": "id, kind, state, unit, total, count, next, done, kept, rejected, started_at, revision, " +
			"position",
		"lots":      "account_id, id, unit, class, remaining, held",
		"mandates":  "account_id, id, status, unit, amount, charged, failed, period, next_at, ended_at",
		"occasions": "account_id, coupon_id, name",
		"points":    "account_id, revision, position, unit, day, type, amount",
		"purchases": "account_id, unit, day, sales, amount",
		"reservations": "id, reservation_id, campaign, account_id, kind, count, unit, amount, status, began_at, " +
			"ended_at",
		"segments": "id, name, defined_at, changed_at, revision, position",
		"settlement": "position, store, terminal, account_id, event_id, unit, pos_txn_id, business_date, " +
			"recorded_at",
		"shifts":       "id, store, terminal, number, status, differences, opened_at, closed_at",
		"stores":       "id, name, zone, day_cut, status, first_position",
		"tier_changes": "account_id, revision, tier",
		"tiers": "account_id, tier, counted, counted_since, valid_until, scheduled_to, scheduled_on, " +
			"override_until",
		"transfers":   "id, from_account, to_account, unit, amount, status, sent_at, ended_at, position",
		"withdrawals": "id, account_id, status, unit, amount, requester, approver, payout, requested_at, ended_at",
	}
)

// log is what history has of an event.
func (o *oracle) log(h *happening) {
	m := &h.Metadata
	row := o.row("history", uint64(h.position))
	row.put("stream", h.stream, "revision", h.Revision, "event_id", m.EventID, "type", domain.TypeOf(h.Event),
		"operation_id", m.OperationID, "actor", m.Actor, "store", m.Store, "terminal", m.Terminal,
		"pos_txn_id", m.Reference.PosTxnID, "business_date", m.BusinessDate, "occurred_at", m.OccurredAt,
		"recorded_at", m.RecordedAt, "account_id", h.account)
	if m.Store != "" {
		if seen := o.row("stores", m.Store); seen["first_position"] == "" {
			seen.put("first_position", uint64(h.position), "zone", "UTC", "day_cut", "00:00",
				"status", "unregistered")
		}
	}
}

// value adds up what events of value moved, lot by lot.
func (o *oracle) value(h *happening) {
	v, ok := h.Event.(domain.Valued)
	if !ok {
		return
	}
	w, points, moved := v.Worth(), int64(0), w0(v)
	balance := o.row("balances", h.account, w.Amount.Unit())
	balance.sum("total", w.Amount.Quantity.Zero())
	balance.sum("held", w.Amount.Quantity.Zero())
	before := balance["total"]
	earned := false
	for _, m := range w.Moves {
		lot := o.row("lots", h.account, m.Lot)
		lot.put("unit", w.Amount.Unit(), "class", m.Class)
		for column, q := range map[string]domain.Quantity{"remaining": m.Amount, "held": m.Held} {
			lot.sum(column, q)
		}
		balance.sum("total", m.Amount)
		balance.sum("held", m.Held)
		moved = moved.Add(m.Amount)
		if m.Class == domain.Earned && !m.Amount.IsZero() {
			points, earned = points+smallest(m.Amount), true
		}
	}
	o.row("history", uint64(h.position)).put("balance_before", before, "balance_after", balance["total"])
	if earned {
		row := o.row("points", h.account, h.Revision)
		row.put("position", uint64(h.position), "unit", w.Amount.Unit(), "day", h.Metadata.BusinessDate,
			"type", domain.TypeOf(h.Event), "amount", points)
	}
	o.settled(h, !moved.IsZero())
}

func w0(v domain.Valued) domain.Quantity { return v.Worth().Amount.Quantity.Zero() }

// settled is what a till answers for: what moved value there as the answer to what was asked, and sales.
func (o *oracle) settled(h *happening, moved bool) {
	m := &h.Metadata
	asked := m.EventID == m.OperationID
	switch e := h.Event.(type) {
	case domain.DebitPosted:
		moved, asked = true, asked || e.CheckoutID != uuid.Nil
	case domain.DebitRefunded:
		moved, asked = moved || e.Unpaid.IsPositive(), asked || e.ReturnID != uuid.Nil
	case domain.DebitReversed:
		moved, asked = moved || e.Unpaid.IsPositive(), true
	case domain.TopUpReversed:
		asked = asked || e.Cause == domain.CauseCancelled
	}
	if moved && asked && m.Store != "" && m.Terminal != "" {
		o.row("settlement", uint64(h.position)).put("store", m.Store, "terminal", m.Terminal,
			"account_id", h.account, "event_id", m.EventID, "unit", h.Event.(domain.Valued).Worth().Amount.Unit(),
			"pos_txn_id", m.Reference.PosTxnID, "business_date", m.BusinessDate, "recorded_at", m.RecordedAt)
	}
}

// sold is what was bought, and came back.
func (o *oracle) sold(h *happening) {
	day := func(unit string, sales, amount int64) {
		row := o.row("purchases", h.account, unit, h.Metadata.BusinessDate)
		row.add("sales", sales)
		row.add("amount", amount)
	}
	switch e := h.Event.(type) {
	case domain.DebitPosted:
		paid, sales := smallest(e.Amount.Quantity), int64(1)
		if e.ReceivableID != uuid.Nil {
			paid += smallest(e.RemainingDue.Quantity)
		}
		if e.MandateID != uuid.Nil {
			sales = 0
		}
		if e.CheckoutID == uuid.Nil {
			day(e.Amount.Unit(), sales, paid)
		}
	case domain.DebitRefunded:
		if e.ReturnID == uuid.Nil {
			day(e.Amount.Unit(), 0, -smallest(e.Amount.Quantity)-smallest(e.Unpaid.Quantity))
		}
	case domain.DebitReversed:
		if e.CheckoutID == uuid.Nil {
			day(e.Amount.Unit(), -1, -smallest(e.Amount.Quantity)-smallest(e.Unpaid.Quantity))
		}
	case domain.CheckoutPosted:
		day(e.Unit, 1, smallest(e.Net)-smallest(e.PointsValue))
		external := e.Net.Sub(e.PointsValue).Sub(e.StoredValue) // all that is left to pay
		o.row("checkouts", e.CheckoutID).put("account_id", h.account, "status", CheckoutPosted,
			"store", h.Metadata.Store, "terminal", h.Metadata.Terminal,
			"pos_txn_id", h.Metadata.Reference.PosTxnID, "business_date", h.Metadata.BusinessDate, "unit", e.Unit,
			"gross", e.Gross, "net", e.Net, "stored_value", e.StoredValue, "points_value", e.PointsValue,
			"external", external, "returned", e.Net.Zero(), "revenue", smallest(e.Net), "coupons", 0)
	case domain.CheckoutReturned:
		paid, sales := int64(0), int64(0)
		for _, t := range e.RefundByTender {
			if t.Tender != domain.TenderPoints {
				paid += smallest(t.Amount)
			}
		}
		if e.Cause == domain.CauseCancelled {
			sales = -1
		}
		day(e.Unit, sales, -paid)
		o.back(e)
	}
}

// back takes goods that came back off their sale, whose status goes by the pieces that are left.
func (o *oracle) back(e domain.CheckoutReturned) {
	sale := o.row("checkouts", e.CheckoutID)
	sale.sum("returned", e.Net)
	sale.add("revenue", -smallest(e.Net))
	sale.put("status", CheckoutPartlyReturned)
	if e.Full {
		sale.put("status", CheckoutReturned)
	}
}
