package api

import (
	"slices"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// couponReaders list the coupons of all accounts.
var couponReaders = []domain.Role{domain.RoleMarketing, domain.RoleFinance, domain.RoleAnalyst,
	domain.RoleAdmin}

func (s *Server) couponRoutes() []*route {
	const one = account + "/coupons/{coupon_id}"
	post := func(path, id string, op operation) *route {
		return &route{method: "POST", path: path, id: id, roles: op.roles, query: dry, serve: write(op)}
	}
	return []*route{
		post(account+"/coupons", "grantCoupon", grantCoupon),
		post(one+"/reserve", "reserveCoupon", reserveCoupon),
		post(one+"/release", "releaseCoupon", releaseCoupon),
		post(one+"/extend", "extendCoupon", extendCoupon),
		post(one+"/revoke", "revokeCoupon", revokeCoupon),
		post(one+"/recycle", "recycleCoupon", recycleCoupon),
		{method: "GET", path: account + "/coupons", id: "listAccountCoupons",
			roles: append(slices.Clone(readers), domain.RoleMarketing),
			query: slices.Concat(fresh, []string{"usable_at", "status"}), serve: listAccountCoupons},
		{method: "GET", path: "/v1/coupons", id: "listCoupons", roles: couponReaders, unbound: true,
			query: slices.Concat(paged, []string{"account_id", "campaign", "status", "expires_before"}),
			serve: listCoupons},
	}
}

type couponBody struct {
	Campaign   string `json:"campaign"`
	Definition string `json:"definition"`
	Cause      string `json:"cause"`
	Channel    string `json:"issue_channel"`
	Reason     string `json:"reason"`
	Occasion   string `json:"occasion"`
	post
}

var grantCoupon = operation{name: "grant_coupon", roles: campaigners, parse: func(
	r *reading, _ *target, body []byte,
) domain.Command {
	var b couponBody
	if !r.decode(body, &b) {
		return nil
	}
	r.about(b.post)
	g := domain.GrantCoupon{Campaign: r.word("campaign", b.Campaign),
		Definition: r.word("definition", b.Definition), Cause: domain.CouponCause(b.Cause),
		Channel: b.Channel, Reason: r.text("reason", b.Reason, reasonBytes),
		Occasion: r.text("occasion", b.Occasion, 100)}
	if b.Cause == "" {
		g.Cause = domain.CouponByAPI
	}
	if g.Cause != domain.CouponByAPI && g.Cause != domain.CouponByPrize {
		r.malformed("cause", "want api or prize: the others are the service's own")
	}
	return g
}}

type orderBody struct {
	OrderRef   string `json:"order_ref"`
	TTLSeconds int64  `json:"ttl_seconds"`
	post
}

var reserveCoupon = operation{name: "reserve_coupon", roles: tills, ids: []string{"coupon_id"},
	parse: func(r *reading, t *target, body []byte) domain.Command {
		var b orderBody
		if !r.decode(body, &b) {
			return nil
		}
		r.about(b.post)
		return domain.ReserveCoupon{CouponID: t.ids["coupon_id"],
			OrderRef: r.word("order_ref", b.OrderRef), TTLSeconds: b.TTLSeconds}
	}}

var releaseCoupon = operation{name: "release_coupon", roles: tills, ids: []string{"coupon_id"},
	parse: func(r *reading, t *target, body []byte) domain.Command {
		var b struct {
			OrderRef string `json:"order_ref"`
			post
		}
		if !r.decode(body, &b) {
			return nil
		}
		r.about(b.post)
		return domain.ReleaseCoupon{CouponID: t.ids["coupon_id"],
			OrderRef: r.word("order_ref", b.OrderRef)}
	}}

var extendCoupon = operation{name: "extend_coupon", roles: campaigners, ids: []string{"coupon_id"},
	parse: func(r *reading, t *target, body []byte) domain.Command {
		var b struct {
			ValidUntil string `json:"valid_until"`
			Reason     string `json:"reason"`
			post
		}
		if !r.decode(body, &b) {
			return nil
		}
		r.about(b.post)
		return domain.ExtendCoupon{CouponID: t.ids["coupon_id"],
			ValidUntil: r.time("valid_until", b.ValidUntil),
			Reason:     r.text("reason", b.Reason, reasonBytes)}
	}}

var revokeCoupon = operation{name: "revoke_coupon", roles: campaigners, ids: []string{"coupon_id"},
	parse: func(r *reading, t *target, body []byte) domain.Command {
		return domain.RevokeCoupon{CouponID: t.ids["coupon_id"], Reason: r.reason(body)}
	}}

var recycleCoupon = operation{name: "recycle_coupon", roles: campaigners, ids: []string{"coupon_id"},
	parse: func(r *reading, t *target, body []byte) domain.Command {
		return domain.RecycleCoupon{CouponID: t.ids["coupon_id"], Reason: r.reason(body)}
	}}

func couponsPlace(a ledger.Answer) string { return accountPlace(a) + "/coupons" }

func (o *out) coupon(a ledger.Answer, e domain.CouponGranted) {
	o.couponNamed(a, e.CouponID, e.Campaign, e.Definition, domain.CouponIsActive)
	o.plain("kind", string(e.Kind))
	o.integer("uses", int64(e.Uses))
	o.time("valid_from", e.ValidFrom)
	o.time("valid_until", e.ValidUntil)
	o.plain("cause", string(e.Cause))
	o.plain("consideration", string(e.Consideration))
	o.plain("issue_channel", e.Channel)
	o.some("partner", e.Partner)
	o.some("code_last4", e.CodeLast4)
	o.some("occasion", e.Occasion)
	o.some("reason", e.Reason)
	if e.JobID != uuid.Nil {
		o.id("job_id", e.JobID)
	}
	o.ending(a)
}

// couponNamed writes which coupon it is, and where it stands.
func (o *out) couponNamed(
	a ledger.Answer, id uuid.UUID, campaign, definition string, status domain.CouponStatus,
) {
	o.id("id", id)
	o.id("account_id", a.Account)
	o.plain("status", string(status))
	o.text("campaign", campaign)
	o.text("definition", definition)
}

func (o *out) couponReserved(a ledger.Answer, e domain.CouponReserved) {
	o.couponNamed(a, e.CouponID, e.Campaign, e.Definition, domain.CouponIsReserved)
	o.text("order_ref", e.OrderRef)
	o.time("reserved_until", e.Until)
	o.ending(a)
}

func (o *out) couponReleased(a ledger.Answer, e domain.CouponReleased) {
	o.couponNamed(a, e.CouponID, e.Campaign, e.Definition, domain.CouponIsActive)
	o.text("order_ref", e.OrderRef)
	o.ending(a)
}

func (o *out) couponExtended(a ledger.Answer, e domain.CouponExtended) {
	o.couponNamed(a, e.CouponID, e.Campaign, e.Definition, domain.CouponIsActive)
	o.time("from", e.From)
	o.time("valid_until", e.ValidUntil)
	o.text("reason", e.Reason)
	o.ending(a)
}

func (o *out) couponRevoked(a ledger.Answer, e domain.CouponRevoked) {
	o.couponNamed(a, e.CouponID, e.Campaign, e.Definition, domain.CouponIsRevoked)
	o.integer("uses_left", int64(e.UsesLeft))
	o.text("reason", e.Reason)
	o.ending(a)
}

func (o *out) couponRecycled(a ledger.Answer, e domain.CouponRecycled) {
	o.couponNamed(a, e.CouponID, e.Campaign, e.Definition, domain.CouponIsRecycled)
	o.integer("uses_left", int64(e.UsesLeft))
	o.text("reason", e.Reason)
	o.ending(a)
}
