package embedded_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
)

// smallTable makes flushes and compactions happen in a short test.
const smallTable = 256 << 10

// ledger appends to streams from many goroutines and remembers what was acknowledged.
type ledger struct {
	mu    sync.Mutex
	acked []eventstore.Event // by the stream that is named in Metadata
	cut   chan struct{}      // closed after enough acknowledgements
	left  int                // until cut
}

func newLedger(acks int) *ledger { return &ledger{cut: make(chan struct{}), left: acks} }

func (l *ledger) acknowledge(events []eventstore.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked = append(l.acked, events...)
	if l.left--; l.left == 0 {
		close(l.cut)
	}
}

func (l *ledger) all() []eventstore.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.acked)
}

// write appends to one stream until an append fails and returns that error. The data of every event
// says which append it belongs to and of how many events that is: "append n".
func (l *ledger) write(t *testing.T, s *embedded.Store, stream string) error {
	expected := eventstore.NoStream
	for turn := 0; ; turn++ {
		events := make([]eventstore.Event, 1+turn%4)
		name := uuid.NewString()
		for i := range events {
			events[i] = eventstore.Event{
				ID: uuid.New(), Type: "Written", Metadata: []byte(stream),
				Data: fmt.Appendf(nil, "%s %d %s", name, len(events), strings.Repeat("x", turn%999)),
			}
		}
		got, err := s.Append(t.Context(), stream, expected, events)
		if err != nil {
			return err
		}
		l.acknowledge(events)
		expected = got.Revision
	}
}

// TestCrash cuts the power under appenders again and again, and goes on with what is left.
func TestCrash(t *testing.T) {
	const cuts, writers = 12, 8
	random := rand.New(rand.NewPCG(1, uint64(len(t.Name()))))
	disk := vfs.NewCrashableMem()
	var survived []eventstore.Event // acknowledged before the last cut
	for cut := range cuts {
		s := open(t, "data", embedded.Options{FS: disk, MemTableBytes: smallTable})
		intact(t, s, survived)
		l := newLedger(1 + random.IntN(400))
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() { _ = l.write(t, s, newStream()) })
		}
		<-l.cut
		acked := l.all() // before the cut: what is acknowledged during it may be lost
		disk = disk.CrashClone(vfs.CrashCloneCfg{
			UnsyncedDataPercent: cut * 100 / (cuts - 1), RNG: random,
		})
		if err := s.Close(); err != nil {
			t.Fatalf("close: got %v, want no error", err)
		}
		wg.Wait()
		survived = append(survived, acked...)
	}
	intact(t, open(t, "data", embedded.Options{FS: disk}), survived)
}

// intact demands that everything acknowledged is there, that every append is there whole or not at
// all, that each stream is dense and agrees with the log, and that the store takes appends.
func intact(t *testing.T, s *embedded.Store, acked []eventstore.Event) {
	t.Helper()
	found := map[uuid.UUID]eventstore.Recorded{}
	streams := map[string][]eventstore.Recorded{}
	parts := map[string]int{} // events of an append that are missing
	last := eventstore.Start
	for e, err := range s.ReadAll(t.Context(), eventstore.Start) {
		if err != nil || e.Position <= last {
			t.Fatalf("read: got %v at %d, want no error after %d", err, e.Position, last)
		}
		if want := eventstore.Revision(len(streams[e.Stream])); e.Revision != want {
			t.Fatalf("%s: got revision %d, want %d", e.Stream, e.Revision, want)
		}
		last, found[e.ID] = e.Position, e
		streams[e.Stream] = append(streams[e.Stream], e)
		var name string
		var size int
		if _, err := fmt.Sscanf(string(e.Data), "%s %d", &name, &size); err != nil {
			t.Fatalf("data: got %.99q, want an append's name and size", e.Data)
		}
		parts[name] = (parts[name] + 1) % size
	}
	for name, got := range parts {
		if got != 0 {
			t.Fatalf("append %s: got a part of %d events, want all or none", name, got)
		}
	}
	for _, want := range acked {
		got, ok := found[want.ID]
		if !ok || got.Stream != string(want.Metadata) || string(got.Data) != string(want.Data) {
			t.Fatalf("acknowledged event %v: got %v, want it as given", want.ID, got)
		}
	}
	for name, want := range streams {
		agrees(t, s, name, want)
	}
}

// agrees reads a stream and compares it with its events in the log, then writes to it.
func agrees(t *testing.T, s *embedded.Store, name string, want []eventstore.Recorded) {
	t.Helper()
	i := 0
	for e, err := range s.Read(t.Context(), name, 0) {
		if err != nil || i >= len(want) || e.ID != want[i].ID || e.Position != want[i].Position {
			t.Fatalf("%s@%d: got %v, %v, want as in the log", name, i, e, err)
		}
		i++
	}
	if i != len(want) {
		t.Fatalf("events of %s: got %d, want %d", name, i, len(want))
	}
	event := eventstore.Event{
		ID: uuid.New(), Type: "Written", Data: fmt.Appendf(nil, "%v 1", uuid.New()),
	}
	at := eventstore.Revision(i) - 1
	if _, err := s.Append(t.Context(), name, at, []eventstore.Event{event}); err != nil {
		t.Fatalf("append to %s after the crash: got %v, want no error", name, err)
	}
}
