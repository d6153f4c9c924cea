package projections

import (
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// coupon is what became of a coupon on its account, and what its uses took off.
func (o *oracle) coupon(h *happening) {
	end := func(id uuid.UUID, status domain.CouponStatus) {
		if id != uuid.Nil { // of a job that granted none there is none
			o.row("coupons", h.account, id).put("status", status, "ended_at", h.Metadata.RecordedAt)
		}
	}
	switch e := h.Event.(type) {
	case domain.CouponGranted:
		o.row("coupons", h.account, e.CouponID).put("campaign", e.Campaign, "definition", e.Definition,
			"kind", e.Kind, "used", 0, "valid_until", e.ValidUntil, "granted", 1)
		if e.Occasion != "" {
			o.row("occasions", h.account, e.CouponID).put("name", e.Occasion)
		}
	case domain.CouponRedeemed:
		c := o.row("coupons", h.account, e.CouponID)
		c.put("unit", e.Unit, "used", e.Use)
		c.sum("discount", e.Discount)
		if e.Use == e.Of {
			end(e.CouponID, domain.CouponIsUsed)
		}
		o.row("checkouts", e.CheckoutID).add("coupons", 1)
		use := o.row("coupon_uses", e.CheckoutID, e.CouponID)
		use.put("account_id", h.account, "checkout_id", e.CheckoutID, "campaign", e.Campaign,
			"definition", e.Definition, "partner", e.Partner, "store", h.Metadata.Store,
			"day", h.Metadata.BusinessDate, "unit", e.Unit, "uses", 1, "discount", smallest(e.Discount),
			"returned", 0)
		use.bears(e.CostShare, e.Unit)
		o.shares[e.CheckoutID] = e.CostShare
	case domain.CouponRestored:
		c, back := o.row("coupons", h.account, e.CouponID), smallest(e.DiscountReturned)
		c.put("unit", e.Unit)
		c.sum("discount", e.DiscountReturned.Neg())
		use := o.row("coupon_uses", e.CheckoutID, e.CouponID)
		use.add("returned", back)
		use.bears(o.shares[e.CheckoutID], e.Unit)
		uses := 0
		if e.Use > 0 {
			uses = -1
			c.add("used", -1)
			c.put("valid_until", e.ValidUntil)
		}
		o.row("coupon_uses", e.RefundID, e.CouponID).put("account_id", h.account, "checkout_id", e.CheckoutID,
			"campaign", e.Campaign, "definition", e.Definition, "partner", use["partner"],
			"store", h.Metadata.Store, "day", h.Metadata.BusinessDate, "unit", e.Unit, "uses", uses,
			"discount", -back, "returned", 0)
	case domain.CouponExtended:
		o.row("coupons", h.account, e.CouponID).put("valid_until", e.ValidUntil)
	case domain.CouponExpired:
		end(e.CouponID, domain.CouponIsExpired)
	case domain.CouponRevoked:
		end(e.CouponID, domain.CouponIsRevoked)
	case domain.CouponRecycled:
		end(e.CouponID, domain.CouponIsRecycled)
	case domain.AccountsMerged:
		for _, c := range e.Coupons {
			if e.Absorbed == h.account {
				end(c.ID, domain.CouponIsMerged)
			} else {
				o.row("coupons", h.account, c.ID).put("kind", c.Kind, "campaign", c.Campaign, "definition",
					c.Definition, "used", c.Used, "valid_until", c.ValidUntil)
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
		if c.Order != "" {
			row.put("status", domain.CouponIsReserved)
		}
	}
}

// budget is what campaigns reserve, accounts commit and give back, and what becomes of codes.
func (o *oracle) budget(h *happening) {
	at := h.Metadata.RecordedAt
	if e, ok := h.Event.(domain.BudgetReserved); ok {
		o.reserved(e.ReservationID, e.ReservationID, e.AccountID, e.BudgetPart, "open", h)
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
			"account_id", e.AccountID, "status", "claimed", "began_at", at)
	case domain.CodeVoided:
		o.row("codes", h.Metadata.EventID).put("batch_id", e.BatchID, "serial", e.Serial, "status", "voided",
			"began_at", at, "ended_at", at)
	case domain.CodeReleased:
		o.row("codes", e.Claim).put("status", "released", "ended_at", at)
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
			"position", uint64(h.position))
	case domain.TransferReceived:
		end(e.TransferID, TransferReceived)
	case domain.TransferReturned:
		end(e.TransferID, TransferReturned)
	case domain.AccountsMerged:
		if e.Survivor == h.account {
			end(e.MergeID, TransferReceived)
			return
		}
		o.row("transfers", e.MergeID).put("from_account", h.account, "to_account", e.Survivor,
			"status", TransferSent, "sent_at", at, "position", uint64(h.position))
	case domain.MergeAdjusted:
		if e.Survivor == h.account {
			end(e.AdjustmentID, TransferReceived)
			return
		}
		o.row("transfers", e.AdjustmentID).put("from_account", h.account, "to_account", e.Survivor,
			"status", TransferSent, "sent_at", at, "position", uint64(h.position))
	case domain.MergeRefused:
		end(e.MergeID, TransferReturned)
	}
}

// stand says how what goes by a state stands at the end: accounts' coupons and tiers, and what has a stream of
// its own, from the domain's replay of that.
func (o *oracle) stand() {
	for _, a := range o.accounts {
		o.liveCoupons(a)
		maps.DeleteFunc(o.tables["balances"], func(_ string, row reckoned) bool {
			had := slices.ContainsFunc(a.Units(), func(u domain.Unit) bool { return u.Code == row["unit"] })
			return row["account_id"] == a.ID().String() && !had // nothing ever moved
		})
		for _, c := range a.Credentials() {
			row := o.row("credentials", a.ID(), c.ID)
			row.put("kind", c.Kind, "keyed_hash", c.KeyedHash, "status", c.Status, "bound_at", c.BoundAt,
				"ended_at", c.EndedAt)
		}
		if _, counts := o.tables["tiers"][a.ID().String()]; counts {
			s := a.Tiering()
			row := o.row("tiers", a.ID())
			row.put("tier", tierOf(a), "counted", s.Counted, "counted_since", s.Since,
				"valid_until", s.ValidUntil)
			if s.Scheduled != nil {
				row.put("scheduled_to", s.Scheduled.To, "scheduled_on", s.Scheduled.On)
			}
			if s.Override != nil {
				row.put("override_until", s.Override.Until)
			}
		}
	}
	for _, row := range o.tables["coupons"] {
		if slices.Contains([]string{"active", "reserved"}, row["status"]) != (row["ended_at"] == "") {
			o.Fatalf("a coupon is %v", row)
		}
	}
}
