package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// part is a store that never had other events than these.
type part struct {
	eventstore.Store
	events []eventstore.Recorded
}

func (p part) Head(context.Context, ...string) (eventstore.Position, error) {
	if len(p.events) == 0 {
		return eventstore.Start, nil
	}
	return p.events[len(p.events)-1].Position, nil
}

func (p part) Follow(ctx context.Context, _ eventstore.Position, _ ...string) iter.Seq2[
	[]eventstore.Recorded, error] {
	return func(yield func([]eventstore.Recorded, error) bool) {
		for _, e := range p.events {
			if !yield([]eventstore.Recorded{e}, nil) {
				return
			}
		}
		if yield(nil, nil) {
			<-ctx.Done()
			yield(nil, ctx.Err())
		}
	}
}

// allOf are the ledger's events of a log: an engine may have some of its own.
func allOf(t testing.TB, store eventstore.Store) (all []eventstore.Recorded) {
	t.Helper()
	for e, err := range store.ReadAll(t.Context(), eventstore.Start, domain.Prefixes...) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// recorded is what an event says in its metadata.
func recorded(t testing.TB, e eventstore.Recorded) time.Time {
	t.Helper()
	var m struct {
		At time.Time `json:"recorded_at"`
	}
	if err := json.Unmarshal(e.Metadata, &m); err != nil {
		t.Fatal(err)
	}
	return m.At
}

// everyRow is all rows of all tables and views.
func everyRow(t testing.TB, m *Models) string {
	t.Helper()
	tables, err := BuiltinTables()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, table := range tables {
		if table.Name == "serving" || table.Name == "projections" {
			continue
		}
		var a heard
		var order []string
		for i := range table.Columns {
			order = append(order, fmt.Sprint(i+1))
		}
		_, err := m.Ask(t.Context(), "SELECT * FROM "+table.Name+" ORDER BY "+strings.Join(order, ", "),
			time.Minute, &a)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, table.Name, len(a.rows), strings.Join(a.rows, "\n"))
	}
	return b.String()
}

// wanted are the tables of events alone, as a follower makes them.
func wanted(t testing.TB, events []eventstore.Recorded, store eventstore.Store) string {
	t.Helper()
	m, err := Open(t.Context(), t.TempDir(), part{store, events}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	wait(t, m)
	return everyRow(t, m)
}

// built are the tables as of a point.
func built(t testing.TB, s Scratch, store eventstore.Store, until Until) string {
	t.Helper()
	m, err := s.Open(t.Context(), store, until, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	return everyRow(t, m)
}

// TestAsOfEveryPosition: the tables as of a position are those of the log cut there.
func TestAsOfEveryPosition(t *testing.T) {
	store := memory(t)
	busyShop(t, store)
	all := allOf(t, store)
	s := Scratch{Folder: t.TempDir(), Keep: 2}
	for n := range len(all) + 1 {
		until := Until{}
		if n > 0 {
			until.Position = all[n-1].Position
		}
		if got, want := built(t, s, store, until), wanted(t, all[:n], store); got != want {
			t.Fatalf("as of %d: got\n%s\nwant\n%s", until.Position, got, want)
		}
	}
	beyond := Until{Position: all[len(all)-1].Position + 1000}
	if got := built(t, s, store, beyond); got != wanted(t, all, store) {
		t.Error("beyond the log's end the tables are not those of the whole log")
	}
}

// TestAsOfInstant: the tables as of an instant are those of the events that were recorded by then, even
// where clocks differ and the log is not in the order of instants.
func TestAsOfInstant(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		store := storetest.NewMemory()
		defer store.Close()
		shop := newShop(t, store)
		clocks := map[uuid.UUID]time.Time{}
		var ids []uuid.UUID
		for i := range 2 {
			shop.now = shop.now.Add(time.Duration(rapid.IntRange(-900, 900).Draw(r, "skew")) * time.Second)
			ids = append(ids, shop.account(fmt.Sprint("C-", i)))
			clocks[ids[i]] = shop.now
		}
		for n := range rapid.IntRange(1, 12).Draw(r, "commands") {
			id := rapid.SampledFrom(ids).Draw(r, "account")
			shop.now = clocks[id]
			randomCommand(r, shop, id, fmt.Sprint(n))
			clocks[id] = shop.now
		}
		all := allOf(t, store)
		until := Until{Instant: recorded(t, rapid.SampledFrom(all).Draw(r, "event"))}
		until.Instant = until.Instant.Add(time.Duration(rapid.IntRange(-1, 1).Draw(r, "off")))
		kept := slices.DeleteFunc(slices.Clone(all), func(e eventstore.Recorded) bool {
			return recorded(t, e).After(until.Instant)
		})
		if got := built(t, Scratch{Folder: t.TempDir()}, store, until); got != wanted(t, kept, store) {
			r.Fatalf("as of %s: got\n%s", until.Instant, got)
		}
	})
}

