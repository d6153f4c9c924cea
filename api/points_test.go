package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

func pts(amount string) string { return `{"amount":"` + amount + `","unit":"PTS"}` }

const onePoint = `{"id":"house","terms":{"points":[{"id":"one","points":{"amount":"1","unit":"PTS"},
	"per":{"amount":"1.00","unit":"CNY"},"tiers":{"gold":"1.50"},"categories":{"tea":"2"},
	"campaigns":[{"id":"may","times":"1","begins":"2020-01-01T00:00:00Z"}],"pending_days":0,
	"expiry":{"end_of":"year"},"limits":{"sale":{"amount":"90","unit":"PTS"}},
	"spend":{"points":{"amount":"100","unit":"PTS"},"worth":{"amount":"1.00","unit":"CNY"},"share":"50"},
	"conversions":[
		{"id":"cash","into":"credit","points":{"amount":"10","unit":"PTS"},"credit":{"amount":"0.10","unit":"CNY"}},
		{"id":"ten","into":"coupon","points":{"amount":"30","unit":"PTS"},"campaign":"spring","definition":"ten"},
		{"id":"mug","into":"gift","points":{"amount":"20","unit":"PTS"},"gift":"mug-1"}]}]}}`

// TestPoints: a sale earns, points are given, held, converted, and go with what comes back.
func TestPoints(t *testing.T) {
	s := openWithAdmin(t)
	s.addKey(domain.APIKey{Role: domain.RoleMarketing})
	path := s.account("C-1", "1000")
	s.post("/v1/units", `{"code":"PTS","kind":"points","scale":0}`).is(201)
	s.get(path + "/points").is(200).has(fields{"data.0": ""})
	s.post("/v1/programs", onePoint).is(201).has(fields{"terms.points.0.tiers.gold": "1.5",
		"terms.points.0.spend.step.amount": "100", "terms.points.0.limits.over": "reduce"})
	sold := s.post(path+"/debits", `{"amount":`+cny("100")+`}`).is(201).has(fields{
		"balance.unit": "CNY", "points_earned.0.amount.amount": "90", "points_earned.0.campaign": "may",
		"points_earned.0.limited_by": "per_sale", "points_earned.0.base.amount": "100.00"})
	s.get(path + "/debits/" + sold.at("id")).is(200).has(fields{"points_earned.0.rule": "one"})
	s.ask(domain.RoleMarketing, "POST", path+"/points", `{"amount":`+pts("30")+`,"reason":"prize"}`).
		with("Idempotency-Key", "p").send().is(201).has(fields{"balance.total": "120"})
	s.ask(domain.RoleMarketing, "POST", path+"/points", `{"amount":`+pts("30")+`,"reason":"prize",
		"expires_at":"2999-01-01T00:00:00Z"}`).with("Idempotency-Key", "q").send().refused(403, "forbidden")
	s.get(path + "/points").is(200).has(fields{"program": "house@1", "data.0.balance.available": "120",
		"data.0.owed": "0", "data.0.next_effective": "", "data.0.next_expiry.amount": "120",
		"data.0.spend.0.share": "50", "data.0.conversions.1.definition": "ten"})
	s.post(path+"/points/convert", `{"amount":`+pts("20")+`,"into":"credit"}`).is(201).has(fields{
		"credit.amount": "0.20", "lots.0.class": "promo", "balance.total": "100", "times": "2"})
	s.post(path+"/points/convert", `{"amount":`+pts("20")+`,"into":"gift"}`).is(201).has(fields{
		"gift": "mug-1", "balances.0.total": "80"})
	s.get(fmt.Sprint("/v1/reports/points?unit=PTS&max_wait=10s&min_position=", s.head())).is(200).has(fields{
		"data.0.opening": "0", "data.0.changes.0.type": "PointsConverted", "data.0.changes.0.amount": "-40",
		"data.0.changes.1.events": "2", "data.0.closing": "80", "data.0.worth": `{"amount":"0.80","unit":"CNY"}`,
		"data.0.accounts": "1", "data.0.pending": "0", "data.0.ending.0.amount": "80"})
	then := s.get("/v1/reports/points?unit=PTS").is(200).at("as_of_position")
	want := strings.Join([]string{"unit,entry,events,amount,as_of_position", "PTS,opening,,0," + then,
		"PTS,PointsConverted,2,-40," + then, "PTS,PointsEarned,2,120," + then, "PTS,closing,,80," + then, ""}, "\n")
	file := s.get("/v1/reports/points?format=csv&unit=PTS&at_position=" + then).is(200)
	if file.text != want || !strings.HasPrefix(file.header.Get("Content-Type"), "text/csv") {
		t.Errorf("got %s, want %s", file.text, want)
	}
	s.get("/v1/reports/points?format=xml").refused(400, "malformed").has(fields{"errors.0.field": "format"})
	s.get("/v1/points?unit=PTS").is(200).has(fields{"data.0.total": "80", "data.1": ""})
	s.get("/v1/points").refused(400, "malformed").has(fields{"errors.0.field": "unit"})
	s.post(path+"/points/convert", `{"amount":`+pts("15")+`,"into":"credit"}`).refused(422, "points_step")
	s.post(path+"/points/convert", `{"amount":`+pts("30")+`,"into":"coupon"}`).refused(404, "not_found")
	s.post(path+"/points/convert", `{"amount":`+pts("10")+`,"into":"credit","conversion":"mug"}`).
		refused(422, "conversion_not_offered")
	s.post(path+"/points/convert", `{"amount":`+cny("10")+`,"into":"credit"}`).refused(400, "malformed")
	s.post(path+"/debits/"+sold.at("id")+"/refunds", `{"amount":`+cny("100")+`}`).is(201).has(fields{
		"points_revoked.0.due.amount": "90", "points_revoked.0.amount.amount": "80",
		"points_revoked.0.uncollected.amount": "10", "receivables.0.outstanding.unit": "PTS"})
	s.get(path + "/receivables").is(200).has(fields{"data.0.cause": "points", "data.0.source_id": sold.at("id")})
	s.get(path).is(200).has(fields{"receivables.0.source_id": sold.at("id")})
	s.get(path + "/points").is(200).has(fields{"data.0.owed": "10"})
	s.post(path+"/points", `{"amount":`+pts("12")+`,"reason":"prize"}`).is(201).has(fields{
		"settled.0.amount.amount": "10", "balance.total": "2"})
	s.get(fmt.Sprint("/v1/reports/points?unit=PTS&max_wait=10s&min_position=", s.head())).is(200).
		has(fields{"data.0.closing": "2"})
	s.get("/v1/reports/points?unit=PTS&at_position=" + then).is(200).has(fields{"data.0.closing": "80",
		"data.0.worth": "", "data.0.pending": "", "data.0.ending": "", "as_of_position": then})
}

