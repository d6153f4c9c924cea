package projections

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// registered is what has a stream of its own: the row is reckoned anew from all of that with each event.
func (o *oracle) registered(h *happening) {
	past := append(slices.Clone(o.streams[h.stream]), h.Posted)
	kind, name, _ := strings.Cut(h.stream, "-")
	at := h.Metadata.RecordedAt
	switch kind {
	case "customer":
		c := domain.CustomerOf(uuid.MustParse(name), past)
		o.row("customers", c.ID).put("changed_at", c.ChangedAt, "erased_at", c.ErasedAt,
			"tags", listJSON(o, c.Tags, "[]"), "consents", asJSON(o, c.Consents), "revision", h.Revision,
			"position", uint64(h.position))
	case "job":
		o.job(domain.JobOf(past), h)
	case "segment":
		s := domain.SegmentOf(past)
		o.row("segments", s.ID).put("name", s.Name, "filter", asJSON(o, s.Filter),
			"defined_at", past[0].Metadata.RecordedAt, "changed_at", at, "revision", h.Revision,
			"position", uint64(h.position))
	case "shift":
		s, err := domain.ReadShift(past)
		if err != nil {
			o.Fatal(err)
		}
		row := o.row("shifts", s.Opened.ShiftID)
		row.put("store", s.Opened.Store, "terminal", s.Opened.Terminal, "number", s.Opened.Number,
			"status", "open", "differences", 0, "opened_at", s.OpenedAt, "name", s.Opened.Name,
			"business_date", s.Opened.BusinessDate, "after", o.mark(s.Opened.After),
			"opened_position", o.positions[past[0].Metadata.EventID], "closed_position", 0,
			"key", past[0].Metadata.IdempotencyKey)
		if s.Closed != nil {
			row.put("status", "closed", "differences", s.Closed.DifferenceCount, "closed_at", s.ClosedAt,
				"through", o.mark(s.Closed.Through), "closed_position", uint64(h.position))
		}
	}
	switch e := h.Event.(type) {
	case domain.ExceptionRaised:
		row := o.row("exceptions", e.ID)
		row.put("batch_id", e.BatchID, "seq", e.Seq, "kind", e.Kind, "account_id", e.AccountID, "status", "open",
			"store", e.Store, "terminal", e.Terminal, "operation", e.Operation, "operation_id", e.OperationID,
			"code", e.Code, "raised_at", at, "position", uint64(h.position))
		if e.Amount.Unit() != "" {
			row.put("amount", e.Amount)
		}
	case domain.ExceptionResolved:
		o.row("exceptions", e.ID).put("status", "resolved", "resolved_at", at, "resolved_by", h.Metadata.Actor,
			"how", e.How)
	case domain.StoreRegistered:
		o.store(e.Store, h)
	case domain.StoreChanged:
		o.store(e.Store, h)
	}
}

func (o *oracle) store(s domain.Store, h *happening) {
	row := o.row("stores", s.ID)
	row.put("name", s.Name, "zone", s.Zone, "day_cut", s.DayCut, "status", s.Status,
		"entity", s.Entity, "registered", 1)
	if row["first_position"] == "" {
		row.put("first_position", uint64(h.position))
	}
}

func (o *oracle) job(j *domain.Job, h *happening) {
	row := o.row("jobs", j.ID)
	row.put("kind", j.Kind, "state", j.State, "count", j.Count, "next", j.Next, "done", j.Done, "kept", j.Kept,
		"rejected", len(j.Rejections), "started_at", j.StartedAt, "target", j.Target, "cause", j.Cause,
		"campaign", j.Campaign, "definition", j.Definition, "segment", j.Segment, "reason", j.Reason,
		"started_by", j.StartedBy, "ended_at", j.EndedAt, "revision", h.Revision,
		"position", uint64(h.position))
	if j.Total.Unit() != "" {
		row.put("unit", j.Total.Unit(), "total", j.Total.Quantity, "amount", j.Amount.Quantity)
		row.put("uncollected", j.Amount.Quantity.Zero().Add(j.Uncollected.Quantity))
	}
}

// mark is where in an account's stream a window of a till begins or ends, as its table has it.
func (o *oracle) mark(m *domain.Mark) string {
	if m == nil {
		return ""
	}
	return asJSON(o, m)
}

