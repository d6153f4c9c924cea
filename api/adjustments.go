package api

import (
	"context"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/projections"
)

func (s *Server) adjustmentRoutes() []*route {
	const one = account + "/adjustments/{adjustment_id}"
	post := func(path, id string, op operation) *route {
		return &route{method: "POST", path: path, id: id, roles: op.roles, query: dry, serve: write(op)}
	}
	return []*route{
		post(account+"/adjustments", "proposeAdjustment", adjust),
		post(one+"/approve", "approveAdjustment", approveAdjustment),
		post(one+"/reject", "rejectAdjustment", rejectAdjustment),
		{method: "GET", path: account + "/adjustments", id: "listAdjustments", roles: insiders,
			query: paged, serve: listAdjustments},
		{method: "GET", path: one, id: "getAdjustment", roles: insiders, query: fresh,
			serve: getAdjustment},
	}
}

var adjust = operation{name: "adjust", roles: makers, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b struct {
		Amount         *amount          `json:"amount"`
		Direction      domain.Direction `json:"direction"`
		LotID          string           `json:"lot_id"`
		Class          domain.Class     `json:"class"`
		ReasonCode     string           `json:"reason_code"`
		AttachmentHash string           `json:"attachment_hash"`
		Note           string           `json:"note"`
		post
	}
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	p := domain.ProposeAdjustment{Amount: r.money("amount", b.Amount), Direction: b.Direction,
		Class: b.Class, ReasonCode: r.word("reason_code", b.ReasonCode),
		AttachmentHash: r.word("attachment_hash", b.AttachmentHash),
		Note:           r.text("note", b.Note, reasonBytes)}
	if b.LotID != "" {
		p.Lot = r.id("lot_id", b.LotID)
	}
	return p
}}

var approveAdjustment = operation{name: "approve_adjustment", roles: checkers,
	ids: []string{"adjustment_id"}, parse: func(r *reading, t *target, body []byte) domain.Command {
		var b struct{ post }
		if len(body) > 0 && !r.decode(body, &b) { // there is nothing that a body must say
			return nil
		}
		r.about(b.post)
		return domain.ApproveAdjustment{AdjustmentID: t.ids["adjustment_id"]}
	}}

var rejectAdjustment = operation{name: "reject_adjustment", roles: deciders,
	ids: []string{"adjustment_id"}, parse: func(r *reading, t *target, body []byte) domain.Command {
		return domain.RejectAdjustment{AdjustmentID: t.ids["adjustment_id"], Reason: r.reason(body)}
	}}

// adjustment answers a proposal, and what it posted where it needed nobody.
func (o *out) adjustment(a ledger.Answer, e domain.AdjustmentProposed) {
	approved, ok := a.Last().Event.(domain.AdjustmentApproved)
	if !ok {
		o.adjustmentFacts(a, e.Adjustment, projections.AdjustmentProposed)
		o.ending(a)
		return
	}
	o.adjustmentFacts(a, e.Adjustment, projections.AdjustmentApproved)
	o.adjusted(a, approved)
	o.tail(a)
}

func (o *out) adjustmentFacts(a ledger.Answer, j domain.Adjustment, status string) {
	o.id("id", j.AdjustmentID)
	o.id("account_id", a.Account)
	o.plain("status", status)
	o.money("amount", j.Amount)
	o.plain("direction", string(j.Direction))
	if j.Lot != uuid.Nil {
		o.id("lot_id", j.Lot)
	}
	o.some("class", string(j.Class))
	o.plain("reason_code", j.ReasonCode)
	o.plain("attachment_hash", j.AttachmentHash)
	o.some("note", j.Note)
	o.text("maker", j.Maker)
}

func (o *out) adjusted(a ledger.Answer, e domain.AdjustmentApproved) {
	o.text("checker", e.Checker)
	o.moves("allocations", e.Moves)
	if len(e.Lots) > 0 {
		o.opened(a, e)
	}
}

func (o *out) adjustmentApproved(a ledger.Answer, e domain.AdjustmentApproved) {
	o.id("id", e.AdjustmentID)
	o.id("account_id", a.Account)
	o.plain("status", projections.AdjustmentApproved)
	o.money("amount", e.Amount)
	o.plain("direction", string(e.Direction))
	o.plain("reason_code", e.ReasonCode)
	o.text("maker", e.Maker)
	o.adjusted(a, e)
	o.tail(a)
}

func (o *out) adjustmentRejected(a ledger.Answer, e domain.AdjustmentRejected) {
	o.adjustmentFacts(a, e.Adjustment, projections.AdjustmentRejected)
	o.text("reason", e.Reason)
	o.ending(a)
}

// getAdjustment reads an adjustment and what became of it.
func getAdjustment(c *call) error {
	return getOperation(c, "adjustment_id", func(
		o *out, a ledger.Answer, e domain.AdjustmentProposed,
	) error {
		name := domain.AdjustmentName(e.AdjustmentID)
		last, _, err := c.s.Ledger.Last(context.Background(), a.Account, name)
		if err != nil {
			return err
		}
		switch end := last.Event.(type) {
		case domain.AdjustmentApproved:
			o.adjustmentFacts(a, e.Adjustment, projections.AdjustmentApproved)
			o.text("checker", end.Checker)
			o.moves("allocations", end.Moves)
		case domain.AdjustmentRejected:
			o.adjustmentFacts(a, e.Adjustment, projections.AdjustmentRejected)
			o.text("reason", end.Reason)
		default:
			o.adjustmentFacts(a, e.Adjustment, projections.AdjustmentProposed)
		}
		o.ending(a)
		return nil
	})
}

// listAdjustments lists an account's adjustments, the newest first, from the read model.
func listAdjustments(c *call) error {
	return listItems(c, (*projections.Models).Adjustments, func(o *out, i projections.Item) {
		o.plain("status", i["status"])
		o.sum("amount", i["amount"], i["unit"])
		o.plain("direction", i["direction"])
		o.some("lot_id", i["lot"])
		for _, name := range []string{"class", "reason_code", "attachment_hash", "note", "maker", "checker",
			"reason"} {
			o.some(name, i[name])
		}
		o.time("proposed_at", i.Time("proposed_at"))
		o.time("decided_at", i.Time("decided_at"))
	})
}