// TestPointsAreNoStoredValue: whatever takes or gives stored value refuses a unit of points.
func TestPointsAreNoStoredValue(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "1000")
	s.account("C-2", "")
	s.post("/v1/units", `{"code":"PTS","kind":"points","scale":0}`).is(201)
	for route, rest := range map[string]string{
		"/debits": "", "/top-ups": "", "/holds": "",
		"/transfers":            `,"to_customer_ref":"C-2","kind":"gift"`,
		"/credits":              `,"cause":"promo","reason":"x"`,
		"/unreferenced-refunds": `,"reason":"x"`,
		"/adjustments":          `,"direction":"credit","reason_code":"other"`,
	} {
		t.Run(route, func(t *testing.T) {
			s.post(path+route, `{"amount":`+pts("1")+rest+`}`).refused(400, "malformed").
				has(fields{"errors.0.field": "amount.unit"})
		})
	}
	s.post(path+"/withdrawals", `{"unit":"PTS","cause":"customer"}`).refused(400, "malformed")
	items := s.post("/v1/bulk", `[{"key":"b","operation":"grant","customer_ref":"C-1","amount":`+pts("1")+`},
		{"key":"c","operation":"earn_points","customer_ref":"C-1","amount":`+pts("1")+`,"reason":"x"}]`)
	items.is(200).has(fields{"0.body.code": "malformed", "1.body.balance.total": "1"})
}
