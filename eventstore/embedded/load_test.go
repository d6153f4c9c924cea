package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
)

// recorded is a log of n events that change between streams at nearly every step.
func recorded(n, streams int) []eventstore.Recorded {
	random := rand.New(rand.NewPCG(4, 4))
	next := make([]eventstore.Revision, streams)
	created := time.Unix(1_600_000_000, 7).UTC()
	log := make([]eventstore.Recorded, n)
	for i := range log {
		s := random.IntN(streams)
		log[i] = eventstore.Recorded{
			Event: eventstore.Event{
				ID: uuid.New(), Type: "Written", Data: fmt.Appendf(nil, `{"n":%d}`, i),
				Metadata: []byte(`{}`), Binary: i%5 == 0,
			},
			Stream: fmt.Sprintf("account-%d", s), Revision: next[s],
			Created: created.Add(time.Duration(i) * time.Second),
		}
		next[s]++
	}
	return log
}

// load adds each event by itself.
func load(ctx context.Context, s *embedded.Store, log []eventstore.Recorded) error {
	l := s.Load()
	for i := range log {
		if err := l.Add(ctx, log[i:i+1]); err != nil {
			return err
		}
	}
	return l.Flush(ctx)
}

// firstOf demands that a store holds the first events of log, in their order, and says how many.
func firstOf(t *testing.T, s *embedded.Store, log []eventstore.Recorded) int {
	t.Helper()
	n := 0
	for got, err := range s.ReadAll(t.Context(), eventstore.Start) {
		if err != nil || n == len(log) {
			t.Fatalf("event %d: got %v, %v, want at most %d events", n, got, err, len(log))
		}
		want := log[n]
		if got.ID != want.ID || got.Stream != want.Stream || got.Revision != want.Revision ||
			got.Type != want.Type || string(got.Data) != string(want.Data) ||
			string(got.Metadata) != string(want.Metadata) || got.Binary != want.Binary ||
			!got.Created.Equal(want.Created) {
			t.Fatalf("event %d: got %v, want %v", n, got, want)
		}
		n++
	}
	return n
}

func TestLoad(t *testing.T) {
	log := recorded(20_000, 300)
	s := open(t, "data", embedded.Options{FS: vfs.NewMem(), MemTableBytes: smallTable})
	if err := load(t.Context(), s, log); err != nil {
		t.Fatalf("load: got %v, want no error", err)
	}
	if got := firstOf(t, s, log); got != len(log) {
		t.Fatalf("events: got %d, want %d", got, len(log))
	}
	appendTo(t, s, log[0].Stream, streamEnd(log, log[0].Stream), debits(1)...)
}

// streamEnd is the last revision of a stream in a log.
func streamEnd(log []eventstore.Recorded, stream string) eventstore.Revision {
	last := eventstore.NoStream
	for _, e := range log {
		if e.Stream == stream {
			last = e.Revision
		}
	}
	return last
}

// TestLoadStopsAtARefusal puts an event among others that does not fit.
func TestLoadStopsAtARefusal(t *testing.T) {
	for _, at := range []int{0, 1, 700, 2999} {
		log := recorded(3000, 50)
		log[at].Revision += 3
		s := open(t, "data", embedded.Options{FS: vfs.NewMem()})
		err := load(t.Context(), s, log)
		var wrong *eventstore.WrongRevision
		if !errors.As(err, &wrong) || wrong.Stream != log[at].Stream ||
			wrong.Expected != log[at].Revision-1 {
			t.Errorf("load: got %v, want the refusal of %s", err, log[at].Stream)
		}
		if got := firstOf(t, s, log); got != at {
			t.Errorf("events: got %d, want the %d before the refused one", got, at)
		}
		l := s.Load()
		if err := l.Add(t.Context(), recordedElsewhere()); err != nil {
			t.Errorf("another load: got %v, want no error", err)
		}
		if err := l.Flush(t.Context()); err != nil {
			t.Errorf("another load: got %v, want no error", err)
		}
	}
}

func recordedElsewhere() []eventstore.Recorded {
	log := recorded(1, 1)
	log[0].Stream = "account-elsewhere"
	return log
}

// TestLoadCrash cuts the power while events are loaded, and the medium's life short.
func TestLoadCrash(t *testing.T) {
	log := recorded(30_000, 300)
	random := rand.New(rand.NewPCG(5, 5))
	medium := newBreakable(faults[1])
	s := open(t, "data", embedded.Options{FS: medium, MemTableBytes: smallTable})
	l := s.Load()
	for i := range log {
		if i == len(log)-100 {
			medium.broken.Store(true)
		}
		if l.Add(t.Context(), log[i:i+1]) != nil {
			break
		}
		if i%3000 == 2999 {
			crashed := medium.disk.CrashClone(vfs.CrashCloneCfg{
				UnsyncedDataPercent: random.IntN(101), RNG: random,
			})
			again := open(t, "data", embedded.Options{FS: crashed})
			firstOf(t, again, log)
			_ = again.Close()
		}
	}
	if err := l.Flush(t.Context()); !errors.Is(err, faults[1].err) {
		t.Errorf("load: got %v, want %v", err, faults[1].err)
	}
	if err := l.Add(t.Context(), log[:1]); !errors.Is(err, faults[1].err) {
		t.Errorf("load on: got %v, want %v", err, faults[1].err)
	}
	_ = s.Close() // answers the failure; TestFailure looks at it
	if got := firstOf(t, open(t, "data", embedded.Options{FS: medium.disk}), log); got == 0 {
		t.Errorf("events after the failure: got none, want some")
	}
}

func TestLoadRefuses(t *testing.T) {
	s := open(t, "data", embedded.Options{FS: vfs.NewMem()})
	huge := recorded(1, 1)
	huge[0].Data = make([]byte, eventstore.MaxAppendBytes+1)
	for _, events := range [][]eventstore.Recorded{nil, huge} {
		if err := s.Load().Add(t.Context(), events); !errors.Is(err, eventstore.ErrTooLarge) {
			t.Errorf("add: got %v, want %v", err, eventstore.ErrTooLarge)
		}
	}
	for _, spoil := range []func(*eventstore.Recorded){
		func(e *eventstore.Recorded) { e.Revision++ },
		func(e *eventstore.Recorded) { e.Stream += "x" },
	} {
		events := recorded(3, 1)
		spoil(&events[2])
		if err := s.Load().Add(t.Context(), events); err == nil {
			t.Errorf("add what are no neighbours: got no error, want one")
		}
	}
	if got := firstOf(t, s, nil); got != 0 {
		t.Errorf("events: got %d, want none", got)
	}
	_ = s.Close()
	if err := s.Load().Add(t.Context(), recorded(1, 1)); !errors.Is(err, eventstore.ErrClosed) {
		t.Errorf("add to a closed store: got %v, want %v", err, eventstore.ErrClosed)
	}
}
