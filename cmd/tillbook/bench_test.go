package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tillbook/tillbook/domain"
)

func TestChoicesStayWithinTheAccounts(t *testing.T) {
	for _, name := range distributions {
		for _, accounts := range []int{1, 2, 10_000} {
			choice, err := choose(name, accounts)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			pick := choice(rand.New(rand.NewPCG(1, 2)))
			seen := map[int]int{}
			for range 20_000 {
				seen[pick()]++
			}
			for account := range seen {
				if account < 0 || account >= accounts {
					t.Errorf("%s of %d: got account %d", name, accounts, account)
				}
			}
			switch {
			case name == hot && len(seen) != 1:
				t.Errorf("hot of %d: got %d accounts, want 1", accounts, len(seen))
			case name == uniform && accounts == 10_000 && seen[0] > 100:
				t.Errorf("uniform: got account 0 in %d of 20000, want about 2", seen[0])
			case name == zipf && accounts == 10_000 && seen[0] < 10*seen[20]:
				t.Errorf("zipf: got %d and %d, want the first far ahead", seen[0], seen[20])
			}
		}
	}
	if _, err := choose("normal", 1); err == nil {
		t.Error("got no error, want an unknown distribution refused")
	}
}

func TestTalliesOfConnectionsAdd(t *testing.T) {
	sum := newTally()
	for i, us := range []int64{100, 200, 300} {
		one := newTally()
		one.successes, one.busy, one.took = 1, int64(i), time.Duration(us)
		if err := one.latency.RecordValue(us * 1_000); err != nil {
			t.Fatal(err)
		}
		sum.add(one)
	}
	if sum.successes != 3 || sum.busy != 3 || sum.took != 300 || sum.latency.TotalCount() != 3 {
		t.Errorf("got %d successes, %d busy, %d took, %d latencies, want 3, 3, 300, 3",
			sum.successes, sum.busy, sum.took, sum.latency.TotalCount())
	}
	if got := sum.latency.ValueAtQuantile(50); got < 199_000 || got > 201_000 {
		t.Errorf("got median %d ns, want 200000", got)
	}
}

func TestBooksFindWhatDoesNotAddUp(t *testing.T) {
	cases := []struct {
		name  string
		left  int64 // of 10.00 after two debits of a cent
		fails bool
	}{
		{"as answered", 9_98, false},
		{"a success counted twice", 9_99, true},
		{"a debit posted twice", 9_97, true},
		{"value out of nothing", 10_01, true},
	}
	for _, c := range cases {
		b := newBooks("test", "key", 2)
		b.filled[0], b.filled[1] = cents(10_00), cents(10_00)
		b.taken[0].Add(2)
		moved, err := b.prove(t.Context(), func(_ context.Context, into []domain.Money) error {
			into[0], into[1] = cents(c.left), cents(10_00)
			return nil
		})
		if (err != nil) != c.fails {
			t.Errorf("%s: got %v, want a failure: %t", c.name, err, c.fails)
		}
		if err == nil && !moved.Equal(cents(2)) {
			t.Errorf("%s: got %s moved, want %s", c.name, moved, cents(2))
		}
	}
}

