package js

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
	"github.com/tillbook/tillbook/projections/js/jstest"
)

// TestLiveDialect runs every rule of the dialect as a live projection: what is written, and what can be
// asked of it, is what a run of the script shows.
func TestLiveDialect(t *testing.T) {
	for _, row := range jstest.Rules {
		t.Run(row.Rule, func(t *testing.T) {
			log, err := jstest.Log(row.Events)
			if err != nil {
				t.Fatal(err)
			}
			r := newRig(t, log)
			r.create("test", row.Script, true)
			if got := r.outcome("test"); got != row.Want {
				t.Errorf("%s\ngot  %s\nwant %s", row.Script, got, row.Want)
			}
		})
	}
}

// outcome is all that a projection shows, in the form of jstest.Rules.
func (r *rig) outcome(name string) string {
	r.t.Helper()
	s := r.settled(name)
	lines := r.written(name)
	if f := s.Answers.Fault; f != nil {
		fault := Fault{name + ".js", f.Line, f.Column, f.Handler, f.Event, f.Message, nil}
		return strings.Join(append(lines, fault.Error()), "\n")
	}
	if states := r.shown(name); states != "" {
		lines = append(lines, states)
	}
	a, err := r.m.State(r.t.Context(), name, "")
	if err != nil {
		r.t.Fatal(err)
	}
	if a.Shared != nil {
		lines = append(lines, "shared="+string(a.Shared))
	}
	for _, line := range s.Answers.Log {
		lines = append(lines, "log "+line)
	}
	return strings.Join(lines, "\n")
}

// written are the events that a projection has written to any stream, without what tells of their cause,
// in the order of their causes: in a stream, that is the order in which they stand there.
func (r *rig) written(name string) (lines []string) {
	r.t.Helper()
	ids := map[uuid.UUID]bool{}
	byPlace := map[place]string{}
	last := map[string]place{}
	for e, err := range r.store.ReadAll(r.t.Context(), eventstore.Start) {
		if err != nil {
			r.t.Fatal(err)
		}
		c, ok := causeOf(e.Stream, e.Metadata)
		if !ok || c.Projection != name {
			ids[e.ID] = true
			continue
		}
		position, err := strconv.ParseUint(c.Position, 10, 64)
		if err != nil {
			r.t.Fatal(err)
		}
		at := place{eventstore.Position(position), c.Index}
		if _, twice := byPlace[at]; twice || e.Revision > 0 && !last[e.Stream].before(at) {
			r.t.Errorf("%d@%s stands at %v, want once and behind %v", e.Revision, e.Stream, at, last[e.Stream])
		}
		byPlace[at], last[e.Stream] = r.line(&e, ids), at
	}
	places := slices.SortedFunc(maps.Keys(byPlace), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.position, b.position), cmp.Compare(a.index, b.index))
	})
	for _, at := range places {
		lines = append(lines, byPlace[at])
	}
	return lines
}

// line is an event that was written, in the form of jstest.Rules. One of ids has caused it.
func (r *rig) line(e *eventstore.Recorded, ids map[uuid.UUID]bool) string {
	r.t.Helper()
	var metadata map[string]json.RawMessage
	var causedBy uuid.UUID
	if err := errors.Join(json.Unmarshal(e.Metadata, &metadata),
		json.Unmarshal(metadata["$causedBy"], &causedBy)); err != nil {
		r.t.Fatal(err)
	}
	if !ids[causedBy] {
		r.t.Errorf("%d@%s was caused by %s, want an event before it", e.Revision, e.Stream, causedBy)
	}
	if e.Binary != (e.Type == "$>" || e.Type == "$@") {
		r.t.Errorf("%d@%s: got binary %v of %s", e.Revision, e.Stream, e.Binary, e.Type)
	}
	line := strings.TrimSpace(fmt.Sprintf("%s <- %s %s", e.Stream, e.Type, e.Data))
	delete(metadata, "$causedBy")
	delete(metadata, causeKey)
	if len(metadata) == 0 {
		return line
	}
	own, err := json.Marshal(metadata)
	if err != nil {
		r.t.Fatal(err)
	}
	return line + " " + string(own)
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
		{"answers", `fromAll().when({A: (s, e) => e.body}).outputTo("answers")`,
			`fault 0 outputTo 0@a-1: not allowed: writes a result to "answers", which is no stream of analysts`},
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

// TestLiveUnsaved: a state that no checkpoint can hold is a fault at the next checkpoint, even where no
// further event comes.
func TestLiveUnsaved(t *testing.T) {
	r := newRig(t, storetest.NewMemory())
	r.stop()
	r.options = ManagerOptions{Pause: time.Hour, Limits: Limits{State: 10_000}}
	r.begin()
	r.append(two)
	r.create("grows", `fromAll().when({$any(s) { s.text = (s.text || "x".repeat(3000)) + "x".repeat(3000); }})`, false)
	r.settled("grows")
	k, err := r.m.find("grows")
	if err != nil {
		t.Fatal(err)
	}
	k.current.mu.Lock()
	k.current.since = time.Time{} // an hour has passed
	k.current.mu.Unlock()
	for k.current.tick(time.Now()); r.settled("grows").Answers.Fault == nil; {
		r.next("grows")
	}
	if got, want := r.shown("grows"), "fault 0  : state is too large: more than 10000 bytes of JSON"; got != want {
		t.Errorf("got %s, want %s", got, want)
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
