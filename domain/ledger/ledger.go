// Package ledger is the imperative shell around package domain: it loads an account, lets a command
// decide, appends the events and answers.
//
// One account's commands are decided one after the other; those that wait together are appended
// together, so a busy account costs one append a round. Nobody is answered before the events are
// durable. The expected revision of the append is the only lock between processes: whoever loses
// reads what the other wrote and decides again.
package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// Failures. Each leaves the caller to send the same request, with the same key, again.
var (
	// ErrBusy: too many commands wait, or other writers won every race for this account.
	ErrBusy = errors.New("too busy")
	// ErrStopping: the ledger accepts nothing any more.
	ErrStopping = errors.New("stopping")
	// ErrOutcomeUnknown: the events may or may not have been written.
	ErrOutcomeUnknown = eventstore.ErrOutcomeUnknown
)

// Options tune a Ledger; the zero value of each field stands for its default.
type Options struct {
	Logger        *slog.Logger     // default: discards
	Now           func() time.Time // default: time.Now
	CacheBytes    int              // memory for account states; default 256 MiB
	MaxWaiting    int              // commands that may wait in all; default 10 000
	MaxPerAccount int              // commands that may wait on one account; default 2 048
	SnapshotEvery int              // events between an account's snapshots; default 512
	Timeout       time.Duration    // of one round's appends, at least; default 10 s
	Shared        bool             // other processes write the log too: what is cached may be old
	OnRound       func(commands, events, bytes int, took time.Duration)
	OnDamaged     func(stream string)
}

func (o *Options) defaults() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OnRound == nil {
		o.OnRound = func(int, int, int, time.Duration) {}
	}
	if o.OnDamaged == nil {
		o.OnDamaged = func(string) {}
	}
	or := func(n *int, standard int) {
		if *n == 0 {
			*n = standard
		}
	}
	or(&o.CacheBytes, 256<<20)
	or(&o.MaxWaiting, 10_000)
	or(&o.MaxPerAccount, 2_048)
	or(&o.SnapshotEvery, 512)
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
}

// Ledger answers commands and reads of accounts. All methods may be called at once.
type Ledger struct {
	store    eventstore.Store
	opts     Options
	registry *registry
	states   *otter.Cache[uuid.UUID, *cached] // what is lost from here is read again
	term     atomic.Pointer[term]

	mu          sync.Mutex
	queues      map[uuid.UUID]*queue // accounts with commands waiting or being decided
	purses      map[string]*purse    // campaigns, by id
	waiting     int
	registering int
	stopping    bool
	idle        *sync.Cond // on mu: a queue has gone

	snapshots  *snapshotter
	rehearsing sync.Mutex // held by the one rehearsal that may run
	closing    sync.Once
	seen       atomic.Uint64 // the highest position known to be in the log
}

// Open is a ledger over a store. It returns at once; Ready tells when the registries are read.
func Open(store eventstore.Store, opts Options) *Ledger {
	opts.defaults()
	l := &Ledger{store: store, opts: opts, queues: map[uuid.UUID]*queue{},
		purses: map[string]*purse{}}
	l.idle = sync.NewCond(&l.mu)
	l.states = otter.Must(&otter.Options[uuid.UUID, *cached]{
		MaximumWeight: uint64(opts.CacheBytes),
		Weigher:       func(_ uuid.UUID, c *cached) uint32 { return c.bytes },
	})
	l.snapshots = newSnapshotter(store, opts.Logger)
	l.registry = newRegistry(store, opts.Logger)
	return l
}

// Ready waits until the registries have been read up to where the log stood, or ctx ends.
func (l *Ledger) Ready(ctx context.Context) error { return l.registry.wait(ctx) }

// IsReady reports whether the registries have been read, and the ledger is not stopping.
func (l *Ledger) IsReady() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.stopping && l.registry.isReady()
}

// Waiting is the number of commands that wait or are being decided.
func (l *Ledger) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting
}

// snapshotsAtClose bounds what Close waits for snapshots: to lose one costs time alone.
const snapshotsAtClose = 3 * time.Second

// Close refuses new commands, finishes those that were accepted, for a Timeout at most beyond what is
// being decided, and writes snapshots, for some seconds. It does not close the store. A second call
// does nothing.
func (l *Ledger) Close() { l.closing.Do(l.close) }

func (l *Ledger) close() {
	last := l.newTerm(time.Now())
	last.last = true
	l.term.Store(last)
	defer last.cancel()
	l.mu.Lock()
	l.stopping = true
	for len(l.queues)+l.registering > 0 {
		l.idle.Wait()
	}
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), snapshotsAtClose)
	defer cancel()
	l.snapshots.close(ctx)
	l.registry.close(ctx)
}

// Head is the position of the log's last event that the ledger owns.
func (l *Ledger) Head(ctx context.Context) (eventstore.Position, error) {
	return l.store.Head(ctx, domain.Prefixes...)
}

// Follow yields the ledger's own events after a position, for live feeds: eventstore.Store.Follow.
func (l *Ledger) Follow(
	ctx context.Context, after eventstore.Position,
) func(yield func([]eventstore.Recorded, error) bool) {
	return l.store.Follow(ctx, after, domain.Prefixes...)
}

func seed() (s domain.Seed) {
	_, _ = rand.Read(s[:]) // it never fails: crypto/rand ends the process instead
	return s
}

// now is the time events are stamped with: UTC, in microseconds, which JSON keeps.
func (l *Ledger) now() time.Time { return l.opts.Now().UTC().Truncate(time.Microsecond) }
