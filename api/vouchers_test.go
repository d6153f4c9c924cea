package api_test

import (
	"fmt"
	"strings"
	"testing"
)

func (s *shop) sellVoucher(body string) answer {
	s.Helper()
	return s.post("/v1/gift-vouchers", body)
}

const hundred = `{"amount":{"amount":"100.00","unit":"CNY"},"payments":[{"method":"cash"}]}`

// TestVoucher: sold, looked up, used at the till, redeemed in part and whole; one answer for every code
// that is none.
func TestVoucher(t *testing.T) {
	s, _ := openPeople(t)
	anna := s.account("C-1", "10")
	sale := s.ask(admin, "POST", "/v1/gift-vouchers", hundred)
	got := sale.send().is(201).has(fields{"kind": "bearer", "balance.total": "100.00",
		"lots.0.class": "gift", "lots.0.cost": "100.00"})
	code, voucher := got.at("code"), "/v1/accounts/"+got.at("id")
	if again := sale.send().is(201); again.text != got.text {
		t.Errorf("a repeat is answered with %s, want %s", again.text, got.text)
	}
	if other := s.sellVoucher(hundred).is(201); other.at("code") == code {
		t.Errorf("%s is sold twice", code)
	}
	s.finds("code", strings.ToLower(code), voucher)
	s.get(voucher).is(200).has(fields{"kind": "bearer", "customer_ref": ""})
	s.post(voucher+"/debits", `{"amount":{"amount":"30.00","unit":"CNY"}}`).is(201)
	s.post("/v1/gift-vouchers/redeem", `{"code":"`+code+`","into_customer_ref":"C-1",
		"amount":{"amount":"20.00","unit":"CNY"}}`).is(201).has(fields{"kind": "gift_redeem",
		"amount.amount": "20.00", "balance.total": "50.00"})
	rest := s.ask(admin, "POST", "/v1/gift-vouchers/redeem", `{"code":"`+code+`","into_customer_ref":"C-1"}`)
	first := rest.send().is(201).has(fields{"amount.amount": "50.00", "balance.total": "0.00"})
	if again := rest.send().is(201); again.text != first.text {
		t.Errorf("a repeat is answered with %s, want %s", again.text, first.text)
	}
	s.get(anna + "/balances").is(200).has(fields{"balances.0.total": "80.00",
		"balances.0.by_class.gift": "70.00"})
	s.post("/v1/gift-vouchers/redeem", `{"code":"`+code+`","into_customer_ref":"C-1"}`).
		refused(422, "insufficient_funds")
	for _, wrong := range []string{"VCK3-FYRT-FA64", "VCK3-FYRT-FA65", "x", "620012345678"} {
		got := s.post("/v1/gift-vouchers/redeem", `{"code":"`+wrong+`","into_customer_ref":"C-1"}`).
			refused(422, "code_not_usable")
		if got.at("detail") != "this code cannot be used" || strings.Contains(got.text, wrong+`"`) {
			t.Errorf("%s: %s", wrong, got.text)
		}
	}
	for range 20 {
		s.post("/v1/gift-vouchers/redeem", `{"code":"guessed-12345678","into_customer_ref":"C-1"}`)
	}
	s.post("/v1/gift-vouchers/redeem", `{"code":"guessed-12345678","into_customer_ref":"C-1"}`).
		refused(429, "rate_limited")
}

// TestPrintedVoucher: a card's own code is sold once, replaced when it is lost, and the sale taken back.
func TestPrintedVoucher(t *testing.T) {
	s, _ := openPeople(t)
	s.account("C-1", "")
	printed := strings.TrimSuffix(hundred, "}") + `,"code":"gift 1234 5678"}`
	got := s.sellVoucher(printed).is(201).has(fields{"last4": "5678", "code": "GIFT12345678"})
	s.sellVoucher(printed).refused(409, "credential_used")
	voucher := "/v1/accounts/" + got.at("id")
	s.post(voucher+"/credentials/"+got.at("credential_id")+"/replace", `{"value":"gift-8765-4321"}`).is(201)
	s.sellVoucher(printed).refused(409, "credential_used")
	s.post("/v1/gift-vouchers/redeem", `{"code":"gift-1234-5678","into_customer_ref":"C-1"}`).
		refused(422, "code_not_usable")
	s.post("/v1/gift-vouchers/redeem", `{"code":"gift-8765-4321","into_customer_ref":"C-1",
		"amount":{"amount":"1.00","unit":"CNY"}}`).is(201)
	s.post(voucher+"/top-ups/"+got.at("top_up_id")+"/reverse", `{"cause":"error"}`).
		refused(422, "top_up_spent")
	other := s.sellVoucher(hundred).is(201)
	s.post("/v1/accounts/"+other.at("id")+"/top-ups/"+other.at("top_up_id")+"/reverse", `{"cause":"error"}`).
		is(201).has(fields{"balance.total": "0.00"})

	for body, field := range map[string]string{`{}`: "amount",
		`{"amount":{"amount":"1.00","unit":"CNY"},"code":"short"}`: "code"} {
		s.sellVoucher(body).refused(400, "malformed").has(fields{"errors.0.field": field})
	}
	s.post("/v1/gift-vouchers/redeem", `{"into_customer_ref":"C-1"}`).refused(400, "malformed")
}

// TestVoucherWithoutMasterKey: what could not be kept is not sold.
// TestVoucherCancelled: a till that never learned of its sale takes it back by its reference.
func TestVoucherCancelled(t *testing.T) {
	s, _ := openPeople(t)
	ticket := `"store":"S1","terminal":"T1","pos_txn_id":"7"`
	sold := s.sellVoucher(hundred[:len(hundred)-1] + "," + ticket + "}").is(201)
	voucher := "/v1/accounts/" + sold.at("id")
	operation := s.get(voucher + "/operations?store=S1&terminal=T1&pos_txn_id=7").is(200).
		has(fields{"data.0.kind": "sell_voucher", "data.0.status": "posted"}).at("data.0.operation_id")
	s.post(voucher+"/operations/cancel", "{"+ticket+"}").is(200).has(fields{"found": "posted",
		"reversed.0.kind": "sell_voucher", "reversed.0.id": operation, "balance.total": "0.00"})
	fresh := fmt.Sprint("/v1/operations?max_wait=10s&min_position=", s.head(), "&")
	for _, path := range []string{voucher + "/operations?", fresh} {
		s.get(path + "store=S1&terminal=T1&pos_txn_id=7").is(200).has(fields{"data.0.kind": "sell_voucher",
			"data.0.status": "cancelled"})
	}
}

func TestVoucherWithoutMasterKey(t *testing.T) {
	s := openWithAdmin(t)
	s.sellVoucher(hundred).refused(503, "no_master_key")
}
