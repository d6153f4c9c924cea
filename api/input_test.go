package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// TestBadBodies: every kind of bad body gets its problem, and leaves no event.
func TestBadBodies(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "100")
	s.post("/v1/units", `{"code":"STARS","kind":"points"}`).is(201)
	amount := func(text string) string { return `{"amount":{"amount":` + text + `,"unit":"CNY"}}` }
	with := func(field string) string { return `{"amount":` + cny("1") + `,` + field + `}` }
	deep := strings.Repeat(`{"amount":`, 5000) + `1` + strings.Repeat(`}`, 5000)
	for _, c := range []struct{ name, body, code, field string }{
		{"nothing", ``, "malformed", ""},
		{"broken", `{"amount":`, "malformed", ""},
		{"a list", `[]`, "malformed", "body"},
		{"a number", `1`, "malformed", "body"},
		{"null", `null`, "malformed", "amount"},
		{"two values", `{} {}`, "malformed", ""},
		{"a comment", `{/**/}`, "malformed", ""},
		{"not UTF-8", "{\"store\":\"\xff\"}", "malformed", ""},
		{"a field twice", `{"store":"S1","store":"S2"}`, "malformed", "store"},
		{"an unknown field", `{"amont":1}`, "unknown_field", "amont"},
		{"another case", `{"Amount":{}}`, "unknown_field", "Amount"},
		{"an unknown field within", `{"amount":{"amount":"1","unit":"CNY","x":1}}`, "unknown_field", "amount.x"},
		{"deep nesting", deep, "malformed", "amount.amount"},
		{"deep lists", strings.Repeat(`[`, 20000), "malformed", "body"},
		{"no amount", `{}`, "malformed", "amount"},
		{"an amount that is a number", `{"amount":12.50}`, "malformed", "amount"},
		{"a figure that is a number", amount(`12.50`), "malformed", "amount.amount"},
		{"a figure that is null", amount(`null`), "malformed", "amount.amount"},
		{"no unit", `{"amount":{"amount":"1"}}`, "malformed", "amount.unit"},
		{"an exponent", amount(`"1e3"`), "malformed", "amount.amount"},
		{"a huge exponent", amount(`"1e2000000"`), "malformed", "amount.amount"},
		{"16 digits", amount(`"1000000000000000"`), "malformed", "amount.amount"},
		{"10 000 digits", amount(`"` + strings.Repeat("9", 10000) + `"`), "malformed", "amount.amount"},
		{"excess digits", amount(`"12.500"`), "amount_scale", "amount.amount"},
		{"zero", amount(`"0.00"`), "amount_not_positive", ""},
		{"negative", amount(`"-1"`), "amount_not_positive", "amount.amount"},
		{"a plus", amount(`"+1"`), "malformed", "amount.amount"},
		{"blank", amount(`" 1"`), "malformed", "amount.amount"},
		{"other numerals", amount(`"１２"`), "malformed", "amount.amount"},
		{"a comma", amount(`"1,00"`), "malformed", "amount.amount"},
		{"not a number", amount(`"NaN"`), "malformed", "amount.amount"},
		{"a leading zero", amount(`"01"`), "malformed", "amount.amount"},
		{"an unknown unit", `{"amount":{"amount":"1","unit":"ABC"}}`, "unknown_unit", "amount.unit"},
		{"a unit of another case", `{"amount":{"amount":"1","unit":"cny"}}`, "unknown_unit", "amount.unit"},
		{"points", `{"amount":{"amount":"1","unit":"STARS"}}`, "malformed", "amount.unit"},
		{"a long store", with(`"store":"` + strings.Repeat("s", 65) + `"`), "malformed", "store"},
		{"a control character", with(`"terminal":"a\u001fb"`), "malformed", "terminal"},
		{"a bad instant", with(`"occurred_at":"yesterday"`), "malformed", "occurred_at"},
		{"no zone", with(`"occurred_at":"2026-01-01T00:00:00"`), "malformed", "occurred_at"},
		{"the year 0", with(`"occurred_at":"0000-01-01T00:00:00Z"`), "malformed",
			"occurred_at"},
		{"a bad date", with(`"business_date":"2026-02-30"`), "malformed", "business_date"},
		{"a text for a switch", with(`"accept_partial":"yes"`), "malformed", "accept_partial"},
	} {
		head := s.head()
		got := s.ask(admin, "POST", path+"/debits", c.body).
			with("Content-Type", "application/json").send()
		field := got.at("errors.0.field")
		if got.status != 400 || got.at("code") != c.code || c.field != "" && field != c.field {
			t.Errorf("%s: got %d %.300s, want 400 %s of %s", c.name, got.status, got.text, c.code, c.field)
		}
		if s.head() != head {
			t.Errorf("%s: left an event", c.name)
		}
	}
	for path, body := range map[string]string{
		"/v1/units": `{}`, "/v1/stores": `{}`, "/v1/keys": `{}`, "/v1/accounts": `{}`,
		path + "/top-ups": `{}`, path + "/holds": `{}`, path + "/freeze": `{}`,
		path + "/operations/cancel": `{}`,
	} {
		head := s.head()
		if s.post(path, body).refused(400, "malformed"); s.head() != head {
			t.Errorf("%s: left an event", path)
		}
	}
	s.post(path+"/debits", `{"amount":{"amount":"x","unit":"CNY"},"occurred_at":"x"}`).
		refused(400, "malformed").has(fields{"errors.0.field": "occurred_at", "errors.1.field": "amount.amount"})
}

