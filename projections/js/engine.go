package js

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tillbook/tillbook/eventstore"
)

// engine runs one version of a projection from its checkpoint. It is stopped and made anew when
// anything of its definition changes.
type engine struct {
	m       *Manager
	name    string
	version Version
	script  *Script // nil where it does not compile
	poster  poster
	enabled int64              // EnabledAt, which a fault remembers
	stop    context.CancelFunc // nil while nothing follows; of the manager's goroutine
	done    sync.WaitGroup
	mirror  bool // another node runs it, and it stands at the checkpoint; see look

	mu      sync.Mutex              // guards all below
	end     context.CancelCauseFunc // ends what follows; with a fault as that of the script
	runner  *Runner                 // nil where the script does not compile
	reader  *Runner                 // of results, where they are not the states; nil until it is needed
	closed  bool                    // it answers no more
	clean   bool                    // when it closed its checkpoint held all that it had emitted
	at      mark
	saved   mark      // as the checkpoint has it
	since   time.Time // of the last checkpoint
	grown   int       // bytes of states written since they were last counted, at most
	pending []posting
	moved   chan struct{} // closed and replaced when the engine has gone on, or has stopped
	limit   eventstore.Position
	limited chan struct{}       // not nil: it goes no further than limit until this is closed
	halted  bool                // it waits for that
	read    eventstore.Position // of the last event that was handled
	follows bool                // a goroutine follows
	log     []string            // the last lines that the script has logged
	work    work
	rate    rate
	looked  time.Time // a mirror at the checkpoint
}

// rate counts events of a second.
type rate struct {
	events    int64 // as they were counted last
	at        time.Time
	perSecond int64
}

// work is what a version has done since the Manager was opened or it began anew, and is about to do.
type work struct {
	events   int64 // handled
	busy     time.Duration
	buffered int  // events that wait to be handled
	writing  bool // an append of what was emitted is under way
}

// share is how long an engine handles events before it lets another have its turn.
const share = 10 * time.Millisecond

// mostPending bounds the emitted events that wait to be appended.
const mostPending = 200

// open restores a version from its checkpoint. A script that does not compile is a fault of the
// engine, not an error.
func (m *Manager) open(def *Live, v Version, row mark) (*engine, error) {
	name := def.Name
	e := &engine{m: m, name: name, version: v, enabled: def.EnabledAt, at: row, saved: row, since: time.Now(),
		moved: make(chan struct{}), poster: poster{store: m.store, name: name, first: def.First}}
	var err error
	if e.script, err = Compile(name+".js", v.Query, m.opts.Limits); err == nil {
		e.logs(e.script.Log)
		err = e.restore()
	}
	if err != nil {
		return e, e.failed(err)
	}
	return e, m.file.save(name, v, e.at, Snapshot{}) // from now on it is known where it emits from
}

// restore makes a runner that stands at the checkpoint. A checkpoint of another log is none.
func (e *engine) restore() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	there, err := e.isIn()
	if err != nil {
		return err
	}
	if !there {
		e.m.logger.Warn("projection begins anew: its checkpoint is of another log", "projection", e.name)
		if err := e.m.file.forget(e.name, e.version.Began); err != nil {
			return err
		}
		e.saved = mark{emitsAfter: e.saved.emitsAfter}
	}
	e.at, e.pending, e.poster.tips, e.work.buffered = e.saved, nil, nil, 0
	if e.runner != nil {
		e.runner.Close()
		e.runner = nil
	}
	runner, err := NewRunner(e.script, Options{Emit: e.version.Emit, Results: e.name,
		Owns: func(stream string) bool { return OwnsStream(e.name, stream) }})
	if err != nil {
		return err
	}
	e.runner = runner
	all, err := e.m.file.snapshot(e.name, e.version.Began)
	if err != nil {
		return err
	}
	return e.runner.Restore(all)
}

// isIn reports whether the log holds the checkpoint's event where the checkpoint says.
func (e *engine) isIn() (bool, error) {
	if e.saved.stream == "" {
		return true, nil
	}
	for at, err := range e.m.store.Read(context.Background(), e.saved.stream, e.saved.revision) {
		return at.ID == e.saved.id, err
	}
	return false, nil
}

// start follows the log until halt.
func (e *engine) start(ctx context.Context) {
	if e.at.fault != nil {
		return
	}
	e.follows = true
	ctx, e.stop = context.WithCancel(ctx)
	ctx, e.end = context.WithCancelCause(ctx)
	e.done.Go(func() { e.run(ctx) })
}

