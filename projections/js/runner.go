package js

import (
	"errors"
	"strconv"

	"github.com/dop251/goja"
)

// Options say how a script is run.
type Options struct {
	Emit bool // it may emit events; otherwise the attempt is a fault (ErrNotEmitter)
	// Owns reports whether it may emit to a stream; otherwise the attempt is a fault (ErrForbidden).
	// nil: to every stream.
	Owns func(stream string) bool
	// Results is the projection's name where the results that outputState and outputTo ask for are to be
	// among what is emitted; empty: they are not.
	Results string
}

// Runner folds events into the states of one script. It belongs to one goroutine at a time.
//
// After a fault a Runner answers nothing but that fault: what the failed event had begun stands in
// no snapshot, so the way on is a new Runner restored from one.
type Runner struct {
	script  *Script
	options Options
	vm      *goja.Runtime
	watch   *watch
	chain   *chain
	enter   goja.Callable
	decoder *decoder
	encoder *encoder
	states  states
	shared  *state // nil until it is first needed, or where there is none

	now     calling // the call that runs
	emitted []Emitted
	log     logbook
	said    []string // what the script's own statements have logged
	err     error
}

// calling is a call into the script.
type calling struct {
	handler string // of the function that was called last
	do      func() error
	err     error // what do returned
}

// Change is what one event has done.
type Change struct {
	Handled   bool   // false: the event was none of the script's business, and nothing changed
	Partition string // whose state may have changed; empty where the script has but one
	Emitted   []Emitted
	Log       []string // what the script has logged, whether or not it handled the event
}

// NewRunner is a Runner with no state. Its error is a *Fault.
func NewRunner(s *Script, options Options) (*Runner, error) {
	vm, err := newRuntime(s.Limits)
	if err != nil {
		return nil, faultOf(s.Name, err)
	}
	r := &Runner{script: s, options: options, vm: vm, watch: newWatch(vm, s.Limits.Memory),
		decoder: newDecoder(vm), encoder: newEncoder(vm, s.Limits.State),
		log: logbook{limit: s.Limits.Log}}
	r.states.init(s.Limits.Live)
	r.enter, _ = goja.AssertFunction(vm.ToValue(func(goja.FunctionCall) goja.Value {
		r.now.err = r.now.do()
		return goja.Undefined()
	}))
	r.chain = newChain(vm)
	_ = vm.Set("log", r.logs)
	r.watch.begin(s.Limits.Compile)
	_, err = vm.RunProgram(s.program)
	if err != nil {
		err = faultOf(s.Name, err)
	}
	r.watch.end()
	if err != nil {
		r.Close()
		return nil, err
	}
	r.said = r.log.take()
	r.chain.close()
	r.emitters()
	return r, nil
}

// Close frees what the Runner holds. It answers nothing afterwards.
func (r *Runner) Close() {
	r.watch.close()
	r.err = errors.Join(r.err, errors.New("the runner is closed"))
}

// guarded runs do, which calls code of the script, within the limits of one call. about is the
// event, if there is one.
func (r *Runner) guarded(handler string, about *Event, do func() error) error {
	if r.err != nil {
		return r.err
	}
	r.now = calling{handler: handler, do: do}
	r.watch.begin(r.script.Limits.Handler)
	defer r.watch.end()
	_, err := r.enter(goja.Undefined())
	if err == nil {
		err = r.now.err
	}
	if err != nil {
		fault := faultOf(r.script.Name, err) // reads what was thrown: still within the limits
		fault.Handler = r.now.handler
		if about != nil {
			fault.Event = about.String()
		}
		r.err = fault
	}
	return r.err
}

// call calls a function of the script. Only what guarded runs may call it.
func (r *Runner) call(f *function, args ...goja.Value) (goja.Value, error) {
	r.now.handler = f.name
	return f.call(goja.Undefined(), args...)
}