// TestWhatIsWanted: the problem says what would have been right.
func TestWhatIsWanted(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "100") + "/top-ups"
	with := func(field string) string { return `{"amount":` + cny("1") + `,` + field + `}` }
	for _, c := range []struct{ path, body, detail string }{
		{path, `[]`, "want an object"},
		{path, `{"amount":12.50}`, "want an object"},
		{path, `{"amount":{"amount":12.50,"unit":"CNY"}}`, "want a string"},
		{path, `{"amount":{"amount":"1000000000000000","unit":"CNY"}}`, "want at most 15 digits"},
		{path, with(`"payments":{}`), "want an array"},
		{path, with(`"payments":[{"method":1}]`), "want a string"},
		{path, with(`"pending":"yes"`), "want true or false"},
		{path, with(`"priority":1.5`), "want a whole number"},
		{path, with(`"occurred_at":"1899-12-31T23:59:59Z"`), "from 1900 on"},
		{"/v1/keys", `{"name":"k","role":"boss"}`, "want one of admin, pos, finance, "},
	} {
		got := s.post(c.path, c.body).refused(400, "malformed").at("errors.0.detail")
		if !strings.Contains(got, c.detail) {
			t.Errorf("%s: got %q, want %q", c.body, got, c.detail)
		}
	}
	wide := s.ask(admin, "GET", path, "").with("Cookie", strings.Repeat("x", 17<<10)).send()
	if got := wide.refused(400, "malformed").at("detail"); !strings.Contains(got, "larger than 16 KiB") {
		t.Errorf("large headers: got %q", got)
	}
}

