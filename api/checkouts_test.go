package api_test

import (
	"fmt"
	"strings"
	"testing"
)

const latte = `{"product":"latte","category":"coffee","qty":2,"unit_price":{"amount":"25.00","unit":"CNY"}}`

// TestCheckout: a sale and its returns are answered as documented, and the same again.
func TestCheckout(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "100")
	sell := func(rest string) string { return `{"lines":[` + latte + `],` + rest + `}` }
	cash := `"external":[{"method":"cash","reference":"R","amount":` + cny("20") + `}]`
	ask := sell(`"stored_value":"rest","store":"S1","terminal":"T1","pos_txn_id":"7",` + cash)
	s.post(path+"/checkouts?dry_run=true", ask).is(200).has(fields{"net.amount": "50.00"})
	got := s.postOnce("c", path+"/checkouts", ask).is(201).has(fields{
		"gross.amount": "50.00", "discount.amount": "0.00", "stored_value.amount": "30.00",
		"lines.0.n": "1", "lines.0.tenders.0.tender": "stored_value", "lines.0.tenders.1.amount": "20.00",
		"receipt.paid_by_class.principal": "30.00", "balance.total": "70.00",
		"qualifying.amount": "50.00"})
	if again := s.postOnce("c", path+"/checkouts", ask).is(201); again.text != got.text {
		t.Errorf("repeated: got %s, want %s", again.text, got.text)
	}
	s.postOnce("c", path+"/checkouts", strings.Replace(ask, `"rest"`, cny("30"), 1)).
		refused(422, "key_reused").has(fields{"errors.0.field": "rest"})
	one := path + "/checkouts/" + got.at("id")
	s.get(path + "/debits/" + got.at("debit_id")).is(200).has(fields{"checkout_id": got.at("id"),
		"amount.amount": "30.00", "status": "posted", "balance.total": "70.00"})
	s.get(path+"/debits/"+got.at("id")).refused(404, "not_found")
	code := got.at("receipt.verification")
	s.get(one + "?verification=" + code).is(200).has(fields{"verified": "true", "status": "posted"})
	s.get(one + "?verification=AAAA-AAAA-AAAA").is(200).has(fields{"verified": "false"})
	s.post(path+"/debits/"+got.at("debit_id")+"/refunds", `{"amount":`+cny("1")+`}`).
		refused(422, "checkout_return")

	for i, bad := range []string{`"stored_value":5`, `"stored_value":"all"`, `"external":[{}]`,
		`"stored_value":{"amount":"-1","unit":"CNY"}`, `"order_ref":"` + strings.Repeat("x", 65) + `"`} {
		if a := s.post(path+"/checkouts", sell(bad)); a.status != 400 {
			t.Errorf("%d: got %d %s", i, a.status, a.text)
		}
	}
	s.post(path+"/checkouts", sell(`"stored_value":`+cny("49"))).refused(422, "tender_mismatch").
		has(fields{"requested.amount": "50.00", "shortfall.amount": "1.00"})
	s.post(path+"/checkouts", `{"lines":[`+latte+`,`+latte+`],"stored_value":"rest"}`).
		refused(422, "insufficient_funds").has(fields{"available.amount": "70.00"})

	back := `{"lines":[{"n":1,"qty":1}],"reason":"cold"}`
	got = s.postOnce("r", one+"/returns", back).is(201).has(fields{"net.amount": "25.00",
		"external_due.0.amount.amount": "10.00", "balance.total": "85.00", "full": "false"})
	if again := s.postOnce("r", one+"/returns", back).is(201); again.text != got.text {
		t.Errorf("repeated: got %s, want %s", again.text, got.text)
	}
	s.get(one).is(200).has(fields{"status": "partly_returned", "returned.0.qty": "1"})
	s.post(one+"/returns", `{"lines":[{"n":1,"qty":2}]}`).refused(422, "return_exceeds_checkout")
	s.post(path+"/operations/cancel", `{"store":"S1","terminal":"T1","pos_txn_id":"7"}`).is(200).
		has(fields{"reversed.0.kind": "checkout", "reversed.0.amount.amount": "25.00",
			"reversed.0.external_due.0.amount.amount": "10.00", "reversed.1.kind": "debit"})
	s.get(one).is(200).has(fields{"status": "returned", "returned.0.net": "50.00"})
	s.get("/v1/operations?store=S1&terminal=T1&pos_txn_id=7&max_wait=5s").is(200).
		has(fields{"data.0.kind": "checkout", "data.0.status": "cancelled"})
}

// TestCheckoutBulk: a sale and its return as items.
func TestCheckoutBulk(t *testing.T) {
	s := openWithAdmin(t)
	s.account("C-1", "100")
	item := `[{"key":"k%d","operation":"%s","customer_ref":"C-1",%s}]`
	sold := s.post("/v1/bulk", fmt.Sprintf(item, 1, "checkout",
		`"stored_value":"rest","lines":[`+latte+`]`)).is(200).has(fields{"0.status": "201"})
	s.post("/v1/bulk", fmt.Sprintf(item, 2, "return_checkout", `"checkout_id":"`+sold.at("0.body.id")+
		`","lines":[{"n":1,"qty":2}]`)).is(200).has(fields{"0.status": "201", "0.body.full": "true"})
}
