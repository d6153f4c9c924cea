package js

import (
	"fmt"
	"testing"
)

// benchScript sums what leaves each account, by store.
const benchScript = `fromAll().foreachStream().when({
	$init() { return { debits: 0, cents: 0, stores: {} }; },
	DebitPosted(s, e) {
		const cents = Math.round(parseFloat(e.body.amount.value) * 100);
		s.debits++;
		s.cents += cents;
		s.stores[e.body.store] = (s.stores[e.body.store] || 0) + cents;
	},
})`

func benchEvents(n int) []*Event {
	all := make([]*Event, n)
	for i := range all {
		e := &Event{}
		e.Stream, e.Type, e.Data = fmt.Sprintf("account-%d", i*7%5000), "DebitPosted", []byte(sampleBody)
		all[i] = e
	}
	return all
}

func runBench(b *testing.B, script string) {
	s, err := Compile("bench.js", script, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	r, err := NewRunner(s, Options{Emit: true})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	all := benchEvents(20_000)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if _, err := r.Handle(all[n%len(all)]); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkHandle(b *testing.B) { runBench(b, benchScript) }

func BenchmarkHandleOneState(b *testing.B) {
	runBench(b, `fromAll().when({ DebitPosted(s, e) { s[e.body.store] = (s[e.body.store] || 0) + 1; } })`)
}

func BenchmarkHandleLargeState(b *testing.B) {
	runBench(b, `fromAll().when({ DebitPosted(s, e) { s[e.streamId] = (s[e.streamId] || 0) + 1; } })`)
}

func BenchmarkNewRunner(b *testing.B) {
	s, err := Compile("bench.js", benchScript, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r, err := NewRunner(s, Options{})
		if err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}

const benchByStore = `fromAll().partitionBy(e => e.body.reference.value + e.streamId).when({
	$init() { return { debits: 0, cents: 0 }; },
	DebitPosted(s, e) {
		s.debits++;
		s.cents += Math.round(parseFloat(e.body.amount.value) * 100);
	},
})`

func runParallel(b *testing.B, script string, n int) {
	s, err := Compile("bench.js", script, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	p, err := NewParallel(s, n, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	all := benchEvents(20_000)
	done := 0
	for b.Loop() {
		if err := p.Fold(sequence(all), nil); err != nil {
			b.Fatal(err)
		}
		done += len(all)
	}
	b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkParallel(b *testing.B) {
	for name, script := range map[string]string{"stream": benchScript, "custom": benchByStore} {
		for _, n := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s-%d", name, n), func(b *testing.B) { runParallel(b, script, n) })
		}
	}
}
