package api_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain"
)

// TestOneOpenShift has many callers open a shift of one terminal at once: one does, and each of the
// others is told of it. The next can be opened when it is closed; every key keeps its answer.
func TestOneOpenShift(t *testing.T) {
	s := openWithAdmin(t)
	answers := make([]answer, 8)
	var wait sync.WaitGroup
	for i := range answers {
		request := s.ask(admin, "POST", "/v1/shifts", `{"store":"S1","terminal":"T1"}`).
			with("Idempotency-Key", fmt.Sprint("open-", i))
		wait.Go(func() { answers[i] = request.send() })
	}
	wait.Wait()
	var first answer
	for _, a := range answers {
		if a.status == 201 {
			if first.text != "" {
				t.Fatal("two shifts are open")
			}
			first = a
			continue
		}
		a.refused(409, "shift_open")
	}
	for n := range 3 {
		if n > 0 {
			first = s.post("/v1/shifts", `{"store":"S1","terminal":"T1"}`).is(201)
		}
		first.has(fields{"number": fmt.Sprint(n + 1)})
		s.post("/v1/shifts/"+first.at("id")+"/close?max_wait=20s", `{}`).is(200).has(fields{"difference_count": "0"})
	}
	again := s.postOnce(keyOfFirst(answers), "/v1/shifts", `{"store":"S1","terminal":"T1"}`).is(201)
	if again.has(fields{"number": "1"}).header.Get("Idempotent-Replayed") != "true" {
		t.Error("a repeat, when two shifts came since, is not told as one")
	}
}

func keyOfFirst(answers []answer) string {
	for i, a := range answers {
		if a.status == 201 {
			return fmt.Sprint("open-", i)
		}
	}
	return ""
}

// TestShiftsWithoutModels: a shift is opened by its streams alone, and closed not at all.
func TestShiftsWithoutModels(t *testing.T) {
	s := open(t, func(c *api.Config) { c.Models = nil })
	s.addKey(domain.APIKey{Role: admin})
	id := s.post("/v1/shifts", `{"store":"S1","terminal":"T1"}`).is(201).at("id")
	s.post("/v1/shifts", `{"store":"S1","terminal":"T1"}`).refused(409, "shift_open")
	s.get("/v1/shifts/" + id).is(200).has(fields{"status": "open"})
	s.post("/v1/shifts/"+id+"/close", `{}`).refused(503, "read_model_behind")
	s.get("/v1/shifts").refused(503, "read_model_behind")
	s.get("/v1/exceptions").refused(503, "read_model_behind")
	s.get("/v1/reports/settlement?store=S1&terminal=T1&shift="+id).refused(503, "read_model_behind")
}

// TestDryClose closes nothing, and answers what a close would.
func TestDryClose(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "10")
	id := s.post("/v1/shifts", `{"store":"S1","terminal":"T1"}`).is(201).at("id")
	s.post(path+"/debits", `{"amount":`+cny("4")+`,"store":"S1","terminal":"T1"}`).is(201)
	for range 2 {
		got := s.post("/v1/shifts/"+id+"/close?dry_run=true&max_wait=20s", `{}`).is(200)
		got.has(fields{"differences.0.kind": "missing_in_pos", "ledger_totals.0.amount.amount": "4.00"})
	}
	s.get("/v1/shifts/" + id).is(200).has(fields{"status": "open"})
}

// TestBatchItems has one row for each way an item is refused alone.
func TestBatchItems(t *testing.T) {
	s := openWithAdmin(t)
	s.account("C-1", "10")
	at := `,"occurred_at":"` + time.Now().UTC().Format(time.RFC3339) + `"`
	amount := `,"amount":` + cny("1")
	for i, row := range []struct{ item, code string }{
		{`"operation":"debit"` + at + amount, "malformed"}, // no account
		{`"operation":"debit","account_id":"x"` + at + amount, "malformed"},
		{`"operation":"debit","customer_ref":"C-1"` + amount, "malformed"}, // no occurred_at
		{`"operation":"freeze","customer_ref":"C-1"` + at, "malformed"},
		{`"customer_ref":"C-1"` + at, "malformed"},
		{`"operation":"debit","customer_ref":"C-1","tip":1` + at + amount, "unknown_field"},
		{`"operation":"debit","customer_ref":"C-1","store":"S2"` + at + amount, "unknown_field"},
		{`"operation":"debit","customer_ref":"C-1","channel":"import"` + at + amount, "unknown_field"},
		{`"operation":"debit","customer_ref":"C-1","accept_partial":true` + at + amount, "malformed"},
		{`"operation":"debit","customer_ref":"C-1"` + at + `,"amount":{"amount":"1","unit":"XYZ"}`,
			"unknown_unit"},
		{`"operation":"refund","customer_ref":"C-1"` + at + amount, "malformed"}, // no debit_id
		{`"operation":"cancel","customer_ref":"C-1"` + at, "malformed"},
		{`"operation":"top_up","customer_ref":"C-2"` + at + amount, "not_found"},
	} {
		s.post("/v1/batches", fmt.Sprintf(`{"store":"S1","terminal":"T1","items":[{"seq":%d,%s}]}`, i+1,
			row.item)).is(200).has(fields{"results.0.status": "refused", "results.0.code": row.code})
	}
	for _, body := range []string{`{}`, `[]`, `{"store":"S1","terminal":"T1","items":[1]}`,
		`{"store":"S1","terminal":"T1","items":[{"seq":1000000000000}]}`,
		`{"store":"S1","terminal":"T1","items":[{"seq":"1"}]}`,
		`{"store":"S1","items":[{"seq":1}]}`,
		`{"store":"S1","terminal":"T1","items":[` + strings.Repeat(`{},`, 10_000) + `{}]}`} {
		s.post("/v1/batches", body).refused(400, "malformed")
	}
	s.post("/v1/batches", `{"store":"S1","terminal":"T1","items":[],"more":1}`).
		refused(400, "unknown_field")
}

