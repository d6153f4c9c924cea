package esdbserver

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections/js"
)

// replays are the simplest projections there could be: each is replayed whenever somebody asks.
type replays struct {
	store eventstore.Store

	mu   sync.Mutex
	all  map[string]*replayed
	last string // who changed something last
}

type replayed struct {
	Projection
	version, epoch int64
	stopped        bool
	head           eventstore.Position // when it was stopped
}

func newReplays(store eventstore.Store) *replays {
	return &replays{store: store, all: map[string]*replayed{}}
}

func (r *replays) Create(_ context.Context, caller string, p Projection) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = caller
	if r.all[p.Name] != nil {
		return ErrProjectionExists
	}
	if err := compiled(p.Name, p.Query); err != nil {
		return err
	}
	r.all[p.Name] = &replayed{Projection: p}
	return nil
}

func compiled(name, query string) error {
	if _, err := js.Compile(name+".js", query, js.Limits{}); err != nil {
		return &BadProjection{err.Error()}
	}
	return nil
}

func (r *replays) Update(_ context.Context, caller, name, query string, emit *bool) error {
	return cmp.Or(compiled(name, query), r.change(caller, name, func(p *replayed) error {
		p.Query = query
		if emit != nil {
			p.Emit = *emit
		}
		p.version++
		return nil
	}))
}

func (r *replays) Delete(_ context.Context, caller, name string) error {
	return r.change(caller, name, func(p *replayed) error {
		if !p.stopped {
			return ErrProjectionRuns
		}
		delete(r.all, name)
		return nil
	})
}

func (r *replays) Enable(_ context.Context, caller, name string) error {
	return r.change(caller, name, func(p *replayed) error { p.stopped = false; return nil })
}

func (r *replays) Disable(ctx context.Context, caller, name string) error {
	return r.change(caller, name, func(p *replayed) (err error) {
		p.stopped = true
		p.head, err = r.store.Head(ctx)
		return err
	})
}

func (r *replays) Reset(_ context.Context, caller, name string) error {
	return r.change(caller, name, func(p *replayed) error { p.epoch++; return nil })
}

func (r *replays) Restart(_ context.Context, caller string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = caller
	maps.DeleteFunc(r.all, func(_ string, p *replayed) bool { return p.Mode != Continuous })
	return nil
}

func (r *replays) change(caller, name string, do func(*replayed) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.all[name]
	if p == nil {
		return ErrNoProjection
	}
	r.last = caller
	return do(p)
}

func (r *replays) State(ctx context.Context, name, partition string) (state []byte, err error) {
	return r.ask(ctx, name, func(run *js.Runner) ([]byte, error) { return run.State(partition) })
}

func (r *replays) Result(ctx context.Context, name, partition string) ([]byte, error) {
	return r.ask(ctx, name, func(run *js.Runner) ([]byte, error) { return run.Result(partition) })
}

func (r *replays) ask(ctx context.Context, name string,
	ask func(*js.Runner) ([]byte, error)) (answer []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.all[name]
	if p == nil {
		return nil, ErrNoProjection
	}
	_, err = r.replay(ctx, p, func(run *js.Runner) (err error) { answer, err = ask(run); return err })
	if err != nil {
		return nil, &ProjectionFault{err.Error()}
	}
	return answer, nil
}

// replay runs a projection's script, tells of what it came to and hands it on.
func (r *replays) replay(ctx context.Context, p *replayed, then func(*js.Runner) error) (
	s ProjectionStatus, err error) {
	if s.Head, err = r.store.Head(ctx); err != nil {
		return s, err
	}
	if p.stopped {
		s.Head = p.head
	}
	script, err := js.Compile(p.Name+".js", p.Query, js.Limits{})
	if err != nil {
		return s, err
	}
	run, err := js.NewRunner(script, js.Options{Emit: p.Emit})
	if err != nil {
		return s, err
	}
	defer run.Close()
	for e, err := range js.Events(ctx, r.store, &script.Definition, eventstore.Start) {
		if err == nil && e.Position <= s.Head {
			_, err = run.Handle(e)
			s.Events++
		}
		if err != nil {
			return s, err
		}
	}
	s.Position, s.Partitions = s.Head, len(run.Partitions())
	return s, then(run)
}

func (r *replays) Statuses(ctx context.Context, name string) ([]ProjectionStatus, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []ProjectionStatus
	for _, p := range r.all {
		if name != "" && p.Name != name {
			continue
		}
		s, err := r.replay(ctx, p, func(*js.Runner) error { return nil })
		s.Name, s.Mode, s.State, s.Version, s.Epoch = p.Name, p.Mode, ProjectionRunning, p.version, p.epoch
		var fault *js.Fault
		switch {
		case errors.As(err, &fault):
			s.State, s.Fault = ProjectionFaulted, fault.Error()
		case err != nil:
			return nil, err
		case p.stopped:
			s.State, s.Checkpoint = ProjectionStopped, p.head
		case p.Mode == OneTime:
			s.State = ProjectionCompleted
		}
		all = append(all, s)
	}
	if name != "" && len(all) == 0 {
		return nil, ErrNoProjection
	}
	slices.SortFunc(all, func(a, b ProjectionStatus) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}
