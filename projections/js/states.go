package js

import (
	"container/list"
	"fmt"

	"github.com/dop251/goja"
)

// small is the size of a state's JSON, in bytes, up to which it is written after every event. A
// larger one is written when an event has changed it for every spread bytes, and whenever somebody
// asks; until then it may hold what JSON cannot (undefined, NaN, a Date).
const (
	small  = 4 << 10
	spread = 512
)

// state is that of one partition: JSON, and while it is in use the object that handlers change.
type state struct {
	partition string
	json      []byte
	live      goja.Value    // nil while there is only JSON
	stale     int           // events that json lacks
	changed   bool          // since the last snapshot
	used      *list.Element // its place among those that are live
}

// states are those of all partitions. Only so many are kept live; the rest are JSON.
type states struct {
	all     map[string]*state
	live    *list.List // of *state, the one used last in front
	limit   int
	changed []*state // since the last snapshot
}

func (all *states) init(live int) {
	*all = states{all: map[string]*state{}, live: list.New(), limit: live}
}

// state is the partition's, live; a new one is begun with $init and $created.
func (r *Runner) state(partition string, event *goja.Object) (*state, error) {
	if err := r.loadShared(); err != nil {
		return nil, err
	}
	if s, ok := r.states.all[partition]; ok {
		return s, r.load(s)
	}
	s := &state{partition: partition}
	live, err := r.begin(r.chain.init)
	if err != nil {
		return nil, err
	}
	s.live = live
	r.states.all[partition] = s
	for _, created := range r.chain.created {
		argument := r.argument(s)
		if _, err := r.call(created, argument, event); err != nil {
			return nil, err
		}
		if err := r.divide(s, argument); err != nil {
			return nil, err
		}
	}
	return s, r.keep(s)
}

// begin is a state before any event: what f returns, or an empty object.
func (r *Runner) begin(f *function) (goja.Value, error) {
	if f == nil {
		return r.vm.NewObject(), nil
	}
	return r.call(f)
}

func (r *Runner) loadShared() error {
	if !r.chain.def.BiState {
		return nil
	}
	if r.shared != nil {
		return r.load(r.shared)
	}
	live, err := r.begin(r.chain.shared)
	r.shared = &state{live: live}
	return err
}

// argument is the state as handlers are given it: with a shared one, the list of both.
func (r *Runner) argument(s *state) goja.Value {
	if !r.chain.def.BiState {
		return s.live
	}
	return r.vm.NewArray(s.live, r.shared.live)
}

// divide takes the states out of what handlers were given or have returned.
func (r *Runner) divide(s *state, v goja.Value) error {
	if !r.chain.def.BiState {
		s.live = v
		return nil
	}
	both, ok := v.(*goja.Object)
	if !ok || both.ClassName() != "Array" {
		return fmt.Errorf("%w: beside a shared state a handler returns [state, shared] or nothing", ErrKind)
	}
	s.live, r.shared.live = element(both, 0), element(both, 1)
	return nil
}

func element(list *goja.Object, i int) goja.Value {
	if v := list.Get(index(i)); v != nil {
		return v
	}
	return goja.Undefined()
}

// settle takes v for the state, and writes it if it is small.
func (r *Runner) settle(s *state, v goja.Value) error {
	if err := r.divide(s, v); err != nil {
		return err
	}
	if r.shared != nil {
		r.wrote(r.shared)
	}
	r.wrote(s)
	if !s.changed {
		s.changed = true
		r.states.changed = append(r.states.changed, s)
	}
	return nil
}

// wrote counts a change of a state.
func (r *Runner) wrote(s *state) {
	s.stale++
	if len(s.json) <= max(small, s.stale*spread) {
		r.write(s)
	}
}

// write brings the JSON up to date. What would not read back as it is, is read back at its next use,
// so that no later answer depends on when it was written.
func (r *Runner) write(s *state) {
	if s.stale == 0 {
		return
	}
	text := r.encoder.encode(s.live)
	if text == nil {
		text = []byte("null")
	}
	s.json, s.stale = append(s.json[:0], text...), 0
	if !r.encoder.plain {
		s.live = nil
	}
}

// load makes the state live.
func (r *Runner) load(s *state) error {
	if s.live == nil {
		v, err := r.decoder.decode(s.json)
		if err != nil {
			return fmt.Errorf("state of partition %q: %w", s.partition, err)
		}
		s.live = v
	}
	if s == r.shared {
		return nil
	}
	return r.keep(s)
}

// keep marks the state as used last, and lets go of the object that was not used for longest.
func (r *Runner) keep(s *state) error {
	if s.used != nil {
		r.states.live.MoveToFront(s.used)
		return nil
	}
	s.used = r.states.live.PushFront(s)
	if r.states.live.Len() > r.states.limit {
		oldest := r.states.live.Remove(r.states.live.Back()).(*state)
		r.write(oldest)
		oldest.live, oldest.used = nil, nil
	}
	return nil
}
