package js

import (
	"cmp"
	"errors"
	"hash/maphash"
	"iter"
	"maps"
	"slices"
	"sync"
)

// batchEvents is how many events Parallel hands out at once. Between two batches all runners rest.
const batchEvents = 2_048

// ErrNotPartitioned says that a script has one state, or one that all partitions share, so that only
// one Runner can fold it.
var ErrNotPartitioned = errors.New("the script is not partitioned")

// Parallel folds the events of a partitioned script with several Runners at once: every partition
// belongs to one of them. States, results, emitted events and the fault are those of one Runner. It
// belongs to one goroutine at a time.
//
// The partition of an event under partitionBy is found by whichever Runner is free, in a first round;
// its handler runs on the partition's own, in a second. What both need of an event is read by each.
type Parallel struct {
	script  *Script
	runners []*Runner
	seed    maphash.Seed
	err     error
}

// NewParallel is n runners with no state. ErrNotPartitioned for scripts without partitions, and for
// those with a shared state; any other error is a *Fault.
func NewParallel(s *Script, n int, options Options) (*Parallel, error) {
	if !s.Definition.Partitioned() || s.Definition.BiState {
		return nil, ErrNotPartitioned
	}
	p := &Parallel{script: s, seed: maphash.MakeSeed()}
	for range max(n, 1) {
		r, err := NewRunner(s, options)
		if err != nil {
			p.Close()
			return nil, err
		}
		p.runners = append(p.runners, r)
	}
	return p, nil
}

// Close frees what the runners hold.
func (p *Parallel) Close() {
	for _, r := range p.runners {
		r.Close()
	}
}

// owner is the index of the runner that has a partition.
func (p *Parallel) owner(partition string) int {
	return int(maphash.String(p.seed, partition) % uint64(len(p.runners)))
}

// Fold folds all events, and tells changed, which may be nil, what each has done that did anything,
// in the order of the log. It stops at the first error: that of events, of changed, or the *Fault that one Runner would
// have met first; after a fault it answers nothing else.
func (p *Parallel) Fold(events iter.Seq2[*Event, error], changed func(*Event, Change) error) error {
	read, failed := make(chan []*Event), error(nil)
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() { // owns failed until it closes read
		defer close(read)
		failed = batches(events, read, stop)
	})
	defer reader.Wait()
	defer close(stop)
	for all := range read {
		if err := p.fold(all, changed); err != nil {
			return err
		}
	}
	return failed
}

// batches sends events on until they end or stop closes.
func batches(events iter.Seq2[*Event, error], to chan<- []*Event, stop <-chan struct{}) error {
	all := make([]*Event, 0, batchEvents)
	send := func() bool {
		select {
		case to <- all:
			all = make([]*Event, 0, batchEvents)
			return true
		case <-stop:
			return false
		}
	}
	for e, err := range events {
		if err != nil {
			send()
			return err
		}
		if all = append(all, e); len(all) == batchEvents && !send() {
			return nil
		}
	}
	send()
	return nil
}

// task is an event on its way through the runners.
type task struct {
	event  *Event
	found  *envelope // the event as partitionBy has read it
	owner  int
	wanted bool // by the script
	change Change
	err    error
}

func (p *Parallel) fold(events []*Event, changed func(*Event, Change) error) error {
	if p.err != nil {
		return p.err
	}
	tasks := make([]task, len(events))
	share := (len(events) + len(p.runners) - 1) / len(p.runners)
	p.each(func(i int, r *Runner) {
		for j := i * share; j < min((i+1)*share, len(tasks)); j++ {
			if tasks[j] = p.assign(r, i, events[j]); tasks[j].err != nil {
				return
			}
		}
	})
	if at := slices.IndexFunc(tasks, failed); at >= 0 {
		tasks = tasks[:at+1] // what comes before may fail earlier still
	}
	p.each(func(i int, r *Runner) {
		for j := range tasks {
			t := &tasks[j]
			if !t.wanted || t.owner != i {
				continue
			}
			if t.run(r); t.err != nil {
				return
			}
		}
	})
	return p.report(tasks, changed)
}

