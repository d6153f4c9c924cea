package js

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tillbook/tillbook/eventstore/storetest"
)

// says is a script that emits for each event its revision, under a name.
func says(name string) string {
	return fmt.Sprintf(`fromStream("a-1").when({$init: () => ({n: 0, by: %q}), A(s, e) {
		s.n++; emit("analytics-said", %[1]q, {n: e.body.n}); }})`, name)
}

// update has a script built beside; promote lets it answer.
func (r *rig) update(name, script string) {
	r.t.Helper()
	r.define(name, func(l *Live) {
		number := l.Current.Number + 1
		l.Candidate = &Version{Number: number, Query: script, Emit: true, Began: int64(number)}
	})
}

func (r *rig) promote(name string) {
	r.t.Helper()
	r.define(name, func(l *Live) { l.Current, l.Candidate = *l.Candidate, nil })
}

func lines(from, to int) string {
	var b strings.Builder
	for n := from; n < to; n++ {
		fmt.Fprintf(&b, "a-1 A {\"n\":%d}\n", n)
	}
	return b.String()
}

// TestPromote: the version that was built beside answers at once, and emits from where the other
// stopped: each event brings about one, by one of them.
func TestPromote(t *testing.T) {
	r := newRig(t, storetest.NewMemory())
	r.append(lines(0, 5))
	r.create("x", says("one"), true)
	r.settled("x")
	r.update("x", says("two"))
	r.append(lines(5, 7))
	r.settled("x")
	d, err := r.m.Difference(t.Context(), "x")
	if err != nil || !d.Same || d.Count != 1 || d.Some[0].Key != "by" || d.Partitions != 1 {
		t.Fatalf("got %+v, %v, want the key by to differ", d, err)
	}
	var appending sync.WaitGroup
	appending.Go(func() { r.append(lines(7, 60)) })
	r.promote("x")
	appending.Wait()
	if got, want := r.shown("x"), `={"n":60,"by":"two"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := r.settled("x").Answers.Events; got != 60 {
		t.Errorf("got %d events handled, want 60 from the start on", got)
	}
	r.restart()
	r.append(lines(60, 61))
	r.settled("x")
	said := strings.Split(r.emitted("analytics-said"), "\n")
	for n, line := range said {
		if got := line[strings.Index(line, "{"):]; got != fmt.Sprintf(`{"n":%d}`, n) {
			t.Fatalf("got %s as the %d. emitted", line, n)
		}
	}
	if len(said) != 61 || !strings.HasPrefix(said[6], "one") || !strings.HasPrefix(said[60], "two") {
		t.Errorf("got %d: %v, want 61 by both", len(said), said)
	}
}

// TestPromoteAfterFault: a version takes over where a fault stopped the other, and leaves out nothing.
func TestPromoteAfterFault(t *testing.T) {
	r := newRig(t, storetest.NewMemory())
	r.append(lines(0, 9))
	r.create("x", strings.Replace(says("one"), "s.n++;", "if (++s.n > 4) throw 1;", 1), true)
	if got := r.shown("x"); !strings.HasPrefix(got, "fault") {
		t.Fatalf("got %s, want a fault", got)
	}
	r.update("x", says("two"))
	r.settled("x")
	if d, err := r.m.Difference(t.Context(), "x"); err != nil || d.Same {
		t.Errorf("got %+v, %v, want nothing compared", d, err)
	}
	r.promote("x")
	if got, want := r.shown("x"), `={"n":9,"by":"two"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	said := strings.Split(r.emitted("analytics-said"), "\n")
	if len(said) != 9 {
		t.Errorf("got %d emitted, want 9", len(said))
	}
	for n, line := range said {
		if by := map[bool]string{true: "one", false: "two"}[n < 4]; line != fmt.Sprintf(`%s {"n":%d}`, by, n) {
			t.Errorf("got %s as the %d. emitted", line, n)
		}
	}
}

// TestPromoteElsewhere: a version that emits to another stream begins there where the one before it
// stopped.
func TestPromoteElsewhere(t *testing.T) {
	r := newRig(t, storetest.NewMemory())
	r.append(lines(0, 3))
	r.create("x", says("one"), true)
	r.settled("x")
	r.update("x", strings.ReplaceAll(says("two"), "analytics-said", "analytics-told"))
	r.settled("x")
	r.promote("x")
	r.append(lines(3, 5))
	r.settled("x")
	if got, want := r.emitted("analytics-told"), "two {\"n\":3}\ntwo {\"n\":4}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestPromoteAfterCheckpoint: a version that takes over from a fault and is further already folds
// anew, and emits to its own stream from where the one before it had stood.
func TestPromoteAfterCheckpoint(t *testing.T) {
	r := newRig(t, storetest.NewMemory())
	r.append(lines(0, 3))
	r.create("x", strings.Replace(says("one"), "s.n++;", "if (++s.n > 4) throw 1;", 1), true)
	r.settled("x")
	r.restart() // which leaves a checkpoint
	r.append(lines(3, 7))
	r.settled("x")
	r.update("x", strings.ReplaceAll(says("two"), "analytics-said", "analytics-told"))
	r.settled("x")
	r.promote("x")
	r.settled("x")
	want := "two {\"n\":3}\ntwo {\"n\":4}\ntwo {\"n\":5}\ntwo {\"n\":6}"
	if got := r.emitted("analytics-told"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// tells is a script that writes a result for each event, under a name, and may not emit.
func tells(name string) string {
	return fmt.Sprintf(`fromStream("a-1").when({$init: () => ({n: -1, by: %q}), A(s, e) { s.n++; }}).outputState()`,
		name)
}

// TestPromoteResults: results go on where the version before stopped, whether both stood at one position
// or the one that answers had stopped at a fault before.
func TestPromoteResults(t *testing.T) {
	faulted := strings.Replace(tells("one"), "s.n++;", "if (++s.n > 3) throw 1;", 1)
	for _, first := range []string{tells("one"), faulted} {
		r := newRig(t, storetest.NewMemory())
		r.append(lines(0, 4))
		r.create("x", first, false)
		r.settled("x")
		r.restart() // which leaves a checkpoint
		r.append(lines(4, 6))
		r.settled("x")
		r.define("x", func(l *Live) { l.Candidate = &Version{Number: 2, Query: tells("two"), Began: 2} })
		r.append(lines(6, 9))
		r.settled("x")
		r.promote("x")
		r.append(lines(9, 12))
		r.settled("x")
		told := strings.Split(r.emitted("$projections-x-result"), "\n")
		for n, line := range told {
			if !strings.HasPrefix(line, fmt.Sprintf(`Result {"n":%d,`, n)) {
				t.Errorf("got %s as the %d. result", line, n)
			}
		}
		if len(told) != 12 || !strings.Contains(told[3], "one") || !strings.Contains(told[11], "two") {
			t.Errorf("got %v, want 12 results of both", told)
		}
	}
}

// TestNever: what is never to write does not, whatever it asks for.
func TestNever(t *testing.T) {
	r := newRig(t, storetest.NewMemory())
	r.append(lines(0, 3))
	r.define("x", func(l *Live) {
		*l = Live{Name: "x", Enabled: true, Current: Version{Query: tells("x"), EmitsAfter: Never}}
	})
	r.settled("x")
	r.define("x", func(l *Live) { l.Current.Began = 7 })
	if got, want := r.shown("x"), `={"n":2,"by":"x"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := r.emitted("$projections-x-result"); got != "" {
		t.Errorf("got %s written", got)
	}
}

// TestResetAndRecreate: what is begun anew emits nothing twice; what is made anew under a name emits all.
func TestResetAndRecreate(t *testing.T) {
	r := newRig(t, storetest.NewMemory())
	r.append(lines(0, 3))
	r.create("x", says("one"), true)
	r.settled("x")
	r.define("x", func(l *Live) { l.Current.Began = 7 })
	r.append(lines(3, 4))
	if got, want := r.shown("x"), `={"n":4,"by":"one"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := strings.Count(r.emitted("analytics-said"), "\n"); got != 3 {
		t.Errorf("got %d more emitted after the first, want 3", got)
	}
	r.define("x", func(l *Live) { *l = Live{Name: "x", Deleted: true} })
	if _, err := r.m.Status(t.Context(), "x"); err != ErrNoProjection {
		t.Errorf("got %v, want it gone", err)
	}
	r.define("x", func(l *Live) {
		*l = Live{Name: "x", First: 2, Enabled: true,
			Current: Version{Number: 2, Query: says("again"), Emit: true, Began: 9}}
	})
	r.settled("x")
	if got := strings.Count(r.emitted("analytics-said"), "again"); got != 4 {
		t.Errorf("got %d emitted again, want 4", got)
	}
}

// TestTwoManagers: on one store two of them emit each event once.
func TestTwoManagers(t *testing.T) {
	store := storetest.NewMemory()
	one, other := newRig(t, store), newRig(t, store)
	one.append(lines(0, 300))
	for _, r := range []*rig{one, other} {
		r.create("x", says("x"), true)
		r.create("told", tells("told"), false)
	}
	one.append(lines(300, 350))
	for _, r := range []*rig{one, other} {
		if got, want := r.shown("x"), `={"n":350,"by":"x"}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for n, line := range strings.Split(one.emitted("analytics-said"), "\n") {
		if line != fmt.Sprintf(`x {"n":%d}`, n) {
			t.Fatalf("got %s as the %d. emitted", line, n)
		}
	}
	one.settled("told")
	for n, line := range strings.Split(other.emitted("$projections-told-result"), "\n") {
		if line != fmt.Sprintf(`Result {"n":%d,"by":"told"}`, n) {
			t.Fatalf("got %s as the %d. result", line, n)
		}
	}
	if got := strings.Count(one.emitted("analytics-said"), "\n"); got != 349 {
		t.Errorf("got %d emitted after the first, want 349", got)
	}
}

// TestListWhileReplaced: a list that is asked for while versions take over has each projection.
func TestListWhileReplaced(t *testing.T) {
	r := newRig(t, storetest.NewMemory())
	r.append(lines(0, 20))
	r.create("c", counting, true)
	done := make(chan struct{})
	var listing sync.WaitGroup
	listing.Go(func() {
		for n := 0; ; n++ {
			if all, err := r.m.List(t.Context()); err != nil || len(all) != 1 {
				t.Errorf("list %d: got %v, %v, want one", n, all, err)
				return
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for range 20 {
		r.update("c", counting)
		r.settled("c")
		r.promote("c")
	}
	close(done)
	listing.Wait()
}
