package projections

import (
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// coupon is what became of a coupon on its account, and what its uses took off.
func (o *oracle) coupon(h *happening) {
	end := func(id uuid.UUID, status domain.CouponStatus, reason string) {
		if id != uuid.Nil { // of a job that granted none there is none
			o.row("coupons", h.account, id).put("status", status, "ended_at", h.Metadata.RecordedAt,
				"reason", reason, "order_ref", "", "reserved_until", "", "due_at", "")
		}
	}
	switch e := h.Event.(type) {
	case domain.CouponGranted:
		o.row("coupons", h.account, e.CouponID).put("campaign", e.Campaign, "definition", e.Definition,
			"kind", e.Kind, "used", 0, "valid_until", e.ValidUntil, "granted", 1,
			"uses", e.Uses, "valid_from", e.ValidFrom, "consideration", e.Consideration, "cause", e.Cause,
			"issue_channel", e.Channel, "partner", e.Partner, "job_id", e.JobID, "granted_at",
			h.Metadata.RecordedAt)
		if e.Occasion != "" {
			o.row("occasions", h.account, e.CouponID).put("name", e.Occasion, "campaign", e.Campaign,
				"definition", e.Definition)
		}
	case domain.CouponRedeemed:
		c := o.row("coupons", h.account, e.CouponID)
		c.put("unit", e.Unit, "used", e.Use)
		c.sum("discount", e.Discount)
		if e.Use == e.Of {
			end(e.CouponID, domain.CouponIsUsed, "")
		}
		o.row("checkouts", e.CheckoutID).add("coupons", 1)
		use := o.row("coupon_uses", e.CheckoutID, e.CouponID)
		use.put("account_id", h.account, "checkout_id", e.CheckoutID, "campaign", e.Campaign,
			"definition", e.Definition, "partner", e.Partner, "store", h.Metadata.Store,
			"day", h.Metadata.BusinessDate, "unit", e.Unit, "uses", 1, "discount", smallest(e.Discount),
			"returned", 0)
		use.put("position", uint64(h.position), "cost_share", e.CostShare)
		use.bears(e.CostShare, e.Unit)
		use.put("partner_cost", use["borne"])
		o.shares[e.CheckoutID] = e.CostShare
	case domain.CouponRestored:
		c, back := o.row("coupons", h.account, e.CouponID), smallest(e.DiscountReturned)
		c.put("unit", e.Unit)
		c.sum("discount", e.DiscountReturned.Neg())
		use := o.row("coupon_uses", e.CheckoutID, e.CouponID)
		use.add("returned", back)
		borne := use.number("borne")
		use.bears(o.shares[e.CheckoutID], e.Unit)
		uses := 0
		if e.Came {
			c.put("kind", e.Reopened.Kind, "campaign", e.Campaign, "definition", e.Definition, "uses",
				e.Reopened.Uses, "valid_from", e.Reopened.ValidFrom, "consideration",
				e.Reopened.Consideration, "granted_at", e.Reopened.GrantedAt)
		}
		if e.Use > 0 {
			uses = -1
			c.add("used", -1)
			if e.Reopened != nil { // of one that had ended it is the last use
				c.put("used", e.Reopened.Uses-1)
			}
			c.put("valid_until", e.ValidUntil)
		}
		o.row("coupon_uses", e.RefundID, e.CouponID).put("account_id", h.account, "checkout_id", e.CheckoutID,
			"campaign", e.Campaign, "definition", e.Definition, "partner", use["partner"],
			"store", h.Metadata.Store, "day", h.Metadata.BusinessDate, "unit", e.Unit, "uses", uses,
			"discount", -back, "returned", 0, "position", uint64(h.position), "cost_share", use["cost_share"],
			"partner_cost", use.number("borne")-borne)
	case domain.CouponExtended:
		o.row("coupons", h.account, e.CouponID).put("valid_until", e.ValidUntil)
	case domain.CouponExpired:
		end(e.CouponID, domain.CouponIsExpired, "")
	case domain.CouponRevoked:
		end(e.CouponID, domain.CouponIsRevoked, e.Reason)
	case domain.CouponRecycled:
		end(e.CouponID, domain.CouponIsRecycled, e.Reason)
	case domain.AccountsMerged:
		for _, c := range e.Coupons {
			if e.Absorbed == h.account {
				end(c.ID, domain.CouponIsMerged, "")
			} else {
				o.row("coupons", h.account, c.ID).put("kind", c.Kind, "campaign", c.Campaign, "definition",
					c.Definition, "used", c.Used, "valid_until", c.ValidUntil,
					"uses", c.Uses, "valid_from", c.ValidFrom, "consideration", c.Consideration,
					"granted_at", c.GrantedAt)
			}
		}
	}
}

// liveCoupons says of the coupons that an account has how they stand: no event need say so.
func (o *oracle) liveCoupons(a *domain.Account) {
	for _, c := range a.Coupons() {
		row := o.row("coupons", a.ID(), c.ID)
		row.put("status", domain.CouponIsActive, "campaign", c.Campaign, "definition", c.Definition,
			"used", c.Used, "valid_until", c.ValidUntil, "order_ref", c.Order, "ended_at", "")
		row.put("uses", c.Uses, "valid_from", c.ValidFrom, "consideration", c.Consideration,
			"granted_at", c.GrantedAt, "reserved_until", c.Reserved, "due_at", c.ValidUntil, "reason", "")
		if c.Order != "" {
			row.put("status", domain.CouponIsReserved, "due_at", c.Reserved)
		}
	}
}

// budget is what campaigns reserve, accounts commit and give back, and what becomes of codes.
func (o *oracle) budget(h *happening) {
	at := h.Metadata.RecordedAt
	if e, ok := h.Event.(domain.BudgetReserved); ok {
		o.reserved(e.ReservationID, e.ReservationID, e.AccountID, e.BudgetPart, "open", h)
		o.row("reservations", e.ReservationID).put("operation_id", e.OperationID)
	}
	if e, ok := h.Event.(domain.Committing); ok && e.Reserved() != uuid.Nil {
		o.row("reservations", e.Reserved()).put("status", "committed", "ended_at", at)
	}
	if e, ok := h.Event.(domain.Returning); ok && e.Returned().Reservation != uuid.Nil {
		o.reserved(h.Metadata.EventID, e.Returned().Reservation, h.account, e.Returned().BudgetPart, "owed", h)
	}
	switch e := h.Event.(type) {
	case domain.BudgetReleased:
		id := e.ReservationID
		if e.SourceID != uuid.Nil {
			id = e.SourceID
		}
		o.row("reservations", id).put("status", "released", "ended_at", at)
	case domain.CodeRedeemed:
		o.row("codes", h.Metadata.EventID).put("batch_id", e.BatchID, "serial", e.Serial,
			"account_id", e.AccountID, "status", "claimed", "began_at", at, "campaign", e.Campaign,
			"definition", e.Definition, "last4", e.Last4)
	case domain.CodeVoided:
		o.row("codes", h.Metadata.EventID).put("batch_id", e.BatchID, "serial", e.Serial, "status", "voided",
			"began_at", at, "ended_at", at, "campaign", e.Campaign, "reason", e.Reason)
	case domain.CodeReleased:
		o.row("codes", e.Claim).put("status", "released", "ended_at", at, "reason", e.Why)
	case domain.CouponGranted:
		if e.ClaimID != uuid.Nil {
			o.row("codes", e.ClaimID).put("status", "redeemed", "ended_at", at)
		}
	}
}

func (o *oracle) reserved(id, of, account uuid.UUID, p domain.BudgetPart, status string, h *happening) {
	row := o.row("reservations", id)
	row.put("reservation_id", of, "campaign", p.Campaign, "account_id", account, "kind", p.Kind,
		"count", p.Count, "status", status, "began_at", h.Metadata.RecordedAt)
	if p.Amount.Unit() != "" {
		row.put("unit", p.Amount.Unit(), "amount", p.Amount.Quantity)
	}
}

// moved is what went from account to account.
func (o *oracle) moved(h *happening) {
	at := h.Metadata.RecordedAt
	end := func(id uuid.UUID, status string) { o.row("transfers", id).put("status", status, "ended_at", at) }
	switch e := h.Event.(type) {
	case domain.TransferSent:
		o.row("transfers", e.TransferID).put("from_account", h.account, "to_account", e.ToAccount,
			"unit", e.Amount.Unit(), "amount", e.Amount.Quantity, "status", TransferSent, "sent_at", at,
			"position", uint64(h.position), "kind", e.Kind, "merge_id", e.MergeID)
	case domain.TransferReceived:
		end(e.TransferID, TransferReceived)
	case domain.TransferReturned:
		end(e.TransferID, TransferReturned)
		o.row("transfers", e.TransferID).put("reason", e.Reason)
	case domain.AccountsMerged:
		if e.Survivor == h.account {
			end(e.MergeID, TransferReceived)
			return
		}
		o.row("transfers", e.MergeID).put("from_account", h.account, "to_account", e.Survivor,
			"status", TransferSent, "sent_at", at, "position", uint64(h.position), "kind", "merge")
	case domain.MergeAdjusted:
		if e.Survivor == h.account {
			end(e.AdjustmentID, TransferReceived)
			return
		}
		o.row("transfers", e.AdjustmentID).put("from_account", h.account, "to_account", e.Survivor,
			"status", TransferSent, "sent_at", at, "position", uint64(h.position), "kind", "merge",
			"merge_id", e.MergeID)
	case domain.MergeRefused:
		end(e.MergeID, TransferReturned)
		o.row("transfers", e.MergeID).put("reason", e.Reason)
	}
}

// stand says how what goes by a state stands at the end: accounts' coupons and tiers, and what has a stream of
// its own, from the domain's replay of that.
func (o *oracle) stand() {
	for _, a := range o.accounts {
		o.account(a)
		o.liveCoupons(a)
		maps.DeleteFunc(o.tables["balances"], func(_ string, row reckoned) bool {
			had := slices.ContainsFunc(a.Units(), func(u domain.Unit) bool { return u.Code == row["unit"] })
			return row["account_id"] == a.ID().String() && !had // nothing ever moved
		})
		for _, l := range a.Lots() {
			row := o.row("lots", a.ID(), l.ID)
			row.put("face", l.Face, "cost", l.Cost, "cost_left", l.CostLeft, "cost_unit", l.CostUnit,
				"funding_id", l.Funding, "effective_at", l.EffectiveAt, "expires_at", l.ExpiresAt,
				"expiries", l.Expiries, "priority", l.Priority, "draw", l.Draw, "terms", l.Terms,
				"reminders", listJSON(o, l.Reminders, ""), "remind_at", l.RemindAt)
			if scope := asJSON(o, l.Scope); scope != "{}" {
				row.put("scope", scope)
			}
		}
		for _, u := range a.Units() {
			b := a.Balance(u.Code, u.Scale, a.LastRecorded())
			o.row("balances", a.ID(), u.Code).put("by_class", asJSON(o, b.ByClass))
		}
		for _, c := range a.Credentials() {
			row := o.row("credentials", a.ID(), c.ID)
			row.put("kind", c.Kind, "keyed_hash", c.KeyedHash, "status", c.Status, "bound_at", c.BoundAt,
				"ended_at", c.EndedAt, "last4", c.Last4, "reason", c.Reason, "replaces", c.Replaces)
		}
		if _, counts := o.tables["tiers"][a.ID().String()]; counts {
			o.tierRow(a)
		}
	}
	for _, row := range o.tables["coupons"] {
		if slices.Contains([]string{"active", "reserved"}, row["status"]) != (row["ended_at"] == "") {
			o.Fatalf("a coupon is %v", row)
		}
	}
}
