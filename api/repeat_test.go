package api_test

import (
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// TestRepeat sends every kind of write twice under one key: the same bytes, and no second event.
func TestRepeat(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "100")
	post := func(path, body string) answer {
		t.Helper()
		request := s.ask(admin, "POST", path, body)
		key := request.Header.Get("Idempotency-Key")
		first := request.send()
		head := s.head()
		again := s.postOnce(key, path, body)
		if again.text != first.text || again.status != first.status {
			t.Errorf("%s: got %d %s, want %d %s", path, again.status, again.text, first.status, first.text)
		}
		const replayed = "Idempotent-Replayed"
		if again.header.Get(replayed) != "true" || first.header.Get(replayed) != "" {
			t.Errorf("%s: the repeat is not told from the first", path)
		}
		if again.header.Get("Tillbook-Position") != first.header.Get("Tillbook-Position") {
			t.Errorf("%s: the repeat stands elsewhere", path)
		}
		if s.head() != head {
			t.Errorf("%s: the repeat wrote", path)
		}
		return first
	}
	post("/v1/accounts", `{"customer_ref":"C-2"}`).is(201)
	topUp := post(path+"/top-ups", `{"amount":`+cny("50")+`,"bonus":`+cny("5")+`}`).is(201)
	debit := post(path+"/debits", `{"amount":`+cny("10")+`,"pos_txn_id":"1"}`).is(201)
	post(path+"/debits", `{"amount":`+cny("1000")+`}`).refused(422, "insufficient_funds")
	post(path+"/debits/"+debit.at("id")+"/refunds", `{"amount":`+cny("1")+`}`).is(201)
	hold := post(path+"/holds", `{"amount":`+cny("10")+`}`).is(201)
	post(path+"/holds/"+hold.at("id")+"/capture", `{"amount":`+cny("4")+`,"final":true}`).is(201)
	hold = post(path+"/holds", `{"amount":`+cny("10")+`}`).is(201)
	post(path+"/holds/"+hold.at("id")+"/void", `{}`).is(200)
	post(path+"/operations/cancel", `{"pos_txn_id":"1"}`).is(200)
	post(path+"/operations/cancel", `{"pos_txn_id":"2"}`).is(200)
	post(path+"/top-ups/"+topUp.at("id")+"/reverse", `{"cause":"chargeback"}`).is(201)
	post(path+"/freeze", `{"modes":["credit"],"reason":"r","until":"2099-01-01T00:00:00Z"}`).is(200)
	post(path+"/unfreeze", `{"reason":"r"}`).is(200)
	post("/v1/stores", `{"id":"S1","zone":"Asia/Shanghai"}`).is(201)
	post("/v1/units", `{"code":"HAIRCUT","kind":"count","scale":0}`).is(201)
}

// TestDeclineStands: a remembered refusal is the same after a top-up.
func TestDeclineStands(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "5")
	ask := func() answer {
		return s.postOnce("k", path+"/debits", `{"amount":`+cny("12.50")+`}`)
	}
	first := ask().refused(422, "insufficient_funds")
	first.has(fields{"requested.amount": "12.50", "available.amount": "5.00", "shortfall.amount": "7.50"})
	s.post(path+"/top-ups", `{"amount":`+cny("100")+`}`).is(201)
	if again := ask(); again.text != first.text {
		t.Errorf("got %s, want %s", again.text, first.text)
	}
}

// TestKeyReused names what differs.
func TestKeyReused(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "100")
	debit := func(body string) answer {
		return s.postOnce("k", path+"/debits", body)
	}
	debit(`{"amount":` + cny("1") + `,"store":"S1"}`).is(201)
	debit(`{"amount":`+cny("2")+`,"store":"S2"}`).refused(422, "key_reused").
		has(fields{"errors.0.field": "amount", "errors.1.field": "store"})
	debit(`{"amount":` + cny("1.00") + `,"store":"S1","operator":"Li","shift":"2"}`).is(201)
	s.postOnce("k", path+"/top-ups", `{"amount":`+cny("1")+`}`).
		refused(422, "key_reused").has(fields{"errors.0.field": "operation"})
}

