package js

import (
	"bytes"
	"fmt"
)

// The types of the events that tell results.
const (
	resultType  = "Result"
	removedType = "ResultRemoved"
)

// showing is what a partition shows between two events.
type showing struct {
	state  []byte // nil: there is no such partition
	result []byte // nil: there is none
}

// outputs reports whether the results of partitions are written to streams.
func (r *Runner) outputs() bool { return r.options.Results != "" && r.chain.def.Outputs }

// showing is what a partition shows at an event. What transforms emit at it is nothing.
func (r *Runner) showing(partition string, at *Event) (o showing, err error) {
	s := r.states.all[partition]
	if !r.outputs() || s == nil {
		return o, nil
	}
	emitted := r.emitted
	defer func() { r.emitted = emitted }()
	if o.state, err = r.text(s, at); err == nil {
		o.result, err = r.result(partition, at)
	}
	return o, err
}

// output emits a partition's result where an event has changed it, behind what the event has emitted
// otherwise. As in EventStoreDB an event that leaves the partition's own state as it was changes no result.
// Where transforms read a shared state, too, nobody knows what it was when the result was written last:
// then every change of the state is told.
func (r *Runner) output(partition string, before showing, at *Event) error {
	after, err := r.showing(partition, at)
	if err != nil || bytes.Equal(after.state, before.state) {
		return err
	}
	def := &r.chain.def
	unknown := def.BiState && def.Transforms && before.state != nil
	if !unknown && bytes.Equal(after.result, before.result) {
		return nil
	}
	e := Emitted{Stream: def.ResultStream(r.options.Results, partition), Type: resultType,
		Data: after.result, JSON: true}
	if after.result == nil {
		e.Type = removedType
	}
	r.emitted = append(r.emitted, e)
	if r.options.Owns == nil || r.options.Owns(e.Stream) {
		return nil
	}
	return r.guarded("outputTo", at, func() error {
		return fmt.Errorf("%w: writes a result to %.100q, which is no stream of analysts", ErrForbidden, e.Stream)
	})
}
