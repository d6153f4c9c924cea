package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// TestBulkArray: items in order, one that is refused fails alone, and a repeat is told.
func TestBulkArray(t *testing.T) {
	s := openWithAdmin(t)
	const body = `[
		{"key":"1","operation":"open","customer_ref":"C-1"},
		{"key":"2","operation":"grant","customer_ref":"C-1","amount":{"amount":"50","unit":"CNY"}},
		{"key":"3","operation":"debit","customer_ref":"C-1","amount":{"amount":"20","unit":"CNY"},
		 "channel":"import","occurred_at":"2030-01-01T00:00:00Z"},
		{"key":"4","operation":"debit","customer_ref":"C-1","amount":{"amount":"31","unit":"CNY"}},
		{"key":"5","operation":"debit","customer_ref":"C-1","amount":{"amount":"1","unit":"CNY"},"nope":1},
		{"key":"6","operation":"nope"},
		{"operation":"debit","customer_ref":"C-1","amount":{"amount":"1","unit":"CNY"}},
		{"key":"8","operation":"hold","customer_ref":"C-9","amount":{"amount":"1","unit":"CNY"}},
		17]`
	got := s.post("/v1/bulk", body).is(200)
	for i, want := range []struct{ status, field, value string }{
		{"201", "body.customer_ref", "C-1"}, {"201", "body.cause", "opening_balance"},
		{"201", "body.balance.total", "30.00"}, {"422", "body.code", "insufficient_funds"},
		{"400", "body.code", "unknown_field"}, {"400", "body.code", "malformed"},
		{"400", "body.code", "key_missing"}, {"404", "body.code", "not_found"},
		{"400", "body.code", "malformed"},
	} {
		got.has(fields{fmt.Sprint(i, ".index"): fmt.Sprint(i), fmt.Sprint(i, ".status"): want.status,
			fmt.Sprint(i, ".", want.field): want.value})
	}
	again := s.post("/v1/bulk", body).is(200)
	again.has(fields{"2.replayed": "true", "2.body.id": got.at("2.body.id")})
	s.post("/v1/bulk", `[{"key":`).refused(400, "malformed")
	s.post("/v1/bulk", `[]`).is(200)
}

// TestBulkStream: more items than are ever in flight, over accounts and kept in order in each.
func TestBulkStream(t *testing.T) {
	s := openWithAdmin(t)
	const accounts, rounds = 7, 400
	var body strings.Builder
	for a := range accounts {
		fmt.Fprintf(&body, `{"key":"o","operation":"open","customer_ref":"C-%d"}`+"\n", a)
		fmt.Fprintf(&body, `{"key":"t","operation":"top_up","customer_ref":"C-%d","amount":%s}`+"\n",
			a, cny("400"))
	}
	for r := range rounds {
		for a := range accounts {
			fmt.Fprintf(&body, `{"key":"d%d","operation":"debit","customer_ref":"C-%d","amount":%s}`+
				"\n\n", r, a, cny("1"))
		}
	}
	long := `{"key":"` + strings.Repeat("x", 70<<10) + `"}`
	body.WriteString("not JSON\n" + long + "\n" + `{"key":"last"}`)
	got := s.ask(admin, "POST", "/v1/bulk", body.String()).
		with("Content-Type", "application/x-ndjson").send().is(200)
	lines := strings.Split(strings.TrimSuffix(got.text, "\n"), "\n")
	if len(lines) != accounts*(rounds+2)+3 {
		t.Fatalf("got %d results", len(lines))
	}
	for i, line := range lines {
		var result struct {
			Index, Status int
			Body          struct {
				Code     string
				Revision int
			}
		}
		if err := json.Unmarshal([]byte(line), &result); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		want, revision := 201, 0
		switch n := i - 2*accounts; {
		case i >= len(lines)-3:
			want = map[int]int{3: 400, 2: 413, 1: 400}[len(lines)-i]
		case n < 0:
			revision = i % 2
		default:
			revision = 2 + n/accounts
		}
		if result.Index != i || result.Status != want || result.Body.Revision != revision {
			t.Fatalf("line %d: got %s, want status %d, revision %d", i, line, want, revision)
		}
	}
}

// TestBulkRoles: an item needs what its own route needs.
func TestBulkRoles(t *testing.T) {
	s := openWithAdmin(t)
	s.addKey(domain.APIKey{Role: domain.RolePOS})
	s.addKey(domain.APIKey{Role: domain.RoleSupport})
	s.account("C-1", "10")
	items := `[{"key":"1","operation":"grant","customer_ref":"C-1","amount":` + cny("1") + `},
		{"key":"2","operation":"debit","customer_ref":"C-1","amount":` + cny("1") + `},
		{"key":"3","operation":"freeze","customer_ref":"C-1","modes":["all"],"reason":"r"}]`
	s.ask(domain.RolePOS, "POST", "/v1/bulk", items).send().is(200).
		has(fields{"0.status": "403", "1.status": "201", "2.status": "403"})
	s.ask(domain.RoleSupport, "POST", "/v1/bulk", items).send().is(200).
		has(fields{"0.status": "403", "1.status": "403", "2.status": "200"})
	s.account("C-2", "10")
	s.post("/v1/units", `{"code":"PTS","kind":"points","scale":0}`).is(201)
	s.addKey(domain.APIKey{Role: domain.RoleMarketing})
	s.ask(domain.RoleMarketing, "POST", "/v1/bulk", `[
		{"key":"4","operation":"credit","customer_ref":"C-2","amount":`+cny("1")+`,"cause":"promo","reason":"r"},
		{"key":"5","operation":"credit","customer_ref":"C-2","amount":`+cny("1")+`,"cause":"goodwill","reason":"r"},
		{"key":"6","operation":"earn_points","customer_ref":"C-2","amount":{"amount":"5","unit":"PTS"},"reason":"r"},
		{"key":"7","operation":"top_up","customer_ref":"C-2","amount":`+cny("1")+`}]`).send().is(200).
		has(fields{"0.status": "201", "1.status": "403", "2.status": "201", "3.status": "403"})
	s.addKey(domain.APIKey{Role: domain.RoleAnalyst})
	s.ask(domain.RoleAnalyst, "POST", "/v1/bulk", items).send().refused(403, "forbidden")
}
