package api_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// sold is a sale of two lattes, paid by the account and with the rest of what is asked.
func sold(rest string) string {
	return `{"lines":[` + latte + `],"stored_value":"rest",` + rest + `}`
}

// TestSaleCodes: what codes give is the sale's, once however often it is asked for, and a quote says so
// before.
func TestSaleCodes(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	anna, bert := s.account("C-1", "200"), s.account("C-2", "200")
	_, codes := s.batch(2)
	both := `"codes":["` + codes[0] + `","spring 26"]`
	for range 2 { // asking claims nothing
		s.post("/v1/quotes", `{"account_id":"`+anna[len("/v1/accounts/"):]+`","lines":[`+latte+`],`+both+`}`).
			is(200).has(fields{"discount.amount": "10.00", "verdicts.0.unclaimed": "true",
			"verdicts.0.applied": "true", "verdicts.0.definition": "ten@1",
			"verdicts.1.code": "coupon_not_combinable", "lines.0.discounts.0.unclaimed": "true"})
	}
	one := `"codes":["` + strings.ToLower(codes[0]) + `"],"store":"S1","terminal":"T1","pos_txn_id":"1"`
	ask := func(rest string) answer { return s.postOnce("sale", anna+"/checkouts", sold(rest)) }
	got := ask(one).is(201).has(fields{"net.amount": "40.00", "coupons.0.definition": "ten@1"})
	if again := ask(one).is(201); again.text != got.text {
		t.Errorf("a repeat is answered with %s, want %s", again.text, got.text)
	}
	s.get(anna + "/coupons?status=active").is(200).has(fields{"data": "[]"})
	for name, other := range map[string]string{"another code": codes[1], "no code": "VCK3-FYRT-FA64",
		"a promo code": "SPRING26"} {
		got := ask(strings.Replace(one, strings.ToLower(codes[0]), other, 1))
		if got.status != 422 || got.at("code") != "key_reused" {
			t.Errorf("%s: got %d %s", name, got.status, got.text)
		}
	}
	ask(strings.Replace(one, `"]`, `","`+codes[1]+`"]`, 1)).refused(422, "key_reused")
	ask(`"store":"S1","terminal":"T1","pos_txn_id":"1"`).refused(422, "key_reused")

	// none is claimed where one cannot be had
	s.post(bert+"/checkouts", sold(`"codes":["`+codes[1]+`","`+codes[0]+`"]`)).refused(422, "code_not_usable")
	s.get(bert + "/coupons").is(200).has(fields{"data": "[]"})
	s.post(anna+"/checkouts", sold(`"codes":["`+codes[1]+`"]`)).is(201).has(fields{"net.amount": "40.00"})
	history := s.get(anna + "/history").is(200).text
	for _, code := range []string{codes[0], strings.ReplaceAll(codes[0], "-", "")} {
		if strings.Contains(strings.ToUpper(history), code) {
			t.Error("a code stands in the history")
		}
	}
}

// TestSaleCodesOfOneReference: a reference is the sale's, and stands in the way of none of its claims.
func TestSaleCodesOfOneReference(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	anna := s.account("C-1", "200")
	_, codes := s.batch(1)
	s.post(anna+"/checkouts", sold(`"codes":["`+codes[0]+`","spring 26"],"store":"S1","terminal":"T1",`+
		`"pos_txn_id":"9"`)).refused(422, "coupon_not_combinable")
}

// TestSaleRefusedKeepsCoupon: a sale that is refused after its codes were claimed says which coupons the
// account keeps, and again; another sale can use them.
func TestSaleRefusedKeepsCoupon(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	anna := s.account("C-1", "30")
	ask := func(rest string) answer { return s.postOnce("sale", anna+"/checkouts", sold(rest)) }
	dear := `"codes":["spring26"]`
	got := ask(dear).refused(422, "insufficient_funds").has(fields{"errors.0.field": "codes",
		"shortfall.amount": "10.00"})
	kept := s.get(anna + "/coupons").is(200).at("data.0.id")
	if kept == "" || !strings.Contains(got.at("errors.0.detail"), kept) {
		t.Errorf("got %s, want it to name coupon %s", got.text, kept)
	}
	if again := ask(dear).refused(422, "insufficient_funds"); again.text != got.text {
		t.Errorf("a repeat is answered with %s, want %s", again.text, got.text)
	}
	ask(`"codes":["spring26"],"external":[{"method":"cash","amount":`+cny("10")+`}]`).refused(422, "key_reused")
	s.post(anna+"/checkouts", sold(`"coupons":["`+kept+`"],"external":[{"method":"cash","amount":`+cny("10")+`}]`)).
		is(201).has(fields{"net.amount": "40.00"})
	early := s.post(anna+"/checkouts", `{"lines":[`+latte+`],"codes":["spring26"],"stored_value":`+cny("1")+`}`)
	early.refused(422, "code_not_usable") // each account once
}

