package js

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// Differing is one key of one partition in which two versions' results differ.
type Differing struct {
	Partition string
	Key       string // of the result, where both are objects; empty: the whole
	Current   []byte // JSON; nil: there is none
	Candidate []byte // likewise
}

// Difference is what a new version makes otherwise than the one that answers.
type Difference struct {
	Current, Candidate Statistics
	Same               bool // both stood at Position; if not, nothing was compared
	Position           eventstore.Position
	Partitions         int         // that were compared
	Count              int         // of all that differs
	Some               []Differing // the first of it
}

// The bounds of a comparison: the differences it shows, how long both versions may wait for each
// other, and how often it is tried while the log grows.
const (
	mostDiffering = 1_000
	meetTime      = 2 * time.Second
	meetTries     = 20
)

// Difference compares the results of a projection's candidate with those of its current version, as
// both are at one position. Its error is ErrNoProjection, ErrNoCandidate, ErrStarting or a *Fault.
func (m *Manager) Difference(ctx context.Context, name string) (d Difference, err error) {
	k, err := m.find(name)
	if err != nil {
		return d, err
	}
	if k.candidate == nil {
		return d, ErrNoCandidate
	}
	meeting, cancel := context.WithTimeout(ctx, meetTime)
	defer cancel()
	release, at, apart := m.meet(meeting, k)
	if apart == nil {
		defer release()
		d.Same, d.Position = true, at
		err = d.compare(ctx, k)
	}
	if err == nil {
		err = d.tell(ctx, k)
	}
	return d, err
}

func (d *Difference) tell(ctx context.Context, k *resident) error {
	s, err := k.status(ctx)
	if err == nil {
		d.Current, d.Candidate = s.Answers, *s.Building
	}
	return err
}

// meet holds both versions of a projection at one position until release is called. Those that
// stand still may have met already.
func (m *Manager) meet(ctx context.Context, k *resident) (release func(), at eventstore.Position, err error) {
	for range meetTries {
		if at, err = m.store.Head(ctx); err != nil {
			return nil, 0, err
		}
		one, ok := k.current.hold(at)
		if !ok {
			continue
		}
		other, ok := k.candidate.hold(at)
		if !ok {
			one()
			continue
		}
		release = func() { one(); other() }
		if err = k.current.reach(ctx, at); err == nil {
			err = k.candidate.reach(ctx, at)
		}
		if err == nil {
			return release, at, nil
		}
		release()
		return nil, 0, err
	}
	return nil, 0, errApart
}

// compare looks at every partition of either version.
func (d *Difference) compare(ctx context.Context, k *resident) error {
	after := ""
	for {
		mine, err := k.current.results(ctx, after)
		if err != nil {
			return err
		}
		theirs, err := k.candidate.results(ctx, after)
		if err != nil {
			return err
		}
		end := min(mine.end, theirs.end)
		for _, partition := range sortedKeys(mine.all, theirs.all) {
			if partition <= end {
				d.Partitions++
				d.add(Differ(partition, mine.all[partition], theirs.all[partition]))
			}
		}
		if after = end; end == endOfNames {
			return nil
		}
	}
}

func (d *Difference) add(some []Differing) {
	d.Count += len(some)
	d.Some = append(d.Some, some[:min(len(some), mostDiffering-len(d.Some))]...)
}

// resultPage are results of partitions in the order of their names, all there are up to end.
type resultPage struct {
	all map[string][]byte
	end string
}

// endOfNames stands behind every name.
const endOfNames = "\U0010FFFF\U0010FFFF"

// resultsAtOnce are as many as are read in one turn.
const resultsAtOnce = 200

// results are those of the partitions behind after.
func (e *engine) results(ctx context.Context, after string) (page resultPage, err error) {
	page = resultPage{map[string][]byte{}, endOfNames}
	err = e.ask(ctx, func() error {
		names := e.runner.partitionsAfter(after, resultsAtOnce)
		for _, name := range names {
			if page.all[name], err = e.result(name); err != nil {
				return err
			}
		}
		if len(names) == resultsAtOnce {
			page.end = names[len(names)-1]
		}
		return nil
	})
	return page, err
}

// Differ are the keys in which two results of a partition differ, sorted. nil is no result.
func Differ(partition string, current, candidate []byte) (all []Differing) {
	mine, mineIs := object(current)
	theirs, theirsIs := object(candidate)
	if !mineIs || !theirsIs {
		if !equal(current, candidate) {
			all = []Differing{{partition, "", current, candidate}}
		}
		return all
	}
	for _, key := range sortedKeys(mine, theirs) {
		if !equal(mine[key], theirs[key]) {
			all = append(all, Differing{partition, key, mine[key], theirs[key]})
		}
	}
	return all
}

func object(text []byte) (fields map[string]json.RawMessage, ok bool) {
	return fields, len(text) > 0 && text[0] == '{' && json.Unmarshal(text, &fields) == nil
}

// equal reports whether two texts are the same JSON, in whatever order its keys stand and however its
// numbers are written. nil is the same as nil alone.
func equal(a, b []byte) bool {
	if a == nil || b == nil || string(a) == string(b) {
		return (a == nil) == (b == nil)
	}
	mine, err := decodeNumbers(a)
	theirs, failed := decodeNumbers(b)
	return err == nil && failed == nil && equalValues(mine, theirs)
}

func equalValues(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && plainNumber(a) == plainNumber(b)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equalValues)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equalValues)
	}
	return a == b
}

func decodeNumbers(text []byte) (v any, err error) {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	err = decoder.Decode(&v)
	return v, err
}