// brokenOff is a store that is lost while it is read.
type brokenOff struct{ eventstore.Store }

func (b brokenOff) Follow(ctx context.Context, _ eventstore.Position, _ ...string) iter.Seq2[
	[]eventstore.Recorded, error] {
	return func(yield func([]eventstore.Recorded, error) bool) {
		for e, err := range b.ReadAll(ctx, eventstore.Start) {
			if !yield([]eventstore.Recorded{e}, err) || e.Position > 1 {
				break
			}
		}
		yield(nil, eventstore.ErrUnavailable)
	}
}

// folders are the points in a scratch folder.
func folders(t testing.TB, s Scratch, prefix string) (names []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(s.Folder, prefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		names = append(names, strings.Split(filepath.Base(name), "-")[1])
	}
	return names
}

// TestScratchKeeps: tables are kept for the next question, the oldest go, and what was interrupted is
// never used.
func TestScratchKeeps(t *testing.T) {
	store := memory(t)
	shop, id := busyShop(t, store)
	all := allOf(t, store)
	s := Scratch{Folder: t.TempDir(), Keep: 2}
	builds := 0
	ask := func(until Until) {
		t.Helper()
		m, err := s.Open(t.Context(), store, until, func(Progress) { builds++ })
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	at := func(n int) Until { return Until{Position: all[n].Position} }
	point := func(n int) string { return fmt.Sprint(all[n].Position) }
	ask(at(3))
	if builds == 0 {
		t.Fatal("nothing was built")
	}
	builds = 0
	ask(at(3))
	if builds > 0 {
		t.Error("tables that were there were built again")
	}
	ask(at(4))
	for i, n := range []int{3, 4} { // 3 is the older
		past := time.Now().Add(time.Duration(i-9) * time.Hour)
		if err := os.Chtimes(filepath.Join(s.Folder, nameOf(at(n))), past, past); err != nil {
			t.Fatal(err)
		}
	}
	ask(at(3))
	ask(at(5))
	want := []string{point(3), point(5)}
	slices.Sort(want) // by their names, as a folder has them
	if got := folders(t, s, asOfPrefix); !slices.Equal(got, want) {
		t.Errorf("got %v, want 3 and 5: 4 was not used for longest", got)
	}

	// One that ends in the middle, and one that is killed.
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := s.Open(ctx, store, at(6), func(Progress) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	killed := filepath.Join(s.Folder, buildingPrefix+"1")
	if err := os.Mkdir(killed, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(t.Context(), killed, brokenOff{store}, at(6), nil); err == nil {
		t.Error("a log that broke off was built from")
	}
	if _, err := openScratch(t.Context(), killed); !errors.Is(err, ErrNone) {
		t.Errorf("tables of a build that broke off: got %v, want ErrNone", err)
	}
	ask(at(6))
	if got := folders(t, s, buildingPrefix); len(got) > 0 {
		t.Errorf("got %v left of builds", got)
	}

	// An instant that the log has not reached is asked again.
	later := Until{Instant: shop.now.Add(time.Hour)}
	ask(later)
	builds = 0
	ask(later)
	if builds > 0 {
		t.Error("tables of an instant were built again")
	}
	shop.must(id, topUp("1.00", ""), till("S1", "late"))
	if got := built(t, s, store, later); got != wanted(t, allOf(t, store), store) {
		t.Error("an event that came later, and was recorded by then, is missing")
	}

	// Another log has the same positions.
	other := memory(t)
	newShop(t, other).account("X")
	busyShop(t, other)
	kept := slices.DeleteFunc(allOf(t, other), func(e eventstore.Recorded) bool {
		return e.Position > all[6].Position
	})
	if got := built(t, s, other, at(6)); got != wanted(t, kept, other) {
		t.Error("the tables are another log's")
	}
	if err := s.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := folders(t, s, asOfPrefix); len(got) > 0 {
		t.Errorf("got %v, want none", got)
	}
}

// TestScratchOfSeveral: several that ask for one point at once get the same tables, built once.
func TestScratchOfSeveral(t *testing.T) {
	store := memory(t)
	busyShop(t, store)
	all := allOf(t, store)
	until := Until{Position: all[len(all)/2].Position}
	s := Scratch{Folder: t.TempDir()}
	var builds atomic.Int64
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			first := sync.OnceFunc(func() { builds.Add(1) })
			m, err := s.Open(t.Context(), store, until, func(Progress) { first() })
			if err != nil {
				t.Error(err)
				return
			}
			defer m.Close()
			if _, err := m.Ask(t.Context(), "SELECT 1", time.Minute, unheard{}); err != nil {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	if got := builds.Load(); got != 1 {
		t.Errorf("got %d builds, want 1", got)
	}
}
