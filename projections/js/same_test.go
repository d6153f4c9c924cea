package js

import (
	"fmt"
	"iter"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// same are scripts that must give one answer however they are run.
var same = []string{
	`fromAll().foreachStream().when({$init: () => ({n: 0, seen: {}}),
		$created(s, e) { s.first = e.body.n; emit("new", "New", {p: e.partition}); },
		A(s, e) { s.n += e.body.n; s.seen[e.body.k] = undefined; s.min = Math.min(s.min, e.body.n); },
		$any(s, e) { s.last = e; s.at = new Date(e.created); linkTo("b-" + e.body.k, e); log(s.n, e.eventType); },
		$deleted(s) { s.gone = (s.gone || 0) + 1; return null; }})
		.filterBy(s => s.n > 3).transformBy(s => ({n: s.n, min: s.min})).outputState()`,
	`fromAll().partitionBy(e => { log("by", e.body.k); return e.body.n % 4 ? e.body.k : null; }).when({
		$any(s, e) { s.sum = (s.sum || 0) + e.body.n; s.list = s.list || []; s.list.push(e.body);
			s.twice = [s.list[0], s.list[0]]; s.twice[0].n++; }})`,
	`fromAll().partitionBy(e => e.body.n).when({A: (s, e) => e.body.k, B: (s, e) => ({was: s}),
		C(s, e) { if (e.body.n === 5) throw new Error("five"); return null; }})
		.outputTo("all", "of-{0}")`,
	`fromAll().partitionBy(e => { if (e.body.n === 7) throw new Error("seven"); return e.body.k; }).when({
		A() {}, B(s, e) { if (e.body.n === 6) throw new Error("six"); s.b = 1; }})`,
	`options({biState: true}); fromAll().foreachStream().when({$initShared: () => ({max: -Infinity}),
		$any(s, e) { s[1].max = Math.max(s[1].max, e.body.n); s[0].max = s[1].max; s[0].o = s[1]; }})
		.transformBy(s => s[1].max % 2 ? s : null).outputState()`,
	`fromAll().when({$init: () => [], $any(s, e) { s.push({...e.body, odd: e.body.n % 2 ? NaN : undefined}); }})`,
}

// drawEvents are a log of a few streams.
func drawEvents(t *rapid.T) []*Event {
	lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		stream := rapid.SampledFrom([]string{"a-1", "a-2", "b-1", "b-2", "c", "$sys"}).Draw(t, "stream")
		switch kind := rapid.SampledFrom([]string{"A", "A", "B", "C", "-", "{"}).Draw(t, "type"); kind {
		case "-":
			return "$$" + stream + ` $metadata {"$tb":9223372036854775807}`
		case "{":
			return stream + " A {"
		default:
			return fmt.Sprintf(`%s %s {"n":%d,"k":"%c"}`, stream, kind, rapid.IntRange(-2, 9).Draw(t, "n"),
				rapid.ByteRange('p', 's').Draw(t, "k"))
		}
	}), 1, 30).Draw(t, "events")
	return events(strings.Join(lines, "\n"))
}

// folder is a Runner or a Parallel.
type folder interface {
	Partitions() []string
	State(string) ([]byte, error)
	Result(string) ([]byte, error)
	Snapshot() (Snapshot, error)
}

// shown is all that can be asked of f.
func shown(f folder) string {
	var b strings.Builder
	for _, p := range f.Partitions() {
		state, err := f.State(p)
		result, failed := f.Result(p)
		fmt.Fprintf(&b, "%s=%s %v -> %s %v\n", p, state, err, result, failed)
	}
	all, err := f.Snapshot()
	fmt.Fprintf(&b, "%s %v", all.Shared, err)
	return b.String()
}

func told(e *Event, c Change) string { return fmt.Sprintf("%v %v\n", e, c) }

