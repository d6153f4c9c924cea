package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

type holdBody struct {
	Amount     *amount `json:"amount"`
	TTLSeconds *int64  `json:"ttl_seconds"`
	OrderRef   string  `json:"order_ref"`
	post
}

var placeHold = operation{name: "hold", roles: tills, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b holdBody
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	h := domain.PlaceHold{
		Amount:   r.money("amount", b.Amount),
		OrderRef: r.word("order_ref", b.OrderRef),
	}
	if b.TTLSeconds != nil {
		if h.TTLSeconds = *b.TTLSeconds; h.TTLSeconds == 0 { // which would be the program's default
			r.malformed("ttl_seconds", "want 60 to 604800")
		}
	}
	return h
}}

func (o *out) hold(a ledger.Answer, e domain.HoldPlaced) {
	o.holdFacts(a, e, "active")
	o.tail(a)
}

func (o *out) holdFacts(a ledger.Answer, e domain.HoldPlaced, status string) {
	o.id("id", e.HoldID)
	o.id("account_id", a.Account)
	o.plain("status", status)
	o.money("amount", e.Requested)
	o.time("expires_at", e.ExpiresAt)
	o.some("order_ref", e.OrderRef)
}

type captureBody struct {
	Amount     *amount `json:"amount"`
	ListAmount *amount `json:"list_amount"`
	Final      bool    `json:"final"`
	post
}

var captureHold = operation{name: "capture", roles: tills, ids: []string{"hold_id"}, parse: func(
	r *reading, t *target, body []byte,
) domain.Command {
	var b captureBody
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	return domain.CaptureHold{HoldID: t.ids["hold_id"], Amount: r.money("amount", b.Amount),
		ListAmount: r.someMoney("list_amount", b.ListAmount), Final: b.Final}
}}

var voidHold = operation{name: "void", roles: tills, ids: []string{"hold_id"}, parse: func(
	r *reading, t *target, body []byte,
) domain.Command {
	var b struct{ post }
	if len(body) > 0 && !r.decode(body, &b) { // there is nothing that a body must say
		return nil
	}
	r.about(b.post)
	return domain.VoidHold{HoldID: t.ids["hold_id"]}
}}

// release answers the end of a hold.
func (o *out) release(a ledger.Answer, e domain.HoldReleased) {
	o.id("id", e.HoldID)
	o.id("account_id", a.Account)
	o.plain("status", "released")
	o.money("released", e.Amount)
	o.money("captured_total", e.CapturedTotal)
	o.settlements(a)
	o.tail(a)
}

// getHold reads a hold: an active one from the account, an ended one from what ended it. Of an
// ended one it shows no balance: the one that placing it left would mislead.
func getHold(c *call) error {
	return getOperation(c, "hold_id", func(o *out, a ledger.Answer, e domain.HoldPlaced) error {
		v, err := c.s.Ledger.Account(context.Background(), a.Account)
		if err != nil {
			return err
		}
		for _, h := range v.Holds() {
			if h.ID == e.HoldID {
				o.standing(a.Account, h, v.At)
				if h.Lapsed(v.At) {
					o.ending(a)
				} else {
					o.tail(a)
				}
				return nil
			}
		}
		end, _, err := c.s.Ledger.Last(context.Background(), a.Account, domain.EndName(e.HoldID))
		if err != nil {
			return err
		}
		status := "captured"
		released, ok := end.Event.(domain.HoldReleased)
		if ok && !released.CapturedTotal.IsPositive() {
			status = "released"
		}
		o.holdFacts(a, e, status)
		captured := e.Requested
		if ok {
			captured = released.CapturedTotal
			o.plain("reason", string(released.Reason))
		}
		o.money("captured_total", captured)
		o.ending(a)
		return nil
	})
}

// standing writes the fields of a hold whose end is not written. One whose time is over is
// released.
func (o *out) standing(account uuid.UUID, h *domain.Hold, at time.Time) {
	status := "active"
	if h.Lapsed(at) {
		status = "released"
	}
	o.id("id", h.ID)
	o.id("account_id", account)
	o.plain("status", status)
	o.money("amount", h.Requested)
	o.time("expires_at", h.ExpiresAt)
	o.some("order_ref", h.OrderRef)
	if status == "released" {
		o.plain("reason", string(domain.ReleasedLapsed))
	}
	o.money("captured_total", h.Requested.With(h.Captured))
}

func listHolds(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	o := c.out()
	o.begin('{')
	o.id("account_id", v.ID())
	o.open("data", '[')
	for _, h := range v.Holds() {
		if h.Lapsed(v.At) {
			continue
		}
		o.begin('{')
		o.standing(v.ID(), h, v.At)
		o.time("placed_at", h.PlacedAt)
		o.end('}')
	}
	o.end(']')
	o.null("next")
	o.position("as_of_position", uint64(v.Position))
	o.end('}')
	return c.ok(o)
}
