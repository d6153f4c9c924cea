package js

import (
	"fmt"
	"slices"
)

// Snapshot is all that a Runner remembers of the events it has folded, as JSON.
type Snapshot struct {
	States map[string][]byte // by partition
	Shared []byte            // nil where there is none
}

// Snapshot is all there is to keep. Its error is a *Fault.
func (r *Runner) Snapshot() (Snapshot, error) {
	all := make([]*state, 0, len(r.states.all))
	for _, s := range r.states.all {
		all = append(all, s)
	}
	return r.take(all)
}

// Changed is what has changed since the last call of Changed or Snapshot: put over that one it is all
// there is to keep. Its error is a *Fault.
func (r *Runner) Changed() (Snapshot, error) { return r.take(r.states.changed) }

func (r *Runner) take(some []*state) (Snapshot, error) {
	taken := Snapshot{States: make(map[string][]byte, len(some))}
	var err error
	for _, s := range some {
		if taken.States[s.partition], err = r.text(s, nil); err != nil {
			return Snapshot{}, err
		}
	}
	if taken.Shared, err = r.Shared(); err != nil {
		return Snapshot{}, err
	}
	for _, s := range r.states.changed {
		s.changed = false
	}
	r.states.changed = nil
	return taken, nil
}

// Restore puts the states of a snapshot in the place of those there are. The snapshot may come from
// another version of the script.
func (r *Runner) Restore(from Snapshot) error {
	if r.err != nil {
		return r.err
	}
	for partition, text := range from.States {
		if _, err := r.decoder.decode(text); err != nil {
			return fmt.Errorf("snapshot of partition %q: %w", partition, err)
		}
	}
	r.states.init(r.script.Limits.Live)
	for partition, text := range from.States {
		r.states.all[partition] = &state{partition: partition, json: slices.Clone(text)}
	}
	r.shared = nil
	if r.chain.def.BiState && from.Shared != nil {
		r.shared = &state{json: slices.Clone(from.Shared)}
	}
	return nil
}
