package api_test

import (
	"fmt"
	"testing"

	"github.com/tillbook/tillbook/domain"
)

// TestReportDormant: an imported customer of long ago is dormant, until something happens.
func TestReportDormant(t *testing.T) {
	s := openWithAdmin(t)
	s.post("/v1/programs/default/versions", `{"terms":{"dormancy":[30,90]}}`).is(201)
	path := s.account("C-1", "")
	s.post(path+"/top-ups", `{"amount":`+cny("5")+`,"channel":"import",
		"occurred_at":"2020-01-01T00:00:00Z"}`).is(201)
	s.account("C-2", "7")
	s.get("/v1/reports/dormant?step=0").refused(400, "malformed")
	sweep := func(ref string) {
		t.Helper()
		if err := s.ledger.Sweep(t.Context(), domain.AccountID(ref)); err != nil {
			t.Fatal(err)
		}
	}
	sweep("C-1")
	sweep("C-2")
	report := func(query string) answer {
		t.Helper()
		head, err := s.ledger.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s.get("/v1/reports/dormant?max_wait=5s&min_position=" + fmt.Sprint(uint64(head)) + query).is(200)
	}
	report("").has(fields{"data.0.customer_ref": "C-1", "data.0.step": "90",
		"data.0.since": "2020-01-01T00:00:00Z", "data.0.balance.0.amount": "5.00", "data.1": ""})
	report("&step=91").has(fields{"data": "[]"})
	s.post(path+"/debits", `{"amount":`+cny("1")+`}`).is(201).has(fields{"balance.total": "4.00"})
	report("").has(fields{"data": "[]"})
}
