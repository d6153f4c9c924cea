package js

import (
	"strings"
	"testing"
	"time"

	"github.com/tillbook/tillbook/eventstore/storetest"
	"github.com/tillbook/tillbook/projections/js/jstest"
)

// TestLiveDialect runs the rules of the dialect as live projections: what can be asked of them is what
// a run of the script shows.
func TestLiveDialect(t *testing.T) {
	ran := 0
	for _, row := range jstest.Rules {
		emits := strings.Contains(row.Script, "emit(") || strings.Contains(row.Script, "linkTo(") ||
			strings.Contains(row.Script, "linkStreamTo(")
		if emits || strings.Count(row.Events, " | ") > 1 || strings.Contains(row.Script, "created") {
			continue // emitted to other streams, through links, or told the store's time
		}
		ran++
		t.Run(row.Rule, func(t *testing.T) {
			r := newRig(t, storetest.NewMemory())
			r.append(row.Events)
			r.create("test", row.Script, false)
			got, want := r.shown("test"), asked(row.Want)
			if f := r.settled("test").Answers.Fault; f != nil {
				got = (&Fault{"test.js", f.Line, f.Column, f.Handler, f.Event, f.Message, nil}).Error()
			}
			if got != want {
				t.Errorf("%s\ngot  %s\nwant %s", row.Script, got, want)
			}
		})
	}
	if ran < len(jstest.Rules)*3/4 {
		t.Errorf("got %d of %d rules run, want most", ran, len(jstest.Rules))
	}
}

// asked is what of an outcome can be asked of a live projection: no log and no shared state.
func asked(outcome string) string {
	var lines []string
	for line := range strings.Lines(outcome) {
		if !strings.HasPrefix(line, "log ") && !strings.HasPrefix(line, "shared=") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n")
}

// TestLiveFaults: what stops a projection says where, and stops nothing else; to enable it again has it
// try again.
func TestLiveFaults(t *testing.T) {
	r := newRig(t, storetest.NewMemory())
	r.stop()
	r.options = ManagerOptions{Partitions: 2, States: 1_000, Every: 1,
		Limits: Limits{Handler: 100 * time.Millisecond}}
	r.begin()
	r.append(two + "\na-3 A {\"n\":5}")
	r.create("good", counting, true)
	for _, row := range []struct{ name, script, want string }{
		{"throws", "fromAll().when({A(s, e) {\n if (e.body.n == 3) e.body.x.y; }})",
			"fault 2 A 1@a-1: TypeError: Cannot read property 'y' of undefined"},
		{"loops", `fromAll().when({A() { for (;;) {} }})`, "fault 1 A 0@a-1: took too long: more than 100ms"},
		{"grows", `fromAll().when({A: (s, e) => "x".repeat(2000)})`,
			"fault 0  : state is too large: states of more than 1000 bytes"},
		{"splits", `fromAll().foreachStream().when({A() {}, B() {}})`,
			"fault 0  : state is too large: more than 2 partitions"},
		{"forges", `fromAll().when({A(s, e) { emit(e.streamId, "A", {}); }})`,
			`fault 1 A 0@a-1: not allowed: emits to "a-1", which is no stream of analysts`},
		{"trespasses", `fromAll().when({A(s, e) { linkTo("$projections-good-result", e); }})`,
			`fault 1 A 0@a-1: not allowed: emits to "$projections-good-result", which is no stream of analysts`},
		{"overwrites", `fromAll().when({A(s, e) { emit("$$analytics-x", "$metadata", {}); }})`,
			`fault 1 A 0@a-1: not allowed: emits to "$$analytics-x", which is no stream of analysts`},
		{"nonsense", `fromAll(`, "fault 1  : Unexpected end of input"},
	} {
		r.create(row.name, row.script, true)
		if got := r.shown(row.name); got != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
	if got, want := r.shown("good"), "a-1={\"n\":4}\na-3={\"n\":5}"; got != want {
		t.Errorf("beside them: got %s, want %s", got, want)
	}
	before := r.settled("throws").Answers.Fault
	r.restart()
	if now := r.settled("throws").Answers.Fault; now == nil || !now.At.Equal(before.At) {
		t.Fatalf("got the fault %v after a restart, want %v", now, before)
	}
	r.define("throws", func(l *Live) { l.EnabledAt++ })
	if after := r.settled("throws").Answers.Fault; after == nil || !after.At.After(before.At) {
		t.Errorf("got the fault %v of %v, want it tried again", after, before)
	}
}

// TestLiveNotEmitter: who may not emit does not.
func TestLiveNotEmitter(t *testing.T) {
	r := newRig(t, storetest.NewMemory())
	r.append(two)
	r.create("sums", counting, false)
	if got := r.shown("sums"); !strings.Contains(got, "which this projection may not") {
		t.Errorf("got %s, want a fault", got)
	}
	if got := r.emitted("analytics-sums"); got != "" {
		t.Errorf("got %s emitted", got)
	}
}

// TestLiveChain: projections that answer each other's events end.
func TestLiveChain(t *testing.T) {
	r := newRig(t, storetest.NewMemory())
	const answers = `fromStreams("a-1", "analytics-FROM").when({$any(s, e) { emit("analytics-TO", "A", {n: 1}); }})`
	r.create("one", strings.NewReplacer("FROM", "x", "TO", "y").Replace(answers), true)
	r.create("other", strings.NewReplacer("FROM", "y", "TO", "x").Replace(answers), true)
	r.append(`a-1 A {"n":1}`)
	for r.settled("one").Answers.Fault == nil && r.settled("other").Answers.Fault == nil {
		r.next("one")
	}
	all := r.emitted("analytics-x") + "\n" + r.emitted("analytics-y")
	if got := strings.Count(all, "A "); got > 2*longestChain+1 {
		t.Errorf("got %d emitted, want an end of it", got)
	}
}