// TestBadRequests: what is wrong outside of the body.
func TestBadRequests(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "100")
	ok := `{"amount":` + cny("1") + `}`
	head := s.head()
	debit := func() asked { return s.ask(admin, "POST", path+"/debits", ok) }
	debit().without("Idempotency-Key").send().refused(400, "key_missing")
	debit().with("Idempotency-Key", strings.Repeat("k", 256)).send().refused(400, "malformed")
	debit().with("Idempotency-Key", "a b").send().refused(400, "malformed")
	debit().with("Content-Type", "text/plain").send().refused(415, "unsupported_media_type")
	debit().without("Content-Type").send().refused(415, "unsupported_media_type")
	debit().with("Content-Type", "application/json; charset=latin1").send().
		refused(415, "unsupported_media_type")
	for _, r := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"POST", path + "/debits?dry_run=maybe", 400, "malformed"},
		{"POST", path + "/debits?nope=1", 400, "malformed"},
		{"POST", path + "/debits?dry_run=true&dry_run=false", 400, "malformed"},
		{"POST", "/v1/accounts/nonsense/debits", 400, "malformed"},
		{"POST", strings.ToUpper(path[len(path)-36:]), 404, "not_found"},
		{"POST", "/v1/accounts/" + strings.ToUpper(path[13:]) + "/debits", 400, "malformed"},
		{"POST", "/v1/accounts/00000000-0000-0000-0000-000000000000/debits", 404, "not_found"},
		{"POST", path + "/debits/", 404, "not_found"},
		{"POST", path + "//debits", 404, "not_found"},
		{"POST", "/V1/accounts", 404, "not_found"},
		{"POST", "/v1/accounts/..%2f..%2fv1/keys", 404, "not_found"},
		{"POST", "/v1/accounts/%00/debits", 400, "malformed"},
		{"PUT", path + "/debits", 405, "method_not_allowed"},
		{"DELETE", "/v1/accounts", 405, "method_not_allowed"},
		{"GET", path + "/debits/nonsense", 400, "malformed"},
		{"GET", path + "/debits/" + path[13:], 404, "not_found"},
		{"GET", path + "/balances?at=never", 400, "malformed"},
		{"GET", path + "/balances?axis=sideways", 400, "malformed"},
		{"GET", path + "/balances?min_position=-1", 400, "malformed"},
		{"GET", path + "/balances?max_wait=1h", 400, "malformed"},
		{"GET", path + "/history?limit=0", 400, "malformed"},
		{"GET", path + "/history?limit=1001", 400, "malformed"},
		{"GET", path + "/history?cursor=x", 400, "malformed"},
		{"GET", path + "/lots?state=some", 400, "malformed"},
		{"GET", path + "/operations", 400, "malformed"},
		{"GET", "/v1/audit?type=Nonsense", 400, "malformed"},
		{"GET", "/v1/audit?from=x", 400, "malformed"},
		{"GET", "/v1/events?from_position=x", 400, "malformed"},
		{"GET", "/v1/stores/nope", 404, "not_found"},
		{"DELETE", "/v1/keys/nope", 400, "malformed"},
		{"POST", "/v1/projections/nope/rebuild", 404, "not_found"},
	} {
		body := ok
		if r.method == "GET" || r.method == "DELETE" {
			body = ""
		}
		got := s.ask(admin, r.method, r.path, body).send()
		if got.status != r.status || got.at("code") != r.code {
			t.Errorf("%s %s: got %d %s, want %d %s", r.method, r.path, got.status, got.text, r.status, r.code)
		}
	}
	if s.head() != head {
		t.Error("a bad request left an event")
	}
}

// TestTooLarge: a body beyond the limit is not read, on any route.
func TestTooLarge(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "100")
	head := s.head()
	huge := `{"store":"` + strings.Repeat("x", 10<<20) + `"}`
	for _, at := range []string{path + "/debits", "/v1/accounts", "/v1/keys", "/v1/stores", "/v1/bulk"} {
		s.post(at, huge).refused(413, "body_too_large")
	}
	s.get(path + "/balances").is(200) // a new connection
	if s.head() != head {
		t.Error("it left an event")
	}
}