func failed(t task) bool { return t.err != nil }

// each calls do for every runner at once, and waits.
func (p *Parallel) each(do func(i int, r *Runner)) {
	var all sync.WaitGroup
	for i, r := range p.runners {
		all.Go(func() { do(i, r) })
	}
	all.Wait()
}

// assign finds whose an event is. r, the i-th runner, looks at it.
func (p *Parallel) assign(r *Runner, i int, e *Event) task {
	t := task{event: e}
	if stream, ok := e.deletes(); ok {
		t.owner, t.wanted = p.owner(stream), true
		return t
	}
	if !r.wants(e) {
		return t
	}
	found := &envelope{decoder: r.decoder, event: e}
	partition, ok, err := r.partition(found)
	r.err = nil // it has changed no state, and what comes before it in the log is still to be folded
	t.wanted, t.err, t.change.Log = ok && err == nil, err, r.log.take()
	if t.wanted {
		t.owner, t.change.Partition = p.owner(partition), partition
		if t.owner == i {
			t.found = found
		}
	}
	return t
}

// run folds the event with the runner that owns its partition.
func (t *task) run(r *Runner) {
	if _, ok := t.event.deletes(); ok {
		t.change, t.err = r.Handle(t.event)
		return
	}
	if t.found == nil {
		t.found = &envelope{decoder: r.decoder, event: t.event}
	}
	lines := t.change.Log
	t.change, t.err = r.handle(t.change.Partition, t.found)
	t.change.Log, t.found = append(lines, t.change.Log...), nil
}

// report tells changed of the events up to the first fault.
func (p *Parallel) report(tasks []task, changed func(*Event, Change) error) error {
	for i := range tasks {
		t := &tasks[i]
		if t.err != nil {
			p.err = t.err
			return p.err
		}
		if (t.change.Handled || t.change.Log != nil) && changed != nil {
			if err := changed(t.event, t.change); err != nil {
				return err
			}
		}
	}
	return nil
}

// Partitions are the partitions there are, in order of their names.
func (p *Parallel) Partitions() []string {
	var all []string
	for _, r := range p.runners {
		all = append(all, r.Partitions()...)
	}
	slices.SortFunc(all, cmp.Compare[string])
	return all
}

// State is Runner.State.
func (p *Parallel) State(partition string) ([]byte, error) {
	if p.err != nil {
		return nil, p.err
	}
	return p.runners[p.owner(partition)].State(partition)
}

// Snapshot is Runner.Snapshot, of all runners.
func (p *Parallel) Snapshot() (Snapshot, error) { return p.gather((*Runner).Snapshot) }

// Changed is Runner.Changed, of all runners.
func (p *Parallel) Changed() (Snapshot, error) { return p.gather((*Runner).Changed) }

func (p *Parallel) gather(take func(*Runner) (Snapshot, error)) (Snapshot, error) {
	all := Snapshot{States: map[string][]byte{}}
	for _, r := range p.runners {
		some, err := take(r)
		if err := cmp.Or(p.err, err); err != nil {
			return Snapshot{}, err
		}
		maps.Copy(all.States, some.States)
	}
	return all, nil
}

// Restore is Runner.Restore: the snapshot may be that of one Runner, or of any number.
func (p *Parallel) Restore(from Snapshot) error {
	if p.err != nil {
		return p.err
	}
	shares := make([]Snapshot, len(p.runners))
	for i := range shares {
		shares[i].States = map[string][]byte{}
	}
	for partition, text := range from.States {
		shares[p.owner(partition)].States[partition] = text
	}
	for i, r := range p.runners {
		if err := r.Restore(shares[i]); err != nil {
			return err
		}
	}
	return nil
}

// Result is Runner.Result.
func (p *Parallel) Result(partition string) ([]byte, error) {
	if p.err != nil {
		return nil, p.err
	}
	return p.runners[p.owner(partition)].Result(partition)
}