func TestBooksNeedTheBalances(t *testing.T) {
	broken := errors.New("no answer")
	_, err := newBooks("test", "key", 1).prove(t.Context(),
		func(context.Context, []domain.Money) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if got, err := balanceOf([]byte(`{"balances":[{"unit":"PTS","total":"7"},
		{"unit":"CNY","total":"1.50"}]}`)); err != nil || !got.Equal(cents(1_50)) {
		t.Errorf("got %s, %v, want the one in CNY", got, err)
	}
	for _, answer := range []string{``, `{}`, `{"balances":[]}`, `{"balances":[{"unit":"EUR"}]}`} {
		if got, err := balanceOf([]byte(answer)); err == nil {
			t.Errorf("%s: got %s, want an error", answer, got)
		}
	}
}

func TestMedianIsTheMiddleRun(t *testing.T) {
	for _, c := range []struct {
		took []int
		want float64
	}{{nil, 0}, {[]int{5}, 5}, {[]int{9, 1}, 1}, {[]int{9, 1, 4}, 4}} {
		var runs []measurement
		for _, took := range c.took {
			runs = append(runs, measurement{tally: tally{took: time.Duration(took)}})
		}
		got := median(runs, func(m measurement) float64 { return float64(m.took) })
		if got != c.want {
			t.Errorf("%v: got %v, want %v", c.took, got, c.want)
		}
	}
}

func TestReportHasRowsAndRatios(t *testing.T) {
	run := func(successes int64) []measurement {
		m := measurement{tally: newTally()}
		m.successes, m.took = successes, time.Second
		_ = m.latency.RecordValue(successes * 1_000)
		return []measurement{m}
	}
	var r report
	r.add([]*benchRow{
		{contender: &contender{name: ours, mode: "off"}, kind: reads, distribution: uniform,
			connections: 64, runs: run(500)},
		{contender: &contender{name: ours, mode: "off"}, kind: debits, distribution: uniform,
			connections: 64, runs: run(80)},
		{contender: &contender{name: ours, mode: "off"}, kind: debits, distribution: hot,
			connections: 64, runs: run(160)},
		{contender: &contender{name: oneBatch}, kind: debits, distribution: uniform,
			connections: 64, runs: run(100)},
		{contender: &contender{name: noStorage}, kind: reads, distribution: uniform,
			connections: 64, runs: run(1000)},
		{contender: &contender{name: noStorage}, kind: reads, distribution: uniform,
			connections: 16, runs: run(9999)},
		{contender: &contender{name: ours, mode: "off"}, kind: cappedSales, distribution: uniform,
			connections: 64, runs: run(40)},
		{contender: &contender{name: ours, mode: "off"}, kind: quotes, distribution: uniform,
			connections: 64, runs: run(200)},
		{contender: &contender{name: ours, mode: "on"}, kind: quotes, distribution: uniform,
			connections: 64, runs: run(200)},
	})
	want := map[string]float64{
		"debit uniform, followers off / debit, fiber, one synced batch": 0.8,
		"debit hot, followers off / debit, fiber, one synced batch":     1.6,
		"debit hot, followers off / debit uniform, followers off":       2,
		"balance uniform, followers off / balance, fiber, no storage":   0.5,

		"checkout-capped uniform, followers off / debit uniform, followers off": 0.5,
		"quote uniform, followers off / balance uniform, followers off":         0.4,
	}
	for _, x := range r.Ratios {
		name := strings.TrimPrefix(x.What, "64 connections, ")
		if got := want[name]; x.Rate != got {
			t.Errorf("%s: got %v, want %v", x.What, x.Rate, got)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("got no ratio for %v", want)
	}
	var text strings.Builder
	err := r.print(&text, false)
	if err != nil || !strings.Contains(text.String(), "debit hot, followers off") {
		t.Errorf("got %v and\n%s\nwant the rows", err, &text)
	}
}

func TestBenchLoadsItsOwnMachineOnly(t *testing.T) {
	t.Setenv(benchKeyVariable, "tb_key")
	for url, allowed := range map[string]bool{
		"http://127.0.0.1:8080": true, "http://[::1]:8080": true, "http://localhost:1": true,
		"http://10.0.0.1:8080": false, "http://example.com:80": false, "https://127.0.0.1:8080": false,
		"http://127.0.0.1.example.com:80": false, "http://127.0.0.1": false, "": true,
	} {
		o := benchOptions{url: url, followers: "off", connections: []int{1}, accounts: 1, runs: 1,
			duration: time.Second}
		if err := o.check(); (err == nil) != allowed {
			t.Errorf("--url %q: got %v, want allowed: %t", url, err, allowed)
		}
	}
}

// TestCeilingStoresWhatTheLedgerWould holds the stock to be debits, no two alike.
func TestCeilingStoresWhatTheLedgerWould(t *testing.T) {
	records, err := debitRecords(3)
	if err != nil || len(records) != 3 {
		t.Fatalf("got %d records, %v, want 3", len(records), err)
	}
	for i, r := range records {
		text := string(r)
		for _, part := range []string{`"debit_id"`, `"prev_hash"`, `"idempotency_key"`, `"pos_txn_id"`} {
			if !strings.Contains(text, part) {
				t.Errorf("record %d: got %s, want %s in it", i, text, part)
			}
		}
		if i > 0 && text == string(records[i-1]) {
			t.Errorf("records %d and %d: got the same bytes", i-1, i)
		}
	}
}

// TestSmoke runs a little of everything: servers on both logs, loads, ceilings, proofs, rebuild and restart.
func TestSmoke(t *testing.T) {
	bench := exec.CommandContext(t.Context(), os.Args[0], "bench", "--smoke", "--json",
		"--data", t.TempDir())
	bench.Env = append(os.Environ(), asMain+"=1")
	var stderr strings.Builder
	bench.Stderr = &stderr
	out, err := bench.Output()
	if err != nil {
		t.Fatalf("bench --smoke: %v\n%s", err, &stderr)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("got %.300s, want JSON: %v", out, err)
	}
	if len(r.Proofs) != 4*3 || r.Rebuild == nil || r.Restart == nil || len(r.Ratios) == 0 {
		t.Errorf("got %.2000s\nwant three proofs of each of four, a rebuild, a restart, ratios", out)
	}
	for _, f := range r.Rows {
		if f.Rate <= 0 || f.P99 < f.P50 || f.P50 <= 0 {
			t.Errorf("got %+v, want it measured", f)
		}
	}
}

// TestSlowDisks holds debits, ours and the ceiling's, to wait for their sync, and reads to no sync at all.
func TestSlowDisks(t *testing.T) {
	const sync = 20 * time.Millisecond
	bench := exec.CommandContext(t.Context(), os.Args[0], "bench", "--disk-sync", sync.String(), "--ceiling",
		"--followers", "off", "--connections", "1", "--accounts", "2", "--requests", "10", "--runs", "1",
		"--distribution", "uniform", "--json", "--data", t.TempDir())
	bench.Env = append(os.Environ(), asMain+"=1")
	out, err := bench.Output()
	if err != nil {
		t.Fatalf("bench --disk-sync: %v", err)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil || len(r.Rows) != 5 {
		t.Fatalf("got %.300s, want five rows: %v", out, err)
	}
	for _, f := range r.Rows {
		stores := f.Kind == debits && f.Server != noStorage
		if slow := f.P50 >= 0.99*float64(sync.Microseconds()); slow != stores { // three digits are kept
			t.Errorf("%s: got p50 %.0f µs, want a sync of %s: %t", f.Row, f.P50, sync, stores)
		}
	}
}

// TestFoldingIsMeasured lets each reader through a small log: all of it, and a quarter.
func TestFoldingIsMeasured(t *testing.T) {
	bench := exec.CommandContext(t.Context(), os.Args[0], "bench", "--projections=2000", "--runs", "1", "--json",
		"--data", t.TempDir())
	bench.Env = append(os.Environ(), asMain+"=1")
	var stderr strings.Builder
	bench.Stderr = &stderr
	out, err := bench.Output()
	if err != nil {
		t.Fatalf("bench --projections: %v\n%s", err, &stderr)
	}
	var r struct{ Projections []folding }
	if err := json.Unmarshal(out, &r); err != nil || len(r.Projections) != 12 {
		t.Fatalf("got %.300s, want twelve rows: %v", out, err)
	}
	for _, f := range r.Projections {
		if f.Events != 2000 && f.Events != 500 || f.Rate <= 0 {
			t.Errorf("got %+v, want it measured", f)
		}
	}
}

// TestSalesAreAsTheBooksHaveThem holds a sale to be JSON with the coupons of its campaign.
func TestSalesAreAsTheBooksHaveThem(t *testing.T) {
	s := newShop("key", 2)
	s.coupons[cappedCampaign][1] = [saleCoupons]string{"a", "b", "c"}
	var sale struct {
		Coupons []string
		Lines   []struct{}
	}
	if err := json.Unmarshal(s.saleBody(1, cappedCampaign, 7), &sale); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(sale.Coupons, ""); got != "abc" || len(sale.Lines) != 3 {
		t.Errorf("got coupons %s and %d lines, want abc and 3", got, len(sale.Lines))
	}
}
