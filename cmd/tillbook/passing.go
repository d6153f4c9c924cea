package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/esdbserver"
	"github.com/tillbook/tillbook/projections/js"
)

// passing are projections that are gone with the service: transient ones, and one-time ones, which
// stop when they have come to the log's head. They write nothing, no results either, and stand in no
// log. All methods may be called at once.
type passing struct {
	*js.Manager
	logger *slog.Logger
	folder string
	life   context.Context // ends when run does
	end    context.CancelFunc
	once   chan passer // one-time projections that have begun to run

	mu      sync.Mutex // guards all below
	all     map[string]*passer
	turn    eventstore.Position // counts the changes, as positions of a log would
	changed chan struct{}       // closed and replaced at each
}

// passer is one of them.
type passer struct {
	js.Live
	mode    esdbserver.ProjectionMode
	turn    eventstore.Position // of its last change
	reached bool                // a one-time one has come to the head
}

// openPassing begins with none.
func openPassing(ctx context.Context, data string, store eventstore.Store, logger *slog.Logger) (
	*passing, error,
) {
	p := &passing{logger: logger, folder: filepath.Join(data, "passing"), once: make(chan passer),
		all: map[string]*passer{}, changed: make(chan struct{})}
	if err := errors.Join(os.RemoveAll(p.folder), os.MkdirAll(p.folder, 0o700)); err != nil {
		return nil, err
	}
	p.life, p.end = context.WithCancel(context.Background())
	var err error
	p.Manager, err = js.OpenManager(ctx, p.folder, store,
		js.ManagerOptions{Definitions: p.definitions, Logger: logger})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// runPassing keeps passing projections going until ctx ends.
func (s *service) runPassing(ctx context.Context) {
	if s.passing == nil {
		<-ctx.Done()
		return
	}
	s.passing.run(ctx)
}

// run keeps them going until ctx ends.
func (p *passing) run(ctx context.Context) {
	var working sync.WaitGroup
	defer working.Wait()
	working.Go(func() { p.Run(ctx) })
	for {
		select {
		case <-ctx.Done():
			p.end()
			return
		case q := <-p.once:
			working.Go(func() { p.finish(ctx, q) })
		}
	}
}

func (p *passing) close() error {
	if p == nil {
		return nil
	}
	p.end()
	return errors.Join(p.Close(), os.RemoveAll(p.folder))
}

var errChanged = errors.New("it was changed meanwhile")

// finish stops a one-time projection at the head.
func (p *passing) finish(ctx context.Context, begun passer) {
	if p.CatchUp(ctx, begun.Name) != nil {
		return // it was stopped before: its status says by what
	}
	err := p.change(ctx, begun.Name, func(q *passer) error {
		if q.turn != begun.turn {
			return errChanged
		}
		q.Enabled, q.reached = false, true
		return nil
	})
	if err != nil && ctx.Err() == nil {
		p.logger.Debug("one-time projection not completed", "projection", begun.Name, "err", err)
	}
}

// definitions are js.ManagerOptions.Definitions.
func (p *passing) definitions(ctx context.Context) iter.Seq2[js.Definitions, error] {
	return func(yield func(js.Definitions, error) bool) {
		for seen := eventstore.Start; ; {
			d, changed := p.since(seen)
			if seen = d.Position; !yield(d, nil) {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				yield(d, ctx.Err())
				return
			}
		}
	}
}

// since is what has changed after a turn.
func (p *passing) since(turn eventstore.Position) (js.Definitions, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := js.Definitions{Position: p.turn, CaughtUp: true}
	for name, q := range p.all {
		if q.turn <= turn {
			continue
		}
		d.Changed = append(d.Changed, q.Live)
		if q.Deleted {
			delete(p.all, name)
		}
	}
	return d, p.changed
}

// create makes one that runs at once. It is esdbserver.ErrProjectionExists where there is one.
func (p *passing) create(ctx context.Context, mode esdbserver.ProjectionMode, name, query string) error {
	if err := p.compiles(ctx, name, query); err != nil {
		return err
	}
	if !p.Room() {
		return &esdbserver.BadProjection{Reason: "there are as many projections as may run"}
	}
	q := &passer{mode: mode, Live: js.Live{Name: name, Enabled: true}}
	err := p.put(ctx, func() (*passer, error) {
		if old := p.all[name]; old != nil && !old.Deleted {
			return nil, esdbserver.ErrProjectionExists
		}
		p.all[name] = q
		q.Current = js.Version{Number: 0, Query: query, Began: int64(p.turn),
			EmitsAfter: js.Never}
		return q, nil
	})
	return p.begin(ctx, name, err)
}

// update has another script begin anew.
func (p *passing) update(ctx context.Context, name, query string) error {
	if err := p.compiles(ctx, name, query); err != nil {
		return err
	}
	err := p.change(ctx, name, func(q *passer) error {
		q.Current.Query, q.Current.Began = query, int64(p.turn)
		q.Current.Number++
		return nil
	})
	return p.begin(ctx, name, err)
}

// reset has one begin anew.
func (p *passing) reset(ctx context.Context, name string) error {
	err := p.change(ctx, name, func(q *passer) error {
		q.Current.Began, q.EnabledAt = int64(p.turn), int64(p.turn)
		return nil
	})
	return p.begin(ctx, name, err)
}

// enable has one run, a completed one to the head as it is now.
func (p *passing) enable(ctx context.Context, name string) error {
	err := p.change(ctx, name, func(q *passer) error {
		q.Enabled, q.EnabledAt = true, int64(p.turn)
		return nil
	})
	return p.begin(ctx, name, err)
}

func (p *passing) disable(ctx context.Context, name string) error {
	return p.change(ctx, name, func(q *passer) error { q.Enabled = false; return nil })
}

func (p *passing) delete(ctx context.Context, name string) error {
	return p.change(ctx, name, func(q *passer) error { q.Deleted = true; return nil })
}

// change changes one, which is esdbserver.ErrNoProjection where there is none, and returns when that is
// in force.
func (p *passing) change(ctx context.Context, name string, do func(*passer) error) error {
	return p.put(ctx, func() (*passer, error) {
		q := p.all[name]
		if q == nil || q.Deleted {
			return nil, esdbserver.ErrNoProjection
		}
		before := *q
		q.reached = false
		err := do(q)
		if err != nil {
			*q = before
		}
		return q, err
	})
}

func (p *passing) put(ctx context.Context, do func() (*passer, error)) error {
	p.mu.Lock()
	p.turn++
	turn := p.turn
	q, err := do()
	if err == nil {
		q.turn = turn
		close(p.changed)
		p.changed = make(chan struct{})
	}
	p.mu.Unlock()
	if err != nil {
		return err
	}
	return p.Wait(ctx, turn)
}

// begin has a one-time projection that runs watched, unless it came to err.
func (p *passing) begin(ctx context.Context, name string, err error) error {
	q, ok := p.find(name)
	if err != nil || !ok || q.mode != esdbserver.OneTime || !q.Enabled {
		return err
	}
	select {
	case p.once <- q:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", js.ErrStarting, ctx.Err())
	}
}

// compiles refuses a script that does not.
func (p *passing) compiles(ctx context.Context, name, query string) error {
	err := p.Check(ctx, name, query)
	if fault := (*js.Fault)(nil); errors.As(err, &fault) {
		return &esdbserver.BadProjection{Reason: fault.Error()}
	}
	return err
}

// find is one of them as it is defined.
func (p *passing) find(name string) (passer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.all[name]
	if q == nil || q.Deleted {
		return passer{}, false
	}
	return *q, true
}

// names are those there are.
func (p *passing) names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.all))
}
