package main

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"runtime"
	"time"

	"github.com/tillbook/tillbook/projections/js"
)

// mostLogged bounds the lines of log that a replay keeps, each of at most 1 KiB.
const mostLogged = 1_000

// replayRun is one script on its way through a log.
type replayRun struct {
	script  *js.Script
	cores   int // 0 for all
	notes   io.Writer
	emitted *newLines // nil where nobody asks for them
	results bool      // what outputState and outputTo ask for counts as emitted

	began    time.Time
	events   int64 // that the script was given
	emits    int64
	logged   []string
	unlogged int64
}

// folder is a js.Runner or a js.Parallel.
type folder interface {
	Partitions() []string
	Result(partition string) ([]byte, error)
	Close()
}

// fold folds all events and answers. Its error is a *js.Fault, or one of reading or writing.
func (r *replayRun) fold(events iter.Seq2[*js.Event, error]) (*replayResult, error) {
	r.began = time.Now()
	r.keep(r.script.Log)
	events = r.counted(events)
	cores := r.cores
	if cores == 0 {
		cores = runtime.GOMAXPROCS(0)
	}
	options := js.Options{Emit: true} // to know what would be emitted
	if r.results {
		options.Results = scriptName(r.script.Name)
	}
	if def := &r.script.Definition; cores > 1 && def.Partitioned() && !def.BiState {
		p, err := js.NewParallel(r.script, cores, options)
		if err != nil {
			return nil, err
		}
		defer p.Close()
		if err := p.Fold(events, r.changed); err != nil {
			return nil, err
		}
		return r.result(p, nil)
	}
	one, err := js.NewRunner(r.script, options)
	if err != nil {
		return nil, err
	}
	defer one.Close()
	if err := r.serial(one, events); err != nil {
		return nil, err
	}
	return r.result(one, one)
}

// serial folds all events with one Runner.
func (r *replayRun) serial(one *js.Runner, events iter.Seq2[*js.Event, error]) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		change, err := one.Handle(e)
		if err != nil {
			r.keep(change.Log)
			return err
		}
		if err := r.changed(e, change); err != nil {
			return err
		}
	}
	return nil
}

func (r *replayRun) counted(events iter.Seq2[*js.Event, error]) iter.Seq2[*js.Event, error] {
	return func(yield func(*js.Event, error) bool) {
		for e, err := range events {
			if err == nil {
				r.events++
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// changed takes down what one event has brought about beside its state.
func (r *replayRun) changed(e *js.Event, change js.Change) error {
	r.keep(change.Log)
	r.emits += int64(len(change.Emitted))
	if r.emitted == nil {
		return nil
	}
	for i := range change.Emitted {
		if err := r.emitted.add(newEmittedLine(e, &change.Emitted[i])); err != nil {
			return err
		}
	}
	return nil
}

// keep keeps lines of log, as far as there is room.
func (r *replayRun) keep(lines []string) {
	for _, line := range lines {
		if len(r.logged) >= mostLogged {
			r.unlogged++
			continue
		}
		r.logged = append(r.logged, line)
	}
}

// result asks for every partition's answer. one is the only Runner, nil if there are several.
func (r *replayRun) result(from folder, one *js.Runner) (*replayResult, error) {
	result := &replayResult{scriptName(r.script.Name), map[string]json.RawMessage{}}
	for _, partition := range from.Partitions() {
		document, err := from.Result(partition)
		if err != nil {
			return nil, err
		}
		if document != nil {
			result.documents[partition] = document
		}
	}
	if one == nil || !r.script.Definition.BiState {
		return result, nil
	}
	return result, r.share(result, one)
}

// share puts the shared state in its place: under the empty name or, where that is the script's only
// partition, behind its state, as transforms are given both.
func (r *replayRun) share(result *replayResult, one *js.Runner) error {
	shared, err := one.Shared()
	if err != nil || shared == nil {
		return err
	}
	switch def := &r.script.Definition; {
	case def.Partitioned():
		result.documents[""] = shared
	case !def.Transforms:
		own, err := one.State("")
		if err != nil {
			return err
		}
		result.documents[""] = fmt.Appendf(nil, "[%s,%s]", own, shared)
	}
	return nil
}

// tell notes what the script has logged, and how the run went.
func (r *replayRun) tell(err error) {
	took := max(time.Since(r.began), time.Millisecond)
	for _, line := range r.logged {
		fmt.Fprintf(r.notes, "log: %s\n", printable(line))
	}
	if r.unlogged > 0 {
		fmt.Fprintf(r.notes, "log: %d more lines\n", r.unlogged)
	}
	if err != nil {
		return
	}
	if r.emits > 0 {
		fmt.Fprintf(r.notes, "%d events would have been emitted; a replay writes none\n", r.emits)
	}
	fmt.Fprintf(r.notes, "%s: %d events in %s (%.0f events/s)\n", r.script.Name, r.events,
		took.Round(time.Millisecond), float64(r.events)/took.Seconds())
}

// emittedLine is what a script would have emitted, as --emitted lists it.
type emittedLine struct {
	Event    string          `json:"event"` // that it was emitted at, revision@stream
	Stream   string          `json:"stream"`
	Type     string          `json:"type"` // $> for a link, $@ for a link to a stream
	Data     json.RawMessage `json:"data"` // of a link a text; null of a result that was removed
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

func newEmittedLine(at *js.Event, e *js.Emitted) *emittedLine {
	line := &emittedLine{at.String(), e.Stream, e.Type, e.Data, e.Metadata}
	if !e.JSON {
		line.Data, _ = json.Marshal(string(e.Data)) // a string always has JSON
	}
	return line
}