// FuzzBodies: whatever a body says to any write, the answer is no failure of ours, and a refusal
// that is not remembered leaves no event.
func FuzzBodies(f *testing.F) {
	s := openWithAdmin(f)
	path := s.account("C-1", "1000")
	debit := s.post(path+"/debits", `{"amount":`+cny("10")+`}`).is(201).at("id")
	hold := s.post(path+"/holds", `{"amount":`+cny("10")+`}`).is(201).at("id")
	topUp := s.post(path+"/top-ups", `{"amount":`+cny("10")+`}`).is(201).at("id")
	paths := []string{path + "/debits", path + "/top-ups", path + "/holds", "/v1/accounts",
		path + "/debits/" + debit + "/refunds", path + "/holds/" + hold + "/capture",
		path + "/holds/" + hold + "/void", path + "/top-ups/" + topUp + "/reverse",
		path + "/operations/cancel", path + "/freeze", path + "/unfreeze", "/v1/stores", "/v1/units",
		"/v1/keys", "/v1/bulk", "/v1/segments", "/v1/segments/preview", "/v1/campaigns", "/v1/quotes",
		path + "/checkouts", path + "/coupons", path + "/points", path + "/tier"}
	for i := range paths {
		f.Add(uint8(i), `{"amount":{"amount":"1.00","unit":"CNY"},"store":"S1","pos_txn_id":"1"}`)
	}
	for i, body := range []string{`{"amount":{"amount":"1","unit":"CNY"},"accept_partial":true}`,
		`{"amount":{"amount":"1","unit":"CNY"},"bonus":{"amount":"1","unit":"CNY"},"priority":3,` +
			`"scope":{"stores":["S1"]},"draw":"bonus_first","payments":[{"method":"cash","reference":"1"}]}`,
		`{"amount":{"amount":"1","unit":"CNY"},"ttl_seconds":60}`, `{"customer_ref":"C-2"}`,
		`{"amount":{"amount":"1","unit":"CNY"},"reason":"r"}`, `{"amount":{"amount":"1","unit":"CNY"},"final":true}`,
		`{}`, `{"cause":"chargeback"}`, `{"pos_txn_id":"1"}`, `{"modes":["debit"],"reason":"r"}`, `{"reason":"r"}`,
		`{"id":"S1","zone":"Asia/Shanghai","day_cut":"04:00"}`, `{"code":"HAIR","kind":"count","scale":1}`,
		`{"name":"n","role":"pos","stores":["S1"]}`,
		`[{"key":"k","operation":"debit","customer_ref":"C-1","amount":{"amount":"1","unit":"CNY"}}]`,
		`{"id":"vip","name":"VIP","filter":{"any":[{"field":"tag","op":"in","values":["a'b"]},{"not":` +
			`{"field":"spend","op":"gt","value":"1.00","unit":"CNY","days":30}}]}}`,
		`{"filter":{"field":"rfm_m","op":"ge","value":"4","unit":"CNY","from":"2026-01-01"}}`,
		`{"id":"spring","name":"Spring","channels":["online"],"budgets":{"issues":9,"per_account":1}}`,
		`{"account_id":"` + strings.TrimPrefix(path, "/v1/accounts/") + `","best":true,` +
			`"lines":[{"product":"tea","qty":2,"unit_price":{"amount":"1","unit":"CNY"}}]}`,
		`{"lines":[{"n":1,"product":"tea","unit_price":{"amount":"1","unit":"CNY"}}],"stored_value":"rest"}`,
		`{"campaign":"spring","definition":"ten@1","issue_channel":"online","reason":"r"}`,
		`{"amount":{"amount":"1","unit":"CNY"},"reason":"r"}`, `{"tier":"gold","reason":"r"}`} {
		f.Add(uint8(i), body)
	}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		s := *s
		s.TB = t
		head := s.head()
		path := paths[int(which)%len(paths)]
		got := s.ask(domain.RoleAdmin, "POST", path, body).with("Content-Type", "application/json").
			with("Idempotency-Key", fmt.Sprint("fuzz-", head)).send()
		if got.status >= 500 || got.status == 401 {
			t.Fatalf("%s %q: got %d %s", path, body, got.status, got.text)
		}
		remembered := got.status == 422 && got.header.Get("Tillbook-Position") != ""
		if got.status >= 400 && !remembered && s.head() != head {
			t.Fatalf("%s %q: got %d %s, and an event", path, body, got.status, got.text)
		}
	})
}

// TestLargeBodiesGiveTheirPlaceBack, however they end: more come one after the other than a key has places.
func TestLargeBodiesGiveTheirPlaceBack(t *testing.T) {
	s := openWithAdmin(t)
	nothing := strings.Repeat(" ", 100<<10)
	shift := "/v1/shifts/" + domain.AccountID("none").String() + "/close"
	for _, row := range []struct {
		path, body string
		status     int
	}{
		{"/v1/bulk", "[" + nothing + "]", 200},
		{"/v1/bulk", "[" + nothing, 400},
		{"/v1/bulk", "[" + strings.Repeat("0,", 100_001) + "0]", 400},
		{"/v1/batches", "{" + nothing + "}", 400},
		{shift, "{" + nothing + "}", 404},
	} {
		for range 10 {
			got := s.post(row.path, row.body)
			for n := 0; got.status == 503 && n < 1000; n++ { // the one before may not be done yet
				got = s.post(row.path, row.body)
			}
			got.is(row.status)
		}
	}
}
