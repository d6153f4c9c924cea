package esdb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
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

// follows is a follower of the load's streams, which must see each event once and in order.
type follows struct {
	*load
	pull func() ([]eventstore.Recorded, error, bool)
	seen map[string]eventstore.Revision
	n    int
	last eventstore.Position
}

func (l *load) follow(s *Store) *follows {
	pull, stop := iter.Pull2(s.Follow(l.Context(), eventstore.Start, l.prefix))
	l.Cleanup(stop)
	return &follows{load: l, pull: pull, seen: map[string]eventstore.Revision{}}
}

func (f *follows) until(n int) {
	f.Helper()
	for f.n < n {
		batch, err, _ := f.pull()
		if err != nil {
			f.Fatalf("follow: got %v, want no error", err)
		}
		for _, e := range batch {
			if next := f.seen[e.Stream]; e.Revision != next || e.Position <= f.last {
				f.Fatalf("followed: got %s@%d at %d, want @%d behind %d",
					e.Stream, e.Revision, e.Position, next, f.last)
			}
			f.seen[e.Stream]++
			f.last = e.Position
			f.n++
		}
	}
}

// events is how many the load has written.
func (l *load) events() int {
	n := 0
	for _, events := range l.acks {
		n += len(events)
	}
	return n
}

// outage is how long a server is away: TILLBOOK_OUTAGE, such as 60s; by default a moment.
func outage(t *testing.T) time.Duration {
	text := os.Getenv("TILLBOOK_OUTAGE")
	if text == "" {
		return 100 * time.Millisecond
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("TILLBOOK_OUTAGE: got %v, want a duration", err)
	}
	return d
}

func TestServerStopsAndStarts(t *testing.T) {
	server := standIn(t, openEmbedded(t))
	s := openAt(t, server.address, usualPace)
	l := startLoad(t, s)
	f := l.follow(s)
	for range 3 {
		l.more(loaders)
		server.stop()
		<-time.After(outage(t))
		server.start(t)
		l.more(2 * loaders)
	}
	l.end(s)
	f.until(l.events())
}

func TestConnectionCutBesideAppends(t *testing.T) {
	server := standIn(t, openEmbedded(t))
	wire := between(t, server.hostPort)
	s := openAt(t, wire.address(), usualPace)
	l := startLoad(t, s)
	f := l.follow(s)
	for range 20 {
		l.more(1)
		wire.silence()
		wire.cut()
	}
	l.more(loaders)
	l.end(s)
	f.until(l.events())
}

// TestConnectionCutAfterCommit loses exactly the answers: everything was written, nobody knows.
func TestConnectionCutAfterCommit(t *testing.T) {
	store := openEmbedded(t)
	server := standIn(t, store)
	wire := between(t, server.hostPort)
	s := openAt(t, wire.address(), usualPace)
	stream, events := freshStream(), debits(lanesPerNode+2)
	for i := range lanesPerNode { // every lane is connected when the wire goes silent
		at := eventstore.Revision(i) - 1
		if _, err := s.Append(t.Context(), stream, at, events[i:i+1]); err != nil {
			t.Fatalf("append: got %v, want no error", err)
		}
	}
	wire.silence()
	answered := make(chan error, 1)
	go func() {
		_, err := s.Append(t.Context(), stream, lanesPerNode-1, events[lanesPerNode:])
		answered <- err
	}()
	n := 0
	for batch := range store.Follow(t.Context(), eventstore.Start, stream) {
		if n += len(batch); n == len(events) {
			break
		}
	}
	wire.cut()
	if err := <-answered; err != nil {
		t.Fatalf("append: got %v, want no error", err)
	}
	n = 0
	for e := range store.Read(t.Context(), stream, 0) {
		if n < len(events) && e.ID != events[n].ID {
			t.Fatalf("event %d: got %v, want %v", n, e.ID, events[n].ID)
		}
		n++
	}
	if n != len(events) {
		t.Fatalf("events: got %d, want %d", n, len(events))
	}
}

// TestGoAway lets the server end every connection after a moment, as balancers and rolling updates do.
func TestGoAway(t *testing.T) {
	memory := storetest.NewMemory()
	defer memory.Close()
	var made connections
	server := serve(t, memory, grpc.StatsHandler(&made), grpc.KeepaliveParams(
		keepalive.ServerParameters{
			MaxConnectionAge: 20 * time.Millisecond, MaxConnectionAgeGrace: 20 * time.Millisecond}))
	s := openAt(t, server.address(), usualPace)
	l := startLoad(t, s)
	f := l.follow(s)
	for first := made.begun.Load(); made.begun.Load() < first+4; {
		l.more(loaders)
	}
	l.end(s)
	f.until(l.events())
}

// connections counts those of a server.
type connections struct{ begun, open atomic.Int64 }

func (c *connections) HandleConn(_ context.Context, s stats.ConnStats) {
	switch s.(type) {
	case *stats.ConnBegin:
		c.begun.Add(1)
		c.open.Add(1)
	case *stats.ConnEnd:
		c.open.Add(-1)
	}
}

func (*connections) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*connections) HandleRPC(context.Context, stats.RPCStats)                         {}

// TestGoroutines demands that a store leaves nothing behind, whatever the server did.
func TestGoroutines(t *testing.T) {
	server := standIn(t, openEmbedded(t))
	before := 0
	for round := range 4 {
		s, err := Open(t.Context(), Options{Address: server.address})
		if err != nil {
			t.Fatalf("open: got %v, want no error", err)
		}
		l := startLoad(t, s)
		next, stop := iter.Pull2(s.Follow(t.Context(), eventstore.Start))
		if _, err, _ := next(); err != nil {
			t.Fatalf("follow: got %v, want no error", err)
		}
		for range 3 {
			l.more(1)
			server.stop()
			server.start(t)
		}
		l.more(1)
		l.end(s)
		if err := s.Close(); err != nil {
			t.Fatalf("close: got %v, want no error", err)
		}
		stop()
		if round == 0 { // what the server and the libraries begin once is there
			before = runtime.NumGoroutine()
		}
	}
	for runtime.NumGoroutine() > before && t.Context().Err() == nil {
		runtime.Gosched() // gRPC's own end a little later
	}
}

// TestServerIsNotThereYet opens a store before its server: nothing hangs, and then it comes alive.
func TestServerIsNotThereYet(t *testing.T) {
	server := standIn(t, openEmbedded(t))
	server.stop()
	s := openAt(t, server.address, usualPace)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var asked sync.WaitGroup
	for range 20 {
		asked.Go(func() {
			_, err := s.Append(ctx, freshStream(), eventstore.NoStream, debits(1))
			wantError(t, err, context.DeadlineExceeded)
			if errors.Is(err, eventstore.ErrOutcomeUnknown) {
				t.Errorf("append: got %v, want it known that nothing was sent", err)
			}
			_, err = s.Head(ctx)
			wantError(t, err, context.DeadlineExceeded)
			_, err = s.Snapshot(ctx, "a", 0)
			wantError(t, err, context.DeadlineExceeded)
		})
	}
	asked.Wait()
	server.start(t)
	l := startLoad(t, s)
	l.more(loaders)
	l.end(s)
}
