// Package esdb is an eventstore.Store over EventStoreDB: one node or a cluster, 23.10 or later.
//
// It takes three things from the official client's module: its connection strings, its protocol
// and its messages. It does without that client's state machine, whose faults a ledger cannot live
// with. What answers them:
//
//   - A call hangs past its deadline: every wait here also waits for its context, and what sends or
//     receives belongs to a goroutine that no caller waits for alone.
//   - A failed discovery ends the client for good: here every search ends, and the next call begins
//     another one.
//   - Close panics beside a failing call, and a restarted server leaks a connection: a connection
//     reconnects by itself; one to a node that no longer leads is drained, then closed (node).
//   - A silent server is waited for: appends unanswered for some seconds are taken for lost (stream).
//   - requires-leader is never sent: appends and reads that decide carry it.
//   - A refused append comes back as EOF or as words: BatchAppend answers in types (delivery).
//   - A dropped subscription stays dropped: Follow resumes from its own position (subscription).
//   - A strange answer ends the process: optional messages are only read through getters, and what
//     cannot be read is an error.
//   - There is no filtered read of the log and no way to send many appends at once: both are here.
//
// # What differs from a store of one's own
//
// Without prefixes, ReadAll, Follow and Head include what else the server keeps: system events,
// other users' streams and this package's snapshots, in streams named snapshot-<stream>-<part>. With
// prefixes they hold to them.
//
// A stream that somebody deleted or truncated is *eventstore.Damaged to whoever reads over the gap.
package esdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/tillbook/tillbook/eventstore"
)

// Options say where the store is.
type Options struct {
	// Address is an EventStoreDB connection string: esdb://user:password@host:port?tls=true, several
	// hosts separated by commas, or esdb+discover://… The settings are the official client's.
	// User and password are sent over TLS alone.
	Address string

	Logger *slog.Logger // nil drops what is logged

	// OnCommit is told of every append that was answered with success: its events and bytes, and how
	// long it took with all retries. It is called by the appender, by many at once; nil: nobody.
	OnCommit func(appends, events, bytes int, took time.Duration)
}

// Store is an eventstore.Store on a server. All methods may be called at once.
type Store struct {
	pace
	leader    *cluster // for appends and reads
	followers *cluster // for follows: leader, unless the address prefers others
	onCommit  func(appends, events, bytes int, took time.Duration)

	life    context.Context // reads and follows end with it, for ErrClosed
	end     context.CancelFunc
	drained context.Context // appends end with it, in any case
	cut     context.CancelFunc
	shut    func()

	mu      sync.Mutex
	closed  bool
	appends sync.WaitGroup // joined under mu until closed
	follows sync.WaitGroup // goroutines of subscriptions; the same
}

var _ eventstore.Store = (*Store)(nil)

// Open opens the store at an address. It fails at once where trying longer is of no use: an address
// that cannot be read, a user that may not read the log, a certificate that is not to be trusted. A
// server that is not there is no failure: the store comes alive with it, and its calls end with
// their contexts until then.
func Open(ctx context.Context, opts Options) (*Store, error) {
	return open(ctx, opts, usualPace)
}

func open(ctx context.Context, opts Options, p pace) (*Store, error) {
	a, err := parseAddress(opts.Address)
	if err != nil {
		return nil, fmt.Errorf("address of the event store: %w", err)
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.OnCommit == nil {
		opts.OnCommit = func(int, int, int, time.Duration) {}
	}
	if a.tls == nil && a.user != "" {
		opts.Logger.Warn("user and password are not sent to the event store: its address has tls=false")
	}
	s := &Store{pace: p, onCommit: opts.OnCommit}
	s.life, s.end = context.WithCancel(context.Background())
	s.drained, s.cut = context.WithCancel(context.Background())
	s.shut = sync.OnceFunc(s.close)
	d := newDialer(a)
	s.leader = newCluster(a, d, p, client.NodePreferenceLeader, opts.Logger)
	s.followers = s.leader
	if a.discover && a.preference != client.NodePreferenceLeader {
		s.followers = newCluster(a, d, p, a.preference, opts.Logger)
	}
	if err := s.hello(ctx, d); err != nil {
		return nil, errors.Join(fmt.Errorf("open the event store at %s: %w", a.seeds, err), s.Close())
	}
	return s, nil
}

// hello asks for the log's head, and fails if that cannot ever be answered.
func (s *Store) hello(ctx context.Context, d *dialer) error {
	waiting, cancel := context.WithTimeout(ctx, s.opening)
	defer cancel()
	_, err := s.head(waiting, false)
	switch {
	case ctx.Err() != nil:
		return ended(ctx)
	case d.untrusted() != nil:
		return d.untrusted()
	case err == nil || isLost(err) || waiting.Err() != nil:
		return nil // cluster has told the log
	}
	return err
}

// Close is eventstore.Store's. It waits for the appends that were begun, for some seconds, and may be
// called again.
func (s *Store) Close() error {
	s.shut()
	return nil
}

func (s *Store) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	late := time.AfterFunc(s.drain, s.cut)
	s.appends.Wait()
	late.Stop()
	s.cut()
	s.follows.Wait()
	s.leader.close()
	if s.followers != s.leader {
		s.followers.close()
	}
}

// begin begins an append or a read. It joins calls, which Close waits for, if there are any.
func (s *Store) begin(ctx context.Context, calls *sync.WaitGroup) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return eventstore.ErrClosed
	}
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if calls != nil {
		calls.Add(1)
	}
	return nil
}

// beginRead begins what ends with the store, but is not waited for: between two elements a sequence
// is its caller's.
func (s *Store) beginRead(
	ctx context.Context, calls *sync.WaitGroup,
) (_ context.Context, end context.CancelFunc, err error) {
	if err := s.begin(ctx, calls); err != nil {
		return nil, nil, err
	}
	ctx, end = until(ctx, s.life, eventstore.ErrClosed)
	return ctx, end, nil
}

// until is ctx, ended for that cause when other ends too.
func until(ctx, other context.Context, cause error) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(other, func() { cancel(cause) })
	return ctx, func() { stop(); cancel(nil) }
}

// ended is why a context ended: this package's own cause, or the context's own error.
func ended(ctx context.Context) error {
	if cause := context.Cause(ctx); isLost(cause) || errors.Is(cause, eventstore.ErrClosed) {
		return cause
	}
	return ctx.Err()
}