// Handle folds one event, which must come in the order of the log. Events that the script does not
// ask for change nothing, so a caller need not look for them. Its error is a *Fault.
func (r *Runner) Handle(e *Event) (Change, error) {
	if r.err != nil {
		return Change{}, r.err
	}
	if stream, ok := e.deletes(); ok {
		return r.delete(stream, e)
	}
	if !r.wants(e) {
		return Change{}, nil
	}
	body := &envelope{decoder: r.decoder, event: e}
	partition, ok, err := r.partition(body)
	if err != nil || !ok {
		return Change{Log: r.log.take()}, err
	}
	return r.handle(partition, body)
}

// Partition is the partition of an event; ok is false where the script passes over it. Its error is
// a *Fault.
func (r *Runner) Partition(e *Event) (partition string, ok bool, err error) {
	if _, deleted := e.deletes(); deleted {
		return e.streamPartition(), r.chain.deleted != nil, nil
	}
	if !r.wants(e) {
		return "", false, nil
	}
	return r.partition(&envelope{decoder: r.decoder, event: e})
}

// wants reports whether the script handles the event, whatever its partition.
func (r *Runner) wants(e *Event) bool {
	def := &r.chain.def
	if !def.AllEvents && r.chain.handlers[e.Type] == nil {
		return false
	}
	return (e.Type != "$>" || def.IncludeLinks) && !e.skipped()
}

func (r *Runner) partition(e *envelope) (partition string, ok bool, err error) {
	switch {
	case r.chain.def.ByStream:
		return e.event.streamPartition(), true, nil
	case !r.chain.def.ByCustom:
		return "", true, nil
	}
	err = r.guarded("partitionBy", e.event, func() error {
		v, err := r.call(r.chain.partitionBy, r.vm.NewDynamicObject(e))
		if err != nil {
			return err
		}
		if _, isObject := v.(*goja.Object); isObject {
			return nil
		}
		switch v.Export().(type) {
		case string, int64, float64:
			partition = v.String()
		}
		return nil
	})
	return partition, partition != "", err
}

// handle folds an event into its partition's state.
func (r *Runner) handle(partition string, e *envelope) (Change, error) {
	e.partition = partition
	delete(e.read, "partition")
	before, err := r.showing(partition, e.event)
	if err != nil {
		return Change{}, err
	}
	r.emitted = nil
	err = r.guarded("", e.event, func() error {
		object := r.vm.NewDynamicObject(e)
		s, err := r.state(partition, object)
		if err != nil {
			return err
		}
		v, err := r.fold(s, e, object)
		if err != nil {
			return err
		}
		return r.settle(s, v)
	})
	if err == nil {
		err = r.output(partition, before, e.event)
	}
	return Change{true, partition, r.emitted, r.log.take()}, err
}

// fold is the state after the event.
func (r *Runner) fold(s *state, e *envelope, object *goja.Object) (goja.Value, error) {
	state := r.argument(s)
	f := r.chain.handlers[e.event.Type]
	if f == nil {
		f = r.chain.any
	}
	if f == nil && e.event.Binary {
		return e.Get("bodyRaw"), nil
	}
	if f == nil {
		return e.Get("body"), nil
	}
	v, err := r.call(f, state, object)
	if err != nil || goja.IsUndefined(v) {
		return state, err
	}
	return v, nil
}

// delete tells the script of a stream that was deleted, if it wants to know and has seen it.
func (r *Runner) delete(stream string, e *Event) (Change, error) {
	s := r.states.all[stream]
	if r.chain.deleted == nil || s == nil {
		return Change{}, nil
	}
	before, err := r.showing(stream, e)
	if err != nil {
		return Change{}, err
	}
	r.emitted = nil
	err = r.guarded("$deleted", e, func() error {
		if err := r.load(s); err != nil {
			return err
		}
		_, err := r.call(r.chain.deleted, s.live, goja.Null(), r.vm.ToValue(stream), r.vm.ToValue(false))
		if err != nil {
			return err
		}
		return r.settle(s, s.live)
	})
	if err == nil {
		err = r.output(stream, before, e)
	}
	return Change{true, stream, r.emitted, r.log.take()}, err
}

// index is a property's name for an element of a list.
func index(i int) string { return strconv.Itoa(i) }
