package js

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// Room reports whether one more projection may run.
func (m *Manager) Room() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.live) < m.opts.Projections
}

// Check refuses a script that does not compile. Its error is a *Fault.
func (m *Manager) Check(ctx context.Context, name, query string) error {
	if err := m.enter(ctx); err != nil {
		return err
	}
	defer m.leave()
	_, err := Compile(name+".js", query, m.opts.Limits)
	return err
}

// find is a projection. Its error is ErrNoProjection or ErrStarting.
func (m *Manager) find(name string) (*resident, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	switch k := m.live[name]; {
	case k != nil:
		return k, nil
	case !m.ready:
		return nil, ErrStarting
	default:
		return nil, ErrNoProjection
	}
}

// List are all projections by name, ErrStarting before they are known.
func (m *Manager) List(ctx context.Context) ([]Status, error) {
	if !m.isReady() {
		return nil, ErrStarting
	}
	var all []Status
	for _, k := range m.all() {
		s, err := m.Status(ctx, k.Name)
		if errors.Is(err, ErrNoProjection) { // deleted since
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Status is how a projection stands. Its error is ErrNoProjection, ErrStarting, or the store's.
func (m *Manager) Status(ctx context.Context, name string) (s Status, err error) {
	err = m.turning(ctx, name, func(k *resident) (err error) {
		s, err = k.status(ctx)
		return err
	})
	return s, err
}

func (k *resident) status(ctx context.Context) (s Status, err error) {
	s.Live = k.Live
	if s.Answers, err = k.current.statistics(ctx); err != nil || k.candidate == nil {
		return s, err
	}
	building, err := k.candidate.statistics(ctx)
	s.Building = &building
	return s, err
}

func (e *engine) statistics(ctx context.Context) (Statistics, error) {
	head, err := e.head(ctx)
	if err != nil {
		return Statistics{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return Statistics{}, errClosed
	}
	if err := e.look(ctx); err != nil {
		return Statistics{}, err
	}
	s := Statistics{Version: e.version.Number, Emit: e.version.Emit, State: LiveStopped, Fault: e.at.fault,
		Position: e.at.position, Checkpoint: e.saved.position,
		Lag: uint64(head - min(head, e.at.position)), Events: e.at.events, Emitted: e.at.emitted}
	s.Elsewhere = e.mirror
	s.Log = slices.Clone(e.log)
	s.Since, s.Busy, s.Buffered = e.work.events, e.work.busy, e.work.buffered
	s.Pending, s.Writing, s.Due = len(e.pending), e.work.writing, len(e.pending) > 0 && e.due()
	if len(e.pending) > 0 { // until it is appended it is not all there
		s.Lag = max(s.Lag, 1)
	}
	switch {
	case e.at.fault != nil:
		s.State = LiveFaulted
	case e.follows:
		s.State, s.PerSecond = LiveRunning, e.rate.perSecond
	}
	if e.runner != nil {
		partitions, bytes := e.runner.states.size()
		s.Partitions, s.Bytes = partitions, int64(bytes)
	}
	return s, nil
}

// Reach returns when the version of a projection that answers holds the log up to a position, or ctx
// ends. ErrStarting also says that it stands still.
func (m *Manager) Reach(ctx context.Context, name string, at eventstore.Position) error {
	for {
		var there bool
		var moved chan struct{}
		k, err := m.find(name)
		if err == nil {
			there, moved, err = k.current.covers(ctx, at)
		}
		soon := errors.Is(err, ErrStarting) && (k == nil || k.Enabled && !k.faulted())
		if err != nil && !soon || there {
			return err
		}
		select {
		case <-moved:
		case <-time.After(lookAgain): // the log may grow by what the version does not read
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrStarting, ctx.Err())
		}
	}
}

const lookAgain = 20 * time.Millisecond

// covers reports whether everything up to a position is folded. moved is closed when that may change.
func (e *engine) covers(ctx context.Context, at eventstore.Position) (there bool, moved chan struct{}, err error) {
	end, err := e.m.store.Head(ctx)
	if err != nil {
		return false, nil, err
	}
	last, err := e.head(ctx)
	if err != nil {
		return false, nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.look(ctx); err != nil {
		return false, nil, err
	}
	there = e.at.position >= at || end >= at && e.at.position >= last
	if !there && !e.follows {
		return false, nil, ErrStarting
	}
	return there, e.moved, nil
}

// Answer is a state or a result, and where in the log it stands.
type Answer struct {
	JSON     []byte // nil: there is no such partition, or no result of it
	Shared   []byte // the state that all partitions share, as JSON; nil: there is none
	Position eventstore.Position
	Version  int
}

// State is the state of a partition, the empty one of a projection that has but one. Among partitions
// the empty one is what they share, as EventStoreDB has it. Its error is ErrNoProjection, ErrStarting, or
// a *Fault.
func (m *Manager) State(ctx context.Context, name, partition string) (Answer, error) {
	return m.ask(ctx, name, func(e *engine) ([]byte, error) {
		if partition == "" && e.shares() {
			return e.runner.Shared()
		}
		return e.runner.State(partition)
	})
}

// shares reports whether partitions have a state beside theirs, which stands under the empty name.
func (e *engine) shares() bool {
	return e.script.Definition.BiState && e.script.Definition.Partitioned()
}

// Result is what transformBy and filterBy make of a partition's state; what partitions share they leave as
// it is. Its errors are those of State.
func (m *Manager) Result(ctx context.Context, name, partition string) (Answer, error) {
	return m.ask(ctx, name, func(e *engine) ([]byte, error) { return e.result(partition) })
}

func (m *Manager) ask(ctx context.Context, name string, read func(*engine) ([]byte, error)) (
	a Answer, err error,
) {
	err = m.asking(ctx, name, func(e *engine) (err error) {
		if a.JSON, err = read(e); err == nil {
			a.Shared, err = e.runner.Shared()
		}
		a.Position, a.Version = e.at.position, e.version.Number
		return err
	})
	return a, err
}

// ask reads from the runner, in its turn: code of the script may run.
func (e *engine) ask(ctx context.Context, read func() error) error {
	if err := e.m.enter(ctx); err != nil {
		return err
	}
	defer e.m.leave()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errClosed
	}
	if err := e.look(ctx); err != nil {
		return err
	}
	if e.mirror && e.script != nil && e.runner == nil {
		return ErrStarting // there is no checkpoint yet
	}
	if e.runner == nil {
		return nil
	}
	return read()
}

// result is a partition's result. What transforms do wrong is told, and stops nothing: they run
// beside.
func (e *engine) result(partition string) (text []byte, err error) {
	if partition == "" && e.shares() {
		return e.runner.Shared()
	}
	if !e.script.Definition.Transforms {
		return e.runner.Result(partition)
	}
	one := Snapshot{States: map[string][]byte{}}
	if text, err = e.runner.State(partition); err != nil || text == nil {
		return nil, err
	}
	one.States[partition] = text
	if one.Shared, err = e.runner.Shared(); err != nil {
		return nil, err
	}
	if e.reader == nil {
		if e.reader, err = NewRunner(e.script, Options{}); err != nil {
			return nil, err
		}
	}
	if err = e.reader.Restore(one); err == nil {
		text, err = e.reader.Result(partition)
	}
	if err != nil {
		e.reader.Close()
		e.reader = nil
	}
	return text, err
}

// ErrManyPartitions says that a projection has more partitions than were asked for at once.
var ErrManyPartitions = errors.New("too many partitions")

// Results are the results of all partitions at one place in the log, at most limit of them; under the
// empty name stands what they share. Its errors are those of State, and ErrManyPartitions.
func (m *Manager) Results(ctx context.Context, name string, limit int) (
	all map[string]json.RawMessage, at eventstore.Position, err error,
) {
	err = m.asking(ctx, name, func(e *engine) error {
		all, at = map[string]json.RawMessage{}, e.at.position
		partitions := e.runner.partitionsAfter("", limit+1)
		if len(partitions) > limit {
			return fmt.Errorf("%w: more than %d", ErrManyPartitions, limit)
		}
		for _, partition := range partitions {
			text, err := e.result(partition)
			if err != nil {
				return err
			}
			if text != nil {
				all[partition] = text
			}
		}
		if !e.shares() {
			return nil
		}
		shared, err := e.runner.Shared()
		if err == nil && shared != nil {
			all[""] = shared
		}
		return err
	})
	return all, at, err
}

// Partitions are the names of at most limit partitions that stand behind after, sorted, and where
// in the log they stand. Its errors are those of State.
func (m *Manager) Partitions(ctx context.Context, name, after string, limit int) (
	page []string, at eventstore.Position, err error,
) {
	err = m.asking(ctx, name, func(e *engine) error {
		page, at = e.runner.partitionsAfter(after, limit), e.at.position
		return nil
	})
	return page, at, err
}

func (r *Runner) partitionsAfter(after string, limit int) (page []string) {
	all := r.Partitions()
	from, found := slices.BinarySearch(all, after)
	if found && after != "" {
		from++
	}
	return slices.Clone(all[from:min(len(all), from+limit)])
}

// sortedKeys are the keys of both maps, sorted, each once.
func sortedKeys[V any](a, b map[string]V) []string {
	var all []string
	for key := range a {
		all = append(all, key)
	}
	for key := range b {
		all = append(all, key)
	}
	slices.SortFunc(all, strings.Compare)
	return slices.Compact(all)
}
