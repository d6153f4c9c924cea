package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// TestNoCodeRemains greps the whole data folder of a service: no code that it drew, took or refused stands
// in it, be it in normal form or as it is printed.
func TestNoCodeRemains(t *testing.T) {
	p := &person{T: t, data: t.TempDir(),
		master: base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))}
	p.start()
	account := p.ask(201, "POST", "/v1/accounts", `{"customer_ref":"C-1"}`, "id")
	var codes []string
	never := func(code string) string {
		codes = append(codes, code, strings.ReplaceAll(code, "-", ""), strings.ToLower(code))
		return code
	}
	const hundred = `"amount":{"amount":"100.00","unit":"CNY"}`
	drawn := never(p.ask(201, "POST", "/v1/gift-vouchers", "{"+hundred+"}", "code"))
	printed := never("PRINTED-7319-5520")
	p.ask(201, "POST", "/v1/gift-vouchers", fmt.Sprintf(`{%s,"code":%q}`, hundred, printed), "code")
	redeem := func(status int, code, field string) {
		p.ask(status, "POST", "/v1/gift-vouchers/redeem",
			fmt.Sprintf(`{"code":%q,"into_customer_ref":"C-1"}`, code), field)
	}
	redeem(201, drawn, "id")
	redeem(422, drawn, "code") // a decline is remembered with its request
	redeem(422, never("GUESSED-1234-5678"), "code")

	p.ask(201, "POST", "/v1/campaigns", `{"id":"spring","name":"Spring"}`, "id")
	p.ask(201, "POST", "/v1/campaigns/spring/definitions", fmt.Sprintf(`{"id":"ten","kind":"amount_off",
		"unit":"CNY","value":%s,"promo_code":{"code":%q}}`, "{"+hundred+"}", never("PROMO-7319-5521")), "status")
	batch := p.ask(201, "POST", "/v1/campaigns/spring/codes", `{"definition":"ten@1","count":10}`, "id")
	file := p.text(200, "POST", "/v1/campaigns/spring/codes/"+batch+"/export", "")
	for _, code := range strings.Fields(file)[1:] {
		never(code)
	}
	p.ask(200, "POST", "/v1/codes/void", fmt.Sprintf(`{"code":%q,"reason":"lost"}`, codes[len(codes)-3]), "id")
	p.ask(422, "POST", "/v1/accounts/"+account+"/coupons/claim", fmt.Sprintf(`{"code":%q}`, codes[len(codes)-6]),
		"code") // the campaign is a draft: the claim is refused, and the code is free again
	p.hidden("while it serves", codes...)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	p.hidden("after its end", codes...)
}
