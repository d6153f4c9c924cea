package js

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tillbook/tillbook/eventstore/storetest"
	"github.com/tillbook/tillbook/projections/placetest"
)

// nodes are Managers that share the checkpoints of one database, and whose definitions the first makes. The
// first leads to begin with.
func nodes(t *testing.T, count int) (all []*rig) {
	t.Helper()
	placetest.Need(t)
	for n := range count {
		if n == 0 {
			all = append(all, newRig(t, storetest.NewMemory()))
			all[0].stop()
			all[0].options.Pause = 20 * time.Millisecond
			all[0].begin()
			continue
		}
		r := &rig{t: t, place: all[0].place, store: all[0].store, options: all[0].options}
		r.run()
		t.Cleanup(func() { r.stop() })
		all = append(all, r)
	}
	return all
}

// cut has the server end the connection of whoever leads, and answers how many those were.
func cut(t *testing.T, place string) (leaders int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	err = conn.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory'
		AND classid = 2 AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).
		Scan(&leaders)
	if err != nil {
		t.Fatal(err)
	}
	return leaders
}

// both is what all nodes show of a projection, which must be the same.
func both(t *testing.T, all []*rig, name string) string {
	t.Helper()
	want := all[0].shown(name)
	for n, r := range all {
		if got := r.shown(name); got != want {
			t.Errorf("node %d: got %s, want %s", n, got, want)
		}
	}
	return want
}

// TestOneRuns: of several nodes one runs the projections, and all answer; who leads is cut off by the server
// again and again, and states and emitted events are what they are of one that never was.
func TestOneRuns(t *testing.T) {
	all := nodes(t, 3)
	r := all[0]
	r.create("x", says("x"), true)
	r.create("both", `options({biState: true}); fromAll().foreachStream().when({$initShared: () => ({n: 0}),
		A(s, e) { s[1].n++; s[0].last = e.body.n; }}).transformBy(s => ({last: s[0].last, all: s[1].n}))`, false)
	const turns = 6
	for i := range turns {
		r.append(lines(i*40, i*40+20))
		if got := cut(t, r.place); got != 1 {
			t.Errorf("got %d leaders, want 1", got)
		}
		r.append(lines(i*40+20, i*40+40))
		if got, want := both(t, all, "x"), fmt.Sprintf(`={"n":%d,"by":"x"}`, i*40+40); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	want := fmt.Sprintf(`a-1={"last":%d} -> {"last":%[1]d,"all":%d}`, turns*40-1, turns*40)
	if got := both(t, all, "both"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r.append(lines(turns*40, turns*40+5)) // the others go on from what they have read
	if got, want := both(t, all, "both"), fmt.Sprintf(`a-1={"last":%d} -> {"last":%[1]d,"all":%d}`, turns*40+4,
		turns*40+5); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	both(t, all, "x")
	said := strings.Split(r.emitted("analytics-said"), "\n")
	for n, line := range said {
		if line != fmt.Sprintf(`x {"n":%d}`, n) {
			t.Fatalf("got %s as the %d. emitted", line, n)
		}
	}
	if len(said) != turns*40+5 {
		t.Errorf("got %d emitted, want %d", len(said), turns*40+5)
	}
	elsewhere := 0
	for _, r := range all {
		if s := r.settled("x").Answers; s.Elsewhere {
			elsewhere++
		}
	}
	if elsewhere != len(all)-1 {
		t.Errorf("got %d nodes that do not run it, want all but one", elsewhere)
	}
}

// TestSeamOfNodes: a version that is promoted while the node that leads is cut off emits from where the one
// before it stopped: of two streams each event is in one, by one of them.
func TestSeamOfNodes(t *testing.T) {
	all := nodes(t, 2)
	r := all[0]
	r.append(lines(0, 5))
	r.create("x", says("one"), true)
	for turn := range 5 {
		name := fmt.Sprint("v", turn)
		r.update("x", strings.ReplaceAll(says(name), "analytics-said", "analytics-"+name))
		r.append(lines(5+turn*20, 15+turn*20))
		if turn%2 == 0 {
			cut(t, r.place)
		}
		r.promote("x")
		r.append(lines(15+turn*20, 25+turn*20))
		both(t, all, "x")
	}
	var said []string
	for _, stream := range []string{"said", "v0", "v1", "v2", "v3", "v4"} {
		if text := r.emitted("analytics-" + stream); text != "" {
			said = append(said, strings.Split(text, "\n")...)
		}
	}
	for n, line := range said {
		if !strings.HasSuffix(line, fmt.Sprintf(` {"n":%d}`, n)) {
			t.Fatalf("got %s as the %d. emitted: %v", line, n, said)
		}
	}
	if len(said) != 105 {
		t.Errorf("got %d emitted, want 105", len(said))
	}
}

// TestSeamAfterDeath: who runs a version dies far beyond its checkpoint, and another takes its place before
// anybody goes on: it emits nothing that the first has emitted elsewhere.
func TestSeamAfterDeath(t *testing.T) {
	r := nodes(t, 1)[0]
	r.stop()
	r.options.Every, r.options.Pause = 1_000_000, time.Hour // it makes no checkpoint
	r.begin()
	r.create("x", says("one"), true)
	r.update("x", strings.ReplaceAll(says("two"), "analytics-said", "analytics-told"))
	r.append(lines(0, 30))
	r.settled("x")
	cut(t, r.place)
	r.stop()
	r.mu.Lock()
	def := r.defs["x"]
	def.Current, def.Candidate = *def.Candidate, nil
	r.defs["x"] = def
	r.mu.Unlock()
	r.begin()
	r.append(lines(30, 33))
	r.settled("x")
	if got := strings.Count(r.emitted("analytics-said"), "one"); got != 30 {
		t.Errorf("got %d emitted by the first, want 30", got)
	}
	if got, want := r.emitted("analytics-told"), "two {\"n\":30}\ntwo {\"n\":31}\ntwo {\"n\":32}"; got != want {
		t.Errorf("got %s by the second, want %s", got, want)
	}
}
