package js

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// ManagerOptions say what a Manager works with. A zero field means the default.
type ManagerOptions struct {
	// Definitions yields the projections that there are and how they change, until its context ends.
	Definitions func(context.Context) iter.Seq2[Definitions, error]
	Logger      *slog.Logger // default: discards
	OnFault     func(name string)

	Limits      Limits
	Projections int           // how many run; 100
	Partitions  int           // of one version; 100,000
	States      int           // all states of one version as JSON, in bytes; 64 MiB
	Every       int           // events between two checkpoints, at most; 1,000
	Pause       time.Duration // between two checkpoints of what goes on; 1 s, of shared ones 500 ms
	AtOnce      int           // projections whose handlers run at once; 2, on fewer than 4 cores 1
}

func (o ManagerOptions) withDefaults() ManagerOptions {
	atOnce := 2
	if runtime.GOMAXPROCS(0) < 4 {
		atOnce = 1
	}
	o.Projections = or(o.Projections, 100)
	o.Partitions = or(o.Partitions, 100_000)
	o.States = or(o.States, 64<<20)
	o.Every = or(o.Every, 1_000)
	o.Pause = or(o.Pause, time.Second)
	o.AtOnce = or(o.AtOnce, atOnce)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OnFault == nil {
		o.OnFault = func(string) {}
	}
	return o
}

// Definitions are projections as they have become, up to a position of the log.
type Definitions struct {
	Changed  []Live
	Position eventstore.Position
	CaughtUp bool // these are all there were when they were read
}

// Manager keeps projections live: each version that is enabled follows the log on a goroutine of its
// own. Every node of a log has a Manager. Where each keeps its checkpoints in a folder of its own, each
// runs all of them for itself: what one emits is the same on every node, and written by whichever comes
// first. Where they share those of a PostgreSQL database one of them leads and runs them; the others answer
// from its checkpoints, and one of them leads when it ends.
//
// What one projection does wrong stops that projection. All methods may be called at once.
type Manager struct {
	store  eventstore.Store
	opts   ManagerOptions
	logger *slog.Logger
	file   *checkpoints
	over   chan struct{} // closed when Run has returned
	slots  chan struct{} // a place for each projection whose handlers run

	mu      sync.RWMutex // guards all below; engines are opened and closed by Run alone
	live    map[string]*resident
	reached eventstore.Position // definitions up to here are in force
	ready   bool                // all that there were at the start are
	changed chan struct{}       // closed and replaced when either has changed
}

// resident is a projection and its engines.
type resident struct {
	Live
	current   *engine
	candidate *engine // nil: there is none
}

// OpenManager opens the checkpoints at a place, a folder or the URL of a PostgreSQL database, to which it does
// not connect yet. Run has the projections run.
func OpenManager(ctx context.Context, place string, store eventstore.Store, o ManagerOptions,
) (*Manager, error) {
	file, err := openCheckpoints(ctx, place)
	if err != nil {
		return nil, err
	}
	if file.shared != nil {
		o.Pause = or(o.Pause, sharedPause)
	}
	o = o.withDefaults()
	return &Manager{store: store, opts: o, logger: o.Logger, file: file,
		over:  make(chan struct{}),
		slots: make(chan struct{}, o.AtOnce), live: map[string]*resident{}, changed: make(chan struct{})}, nil
}

// Close closes the checkpoints. Run has returned.
func (m *Manager) Close() error { return m.file.close() }

// follow puts definitions in force as they come; before all are known none is.
func (m *Manager) follow(ctx context.Context) error {
	waiting := map[string]Live{}
	known, tidied := false, false
	for defined, err := range m.opts.Definitions(ctx) {
		if err != nil {
			return err
		}
		for _, def := range defined.Changed {
			waiting[def.Name] = def
		}
		if known = known || defined.CaughtUp; !known {
			continue
		}
		if defined.CaughtUp && !tidied && m.file.writes() {
			m.tidy(waiting)
			tidied = true
		}
		for _, name := range slices.Sorted(maps.Keys(waiting)) {
			def := waiting[name]
			if err := m.apply(ctx, &def); err != nil {
				return err
			}
		}
		clear(waiting)
		m.reach(defined.Position)
	}
	return ctx.Err()
}

// tidy forgets the runs of projections that were deleted while nobody looked.
func (m *Manager) tidy(known map[string]Live) {
	names, err := m.file.names()
	for _, name := range names {
		if _, ok := known[name]; !ok && err == nil {
			err = m.forget(name)
		}
	}
	if err != nil {
		m.logger.Error("checkpoints of projections not tidied", "err", err)
	}
}

func (m *Manager) forget(name string) error {
	rows, err := m.file.runs(name)
	for _, row := range rows {
		err = errors.Join(err, m.file.forget(name, row.version.Began))
	}
	return err
}

func (m *Manager) isReady() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ready
}

func (m *Manager) reach(at eventstore.Position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reached, m.ready = max(m.reached, at), true
	close(m.changed)
	m.changed = make(chan struct{})
}

// Wait returns when the definitions up to a position are in force, or ctx ends.
func (m *Manager) Wait(ctx context.Context, at eventstore.Position) error {
	for {
		m.mu.RLock()
		there, changed := m.ready && m.reached >= at, m.changed
		m.mu.RUnlock()
		if there {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrStarting, ctx.Err())
		}
	}
}

// enter waits for a turn to run handlers.
func (m *Manager) enter(ctx context.Context) error {
	select {
	case m.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *Manager) leave() { <-m.slots }

// all are the projections that there are, by name.
func (m *Manager) all() []*resident {
	m.mu.RLock()
	defer m.mu.RUnlock()
	all := slices.Collect(maps.Values(m.live))
	slices.SortFunc(all, func(a, b *resident) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// tick has what goes on slowly saved, and counts how fast it goes.
func (m *Manager) tick(ctx context.Context) {
	ticker := time.NewTicker(m.opts.Pause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			for _, k := range m.all() {
				for _, e := range k.engines() {
					if !e.mirror {
						e.tick(now)
					}
				}
			}
		}
	}
}

func (e *engine) tick(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if took := now.Sub(e.rate.at).Milliseconds(); took > 0 {
		e.rate.perSecond = max(0, e.at.events-e.rate.events) * 1000 / took
	}
	e.rate.events, e.rate.at = e.at.events, now
	if e.due() && e.follows {
		e.save()
	}
}
