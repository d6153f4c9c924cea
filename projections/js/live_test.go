package js

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
	"github.com/tillbook/tillbook/projections/placetest"
)

// rig is a Manager, with definitions that the test makes.
type rig struct {
	t       testing.TB
	place   string
	store   eventstore.Store
	options ManagerOptions
	m       *Manager
	stop    func()

	mu    sync.Mutex
	defs  map[string]Live
	at    eventstore.Position
	moved chan struct{}
}

func newRig(t testing.TB, store eventstore.Store) *rig {
	r := &rig{t: t, place: placetest.Place(t), store: store, defs: map[string]Live{}, moved: make(chan struct{})}
	r.begin()
	t.Cleanup(func() { r.stop() })
	return r
}

// begin runs a Manager that leads.
func (r *rig) begin() {
	r.t.Helper()
	r.run()
	r.leads()
}

// run runs a Manager.
func (r *rig) run() {
	r.t.Helper()
	if r.options.Definitions == nil {
		r.options.Definitions = r.definitions
	}
	m, err := OpenManager(context.Background(), r.place, r.store, r.options)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { m.Run(ctx); close(done) }()
	r.m = m
	r.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		if err := m.Close(); err != nil {
			r.t.Error(err)
		}
	})
}

// leads waits until the Manager runs the projections itself.
func (r *rig) leads() {
	r.t.Helper()
	for {
		r.m.mu.RLock()
		there, changed := r.m.ready, r.m.changed
		r.m.mu.RUnlock()
		if there && r.m.file.writes() {
			return
		}
		<-changed
	}
}

func (r *rig) restart() {
	r.t.Helper()
	r.stop()
	r.begin()
}

func (r *rig) definitions(ctx context.Context) iter.Seq2[Definitions, error] {
	return func(yield func(Definitions, error) bool) {
		for {
			r.mu.Lock()
			d := Definitions{Position: r.at, CaughtUp: true}
			for _, def := range r.defs {
				d.Changed = append(d.Changed, def)
			}
			moved := r.moved
			r.mu.Unlock()
			if !yield(d, nil) {
				return
			}
			select {
			case <-moved:
			case <-ctx.Done():
				return
			}
		}
	}
}

// define puts a definition in force.
func (r *rig) define(name string, change func(*Live)) {
	r.t.Helper()
	r.mu.Lock()
	def := r.defs[name]
	def.Name = name
	change(&def)
	r.defs[name] = def
	r.at++
	at := r.at
	close(r.moved)
	r.moved = make(chan struct{})
	r.mu.Unlock()
	if err := r.m.Wait(r.t.Context(), at); err != nil {
		r.t.Fatal(err)
	}
}

// create defines a first version that runs.
func (r *rig) create(name, script string, emit bool) {
	r.t.Helper()
	r.define(name, func(l *Live) {
		*l = Live{Name: name, Current: Version{Number: 1, Query: script, Emit: emit}, Enabled: true, First: 1}
	})
}

// append writes the events of a few lines.
func (r *rig) append(lines string) {
	r.t.Helper()
	for _, e := range events(lines) {
		last := eventstore.NoStream
		for was, err := range r.store.ReadBackwards(r.t.Context(), e.Stream, eventstore.End) {
			if err != nil {
				r.t.Fatal(err)
			}
			last = was.Revision
			break
		}
		e.ID = uuid.New()
		_, err := r.store.Append(r.t.Context(), e.Stream, last, []eventstore.Event{e.Event})
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// settled is a projection's status when it has read all there is, or has stopped.
func (r *rig) settled(name string) Status {
	r.t.Helper()
	for {
		s, err := r.m.Status(r.t.Context(), name)
		if err != nil {
			r.t.Fatal(err)
		}
		done := func(s Statistics) bool { return s.State != LiveRunning || s.Lag == 0 }
		if done(s.Answers) && (s.Building == nil || done(*s.Building)) {
			return s
		}
		r.next(name)
	}
}

// next returns when a version of a projection has gone on, or soon.
func (r *rig) next(name string) {
	k, err := r.m.find(name)
	if err != nil {
		r.t.Fatal(err)
	}
	k.current.mu.Lock()
	moved := k.current.moved
	k.current.mu.Unlock()
	select {
	case <-moved:
	case <-time.After(time.Millisecond):
	}
}

// shown is all that can be asked of a projection, as outcome shows it.
func (r *rig) shown(name string) string {
	r.t.Helper()
	var b strings.Builder
	s := r.settled(name)
	if s.Answers.Fault != nil {
		return fmt.Sprintf("fault %d %s %s: %s", s.Answers.Fault.Line, s.Answers.Fault.Handler,
			s.Answers.Fault.Event, s.Answers.Fault.Message)
	}
	partitions, _, err := r.m.Partitions(r.t.Context(), name, "", 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, p := range partitions {
		state, err := r.m.State(r.t.Context(), name, p)
		result, failed := r.m.Result(r.t.Context(), name, p)
		if err != nil || failed != nil {
			r.t.Fatal(err, failed)
		}
		fmt.Fprintf(&b, "%s=%s", p, state.JSON)
		if string(state.JSON) != string(result.JSON) {
			fmt.Fprintf(&b, " -> %s", or(string(result.JSON), "nothing"))
		}
		b.WriteString("\n")
	}
	return strings.TrimSpace(b.String())
}

// emitted is what a stream holds, one line each.
func (r *rig) emitted(stream string) string {
	r.t.Helper()
	var b strings.Builder
	for e, err := range r.store.Read(r.t.Context(), stream, 0) {
		if err != nil {
			r.t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %s\n", e.Type, e.Data)
	}
	return strings.TrimSpace(b.String())
}

const counting = `fromAll().foreachStream().when({$init: () => ({n: 0}), A(s, e) {
	s.n += e.body.n; emit("analytics-sums", "Sum", {of: e.streamId, n: s.n}); }})`

func TestLiveRunsAndRestarts(t *testing.T) {
	r := newRig(t, storetest.NewMemory())
	r.append(two)
	r.create("sums", counting, true)
	if got, want := r.shown("sums"), "a-1={\"n\":4}"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	r.append("a-2 A {\"n\":5}")
	r.restart()
	r.append("a-1 A {\"n\":6}")
	if got, want := r.shown("sums"), "a-1={\"n\":10}\na-2={\"n\":5}"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	want := `Sum {"of":"a-1","n":1}
Sum {"of":"a-1","n":4}
Sum {"of":"a-2","n":5}
Sum {"of":"a-1","n":10}`
	if got := r.emitted("analytics-sums"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if s := r.settled("sums").Answers; s.Events != 4 || s.Emitted != 4 || s.State != LiveRunning {
		t.Errorf("got %+v, want 4 events handled and emitted", s)
	}
}