// TestSaleCodesOfOneCampaign: a quote with several codes of one campaign says what the sale would, and the
// sale claims none where it cannot have all.
func TestSaleCodesOfOneCampaign(t *testing.T) {
	for budgets, want := range map[string]int{`{}`: 200, `{"per_account":2}`: 200, `{"per_account":1}`: 422,
		`{"issues":2}`: 200, `{"issues":1}`: 422} {
		s, _ := openPeople(t)
		s.spring(budgets)
		anna := s.account("C-1", "200")
		_, codes := s.batch(2)
		for _, both := range []string{`"codes":["` + codes[0] + `","` + codes[1] + `"]`,
			`"codes":["` + codes[0] + `","spring 26"]`} {
			got := s.post("/v1/quotes", `{"account_id":"`+anna[len("/v1/accounts/"):]+`","lines":[`+latte+`],`+both+`}`)
			if got.status != want || want == 422 && got.at("code") != "code_not_usable" {
				t.Errorf("%s: got %d %s, want %d", budgets, got.status, got.text, want)
			}
			if want == 422 {
				s.post(anna+"/checkouts", sold(both)).refused(422, "code_not_usable")
				s.get(anna + "/coupons").is(200).has(fields{"data": "[]"})
			}
		}
	}
}

// TestSaleCodesMalformed: what no sale could want is refused before a code is looked at.
func TestSaleCodesMalformed(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	anna := s.account("C-1", "100")
	eleven := strings.TrimSuffix(strings.Repeat(`"spring26",`, 11), ",")
	for field, rest := range map[string]string{"codes": `"codes":[` + eleven + `]`,
		"codes.1": `"codes":["spring26","Spring 26"]`, "codes.0": `"codes":[""]`,
		"issue_channel": `"codes":["spring26"],"issue_channel":"fax"`} {
		s.post(anna+"/checkouts", sold(rest)).refused(400, "malformed").has(fields{"errors.0.field": field})
	}
	s.post(anna+"/checkouts", sold(`"codes":["spring26"],"best":true`)).refused(400, "malformed")
	s.post(anna+"/checkouts", sold(`"issue_channel":"online"`)).refused(400, "malformed")
	s.post(anna+"/checkouts?dry_run=true", sold(`"codes":["spring26"]`)).refused(400, "malformed")
	s.post("/v1/bulk", `[{"key":"k","operation":"checkout","customer_ref":"C-1",`+
		sold(`"codes":["spring26"]`)[1:]+`]`).is(200).has(fields{"0.status": "400", "0.body.errors.0.field": "codes"})
	s.get(anna + "/coupons").is(200).has(fields{"data": "[]"})
}

// TestSaleCodeGuessing: the brake on guesses counts sales and quotes, one guess each.
func TestSaleCodeGuessing(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	anna := s.account("C-1", "100")
	var guesses sync.WaitGroup
	for i := range 15 {
		guesses.Go(func() {
			shown := fmt.Sprintf(`"codes":["guess%d","other%d"]`, i, i)
			s.ask(admin, "POST", anna+"/checkouts", sold(shown)).send()
			s.ask(admin, "POST", "/v1/quotes", `{"account_id":"`+anna[len("/v1/accounts/"):]+`","lines":[`+
				latte+`],`+shown+`}`).send()
		})
	}
	guesses.Wait()
	s.post(anna+"/checkouts", sold(`"codes":["SPRING26"]`)).refused(429, "rate_limited")
}

// TestSaleCodeAtOnce: of several sales at once that show one code, one has its coupon.
func TestSaleCodeAtOnce(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	_, codes := s.batch(1)
	var tills sync.WaitGroup
	answers := make([]answer, 6)
	for i := range answers {
		path := s.account(fmt.Sprint("C-", i), "100")
		tills.Go(func() {
			answers[i] = s.ask(admin, "POST", path+"/checkouts", sold(`"codes":["`+codes[0]+`"]`)).send()
		})
	}
	tills.Wait()
	won := 0
	for _, a := range answers {
		if a.status == 201 {
			won++
		} else {
			a.refused(422, "code_not_usable")
		}
	}
	if won != 1 {
		t.Errorf("%d sales have the coupon, want 1", won)
	}
}

// TestCustomerQuotes: a customer may ask for its own account alone.
func TestCustomerQuotes(t *testing.T) {
	s, _ := openPeople(t)
	s.spring(`{}`)
	anna, bert := s.account("C-1", "100"), s.account("C-2", "100")
	s.addKey(domain.APIKey{Role: domain.RoleCustomer, AccountID: domain.AccountID("C-1")})
	ask := func(account string) answer {
		return s.ask(domain.RoleCustomer, "POST", "/v1/quotes", `{"account_id":"`+account[len("/v1/accounts/"):]+
			`","lines":[`+latte+`],"codes":["spring26"]}`).send()
	}
	ask(anna).is(200).has(fields{"net.amount": "40.00"})
	ask(bert).refused(403, "forbidden")
}
