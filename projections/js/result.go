package js

import (
	"maps"
	"slices"

	"github.com/dop251/goja"
)

// Partitions are the partitions there are, in order of their names. A script without partitions has
// one, the empty name, once an event was handled.
func (r *Runner) Partitions() []string { return slices.Sorted(maps.Keys(r.states.all)) }

// State is a partition's state as JSON; nil where there is no such partition. Its error is a *Fault.
func (r *Runner) State(partition string) ([]byte, error) {
	s := r.states.all[partition]
	if s == nil {
		return nil, r.err
	}
	return r.text(s, nil)
}

// Shared is the state that all partitions share, as JSON; nil where there is none. Its error is a
// *Fault.
func (r *Runner) Shared() ([]byte, error) {
	if r.shared == nil {
		return nil, r.err
	}
	return r.text(r.shared, nil)
}

// text is a state as JSON, at an event if there is one.
func (r *Runner) text(s *state, at *Event) ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	if s.stale > 0 {
		if err := r.guarded("", at, func() error { r.write(s); return nil }); err != nil {
			return nil, err
		}
	}
	return slices.Clone(s.json), nil
}

// Result is what transformBy and filterBy make of a partition's state, as JSON: the state itself
// where there are none; nil where there is no such partition, where a filter holds it back, and where
// it is null. The state stays as it is. Its error is a *Fault.
func (r *Runner) Result(partition string) ([]byte, error) { return r.result(partition, nil) }

func (r *Runner) result(partition string, at *Event) ([]byte, error) {
	text, err := r.State(partition)
	if err != nil || text == nil {
		return nil, err
	}
	if len(r.chain.transforms) == 0 {
		return notNull(text), nil
	}
	shared, err := r.Shared()
	if err != nil {
		return nil, err
	}
	var result []byte
	err = r.guarded("", at, func() error {
		v, err := r.decoder.decode(text)
		if err != nil {
			return err
		}
		if shared != nil {
			both, err := r.decoder.decode(shared)
			if err != nil {
				return err
			}
			v = r.vm.NewArray(v, both)
		}
		if v, err = r.transform(v); err == nil && v != nil {
			result = slices.Clone(r.encoder.encode(v))
		}
		return err
	})
	return notNull(result), err
}

// transform passes a state through transforms and filters, nil where it does not come out.
func (r *Runner) transform(v goja.Value) (goja.Value, error) {
	for i := range r.chain.transforms {
		t := &r.chain.transforms[i]
		made, err := r.call(&t.function, v)
		if err != nil {
			return nil, err
		}
		if t.filter {
			if _, boxed := made.(*goja.Object); boxed || made.Export() != true {
				return nil, nil
			}
			continue
		}
		if v = made; goja.IsUndefined(v) || goja.IsNull(v) {
			return nil, nil
		}
	}
	return v, nil
}

func notNull(text []byte) []byte {
	if string(text) == "null" {
		return nil
	}
	return text
}
