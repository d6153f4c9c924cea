package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// springRuns lets the campaign spring run, with a coupon of 5.00 off that is used twice and ends in a
// week, and one that was given for something.
func springRuns(s *shop) {
	s.Helper()
	s.addKey(domain.APIKey{Role: domain.RoleMarketing})
	s.addKey(domain.APIKey{Role: domain.RoleApprover})
	five := `{"id":"five","kind":"amount_off","unit":"CNY","value":{"amount":{"amount":"5","unit":"CNY"}},` +
		`"uses":2,"validity":{"days":7},"title":{"en":"5 off"},"terms_text":{"en":"Once a visit."},` +
		`"restrictions":{"scope":{"stores":["S1"]}}}`
	s.post("/v1/campaigns", `{"id":"spring","name":"Spring","partner":"bank"}`).is(201)
	s.post("/v1/campaigns/spring/definitions", five).is(201)
	s.post("/v1/campaigns/spring/definitions", strings.Replace(five, `"five"`, `"made"`, 1)).is(201)
	s.ask(domain.RoleApprover, "POST", "/v1/campaigns/spring/approve", `{}`).
		with("Idempotency-Key", "approve").send().is(200)
	s.post("/v1/campaigns/spring/activate", `{}`).is(200)
}

// TestCoupons: a coupon's life by its routes, each answer as the document has it.
func TestCoupons(t *testing.T) {
	s := openWithAdmin(t)
	springRuns(s)
	account := "/v1/accounts/" + s.post("/v1/accounts", `{"customer_ref":"C-1"}`).is(201).at("id")
	grant := func() string {
		return s.post(account+"/coupons", `{"campaign":"spring","definition":"five","reason":"r",
			"occasion":""}`).is(201).has(fields{"status": "active", "definition": "five@1", "uses": "2",
			"cause": "api", "consideration": "free", "issue_channel": "online", "partner": "bank"}).at("id")
	}
	one := account + "/coupons/" + grant()
	s.post(one+"/reserve", `{"order_ref":"O-1","ttl_seconds":60,"store":"S1"}`).is(200).
		has(fields{"status": "reserved", "order_ref": "O-1"})
	s.post(one+"/reserve", `{"order_ref":"O-2"}`).refused(422, "coupon_reserved")
	s.get(account + "/coupons?usable_at=S1").is(200).has(fields{"data.0.status": "reserved",
		"data.0.order_ref": "O-1", "data.0.usable.usable": "false",
		"data.0.usable.code": "coupon_reserved", "data.0.title.en": "5 off", "data.1": ""})
	s.post(one+"/release", `{"order_ref":"O-1"}`).is(200).has(fields{"status": "active"})
	s.get(account + "/coupons?usable_at=S1").is(200).has(fields{"data.0.usable.usable": "true"})
	s.get(account + "/coupons?usable_at=S2").is(200).has(fields{"data.0.usable.code": "coupon_store"})
	s.post(one+"/extend", `{"valid_until":"2099-01-01T00:00:00Z","reason":"r"}`).is(200).
		has(fields{"valid_until": "2099-01-01T00:00:00Z", "reason": "r"})
	s.post(one+"/revoke", `{"reason":"r"}`).is(200).has(fields{"status": "revoked", "uses_left": "2"})
	s.post(one+"/revoke", `{"reason":"r"}`).refused(422, "coupon_revoked")
	two := account + "/coupons/" + grant()
	s.post(two+"/recycle", `{"reason":"r"}`).is(200).has(fields{"status": "recycled"})
	s.get(account + "/coupons").is(200).has(fields{"data.0": ""})
	frozen := grant()
	s.post(account+"/freeze", `{"modes":["debit"],"reason":"r"}`).is(200)
	s.get(account + "/coupons?usable_at=S1&status=active").is(200).
		has(fields{"data.0.id": frozen, "data.0.usable.code": "account_frozen"})
	s.get(account + "/coupons?status=expired").is(200).has(fields{"data.0": ""})
	s.get(account+"/coupons?status=x").refused(400, "malformed")
	s.get(account + "/history?limit=1").is(200).has(fields{"data.0.type": "AccountFrozen"})
}

// TestGrantCouponText: what a caller may say of a grant.
func TestGrantCouponText(t *testing.T) {
	s := openWithAdmin(t)
	springRuns(s)
	account := "/v1/accounts/" + s.post("/v1/accounts", `{"customer_ref":"C-1"}`).is(201).at("id")
	for more, field := range map[string]string{
		`"cause":"claim"`:                               "cause",
		`"issue_channel":"x"`:                           "issue_channel",
		`"reason":"` + strings.Repeat("x", 201) + `"`:   "reason",
		`"occasion":"` + strings.Repeat("x", 101) + `"`: "occasion",
		`"cause":"prize","business_date":"tuesday"`:     "business_date",
	} {
		s.post(account+"/coupons", `{"campaign":"spring","definition":"five",`+more+`}`).
			refused(400, "malformed").has(fields{"errors.0.field": field})
	}
	s.post(account+"/coupons", `{"definition":"five"}`).refused(400, "malformed").
		has(fields{"errors.0.field": "campaign"})
	s.post(account+"/coupons", `{"campaign":"spring"}`).refused(400, "malformed").
		has(fields{"errors.0.field": "definition"})
	s.post(account+"/coupons", `{"campaign":"spring","definition":"five","reservation_id":"x"}`).
		refused(400, "unknown_field")
	s.post(account+"/coupons", `{"campaign":"spring","definition":"five@2"}`).refused(404, "not_found")
}

// TestListCoupons: the coupons of all accounts, a page at a time, by what is asked for.
func TestListCoupons(t *testing.T) {
	s := openWithAdmin(t)
	springRuns(s)
	var ids []string
	for _, ref := range []string{"C-1", "C-2"} {
		account := "/v1/accounts/" + s.post("/v1/accounts", `{"customer_ref":"`+ref+`"}`).is(201).at("id")
		for _, definition := range []string{"five", "made"} {
			ids = append(ids, s.post(account+"/coupons", `{"campaign":"spring","definition":"`+definition+
				`"}`).is(201).at("id"))
		}
		s.post(account+"/coupons/"+ids[len(ids)-1]+"/revoke", `{"reason":"wrong"}`).is(200)
	}
	now := fmt.Sprint("min_position=", uint64(s.head()))
	first := s.get("/v1/coupons?campaign=spring&limit=3&" + now).is(200).has(fields{"data.2.campaign": "spring",
		"data.3": ""})
	s.get("/v1/coupons?cursor=" + first.at("next")).is(200).has(fields{"data.1": "", "next": ""})
	s.get("/v1/coupons?status=revoked").is(200).has(fields{"data.0.reason": "wrong",
		"data.0.definition": "made@1", "data.2": ""})
	s.get("/v1/coupons?expires_before=2020-01-01T00:00:00Z").is(200).has(fields{"data.0": ""})
	s.get("/v1/coupons?campaign=autumn").is(200).has(fields{"data.0": ""})
	s.get("/v1/coupons?status=x").refused(400, "malformed")
	s.get("/v1/coupons?account_id=x").refused(400, "malformed")
	s.get("/v1/coupons?expires_before=x").refused(400, "malformed")
}
