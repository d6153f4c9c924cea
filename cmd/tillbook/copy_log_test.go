package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// copied runs a copier between two stores, as the verb does, with the streams of a location.
func copied(t *testing.T, from, to eventstore.Store, scope []string) (*copier, error) {
	t.Helper()
	c := &copier{from: "from", to: "to", scope: scope, bar: &scanBar{},
		source: endOf(from, nil), target: endOf(to, scope)}
	err := c.copy(t.Context())
	if err == nil {
		err = c.compare(t.Context())
	}
	return c, err
}

func endOf(s eventstore.Store, prefixes []string) *storeEnd {
	end := &storeEnd{store: s, prefixes: prefixes, closing: s.Close}
	if folder, ok := s.(*embedded.Store); ok {
		end.loader = folder.Load()
	}
	return end
}

// memory is a store with a log.
func memory(t *testing.T, log []eventstore.Recorded) *storetest.Memory {
	t.Helper()
	m := storetest.NewMemory()
	for _, e := range log {
		_, err := m.Append(t.Context(), e.Stream, e.Revision-1, []eventstore.Event{e.Event})
		if err != nil {
			t.Fatalf("append: got %v, want no error", err)
		}
	}
	return m
}

func folderStore(t *testing.T) *embedded.Store {
	t.Helper()
	s, err := openLog(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatalf("open: got %v, want no error", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// cutting is a store whose log cannot be read beyond so many events.
type cutting struct {
	eventstore.Store
	after int
}

var errCut = errors.New("cut")

func (c *cutting) ReadAll(ctx context.Context, after eventstore.Position,
	prefixes ...string) iterEvents {
	return func(yield func(eventstore.Recorded, error) bool) {
		n := 0
		for e, err := range c.Store.ReadAll(ctx, after, prefixes...) {
			if n++; n > c.after {
				yield(eventstore.Recorded{}, errCut)
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// TestCopyGoesOn stops copies at many places, to both kinds of targets, and lets them go on.
func TestCopyGoesOn(t *testing.T) {
	log := without(oddLog(2000))
	source := memory(t, log)
	for _, target := range []eventstore.Store{folderStore(t), storetest.NewMemory()} {
		before := 0
		for _, cut := range []int{0, 1, 2, 3, 700, 701, 1200} {
			c, err := copied(t, &cutting{source, cut}, target, nil)
			if !errors.Is(err, errCut) {
				t.Fatalf("copy: got %v, want %v", err, errCut)
			}
			if err := c.target.flush(t.Context()); err != nil {
				t.Fatalf("flush: got %v, want no error", err)
			}
			there := all(t, target)
			if int(c.there) != before || len(there) > cut || len(there) < before {
				t.Fatalf("cut after %d: got %d of which %d were there, want at most it and %d",
					cut, len(there), c.there, before)
			}
			before = len(there)
		}
		c, err := copied(t, source, target, nil)
		if err != nil || int(c.there) != before || int(c.read.events) != len(log) {
			t.Fatalf("copy: got %v, %d there of %d, want %d of %d", err, c.there, c.read.events,
				before, len(log))
		}
	}
}

// TestCopyRefuses gives the target something that the source has not, or not there.
func TestCopyRefuses(t *testing.T) {
	log := without(oddLog(60))
	at := 20
	where := fmt.Sprintf("%s@%d", log[at].Stream, log[at].Revision)
	rows := []struct {
		name, want string
		change     func(log []eventstore.Recorded) []eventstore.Recorded
	}{
		{"another id", where, func(log []eventstore.Recorded) []eventstore.Recorded {
			log[at].ID = uuid.New()
			return log
		}},
		{"another type", where, func(log []eventstore.Recorded) []eventstore.Recorded {
			log[at].Type += "x"
			return log
		}},
		{"other data", where, func(log []eventstore.Recorded) []eventstore.Recorded {
			log[at].Data = append([]byte(" "), log[at].Data...)
			return log
		}},
		{"other metadata", where, func(log []eventstore.Recorded) []eventstore.Recorded {
			log[at].Metadata = append([]byte(" "), log[at].Metadata...)
			return log
		}},
		{"data of another kind", where, func(log []eventstore.Recorded) []eventstore.Recorded {
			log[at].Binary = !log[at].Binary
			return log
		}},
		{"another stream", "order-9@0", func(log []eventstore.Recorded) []eventstore.Recorded {
			log[at].Stream, log[at].Revision = "order-9", 0
			return log[:at+1]
		}},
		{"another order", "order-9@0", func(log []eventstore.Recorded) []eventstore.Recorded {
			first := event("{}", "{}", false)
			first.Stream, first.Revision = "order-9", 0
			return append([]eventstore.Recorded{first}, log...)
		}},
		{"more", "order-9@0", func(log []eventstore.Recorded) []eventstore.Recorded {
			more := event("{}", "{}", false)
			more.Stream, more.Revision = "order-9", 0
			return append(log, more)
		}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			target := memory(t, r.change(append([]eventstore.Recorded(nil), log...)))
			before := all(t, target)
			_, err := copied(t, memory(t, log), target, nil)
			if err == nil || !strings.Contains(err.Error(), r.want) {
				t.Errorf("copy: got %v, want a word on %s", err, r.want)
			}
			sameLog(t, all(t, target), before)
		})
	}
}

// TestCopyOfALongStream has neighbours that do not fit into one append, in bytes or in number, and
// events of the most that fits.
func TestCopyOfALongStream(t *testing.T) {
	var log []eventstore.Recorded
	add := func(size int) {
		e := event(strings.Repeat("x", size), "{}", true)
		e.Stream, e.Revision = "order-1", eventstore.Revision(len(log))
		log = append(log, e)
	}
	for range 2 {
		for range 1200 {
			add(10)
		}
		for range 20 {
			add(200_000)
		}
		add(eventstore.MaxAppendBytes - 2*len(log[0].Type) - 2)
	}
	source := memory(t, log)
	for _, target := range []eventstore.Store{folderStore(t), storetest.NewMemory()} {
		if _, err := copied(t, source, target, nil); err != nil {
			t.Errorf("copy: got %v, want no error", err)
		}
		sameIDs(t, all(t, target), log)
	}
}

// TestCopyOfAGap has a source that lost the beginning of a stream: nothing may be numbered anew.
func TestCopyOfAGap(t *testing.T) {
	log := without(oddLog(300))
	gap := log[200].Stream
	for i := 200; i < len(log); i++ {
		if log[i].Stream == gap {
			log[i].Revision += 2
		}
	}
	for _, target := range []eventstore.Store{folderStore(t), storetest.NewMemory()} {
		_, err := copied(t, &given{log: log}, target, nil)
		var wrong *eventstore.WrongRevision
		if !errors.As(err, &wrong) || wrong.Stream != gap {
			t.Errorf("copy: got %v, want a wrong revision of %s", err, gap)
		}
		sameIDs(t, all(t, target), log[:200])
	}
}

// given is a log that no store would hold.
type given struct {
	eventstore.Store
	log []eventstore.Recorded
}

func (g *given) Head(context.Context, ...string) (eventstore.Position, error) { return 0, nil }

func (g *given) ReadAll(context.Context, eventstore.Position, ...string) iterEvents {
	return func(yield func(eventstore.Recorded, error) bool) {
		for _, e := range g.log {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func sameIDs(t *testing.T, got, want []eventstore.Recorded) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("events: got %d, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i].ID != want[i].ID {
			t.Fatalf("event %d: got %v, want %v", i, got[i].ID, want[i].ID)
		}
	}
}

// TestCopyToShared copies into a store that others use: the ledger's streams alone, beside theirs.
func TestCopyToShared(t *testing.T) {
	log := oddLog(60)
	ours := event("{}", "{}", false)
	ours.Stream, ours.Revision = "account-1", 0
	log = append(log[:30:30], append([]eventstore.Recorded{ours}, log[30:]...)...)
	target := memory(t, oddLog(10))
	c, err := copied(t, memory(t, log), target, location("esdb://localhost").prefixes())
	if err == nil { // and as if the target could not filter
		again := &copier{from: "from", to: "to", scope: c.scope, bar: &scanBar{},
			source: endOf(memory(t, log), nil), target: endOf(target, nil)}
		err = errors.Join(again.copy(t.Context()), again.compare(t.Context()))
	}
	if err != nil || c.read.events != 1 || int(c.left) != len(without(log))-1 {
		t.Errorf("copy: got %d events, %d left out, %v, want 1 and %d", c.read.events, c.left, err,
			len(without(log))-1)
	}
	if got := all(t, target); len(got) != 11 || got[10].ID != ours.ID {
		t.Errorf("target: got %d events, want 10 of others and ours", len(got))
	}
}

// unknowing answers that it does not know, before and after it has written.
type unknowing struct {
	eventstore.Store
	turn int
}

func (u *unknowing) Append(ctx context.Context, stream string, expected eventstore.Revision,
	events []eventstore.Event) (eventstore.Appended, error) {
	if u.turn++; u.turn%3 == 1 {
		return eventstore.Appended{}, eventstore.ErrOutcomeUnknown
	}
	appended, err := u.Store.Append(ctx, stream, expected, events)
	if u.turn%3 == 2 {
		return eventstore.Appended{}, eventstore.ErrOutcomeUnknown
	}
	return appended, err
}

func TestCopyOfUnknownOutcome(t *testing.T) {
	log := without(oddLog(30))
	target := &unknowing{Store: storetest.NewMemory()}
	if _, err := copied(t, memory(t, log), target, nil); err != nil {
		t.Fatalf("copy: got %v, want no error", err)
	}
	sameIDs(t, all(t, target), log)
}

// forgetful is a store that loses an event, or changes one, without a word.
type forgetful struct {
	*storetest.Memory
	change func([]eventstore.Event) []eventstore.Event
}

func (f *forgetful) Append(ctx context.Context, stream string, expected eventstore.Revision,
	events []eventstore.Event) (eventstore.Appended, error) {
	return f.Memory.Append(ctx, stream, expected, f.change(events))
}

// TestCopyProves lets a target not keep what it was given.
func TestCopyProves(t *testing.T) {
	first := func(change func(*eventstore.Event)) func([]eventstore.Event) []eventstore.Event {
		done := false
		return func(events []eventstore.Event) []eventstore.Event {
			if !done {
				change(&events[0])
				done = true
			}
			return events
		}
	}
	for name, change := range map[string]func(*eventstore.Event){
		"id":       func(e *eventstore.Event) { e.ID = uuid.New() },
		"type":     func(e *eventstore.Event) { e.Type = "Other" },
		"data":     func(e *eventstore.Event) { e.Data = []byte("other") },
		"metadata": func(e *eventstore.Event) { e.Metadata = []byte("other") },
		"binary":   func(e *eventstore.Event) { e.Binary = !e.Binary },
	} {
		target := &forgetful{storetest.NewMemory(), first(change)}
		_, err := copied(t, memory(t, without(oddLog(30))), target, nil)
		if err == nil || !strings.Contains(err.Error(), "not the same log") {
			t.Errorf("%s: got %v, want a word that the logs differ", name, err)
		}
	}
	twice := &twice{Memory: storetest.NewMemory()}
	if _, err := copied(t, memory(t, without(oddLog(30))), twice, nil); err == nil {
		t.Errorf("an event too many: got no error, want one")
	}
}

// twice adds an event of its own.
type twice struct {
	*storetest.Memory
	once bool
}

func (w *twice) Append(ctx context.Context, stream string, expected eventstore.Revision,
	events []eventstore.Event) (eventstore.Appended, error) {
	if !w.once {
		w.once = true
		e := event("{}", "{}", false)
		_, _ = w.Memory.Append(ctx, "order-9", eventstore.NoStream, []eventstore.Event{e.Event})
	}
	return w.Memory.Append(ctx, stream, expected, events)
}
