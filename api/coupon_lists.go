package api

import (
	"context"
	"slices"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/projections"
)

// listAccountCoupons lists an account's live coupons, in the order they were granted, each with what it
// says to the customer, and, where a store is named, whether it can be used there now.
func listAccountCoupons(c *call) error {
	v, err := c.view()
	if err != nil {
		return err
	}
	status, err := c.couponStatus()
	if err != nil {
		return err
	}
	var verdicts []*domain.Refusal
	if store := c.Query("usable_at"); store != "" {
		verdicts, err = c.s.Ledger.UsableCoupons(context.Background(), v, store)
		if err != nil {
			return err
		}
	}
	o := c.out()
	o.begin('{')
	o.id("account_id", v.ID())
	o.open("data", '[')
	for i, coupon := range v.Coupons() {
		if status != "" && coupon.Status(v.At) != status {
			continue
		}
		o.begin('{')
		if err := c.liveCoupon(o, v, &coupon); err != nil {
			return err
		}
		if verdicts != nil {
			o.usable(verdicts[i])
		}
		o.end('}')
	}
	o.page("", v.Position)
	return c.ok(o)
}

// couponStatus is the parameter status.
func (c *call) couponStatus() (domain.CouponStatus, error) {
	status := domain.CouponStatus(c.Query("status"))
	if status != "" && !slices.Contains(domain.CouponStatuses, status) {
		return "", domain.ErrMalformed.Field("status",
			"want active, reserved, used, expired, revoked, recycled or merged")
	}
	return status, nil
}

func (c *call) liveCoupon(o *out, v ledger.View, coupon *domain.Coupon) error {
	status := coupon.Status(v.At)
	o.id("id", coupon.ID)
	o.plain("status", string(status))
	o.text("campaign", coupon.Campaign)
	o.text("definition", coupon.Definition)
	o.plain("kind", string(coupon.Kind))
	o.integer("uses", int64(coupon.Uses))
	o.integer("used", int64(coupon.Used))
	o.time("valid_from", coupon.ValidFrom)
	o.time("valid_until", coupon.ValidUntil)
	if status == domain.CouponIsReserved {
		o.text("order_ref", coupon.Order)
		o.time("reserved_until", coupon.Reserved)
	}
	o.plain("consideration", string(coupon.Consideration))
	o.time("granted_at", coupon.GrantedAt)
	campaign, err := c.s.Ledger.Campaign(context.Background(), coupon.Campaign)
	if err != nil || campaign == nil {
		return err
	}
	if d, ok := campaign.Definition(coupon.Definition); ok {
		o.byLanguage("title", d.Title)
		o.byLanguage("terms_text", d.TermsText)
	}
	return nil
}

// byLanguage writes texts by language, where there are any.
func (o *out) byLanguage(name string, texts map[string]string) {
	if len(texts) > 0 {
		o.json(name, texts)
	}
}

// usable writes whether a coupon can be used, and why not.
func (o *out) usable(against *domain.Refusal) {
	o.open("usable", '{')
	o.boolean("usable", against == nil)
	if against != nil {
		o.plain("code", string(against.Code))
		o.text("detail", against.Detail)
	}
	o.end('}')
}

// listCoupons lists coupons of all accounts, from the read model.
func listCoupons(c *call) error {
	var filter projections.CouponFilter
	var err error
	if filter.Status, err = c.couponStatus(); err != nil {
		return err
	}
	if filter.ExpiresBefore, err = c.instant("expires_before"); err != nil {
		return err
	}
	if text := c.Query("account_id"); text != "" {
		id, ok := parseID(text)
		if !ok {
			return domain.ErrMalformed.Field("account_id", "want a UUID in lower case")
		}
		filter.Account = id
	}
	filter.Campaign = c.Query("campaign")
	return listed(c, filter, (*projections.Models).Coupons, (*out).couponRow)
}

func (o *out) couponRow(i projections.Item) {
	o.begin('{')
	o.plain("id", i["id"])
	o.plain("account_id", i["account_id"])
	for _, name := range []string{"status", "campaign", "definition", "kind"} {
		o.text(name, i[name])
	}
	o.raw("uses", []byte(i["uses"]))
	o.raw("used", []byte(i["used"]))
	for _, name := range []string{"valid_from", "valid_until", "granted_at", "ended_at"} {
		o.time(name, i.Time(name))
	}
	if i["order_ref"] != "" {
		o.text("order_ref", i["order_ref"])
		o.time("reserved_until", i.Time("reserved_until"))
	}
	if i["discount"] != "" {
		o.sum("discount", i["discount"], i["unit"])
	}
	for _, name := range []string{"consideration", "cause", "issue_channel", "partner", "job_id", "reason"} {
		o.some(name, i[name])
	}
	o.end('}')
}
