package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// Errors of this package, by errors.Is.
var (
	// ErrClosed: the models were closed.
	ErrClosed = errors.New("read models are closed")
	// ErrStale: the tables are another log's, and are being built anew.
	ErrStale = errors.New("the read models are of another log and are being built anew")
	// ErrRebuilding: a rebuild is under way already.
	ErrRebuilding = errors.New("a rebuild is under way already")
	// ErrAway: the PostgreSQL server does not answer, or not as it should.
	ErrAway = errors.New("the read models' database is away")
	// ErrReadOnly: the models were opened to be read.
	ErrReadOnly = errors.New("read models are open for reading alone")
	// ErrNone: the folder holds no read models of this version.
	ErrNone = errors.New("there are no read models yet")
)

// Options are how the models are kept. The zero value is good.
type Options struct {
	Projections []Projection // Builtin when nil
	Log         *slog.Logger // slog.Default when nil
	Batch       int          // most events of one transaction; 16,384 when 0
	ReadOnly    bool         // only read the file, which another process may be writing
	Patient     bool         // a PostgreSQL database that cannot be opened is tried again and again

	SelectionTime time.Duration // of one query of a selection; DefaultSelectionTime when 0

	// Damaged is called for each event in a ledger stream that is not ours or cannot be folded;
	// Committed after each transaction of the follower that serves. Both are called on the
	// follower's goroutine and must not block.
	Damaged   func(stream string, revision eventstore.Revision)
	Committed func(Commit)
}

// DefaultSelectionTime is long for a selection of a million accounts.
const DefaultSelectionTime = 10 * time.Second

// maxBatch is Options.Batch's default. A greater one costs memory, some 10 KiB an event, and is no faster:
// a rebuild keeps rows from batch to batch.
const maxBatch = 16_384

// Models are the read models of one log. All methods may be called at once.
type Models struct {
	shelf shelf
	store eventstore.Store
	opts  Options
	stop  context.CancelCauseFunc // ends everything that runs on life
	life  context.Context
	tasks sync.WaitGroup // whatever runs on life

	wanted     chan struct{} // holds a token while somebody waits for the follower
	rebuilding chan struct{} // holds a token while a rebuild is under way

	mu         sync.Mutex
	current    *database
	generation int
	position   eventstore.Position // of current; Start where its checkpoint is not the log's
	caughtUp   bool
	stale      bool            // current's checkpoint is not the log's
	changed    chan struct{}   // closed and replaced when position changes
	follower   *follower       // of current, nil while there is none
	warned     map[string]bool // streams whose damage was logged; guarded by mu
}