// TestBatchOfSeveralKinds opens an account, sells to it and takes a debit back, all offline, of a
// role pos.
func TestBatchOfSeveralKinds(t *testing.T) {
	s := openWithAdmin(t)
	s.addKey(domain.APIKey{Role: domain.RolePOS, Stores: []string{"S1"}})
	at := `"occurred_at":"` + time.Now().UTC().Format(time.RFC3339) + `"`
	items := `{"store":"S1","terminal":"T1","items":[
		{"seq":4,"operation":"cancel","customer_ref":"C-1","pos_txn_id":"2",` + at + `},
		{"seq":1,"operation":"open","customer_ref":"C-1",` + at + `},
		{"seq":2,"operation":"top_up","customer_ref":"C-1","amount":` + cny("10") + `,` + at + `},
		{"seq":3,"operation":"debit","customer_ref":"C-1","amount":` + cny("12") +
		`,"pos_txn_id":"2",` + at + `},
		{"seq":5,"operation":"top_up","customer_ref":"C-1","bonus":` + cny("1") + `,"amount":` + cny("1") +
		`,` + at + `}]}`
	got := s.ask(domain.RolePOS, "POST", "/v1/batches", items).with("Idempotency-Key", "k").send().
		is(200).has(fields{
		"results.0.status": "posted", "results.1.status": "posted", "results.2.status": "overdraft",
		"results.3.status": "posted", "results.4.code": "forbidden"})
	spaced := s.ask(domain.RolePOS, "POST", "/v1/batches", strings.ReplaceAll(items, "},", "} ,")).
		with("Idempotency-Key", "k").send().is(200)
	if spaced.text != got.text {
		t.Error("a repeat that is written with blanks is not the same")
	}
	again := s.ask(domain.RolePOS, "POST", "/v1/batches", items).send().is(200)
	if again.at("results.2.operation_id") != got.at("results.2.operation_id") {
		t.Error("an item was posted twice")
	}
	s.get("/v1/accounts/" + domain.AccountID("C-1").String() + "/balances").is(200).
		has(fields{"balances.0.total": "10.00"})
	s.get("/v1/accounts/" + domain.AccountID("C-1").String()).is(200).has(fields{"receivables": "[]"})
}

// TestFullBatch uploads as many items as a batch takes, and again.
func TestFullBatch(t *testing.T) {
	s := openWithAdmin(t)
	for n := range 4 {
		s.account(fmt.Sprint("C-", n), "100000")
	}
	at := time.Now().UTC().Format(time.RFC3339)
	var items []string
	for seq := range domain.MaxBatchItems {
		items = append(items, fmt.Sprintf(`{"seq":%d,"operation":"debit","customer_ref":"C-%d",`+
			`"amount":%s,"occurred_at":%q}`, seq+1, seq%4, cny("1.00"), at))
	}
	body := `{"store":"S1","terminal":"T1","items":[` + strings.Join(items, ",") + `]}`
	first := s.postOnce("full", "/v1/batches", body).is(200)
	if n := strings.Count(first.text, `"posted"`); n != domain.MaxBatchItems {
		t.Fatalf("got %d posted", n)
	}
	again := s.postOnce("full", "/v1/batches", body).is(200)
	if again.text != first.text || again.header.Get("Idempotent-Replayed") != "true" {
		t.Error("a repeat is not the same")
	}
	s.get("/v1/accounts/" + domain.AccountID("C-0").String() + "/balances").is(200).
		has(fields{"balances.0.total": "97500.00"})
}

// TestOverdraftRefunded: a debit of which only what was owed came back is partly refunded, until nothing is.
func TestOverdraftRefunded(t *testing.T) {
	s := openWithAdmin(t)
	path := s.account("C-1", "")
	at := time.Now().UTC().Format(time.RFC3339)
	debit := s.post("/v1/batches", `{"store":"S1","terminal":"T1","items":[{"seq":1,"operation":"debit",`+
		`"customer_ref":"C-1","amount":`+cny("30")+`,"occurred_at":"`+at+`"}]}`).is(200).
		at("results.0.operation_id")
	debitPath := path + "/debits/" + debit
	s.get(debitPath).is(200).has(fields{"status": "posted", "amount.amount": "0.00",
		"requested.amount": "30.00", "remaining_due.amount": "30.00",
		"receivables.0.debit_id": debit})
	for _, step := range []struct{ amount, status string }{
		{"10", "partly_refunded"}, {"20", "refunded"},
	} {
		s.post(debitPath+"/refunds", `{"amount":`+cny(step.amount)+`}`).is(201)
		s.get(debitPath).is(200).has(fields{"status": step.status})
	}
}
