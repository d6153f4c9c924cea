package esdb

import (
	"context"
	"errors"
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
		f.until(l.events())
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
		f.until(l.events())
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
		f.until(l.events())
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