// follower is the goroutine that keeps a file.
type follower struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// Open opens the read models at a place, a folder, which must exist, or the URL of a PostgreSQL database,
// makes them where there are none, and follows the store until Close. It does not wait until they have
// caught up. Of several that open one database each follows, and one of them at a time writes.
//
// Where the checkpoint names an event that the log does not hold at that place, the tables belong to
// another log, or to one that lost its end: whoever asks gets ErrStale while others are built beside
// them.
//
// A patient Open tries a PostgreSQL database once and, where that fails, answers all the same: the rest is
// done as soon as it can be, and until then whoever asks gets ErrAway.
func Open(ctx context.Context, place string, store eventstore.Store, opts Options) (*Models, error) {
	if opts.Projections == nil {
		opts.Projections = Builtin()
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	if opts.Batch <= 0 {
		opts.Batch = maxBatch
	}
	if opts.SelectionTime <= 0 {
		opts.SelectionTime = DefaultSelectionTime
	}
	shelf, err := shelfAt(place, opts.Projections)
	if err != nil {
		return nil, fmt.Errorf("open read models: %w", err)
	}
	m := &Models{shelf: shelf, store: store, opts: opts, changed: make(chan struct{}),
		rebuilding: make(chan struct{}, 1), wanted: make(chan struct{}, 1), warned: map[string]bool{}}
	m.life, m.stop = context.WithCancelCause(context.Background())
	switch {
	case opts.ReadOnly:
		err = m.openToRead(ctx)
	case opts.Patient && IsPostgres(place):
		err = m.openInTime(ctx)
	default:
		err = m.openToFollow(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open read models in %s: %w", shelf.place(), err), m.Close())
	}
	return m, nil
}

// openToRead takes the newest generation that may serve.
func (m *Models) openToRead(ctx context.Context) error {
	d, generation, err := m.newest(ctx)
	if err != nil {
		return err
	}
	if d == nil {
		return ErrNone
	}
	at, err := readCheckpoint(ctx, d.read)
	m.current, m.generation, m.position = d, generation, at.position
	return err
}

// openToFollow takes the newest generation that may serve, or makes the first; every other goes.
func (m *Models) openToFollow(ctx context.Context) error {
	found, generation, err := m.newest(ctx)
	if err != nil {
		return err
	}
	keep := ""
	if found != nil {
		keep = found.name
		err = found.close() // it was opened to be read
	}
	if err := errors.Join(err, m.shelf.clear(ctx, keep)); err != nil {
		return err
	}
	generation = max(generation, 1)
	d, err := m.shelf.open(ctx, generation)
	if err != nil {
		return err
	}
	err = d.serve(ctx, d.write)
	at, reading := readCheckpoint(ctx, d.read)
	matches, looking := at.isIn(ctx, m.store)
	if err := errors.Join(err, reading, looking); err != nil {
		return errors.Join(err, d.close())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current, m.generation, m.stale = d, generation, !matches
	if d.postgres {
		m.tasks.Go(m.watch)
	}
	if matches {
		m.position = at.position
		m.start(d, nil)
		return nil
	}
	m.opts.Log.Warn("read models are rebuilt: the log does not hold the event of their checkpoint",
		"name", d.name, "position", uint64(at.position), "event_id", at.id,
		"stream", at.stream, "revision", int64(at.revision))
	m.tasks.Go(m.replaceStale)
	return nil
}

// replaceStale rebuilds until it, or another process, succeeds.
func (m *Models) replaceStale() {
	m.retry(m.life, "rebuild read models", func() error {
		m.mu.Lock()
		stale := m.stale
		m.mu.Unlock()
		if !stale {
			return nil
		}
		return m.Rebuild(m.life, nil)
	})
}

// start runs a follower of d, by b if there is one already, until it is stopped. The caller holds mu.
func (m *Models) start(d *database, b *builder) {
	ctx, cancel := context.WithCancel(m.life)
	f := &follower{cancel, make(chan struct{})}
	m.follower = f
	m.tasks.Go(func() {
		defer close(f.done)
		m.retry(ctx, "follow the log", func() error {
			err := m.follow(ctx, d, b)
			b = nil
			return err
		})
	})
}

// follow folds into d when this process may write there.
func (m *Models) follow(ctx context.Context, d *database, b *builder) (err error) {
	if b == nil {
		if b, err = newBuilder(ctx, d, m.store, m.opts.Batch, waitToLead); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, b.close()) }()
	b.onDamaged = m.damaged
	b.onCommit = m.committed
	b.onCaughtUp = func() error { return d.index(ctx, b.conn) }
	b.rest = m.rest
	return b.follow(ctx)
}

// The pauses between two tries.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// retry runs work until it succeeds, ctx ends or the store is closed.
func (m *Models) retry(ctx context.Context, what string, work func() error) {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = firstPause, lastPause
	try := func() (struct{}, error) {
		err := work()
		if ctx.Err() != nil || errors.Is(err, eventstore.ErrClosed) {
			err = nil
		}
		return struct{}{}, err
	}
	tell := func(err error, again time.Duration) {
		m.opts.Log.Error(what, "err", err, "again_in", again)
	}
	_, _ = backoff.Retry(ctx, try, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(tell)) // it ends with success or with ctx
}

// liveRest is how long a follower that has caught up lets events gather, unless somebody waits for one:
// a transaction for each would cost more than the events.
const liveRest = 25 * time.Millisecond

func (m *Models) rest(ctx context.Context) {
	timer := time.NewTimer(liveRest)
	defer timer.Stop()
	select {
	case <-m.wanted:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// warnedStreams bounds the streams whose damage is logged: whoever shares a store may write a lot
// into streams with our prefixes. The count goes on.
const warnedStreams = 1000

func (m *Models) damaged(d Damage) {
	if m.opts.Damaged != nil {
		m.opts.Damaged(d.Event.Stream, d.Event.Revision)
	}
	m.mu.Lock()
	warned := m.warned[d.Event.Stream] || len(m.warned) >= warnedStreams
	if !warned {
		m.warned[d.Event.Stream] = true
	}
	m.mu.Unlock()
	if !warned {
		m.opts.Log.Error("an event in a ledger stream is passed over", "stream", d.Event.Stream,
			"revision", int64(d.Event.Revision), "reason", d.Reason)
	}
}

func (m *Models) committed(c Commit) {
	m.mu.Lock()
	m.position, m.caughtUp = max(m.position, c.Position), c.CaughtUp
	m.stale = false
	close(m.changed)
	m.changed = make(chan struct{})
	m.mu.Unlock()
	if m.opts.Committed != nil {
		m.opts.Committed(c)
	}
}

// Position is the place in the log up to which the tables hold every event.
func (m *Models) Position() eventstore.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.position
}

// Wait returns when Position is at least position. It answers ctx's error, ErrClosed, or
// ErrReadOnly where nothing will bring it there.
func (m *Models) Wait(ctx context.Context, position eventstore.Position) error {
	for {
		m.mu.Lock()
		reached, changed := m.position >= position, m.changed
		m.mu.Unlock()
		if reached {
			return nil
		}
		if m.opts.ReadOnly {
			return ErrReadOnly
		}
		select {
		case m.wanted <- struct{}{}:
		default: // the follower will not rest next time anyway
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-m.life.Done():
			return ErrClosed
		}
	}
}

// WaitHead returns when the tables hold every event of the ledger that was durable when it was
// called.
func (m *Models) WaitHead(ctx context.Context) error {
	head, err := m.store.Head(ctx, domain.Prefixes...)
	if err != nil {
		return fmt.Errorf("read the log's head: %w", err)
	}
	return m.Wait(ctx, head)
}

// Close ends the follower, waits for the transaction it is in, and closes the file.
func (m *Models) Close() error {
	m.mu.Lock()
	m.stop(ErrClosed) // under mu: from here on nobody joins tasks but tasks themselves
	m.mu.Unlock()
	m.tasks.Wait()
	m.mu.Lock()
	d := m.current
	m.current = nil
	m.mu.Unlock()
	if d == nil {
		return m.shelf.close()
	}
	d.users.Wait()
	return errors.Join(d.close(), m.shelf.close())
}

// take is the file that serves, which stays open until free is called.
func (m *Models) take() (d *database, free func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.life.Err() != nil {
		return nil, nil, ErrClosed
	}
	if m.current == nil {
		return nil, nil, ErrAway // it was never there
	}
	d = m.current
	d.users.Add(1)
	return d, d.users.Done, nil
}
