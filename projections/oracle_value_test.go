package projections

import (
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

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
	o.row("history", uint64(h.position)).put("unit", w.Amount.Unit(), "amount", w.Amount.Quantity,
		"balance_before", before, "balance_after", balance["total"],
		"available_after", w.Balance.Available, "held_after", w.Balance.Held)
	if earned {
		row := o.row("points", h.account, h.Revision)
		row.put("position", uint64(h.position), "unit", w.Amount.Unit(), "day", h.Metadata.BusinessDate,
			"type", domain.TypeOf(h.Event), "amount", points)
	}
	o.settled(h, !moved.IsZero())
}

func w0(v domain.Valued) domain.Quantity { return v.Worth().Amount.Quantity.Zero() }

// settled is what a till answers for: what moved value there as the answer to what was asked, and sales. Its
// amount is what the customer saw: no bonus, and what stays owed.
func (o *oracle) settled(h *happening, moved bool) {
	m := &h.Metadata
	w := h.Event.(domain.Valued).Worth()
	kind, seen := domain.Operation(""), w.Amount.Quantity
	if m.EventID == m.OperationID {
		kind = h.Operation()
	} else if cancelled(h.Event) != uuid.Nil {
		kind = domain.OpCancel
	}
	switch e := h.Event.(type) {
	case domain.DebitPosted:
		moved = true
		if e.CheckoutID != uuid.Nil {
			kind = domain.OpCheckout
		}
		if e.ReceivableID != uuid.Nil {
			seen = seen.Add(e.RemainingDue.Quantity)
		}
	case domain.DebitRefunded:
		if e.Unpaid.IsPositive() {
			moved, seen = true, seen.Add(e.Unpaid.Quantity)
		}
		if e.ReturnID != uuid.Nil && m.EventID != m.OperationID {
			kind = domain.OpReturnCheckout
		}
	case domain.DebitReversed:
		if e.Unpaid.IsPositive() {
			moved, seen = true, seen.Add(e.Unpaid.Quantity)
		}
	case domain.TopUpPosted:
		seen = seen.Sub(e.Bonus.Quantity)
	case domain.TopUpReversed:
		seen = seen.Sub(e.BonusRevoked.Quantity)
	}
	if !moved || kind == "" || m.Store == "" || m.Terminal == "" {
		return
	}
	o.row("settlement", uint64(h.position)).put("store", m.Store, "terminal", m.Terminal,
		"account_id", h.account, "event_id", m.EventID, "operation_id", m.OperationID, "type", kind,
		"unit", w.Amount.Unit(), "amount", seen, "pos_txn_id", m.Reference.PosTxnID, "leg", m.Reference.Leg,
		"shift", m.Shift, "operator", m.Operator, "channel", m.Channel, "business_date", m.BusinessDate,
		"occurred_at", m.OccurredAt, "recorded_at", m.RecordedAt)
	row := o.row("history", uint64(h.position))
	if row.put("settled", kind); !seen.Equal(w.Amount.Quantity) {
		row.put("settled_amount", seen)
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
			"external", external, "returned", e.Net.Zero(), "revenue", smallest(e.Net), "coupons", 0,
			"receipt_no", e.ReceiptNo, "leg", h.Metadata.Reference.Leg, "channel", h.Metadata.Channel,
			"order_ref", e.OrderRef, "occurred_at", h.Metadata.OccurredAt, "recorded_at", h.Metadata.RecordedAt,
			"discount", e.Gross.Sub(e.Net), "lines", len(e.Lines), "tier", e.Tier)
		if e.Points.IsPositive() {
			o.row("checkouts", e.CheckoutID).put("points_unit", e.Points.Unit(), "points", e.Points.Quantity)
		}
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