// TestConflicts carry the original.
func TestConflicts(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "100")
	const body = `{"amount":{"amount":"10","unit":"CNY"},"store":"S1","pos_txn_id":"7"}`
	first := s.post(path+"/debits", body).is(201)
	s.post(path+"/debits", body).refused(409, "reference_used").
		has(fields{"original.id": first.at("id"), "original.amount.amount": "10.00", "original.kind": "debit"})
	s.post("/v1/accounts", `{"customer_ref":"C-1"}`).refused(409, "account_exists")
}

// TestDryRun answers and stores nothing.
func TestDryRun(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "100")
	head := s.head()
	s.post(path+"/debits?dry_run=true", `{"amount":`+cny("10")+`}`).is(200).
		has(fields{"balance.total": "90.00"})
	s.post(path+"/debits?dry_run=true", `{"amount":`+cny("1000")+`}`).
		refused(422, "insufficient_funds")
	s.post("/v1/stores?dry_run=true", `{"id":"S9"}`).is(200)
	if got := s.post("/v1/keys?dry_run=true", `{"name":"n","role":"pos"}`).is(200); got.at("key") != "" {
		t.Error("a dry run gave a secret")
	}
	if s.head() != head {
		t.Error("a dry run wrote")
	}
}

// TestKeys: a secret once, a repeat without it, an end for good, and no lock-out.
func TestKeys(t *testing.T) {
	s := openWithAdmin(t)
	create := func() answer {
		return s.ask(admin, "POST", "/v1/keys", `{"name":"till","role":"pos","stores":["S1"]}`).
			with("Idempotency-Key", "k").send().is(201)
	}
	first, again := create(), create()
	secret := first.at("key")
	if !strings.HasPrefix(secret, "tb_") || len(secret) != 46 || again.at("key") != "" ||
		again.at("id") != first.at("id") {
		t.Errorf("got %s, then %s", first.text, again.text)
	}
	till := func(method, path, body string) answer {
		return s.ask(admin, method, path, body).with("Authorization", "Bearer "+secret).send()
	}
	path := s.account("C-1", "100")
	till("POST", path+"/debits", `{"amount":`+cny("1")+`,"store":"S1"}`).is(201)
	till("POST", path+"/debits", `{"amount":`+cny("1")+`,"store":"S2"}`).refused(403, "forbidden")
	till("POST", path+"/debits", `{"amount":`+cny("1")+`}`).refused(403, "forbidden")
	till("GET", "/v1/operations?store=S2&pos_txn_id=1", "").refused(403, "forbidden")
	till("POST", path+"/top-ups", `{"amount":`+cny("1")+`,"bonus":`+cny("1")+`,"store":"S1"}`).
		refused(403, "forbidden").has(fields{"errors.0.field": "bonus"})
	till("POST", path+"/debits", `{"amount":`+cny("1")+`,"store":"S1","channel":"import"}`).
		refused(403, "forbidden")
	listed := s.get("/v1/keys").is(200)
	if strings.Contains(listed.text, secret) || listed.at("data.1.last_used_at") == "" {
		t.Errorf("got %s", listed.text)
	}
	s.ask(admin, "DELETE", "/v1/keys/"+first.at("id"), "").send().is(200)
	till("GET", path+"/balances", "").refused(401, "unauthenticated")
	s.ask(admin, "DELETE", "/v1/keys/"+listed.at("data.0.id"), "").send().refused(403, "forbidden")
}

// TestCustomer reads its own account alone.
func TestCustomer(t *testing.T) {
	s := openWithAdmin(t)
	mine, other := s.account("C-1", "10"), s.account("C-2", "10")
	s.addKey(domain.APIKey{Role: domain.RoleCustomer, AccountID: domain.AccountID("C-1")})
	s.ask(domain.RoleCustomer, "GET", mine+"/balances", "").send().is(200)
	s.ask(domain.RoleCustomer, "GET", other+"/balances", "").send().refused(403, "forbidden")
	s.ask(domain.RoleCustomer, "GET", mine+"/adjustments", "").send().refused(403, "forbidden") // notes of staff
	s.ask(domain.RoleCustomer, "GET", "/v1/accounts/"+strings.Repeat("0", 36)+"/balances", "").send().
		refused(403, "forbidden")
}
