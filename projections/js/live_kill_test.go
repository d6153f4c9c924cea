package js

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
	"github.com/tillbook/tillbook/projections/placetest"
)

// emitting are scripts whose states and emitted events must not depend on how often they were killed.
var emitting = []string{
	`fromAll().foreachStream().when({$init: () => ({n: 0}),
		$created(s, e) { emit("analytics-new", "New", {p: e.partition}, {mine: 1}); },
		A(s, e) { s.n += e.body.n; for (let i = 0; i < s.n; i++) emit("analytics-" + e.body.k, "A", {i}); },
		$any(s, e) { s.last = e.body; linkTo("analytics-all", e); emit("$projections-x-any", "Any", s); },
		$deleted(s) { s.gone = true; linkStreamTo("analytics-gone", "a"); }})`,
	`fromAll().partitionBy(e => e.body.k).when({$init: () => ({seen: 0}), $any(s, e) { s.seen++;
		if (e.body.n === 9) throw new Error("nine"); emit("analytics-all", "Seen", s); }})`,
	`options({biState: true}); fromAll().foreachStream().when({$initShared: () => ({n: 0}),
		$any(s, e) { s[1].n++; s[0].n = s[1].n; emit("analytics-all", "N", {n: s[1].n}); }})`,
	`fromAll().foreachStream().when({$init: () => ({n: 0}), $any(s, e) { s.n += e.body.n || 0;
		emit("analytics-all", "N", {n: s.n}); }, $deleted(s) { s.gone = true; }})
		.filterBy(s => s.n % 3 !== 0).transformBy(s => s.n).filterBy(n => n % 2 === 0).outputState()`,
	`options({biState: true}); fromAll().partitionBy(e => e.body.k).when({$initShared: () => ({n: 0}),
		$any(s, e) { s[1].n++; s[0].n = e.body.n; }}).transformBy(s => s[1].n % 3 ? {n: s[1].n} : null)
		.outputTo("analytics-all", "analytics-of-{0}")`,
}

// The ways of a process to end while it folds an event.
const (
	lives = iota
	diesBefore
	diesBeforePosting
	diesBeforeCheckpoint
	diesAfter
	ways
)

// TestKilledIsNeverKilled: a live projection that is killed at every event, in every way, keeps and
// emits what one does that never was, each event once.
func TestKilledIsNeverKilled(t *testing.T) {
	m, err := OpenManager(t.Context(), placetest.Place(t), nil, ManagerOptions{Every: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.file.shared != nil {
		lead := m.elected(t.Context())
		defer lead.End()
		m.file.take(lead)
	}
	rapid.Check(t, func(t *rapid.T) {
		script := rapid.SampledFrom(emitting).Draw(t, "script")
		all := drawEvents(t)
		all = all[:min(len(all), 8)]
		want := lived(t, m, script, all, func(int) int { return lives })
		deaths := rapid.SliceOfN(rapid.IntRange(0, ways-1), 2*len(all), 2*len(all)).Draw(t, "deaths")
		got := lived(t, m, script, all, func(i int) int {
			if i < len(deaths) {
				return deaths[i]
			}
			return lives
		})
		if got != want {
			t.Fatalf("%s\ngot  %s\nwant %s", script, got, want)
		}
	})
}

// lived folds events with an engine that ends as death says at its i-th step, and shows all there is
// at the end.
func lived(t *rapid.T, m *Manager, script string, all []*Event, death func(i int) int) string {
	store := storetest.NewMemory()
	for _, e := range all {
		_, err := store.Append(context.Background(), e.Stream, e.Revision-1, []eventstore.Event{e.Event})
		if err != nil {
			t.Fatal(err)
		}
	}
	m.store = store
	if err := m.forget("x"); err != nil {
		t.Fatal(err)
	}
	def := &Live{Name: "x", Enabled: true, First: 1, Current: Version{Number: 1, Query: script, Emit: true}}
	e := reopened(t, m, def)
	for i := 0; e.at.fault == nil; i++ {
		left := between(t, store, e)
		if len(left) == 0 {
			break
		}
		if err := e.step(left[0], death(i)); err != nil {
			if fault := (*Fault)(nil); !errors.As(err, &fault) {
				t.Fatal(err)
			}
			if err := e.failed(err); err != nil {
				t.Fatal(err)
			}
		}
		if death(i) != lives && e.at.fault == nil {
			e.runner.Close()
			e = reopened(t, m, def)
		}
	}
	defer e.runner.Close()
	return engineShown(t, e) + logShown(t, store, len(all))
}

func reopened(t *rapid.T, m *Manager, def *Live) *engine {
	k, err := m.keep(def)
	if err != nil {
		t.Fatal(err)
	}
	return k.current
}

// between are the events that the engine has still to fold; none that it has emitted is among them.
func between(t *rapid.T, store eventstore.Store, e *engine) (left []*Event) {
	for event, err := range Events(context.Background(), store, &e.script.Definition, e.at.position) {
		if err != nil {
			t.Fatal(err)
		}
		if _, emitted := causeOf(event.Stream, event.Metadata); !emitted {
			left = append(left, event)
		}
	}
	return left
}

// step folds one event, as far as death lets it.
func (e *engine) step(event *Event, death int) error {
	ctx := context.Background()
	if death == diesBefore {
		return nil
	}
	_, fault := e.slice(ctx, []*Event{event})
	if death == diesBeforePosting {
		_ = e.checkpoint() // as a tick would; what the fault would say is lost with it
		return nil
	}
	if err := e.post(ctx); err != nil || fault != nil {
		return errors.Join(err, fault)
	}
	switch {
	case death == diesAfter:
		return e.checkpoint()
	case death == lives && e.due():
		return e.checkpoint()
	}
	return nil
}

// engineShown are the states at the last checkpoint before a fault, or at the end, and the fault.
func engineShown(t *rapid.T, e *engine) string {
	if e.at.fault != nil {
		return fmt.Sprintf("%s %s\n", e.at.fault.Event, e.at.fault.Message)
	}
	return shown(e.runner) + "\n"
}

// logShown is what stands in the log behind the first n events, stream by stream.
func logShown(t *rapid.T, store eventstore.Store, n int) string {
	streams := map[string]*strings.Builder{}
	i := 0
	for e, err := range store.ReadAll(context.Background(), eventstore.Start) {
		if err != nil {
			t.Fatal(err)
		}
		if i++; i <= n {
			continue
		}
		if streams[e.Stream] == nil {
			streams[e.Stream] = &strings.Builder{}
		}
		fmt.Fprintf(streams[e.Stream], "%d@%s %s %s %s %s\n", e.Revision, e.Stream, e.ID, e.Type, e.Data, e.Metadata)
	}
	var b strings.Builder
	for _, stream := range sortedKeys(streams, nil) {
		b.WriteString(streams[stream].String())
	}
	return b.String()
}
