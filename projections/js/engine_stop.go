package js

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// failed takes err for the end: a fault is written down, and another error is answered.
func (e *engine) failed(err error) error {
	fault := (*Fault)(nil)
	if !errors.As(err, &fault) {
		return err
	}
	e.m.logger.Warn("projection stopped by a fault", "projection", e.name, "version", e.version.Number,
		"fault", fault.Error())
	if e.script != nil {
		if err := e.restore(); err != nil && !errors.As(err, &fault) {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at.fault = &LiveFault{Line: fault.Line, Column: fault.Column, Handler: fault.Handler, Event: fault.Event,
		Message: fault.Message, At: time.Now().UTC(), Enabled: e.enabled}
	e.m.opts.OnFault(e.name)
	e.move()
	e.saved = e.at
	return e.m.file.save(e.name, e.version, e.at, Snapshot{})
}

// due reports whether it is time for a checkpoint.
func (e *engine) due() bool {
	return e.at.events-e.saved.events >= int64(e.m.opts.Every) || time.Since(e.since) >= e.m.opts.Pause
}

// save writes a checkpoint, and tells where that fails: the next one holds it, too. What no checkpoint
// can hold is a fault, which ends the engine.
func (e *engine) save() {
	fault := (*Fault)(nil)
	switch err := e.checkpoint(); {
	case errors.As(err, &fault) && e.follows:
		e.end(fault)
	case err != nil && !errors.Is(err, errNotLeading):
		e.m.logger.Error("projection not saved", "projection", e.name, "err", err)
	}
}

// checkpoint writes position and changed states, unless something waits to be appended.
func (e *engine) checkpoint() error {
	if e.at == e.saved || e.at.fault != nil || e.runner == nil || len(e.pending) > 0 {
		return nil
	}
	if err := e.measure(); err != nil {
		return err
	}
	changed, err := e.runner.Changed()
	if err != nil {
		return err
	}
	if err := e.m.file.save(e.name, e.version, e.at, changed); err != nil {
		e.runner.states.again(changed)
		return err
	}
	e.saved, e.since = e.at, time.Now()
	return nil
}

// measure faults a projection that keeps too much.
func (e *engine) measure() error {
	e.grown = 0
	partitions, bytes := e.runner.states.size()
	message := ""
	if partitions > e.m.opts.Partitions {
		message = fmt.Sprintf("more than %d partitions", e.m.opts.Partitions)
	}
	if bytes > e.m.opts.States {
		message = fmt.Sprintf("states of more than %d bytes", e.m.opts.States)
	}
	if message == "" {
		return nil
	}
	err := fmt.Errorf("%w: %s", ErrState, message)
	return &Fault{Script: e.script.Name, Message: err.Error(), Err: err}
}

// size is how many partitions there are, and the bytes of all states.
func (all *states) size() (partitions, bytes int) {
	for _, s := range all.all {
		bytes += len(s.json)
	}
	return len(all.all), bytes
}

// again marks what was not written after all as changed.
func (all *states) again(snapshot Snapshot) {
	for partition := range snapshot.States {
		if s := all.all[partition]; s != nil && !s.changed {
			s.changed = true
			all.changed = append(all.changed, s)
		}
	}
}

// move tells who waits that the engine has gone on. The caller holds mu.
func (e *engine) move() {
	close(e.moved)
	e.moved = make(chan struct{})
}

// wait waits while the engine may go no further.
func (e *engine) wait(ctx context.Context) error {
	e.mu.Lock()
	limited := e.limited
	if !e.halted {
		limited = nil
	}
	e.mu.Unlock()
	if limited == nil {
		return nil
	}
	select {
	case <-limited:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hold lets the engine go no further than a position until release is called; ok is false where it
// has, or another holds it.
func (e *engine) hold(at eventstore.Position) (release func(), ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.look(context.Background()) != nil || e.limited != nil || e.read > at || e.at.fault != nil || !e.follows {
		return nil, false
	}
	limited := make(chan struct{})
	e.limit, e.limited = at, limited
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.limited, e.halted = nil, false
		close(limited)
	}, true
}

// reach returns when the engine, which is held at a position, has folded everything up to it, and what it
// has emitted is appended.
func (e *engine) reach(ctx context.Context, at eventstore.Position) error {
	last, err := e.head(ctx)
	if err != nil {
		return err
	}
	if e.mirror {
		return e.await(ctx, at, last)
	}
	for {
		e.mu.Lock()
		there := len(e.pending) == 0 && (e.halted || e.at.position >= min(last, at))
		fault, follows, moved := e.at.fault, e.follows, e.moved
		e.mu.Unlock()
		switch {
		case there:
			return nil
		case fault != nil || !follows:
			return errApart
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errApart = errors.New("the versions do not stand at one position")

// head is the position of the last event that the engine could look at, or of the log's where its
// script does not say.
func (e *engine) head(ctx context.Context) (eventstore.Position, error) {
	if e.script == nil {
		return e.m.store.Head(ctx)
	}
	s := source{e.m.store, &e.script.Definition}
	return e.m.store.Head(ctx, s.prefixes()...)
}