// waits is what is proposed and decided, what holds pin, what mandates charge, and who the customer is.
func (o *oracle) waits(h *happening) {
	m, at := &h.Metadata, h.Metadata.RecordedAt
	hold := func(id uuid.UUID, status HoldStatus) { o.row("holds", id).put("status", status, "ended_at", at) }
	withdrawal := func(id uuid.UUID, status string) {
		o.row("withdrawals", id).put("status", status, "ended_at", at)
	}
	switch e := h.Event.(type) {
	case domain.HoldPlaced:
		o.row("holds", e.HoldID).put("account_id", h.account, "unit", e.Requested.Unit(), "status", HoldActive,
			"requested", e.Requested.Quantity, "captured", e.Requested.Quantity.Zero(),
			"placed_at", at, "expires_at", e.ExpiresAt, "order_ref", e.OrderRef)
	case domain.DebitPosted:
		if e.HoldID != uuid.Nil {
			row := o.row("holds", e.HoldID)
			row.sum("captured", e.Amount.Quantity)
			if row["captured"] == row["requested"] || e.HoldFinal {
				hold(e.HoldID, HoldCaptured)
			}
		}
		if e.MandateID != uuid.Nil {
			o.row("mandates", h.account, e.MandateID).add("charged", 1)
		}
	case domain.HoldReleased:
		o.row("holds", e.HoldID).put("reason", e.Reason)
		if hold(e.HoldID, HoldReleased); e.Reason == domain.ReleasedRemainder {
			hold(e.HoldID, HoldCaptured)
		}
	case domain.AdjustmentProposed:
		o.row("adjustments", e.AdjustmentID).put("account_id", h.account, "status", AdjustmentProposed,
			"direction", e.Direction, "unit", e.Amount.Unit(), "amount", e.Amount.Quantity, "maker", e.Maker,
			"proposed_at", at, "lot", e.Lot, "class", e.Class, "reason_code", e.ReasonCode,
			"attachment_hash", e.AttachmentHash, "note", e.Note)
	case domain.AdjustmentApproved:
		o.row("adjustments", e.AdjustmentID).put("status", AdjustmentApproved, "checker", e.Checker,
			"decided_at", at)
	case domain.AdjustmentRejected:
		o.row("adjustments", e.AdjustmentID).put("status", AdjustmentRejected, "checker", m.Actor,
			"decided_at", at, "reason", e.Reason)
	case domain.WithdrawalRequested:
		o.row("withdrawals", e.WithdrawalID).put("account_id", h.account, "status", WithdrawalRequested,
			"unit", e.Amount.Unit(), "amount", e.Amount.Quantity, "requester", m.Actor, "requested_at", at,
			"cause", e.Cause)
	case domain.WithdrawalApproved:
		o.row("withdrawals", e.WithdrawalID).put("status", WithdrawalApproved, "approver", e.Approver,
			"payout", e.Payout.Quantity)
	case domain.WithdrawalPaidOut:
		withdrawal(e.WithdrawalID, WithdrawalPaid)
		o.row("withdrawals", e.WithdrawalID).put("payout", e.Payout.Quantity)
	case domain.WithdrawalRejected:
		withdrawal(e.WithdrawalID, WithdrawalRejected)
		o.row("withdrawals", e.WithdrawalID).put("reason", e.Reason)
	case domain.WithdrawalFailed:
		withdrawal(e.WithdrawalID, WithdrawalFailed)
		o.row("withdrawals", e.WithdrawalID).put("reason", e.Reason)
	case domain.MandateSet:
		o.row("mandates", h.account, e.MandateID).put("status", MandateActive, "unit", e.Amount.Unit(),
			"amount", e.Amount.Quantity, "charged", 0, "cap", e.Cap.Quantity, "calendar", asJSON(o, e.Calendar),
			"description", e.Description, "set_at", at)
	case domain.MandateEnded:
		o.row("mandates", h.account, e.MandateID).put("status", MandateEnded, "ended_at", at,
			"period", "", "next_at", "", "reason", e.Reason)
	case domain.InteractionRecorded:
		row := o.row("interactions", h.account, e.InteractionID)
		row.put("kind", e.Kind, "occurred_at", m.OccurredAt, "position", uint64(h.position), "channel", e.Channel,
			"about", e.About, "recorded_at", at)
		if e.Rating > 0 {
			row.put("rating", e.Rating)
		}
	case domain.TierChanged:
		o.row("tiers", h.account).put("counted_rank", e.Rank)
		o.decided(h, e.TierDecision)
	case domain.TierRetained:
		o.decided(h, e.TierDecision)
	case domain.TierOverridden:
		o.row("tiers", h.account).put("override_rank", e.Rank)
	case domain.TierDowngradeScheduled, domain.TierOverrideEnded:
		o.row("tiers", h.account)
	}
}

// decided notes by what a tier was given or kept.
func (o *oracle) decided(h *happening, d domain.TierDecision) {
	o.row("tiers", h.account).put("metric", d.Metric, "unit", d.Unit, "value", d.Value,
		"window_from", d.Window.From, "window_through", d.Window.Through)
}
