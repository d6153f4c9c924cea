package esdb

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
)

// load appends to streams of its own, and follows them, until it is told to end.
type load struct {
	*testing.T
	store   *Store
	prefix  string
	ending  chan struct{}
	working sync.WaitGroup
	written atomic.Int64
	grown   chan struct{} // holds a word when written has grown

	mu   sync.Mutex
	acks map[string][]eventstore.Event
}

const loaders = 8

func startLoad(t *testing.T, s *Store) *load {
	l := &load{T: t, store: s, prefix: freshStream() + "_", ending: make(chan struct{}),
		grown: make(chan struct{}, 1), acks: map[string][]eventstore.Event{}}
	for i := range loaders {
		l.working.Go(func() { l.append(fmt.Sprint(l.prefix, i)) })
	}
	return l
}

// append writes one append after the other; none of them may fail.
func (l *load) append(stream string) {
	for expected := eventstore.NoStream; ; {
		select {
		case <-l.ending:
			return
		default:
		}
		events := debits(1 + len(stream)%2)
		got, err := l.store.Append(l.Context(), stream, expected, events)
		if err != nil {
			l.Errorf("append: got %v, want no error", err)
			return
		}
		expected = got.Revision
		l.mu.Lock()
		l.acks[stream] = append(l.acks[stream], events...)
		l.mu.Unlock()
		l.written.Add(1)
		wake(l.grown)
	}
}

// more waits for n more appends.
func (l *load) more(n int64) {
	l.Helper()
	for want := l.written.Load() + n; l.written.Load() < want; {
		select {
		case <-l.grown:
		case <-l.Context().Done():
			l.Fatalf("appends: got %d, want %d", l.written.Load(), want)
		}
		if l.Failed() {
			l.FailNow()
		}
	}
}

// end stops the load and compares what was answered with what store holds: nothing is lost, nothing is
// there twice.
func (l *load) end(store eventstore.Store) {
	l.Helper()
	close(l.ending)
	l.working.Wait()
	for stream, want := range l.acks {
		n := 0
		for e, err := range store.Read(l.Context(), stream, 0) {
			if err != nil || n >= len(want) || e.ID != want[n].ID {
				l.Fatalf("event %d of %s: got %v, %v, want one of %d", n, stream, e.ID, err, len(want))
			}
			n++
		}
		if n != len(want) {
			l.Fatalf("events of %s: got %d, want %d", stream, n, len(want))
		}
	}
}

// follows is a follower of the load's streams, which must see each event once and in order. It runs
// beside the load until the test ends.
type follows struct {
	*load
	seen  map[string]eventstore.Revision
	last  eventstore.Position
	n     atomic.Int64
	grown chan struct{} // holds a word when n has grown
}

func (l *load) follow(s *Store) *follows {
	f := &follows{load: l, seen: map[string]eventstore.Revision{}, grown: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(l.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for batch, err := range s.Follow(ctx, eventstore.Start, l.prefix) {
			if err != nil && ctx.Err() == nil {
				l.Errorf("follow: got %v, want no error", err)
			}
			f.look(batch)
		}
	}()
	l.Cleanup(func() { cancel(); <-done })
	return f
}

func (f *follows) look(batch []eventstore.Recorded) {
	for _, e := range batch {
		if next := f.seen[e.Stream]; e.Revision != next || e.Position <= f.last {
			f.Errorf("followed: got %s@%d at %d, want @%d behind %d",
				e.Stream, e.Revision, e.Position, next, f.last)
		}
		f.seen[e.Stream]++
		f.last = e.Position
	}
	f.n.Add(int64(len(batch)))
	wake(f.grown)
}

// until waits until n events were seen.
func (f *follows) until(n int64) {
	f.Helper()
	for f.n.Load() < n && !f.Failed() {
		select {
		case <-f.grown:
		case <-f.Context().Done():
			f.Fatalf("followed: got %d events, want %d", f.n.Load(), n)
		}
	}
}

// events is how many the load has written.
func (l *load) events() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, events := range l.acks {
		n += len(events)
	}
	return int64(n)
}
