package js

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dop251/goja"
)

// TestLargeStates folds states that are not written after every event, with room for one of them.
func TestLargeStates(t *testing.T) {
	s, err := Compile("test.js", `fromAll().foreachStream().when({
		$init: () => ({pad: "x".repeat(20000), n: 0, seen: []}), A(s) { s.seen.push(++s.n); }})`, Limits{Live: 1})
	if err != nil {
		t.Fatal(err)
	}
	r := runner(t, s)
	defer r.Close()
	for i, e := range events(strings.Repeat("a-1 A {}\na-1 A {}\na-2 A {}\n", 20)) {
		if _, err := r.Handle(e); err != nil {
			t.Fatal(err)
		}
		if i == 30 {
			if _, err := r.Snapshot(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for partition, n := range map[string]int{"a-1": 40, "a-2": 20} {
		state, err := r.State(partition)
		if want := fmt.Sprintf(`"n":%d,"seen":[1,2`, n); err != nil || !bytes.Contains(state, []byte(want)) {
			t.Errorf("%s: got %.40s %v, want %s", partition, state[max(0, len(state)-100):], err, want)
		}
	}
}

// TestSnapshotsStand holds that a snapshot is not written to, wherever it came from.
func TestSnapshotsStand(t *testing.T) {
	s := compiled(t, `fromAll().foreachStream().when({$initShared: () => 0, $init: () => 0,
		A: s => [s[0] + 1, s[1] + 1]})`)
	r := runner(t, s)
	defer r.Close()
	all := events("a-1 A {}\na-1 A {}\na-1 A {}")
	var kept []Snapshot
	for _, e := range all {
		if _, err := r.Handle(e); err != nil {
			t.Fatal(err)
		}
		one, err := r.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if kept = append(kept, one); len(kept) == 2 {
			if err := r.Restore(kept[0]); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, want := range []string{"1 1", "2 2", "2 2"} {
		if got := fmt.Sprintf("%s %s", kept[i].States["a-1"], kept[i].Shared); got != want {
			t.Errorf("snapshot %d: got %s, want %s", i, got, want)
		}
	}
	if err := r.Restore(Snapshot{States: map[string][]byte{"a": []byte("{")}}); err == nil {
		t.Error("got no error for a snapshot that is not JSON")
	}
}

// TestChanged holds that only what has changed is taken, and once.
func TestChanged(t *testing.T) {
	r := runner(t, compiled(t, `fromAll().foreachStream().when({$any(s) { s.n = (s.n || 0) + 1; }})`))
	defer r.Close()
	for _, row := range []struct{ events, want string }{
		{"a A {}\nb A {}\na A {}", `map[a:{"n":2} b:{"n":1}]`},
		{"b A {}", `map[b:{"n":2}]`},
		{"c A {}", `map[c:{"n":1}]`},
		{"c B {", `map[]`},
	} {
		for _, e := range events(row.events) {
			if _, err := r.Handle(e); err != nil {
				t.Fatal(err)
			}
		}
		changed, err := r.Changed()
		if got := fmt.Sprintf("%s", changed.States); err != nil || got != row.want {
			t.Errorf("got %s %v, want %s", got, err, row.want)
		}
	}
}

// TestLateInterrupt holds that a call pays nothing for the one before it.
func TestLateInterrupt(t *testing.T) {
	vm := goja.New()
	w := newWatch(vm, 1<<30)
	defer w.close()
	w.begin(time.Millisecond)
	w.mu.Lock()
	w.judge(time.Second, 0) // as if it had looked when the call was just over
	w.mu.Unlock()
	w.end()
	if v, err := vm.RunString("1 + 1"); err != nil || v.ToInteger() != 2 {
		t.Errorf("got %v, %v, want 2", v, err)
	}
}

// TestNoEmit holds that who may not emit is stopped.
func TestNoEmit(t *testing.T) {
	s := compiled(t, `fromAll().when({A(s, e) { linkTo("out", e); }})`)
	r, err := NewRunner(s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_, err = r.Handle(events("a-1 A {}")[0])
	want := `test.js:1:33 in handler "A", event 0@a-1: ` + ErrNotEmitter.Error()
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func runner(t fataler, s *Script) *Runner {
	r, err := NewRunner(s, Options{Emit: true, Results: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
