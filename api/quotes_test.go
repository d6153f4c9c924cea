package api_test

import (
	"strings"
	"testing"
)

// A quote says of every field what is wrong with it, those of its lines by their places.
func TestQuoteFields(t *testing.T) {
	s := openWithAdmin(t)
	account := s.account("C-1", "100")[len("/v1/accounts/"):]
	at := func(amount, unit string) string {
		return `,{"product":"tea","unit_price":{"amount":"` + amount + `","unit":"` + unit + `"}}`
	}
	s.post("/v1/quotes", `{"account_id":"`+account+`","lines":[`+latte+at("1.234", "CNY")+at("1", "ZZZ")+
		`],"order_ref":"`+strings.Repeat("x", 65)+`"}`).refused(400, "amount_scale").has(fields{
		"errors.0.field": "lines.1.unit_price.amount", "errors.1.field": "lines.2.unit_price.unit",
		"errors.2.field": "order_ref"})
}

// A quote knows of a coupon that is no more what became of it.
func TestQuoteUsedCoupon(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	anna := s.account("C-1", "200")
	coupon := `"coupons":["` + s.post(anna+"/coupons", `{"campaign":"spring","definition":"ten"}`).is(201).
		at("id") + `"]`
	quote := `{"account_id":"` + anna[len("/v1/accounts/"):] + `","lines":[` + latte + `],` + coupon + `}`
	s.post("/v1/quotes", quote).is(200).has(fields{"verdicts.0.applied": "true"})
	s.post(anna+"/checkouts", sold(coupon)).is(201)
	s.post("/v1/quotes", quote).is(200).has(fields{"verdicts.0.code": "coupon_used"})
}
