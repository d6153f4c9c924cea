package projections

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// log is what history has of an event, and the stretch of the log that it stands in: a history has one.
func (o *oracle) log(h *happening) {
	m := &h.Metadata
	row := o.row("history", uint64(h.position))
	row.put("stream", h.stream, "revision", h.Revision, "event_id", m.EventID, "type", domain.TypeOf(h.Event),
		"operation_id", m.OperationID, "actor", m.Actor, "role", m.Role, "on_behalf_of", m.OnBehalfOf,
		"channel", m.Channel, "store", m.Store, "entity", m.Entity, "terminal", m.Terminal,
		"operator", m.Operator, "shift", m.Shift, "pos_txn_id", m.Reference.PosTxnID,
		"leg", m.Reference.Leg, "business_date", m.BusinessDate, "occurred_at", m.OccurredAt,
		"recorded_at", m.RecordedAt, "account_id", h.account, "skewed", 0, "cancels", cancelled(h.Event))
	if m.Skewed {
		row.put("skewed", 1)
	}
	if m.EventID == m.OperationID && h.Operation() != "" {
		row.put("operation", h.Operation(), "status", "posted")
	}
	if _, valued := h.Event.(domain.Valued); !valued {
		o.said(row, h)
	}
	if m.Store != "" {
		if seen := o.row("stores", m.Store); seen["first_position"] == "" {
			seen.put("first_position", uint64(h.position), "zone", "UTC", "day_cut", "00:00",
				"status", "unregistered", "registered", 0)
		}
	}
	page := o.row("history_pages", 1)
	if page["first_position"] == "" {
		page.put("first_position", uint64(h.position), "first_recorded", m.RecordedAt)
	}
	page.put("first_recorded", min(page["first_recorded"], text(NullTime(m.RecordedAt))),
		"last_recorded", max(page["last_recorded"], text(NullTime(m.RecordedAt))),
		"last_position", uint64(h.position))
	page.add("events", 1)
}

// said is what an event says that moves no value: all of it, its amount, and why it declined.
func (o *oracle) said(row reckoned, h *happening) {
	kind := domain.TypeOf(h.Event)
	row.put("detail", string(h.data))
	if sealing[kind] || kind == "APIKeyCreated" { // what is sealed is left out
		var e Event
		e.Type, e.Data = kind, h.data
		row.put("detail", detail(&e))
	}
	var says struct {
		Amount, Requested domain.Money
		Code              string
	}
	if err := json.Unmarshal(h.data, &says); err != nil {
		o.Fatalf("%s: %v", kind, err)
	}
	row.put("code", says.Code)
	switch e := h.Event.(type) {
	case domain.OperationDeclined:
		row.put("status", "declined", "operation", e.Declined)
		says.Amount = says.Requested
	case domain.ReferenceCancelled:
		row.put("status", "cancelled")
	}
	if says.Amount.Unit() != "" {
		row.put("unit", says.Amount.Unit(), "amount", says.Amount.Quantity)
	}
}

// cancelled is the operation that an event undid for a cancel.
func cancelled(e domain.Event) uuid.UUID {
	switch e := e.(type) {
	case domain.DebitReversed:
		return e.DebitID
	case domain.CheckoutReturned:
		if e.Cause == domain.CauseCancelled {
			return e.CheckoutID
		}
	case domain.TopUpReversed:
		if e.SaleID != uuid.Nil {
			return e.SaleID
		}
		if e.Cause == domain.CauseCancelled {
			return e.TopUpID
		}
	case domain.TopUpFailed:
		if e.Cause == domain.CauseCancelled {
			return e.TopUpID
		}
	case domain.HoldReleased:
		if e.Reason == domain.ReleasedCancelled {
			return e.HoldID
		}
	}
	return uuid.Nil
}

// frozen notes how freezes stood on an account before an event, and behind it.
func (o *oracle) frozen(h *happening, before []domain.Freeze, after []domain.Freeze) {
	switch h.Event.(type) {
	case domain.AccountFrozen, domain.AccountUnfrozen:
		o.row("history", uint64(h.position)).put("freezes_before", listJSON(o, before, "[]"),
			"freezes_after", listJSON(o, after, "[]"))
	}
}

// listJSON is a value as a table has it, or what it has for one of no elements.
func listJSON[T any](o *oracle, all []T, none string) string {
	if len(all) == 0 {
		return none
	}
	return asJSON(o, all)
}

// account is how an account stands at the end.
func (o *oracle) account(a *domain.Account) {
	status, freezes, until := a.Status(time.Time{}), a.FrozenModes(time.Time{}), time.Time{}
	for _, f := range freezes {
		if f.Until.IsZero() {
			until = time.Time{}
			break
		}
		if f.Until.After(until) {
			until = f.Until
		}
	}
	if status == domain.Closed || status == domain.Merged {
		until = time.Time{}
	}
	survivor, _ := a.Survivor()
	since, step := a.Dormant()
	row := o.row("accounts", a.ID())
	row.put("customer_ref", a.CustomerRef(), "kind", a.Kind(), "status", status, "survivor_id", survivor,
		"frozen_until", until, "freezes", listJSON(o, freezes, "[]"), "opened_at", a.OpenedAt(),
		"recorded_at", a.LastRecorded(), "revision", a.Revision(), "active_at", a.ActiveAt(),
		"dormant_since", since, "dormant_step", step)
	if step == 0 {
		row.put("dormant_balance", "")
	}
}

// views are what is asked of other tables.
func (o *oracle) views() {
	for _, of := range o.tables["interactions"] {
		row := o.row("interaction_counts", of["account_id"], of["kind"])
		row.add("count", 1)
		row.add("rated", min(of.number("rating"), 1))
		row.add("ratings", of.number("rating"))
		row.put("last_at", max(row["last_at"], of["occurred_at"]))
	}
	undone, balances, details := map[string]bool{}, map[string]string{}, map[string]string{}
	for _, of := range o.tables["history"] {
		undone[of["stream"]+of["cancels"]] = true
	}
	for _, of := range slices.SortedFunc(maps.Values(o.tables["history"]), func(a, b reckoned) int {
		return int(a.number("position") - b.number("position"))
	}) {
		if of["operation"] != "" {
			row := o.row("operations", of["position"])
			maps.Copy(row, of)
			row.put("kind", of["operation"])
			if of["status"] == "posted" && undone[of["stream"]+of["operation_id"]] {
				row.put("status", "cancelled")
			}
		}
		row := o.row("audit", of["position"])
		maps.Copy(row, of)
		row.put("after", of["detail"])
		last := of["stream"] + of["unit"]
		switch {
		case of["balance_after"] != "":
			balance := strings.NewReplacer("T", of["balance_after"], "A", of["available_after"],
				"H", of["held_after"]).Replace(`{"total":"T","available":"A","held":"H"}`)
			if row.put("before", balances[last]); balances[last] == "" {
				none := of["balance_before"]
				row.put("before", `{"total":"`+none+`","available":"`+none+`","held":"`+none+`"}`)
			}
			row.put("after", balance)
			balances[last] = balance
		case of["freezes_after"] != "":
			var why struct{ Reason string }
			if err := json.Unmarshal([]byte(of["detail"]), &why); err != nil {
				o.Fatal(err)
			}
			row.put("before", `{"freezes":`+of["freezes_before"]+`}`, "after",
				`{"freezes":`+of["freezes_after"]+`,"reason":`+asJSON(o, why.Reason)+`}`)
		case of["account_id"] == "":
			row.put("before", details[of["stream"]])
		}
		details[of["stream"]] = of["detail"]
	}
}
