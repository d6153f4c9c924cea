package projections

import (
	"context"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
	"github.com/tillbook/tillbook/eventstore/storetest"
	"github.com/tillbook/tillbook/projections/placetest"
)

// TestHistories lets all sorts of things happen, and wants every read model to be the same however it
// was folded and wherever it is kept, and to be what the domain says.
func TestHistories(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		one := try{t, r}
		store := enginetest.Open(one)
		c := newChronicle(one, store)
		one.Cleanup(c.Close)
		c.found()
		c.live(r, between(r, 20, 150, "steps"))
		upTo := func(n int) int { return between(r, 0, n-1, "cut") }
		if upTo(3) == 0 {
			store = unfinished(one, store, upTo)
		}
		agree(one, store, upTo)
	})
}

// goneOn are events with which another stream goes on.
var goneOn = []string{"AccountsMerged", "BudgetReserved", "CodeRedeemed", "CouponRecycled", "CouponRestored",
	"MergeAdjusted", "TransferSent"}

// unfinished is a log as it stood where something had begun that another stream goes on with, as when the
// process dies there: at any such place.
func unfinished(t testing.TB, store eventstore.Store, upTo func(n int) int) eventstore.Store {
	t.Helper()
	all, begun, begins := allOf(t, store), []int(nil), false
	for i, e := range all {
		if i > 0 && e.Stream != all[i-1].Stream {
			if begins {
				begun = append(begun, i)
			}
			begins = false
		}
		begins = begins || slices.Contains(goneOn, e.Type)
	}
	if len(begun) > 0 {
		all = all[:begun[upTo(len(begun))]]
	}
	cut := storetest.NewMemory()
	for _, e := range all {
		if _, err := cut.Append(t.Context(), e.Stream, e.Revision-1, []eventstore.Event{e.Event}); err != nil {
			t.Fatal(err)
		}
	}
	return cut
}

// TestEverythingHappens: the written history has every event that the domain has, and all read models of
// it agree, too. A new event has to be brought about there.
func TestEverythingHappens(t *testing.T) {
	store := memory(t)
	c := newChronicle(t, store)
	defer c.Close()
	c.everything()
	happened := map[string]bool{}
	for e, err := range store.ReadAll(t.Context(), eventstore.Start, domain.Prefixes...) {
		if err != nil {
			t.Fatal(err)
		}
		happened[e.Type] = true
	}
	for _, name := range domain.EventTypes() {
		if !happened[name] {
			t.Errorf("%s never happens", name)
		}
	}
	agree(t, store, rand.New(rand.NewPCG(1, 2)).IntN)
}

// mostTried bounds the random histories in which every event is looked for.
const mostTried = 1000

// TestRandomHistoriesHaveEverything: nothing is so rare that random histories do not come to it.
func TestRandomHistoriesHaveEverything(t *testing.T) {
	left := map[string]bool{}
	for _, name := range domain.EventTypes() {
		left[name] = true
	}
	for seed := range mostTried {
		if len(left) == 0 {
			return
		}
		rapid.Custom(func(r *rapid.T) struct{} {
			store := storetest.NewMemory()
			c := newChronicle(try{t, r}, store)
			defer c.Close()
			c.found()
			c.live(r, between(r, 20, 150, "steps"))
			for _, e := range allOf(t, store) {
				delete(left, e.Type)
			}
			return struct{}{}
		}).Example(seed)
	}
	t.Errorf("%d random histories have no %v", mostTried, slices.Sorted(maps.Keys(left)))
}

// try is one of the histories that a test tries: what it opens is closed with it.
type try struct {
	testing.TB
	r *rapid.T
}

func (t try) Cleanup(f func())                  { t.r.Cleanup(f) }
func (t try) Fatal(args ...any)                 { t.r.Fatal(args...) }
func (t try) Fatalf(format string, args ...any) { t.r.Fatalf(format, args...) }
func (t try) Error(args ...any)                 { t.r.Error(args...) }
func (t try) Errorf(format string, args ...any) { t.r.Errorf(format, args...) }
func (t try) Logf(format string, args ...any)   { t.r.Logf(format, args...) }
func (t try) Helper()                           {}

// agree folds a log in some ways, cut anywhere, and compares every row of every table.
func agree(t testing.TB, store eventstore.Store, upTo func(n int) int) {
	t.Helper()
	var first []string
	said := askOracle(t, store)
	for _, w := range ways(t) {
		m := w.fold(t, store, upTo)
		clean(t, m)
		said.compare(m)
		(&asker{said, m, rand.New(rand.NewPCG(uint64(upTo(1<<30)), 1))}).askAll()
		rows := sortedRows(t, m)
		if first == nil {
			first = rows
		}
		for i := range max(len(rows), len(first)) {
			if got, want := at(rows, i), at(first, i); got != want {
				t.Fatalf("%+v: got\n%s\nwant\n%s", w, got, want)
			}
		}
	}
}

func at(rows []string, i int) string {
	if i >= len(rows) {
		return "no more rows"
	}
	return rows[i]
}

// way is how tables are made: where, and whether with a stop between, or anew while the old ones serve.
type way struct {
	place          string
	stops, rebuilt bool
}

func ways(t testing.TB) []way {
	all := []way{{t.TempDir(), true, false}, {t.TempDir(), false, true}}
	if os.Getenv(placetest.Variable) != "" {
		all = append(all, way{placetest.Postgres(t), true, true})
	}
	return all
}

// fold opens models that hold the log, with transactions of some few events.
func (w way) fold(t testing.TB, store eventstore.Store, upTo func(n int) int) *Models {
	t.Helper()
	opts := Options{Batch: 1 + upTo(80)}
	if w.stops {
		m, err := Open(context.Background(), w.place, endingStore{store, upTo(200)}, opts)
		if err != nil {
			t.Fatal(err)
		}
		m.follower.wait()
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	m := open(t, w.place, store, opts)
	if w.rebuilt {
		if err := m.Rebuild(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		wait(t, m)
	}
	return m
}

// endingStore closes under its follower after some events, in the middle of a transaction.
type endingStore struct {
	eventstore.Store
	events int
}

func (s endingStore) Follow(ctx context.Context, after eventstore.Position,
	prefixes ...string) iter.Seq2[[]eventstore.Recorded, error] {
	return func(yield func([]eventstore.Recorded, error) bool) {
		left := s.events
		for e, err := range s.ReadAll(ctx, after, prefixes...) {
			if err != nil || left == 0 {
				break
			}
			if left--; !yield([]eventstore.Recorded{e}, nil) {
				return
			}
		}
		yield(nil, eventstore.ErrClosed)
	}
}

// sortedRows are the rows of all tables and views, but for those that say how far their making is.
func sortedRows(t testing.TB, m *Models) []string {
	t.Helper()
	all, err := BuiltinTables()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	_, err = m.view(context.Background(), func(q querier) error {
		for _, table := range all {
			if table.Name == "projections" || table.Name == "serving" {
				continue
			}
			if err := dumpTable(&b, q, table.Name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(b.String(), "\n")
	slices.Sort(rows)
	return rows
}