func compiled(t fataler, script string) *Script {
	s, err := Compile("test.js", script, Limits{Live: 2})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type fataler interface{ Fatal(...any) }

// pool keeps runners for the next check: to make one takes milliseconds.
type pool struct {
	script *Script
	one    *Runner
	many   map[int]*Parallel
}

// runner is one without states.
func (p *pool) runner(t fataler) *Runner {
	if p.one == nil || p.one.err != nil {
		p.close()
		p.one = runner(t, p.script)
	}
	if err := p.one.Restore(Snapshot{}); err != nil {
		t.Fatal(err)
	}
	return p.one
}

// parallel is one of n runners without states.
func (p *pool) parallel(t fataler, n int) *Parallel {
	all := p.many[n]
	if all == nil || all.Restore(Snapshot{}) != nil {
		if all != nil {
			all.Close()
		}
		var err error
		if all, err = NewParallel(p.script, n, Options{Emit: true, Results: "test"}); err != nil {
			t.Fatal(err)
		}
		if p.many == nil {
			p.many = map[int]*Parallel{}
		}
		p.many[n] = all
	}
	return all
}

func (p *pool) close() {
	if p.one != nil {
		p.one.Close()
	}
	for _, all := range p.many {
		all.Close()
	}
	p.one, p.many = nil, nil
}

// fold is what a Runner makes of all, told and shown.
func fold(r *Runner, all []*Event) string {
	var b strings.Builder
	for _, e := range all {
		c, err := r.Handle(e)
		if err != nil {
			return b.String() + err.Error()
		}
		if c.Handled || c.Log != nil {
			b.WriteString(told(e, c))
		}
	}
	return b.String() + shown(r)
}

func sequence(all []*Event) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// TestParallelIsSerial folds random logs with one runner and with several.
func TestParallelIsSerial(t *testing.T) {
	for _, script := range same {
		s := compiled(t, script)
		if s.Definition.BiState || !s.Definition.Partitioned() {
			continue
		}
		pool := &pool{script: s}
		defer pool.close()
		rapid.Check(t, func(t *rapid.T) {
			all := drawEvents(t)
			want := fold(pool.runner(t), all)
			p := pool.parallel(t, rapid.IntRange(1, 3).Draw(t, "runners"))
			var b strings.Builder
			err := p.Fold(sequence(all), func(e *Event, c Change) error {
				b.WriteString(told(e, c))
				return nil
			})
			if err != nil {
				b.WriteString(err.Error())
			} else {
				b.WriteString(shown(p))
			}
			if got := b.String(); got != want {
				t.Fatalf("%s\ngot  %s\nwant %s", script, got, want)
			}
		})
	}
}

// TestStoppedIsNeverStopped replaces the runner before every event by one that was restored.
func TestStoppedIsNeverStopped(t *testing.T) {
	for _, script := range same {
		pool := &pool{script: compiled(t, script)}
		defer pool.close()
		rapid.Check(t, func(t *rapid.T) {
			all := drawEvents(t)
			want := fold(pool.runner(t), all)
			var b strings.Builder
			kept := Snapshot{States: map[string][]byte{}}
			for _, e := range all {
				b.WriteString(step(t, pool, &kept, e))
				if strings.Contains(b.String(), "test.js") { // a fault
					break
				}
			}
			last := pool.runner(t)
			if err := last.Restore(kept); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(b.String(), "test.js") {
				b.WriteString(shown(last))
			}
			if got := b.String(); got != want {
				t.Fatalf("%s\ngot  %s\nwant %s", script, got, want)
			}
		})
	}
}

// step folds one event with a runner restored from kept, and keeps what has changed.
func step(t fataler, pool *pool, kept *Snapshot, e *Event) string {
	r := pool.runner(t)
	if err := r.Restore(*kept); err != nil {
		t.Fatal(err)
	}
	c, err := r.Handle(e)
	if err != nil {
		return err.Error()
	}
	changed, err := r.Changed()
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(kept.States, changed.States)
	kept.Shared = changed.Shared
	if !c.Handled && c.Log == nil {
		return ""
	}
	return told(e, c)
}