// halt stops following, and writes where it stands.
func (e *engine) halt() {
	if e.stop != nil {
		e.stop()
		e.done.Wait()
		e.stop = nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.follows = false
	e.save()
	e.move()
}

// close halts for good.
func (e *engine) close() {
	e.halt()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clean = !e.mirror && e.at == e.saved && e.m.file.holds() == nil
	for _, r := range []*Runner{e.runner, e.reader} {
		if r != nil {
			r.Close()
		}
	}
	e.runner, e.reader, e.closed = nil, nil, true
}

// run follows the log. A failure of the store is tried again from the checkpoint; a fault of the
// script ends it.
func (e *engine) run(ctx context.Context) {
	again := false
	try := func() (struct{}, error) {
		if again {
			if err := e.restore(); err != nil {
				return struct{}{}, err
			}
		}
		again = true
		err := e.follow(ctx)
		fault := (*Fault)(nil)
		if errors.As(err, &fault) || errors.As(context.Cause(ctx), &fault) {
			err = e.failed(fault)
		}
		if ctx.Err() != nil {
			err = nil
		}
		return struct{}{}, err
	}
	tell := func(err error, in time.Duration) {
		e.m.logger.Error("projection not followed", "projection", e.name, "err", err, "again_in", in)
	}
	pause := backoff.NewExponentialBackOff()
	pause.MaxInterval = 10 * time.Second
	_, _ = backoff.Retry(ctx, try, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(tell))
}

func (e *engine) follow(ctx context.Context) error {
	for b, err := range Follow(ctx, e.m.store, &e.script.Definition, e.at.position) {
		if err != nil {
			return err
		}
		if err := e.fold(ctx, b); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// fold handles a batch, a slice at a time, and appends what each slice emits before it goes on.
func (e *engine) fold(ctx context.Context, b Batch) error {
	for rest := b.Events; len(rest) > 0; {
		n, fault := e.slice(ctx, rest)
		rest = rest[n:]
		if err := e.post(ctx); err != nil {
			return err
		}
		if fault != nil {
			return fault
		}
		if err := e.wait(ctx); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at.position = b.Position
	e.move()
	if e.due() {
		return e.checkpoint()
	}
	return nil
}

// slice handles events for as long as its turn lasts. n is how many are done with.
func (e *engine) slice(ctx context.Context, events []*Event) (n int, err error) {
	if err := e.m.enter(ctx); err != nil {
		return 0, err
	}
	defer e.m.leave()
	e.mu.Lock()
	defer e.mu.Unlock()
	defer e.move()
	began := time.Now()
	defer func() { e.work.busy, e.work.buffered = e.work.busy+time.Since(began), len(events)-n }()
	for ; n < len(events) && time.Since(began) < share && len(e.pending) < mostPending; n++ {
		if e.limited != nil && events[n].Position > e.limit {
			e.halted = true
			break
		}
		if err := e.handle(events[n]); err != nil {
			return n, err
		}
	}
	if e.grown > e.m.opts.States/4 {
		err = e.measure()
	}
	return n, err
}

// handle folds one event, unless the projection itself has emitted it.
func (e *engine) handle(event *Event) error {
	c, emitted := causeOf(event.Stream, event.Metadata)
	if event.LinkMetadata != nil {
		c, emitted = causeOf(AnalystsPrefix, event.LinkMetadata)
	}
	if !emitted || c.Projection != e.name {
		change, err := e.runner.Handle(event)
		e.logs(change.Log)
		if err != nil {
			return err
		}
		if change.Handled {
			e.at.events++
			e.work.events++
			if s := e.runner.states.all[change.Partition]; s != nil {
				e.grown += len(s.json)
			}
		}
		if err := e.emit(event, c.Depth+1, change.Emitted); err != nil {
			return err
		}
	}
	e.at.position, e.at.id, e.read = event.Position, event.ID, event.Position
	e.at.stream, e.at.revision = event.Stream, event.Revision
	return nil
}

// mostLogged bounds the lines of log that are kept of a version.
const mostLogged = 100

func (e *engine) logs(lines []string) {
	e.log = append(e.log, lines...)
	e.log = slices.Delete(e.log, 0, max(0, len(e.log)-mostLogged))
}

// emit has events appended, if this version emits yet.
func (e *engine) emit(about *Event, depth int, all []Emitted) error {
	if e.at.emitsAfter == notYet || int64(about.Position) <= e.at.emitsAfter {
		return nil
	}
	for i, emitted := range all {
		p, err := newPosting(e.name, e.version.Number, about, depth, i, emitted)
		if err == nil && depth > longestChain {
			err = fmt.Errorf("%w: emits at the end of a chain of %d emitted events", ErrForbidden, depth-1)
		}
		if err != nil {
			return &Fault{Script: e.script.Name, Handler: about.Type, Event: about.String(), Message: err.Error(),
				Err: err}
		}
		e.pending = append(e.pending, p)
	}
	return nil
}

// post appends what was emitted.
func (e *engine) post(ctx context.Context) error {
	e.mu.Lock()
	all := e.pending
	e.work.writing = len(all) > 0
	e.mu.Unlock()
	if len(all) == 0 {
		return nil
	}
	if err := e.m.file.holds(); err != nil {
		return err
	}
	n, err := e.poster.post(ctx, all)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at.emitted += n
	e.work.writing = false
	if err == nil {
		e.pending = nil
		e.move()
	}
	return err
}
