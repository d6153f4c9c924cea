package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
)

var (
	written  = eventstore.List{By: eventstore.ByType, Name: "Written"}
	accounts = eventstore.List{By: eventstore.ByCategory, Name: "account"}
	streams  = eventstore.List{By: eventstore.Streams}
)

// idsOf are the ids of a list's events, by their numbers.
func idsOf(t *testing.T, s *embedded.Store, list eventstore.List) []uuid.UUID {
	t.Helper()
	var ids []uuid.UUID
	for e, err := range s.ReadList(t.Context(), list, 0) {
		if err != nil {
			t.Fatalf("list %v: got %v, want no error", list, err)
		}
		ids = append(ids, e.ID)
	}
	return ids
}

// listsAgree compares all lists with what a walk through the log finds.
func listsAgree(t *testing.T, s *embedded.Store) {
	t.Helper()
	want := map[eventstore.List][]uuid.UUID{}
	for e, err := range s.ReadAll(t.Context(), eventstore.Start) {
		if err != nil {
			t.Fatalf("read: got %v, want no error", err)
		}
		for _, list := range eventstore.ListsOf(e.Stream, e.Revision, e.Type) {
			want[list] = append(want[list], e.ID)
		}
	}
	for list, ids := range want {
		if got := idsOf(t, s, list); !slices.Equal(got, ids) {
			t.Fatalf("list %v: got %d events, want the log's %d", list, len(got), len(ids))
		}
	}
}

// reader reads lists on and on, which builds them, and notes what it has seen.
type reader struct {
	mu   sync.Mutex
	seen map[eventstore.List][]uuid.UUID
}

func (r *reader) run(t *testing.T, s *embedded.Store) {
	for {
		for _, list := range []eventstore.List{written, accounts, streams} {
			for e, err := range s.ReadList(t.Context(), list, int64(r.known(list))) {
				if errors.Is(err, eventstore.ErrClosed) {
					return
				}
				if err != nil {
					t.Errorf("list %v: got %v, want no error", list, err)
					return
				}
				r.note(list, e.ID)
			}
		}
	}
}

func (r *reader) known(list eventstore.List) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen[list])
}

func (r *reader) note(list eventstore.List, id uuid.UUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[list] = append(r.seen[list], id)
}

func (r *reader) all() map[eventstore.List][]uuid.UUID {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := map[eventstore.List][]uuid.UUID{}
	for list, ids := range r.seen {
		seen[list] = slices.Clone(ids)
	}
	return seen
}

// TestListsCrash cuts the power while lists are built beside appenders. What was read under a
// number is there for good.
func TestListsCrash(t *testing.T) {
	const cuts, writers = 8, 4
	random := rand.New(rand.NewPCG(2, uint64(len(t.Name()))))
	disk := vfs.NewCrashableMem()
	seen := map[eventstore.List][]uuid.UUID{}
	for cut := range cuts {
		s := open(t, "data", embedded.Options{FS: disk, MemTableBytes: smallTable})
		r, l := &reader{seen: seen}, newLedger(50+random.IntN(400))
		var wg sync.WaitGroup
		wg.Go(func() { r.run(t, s) })
		for range writers {
			wg.Go(func() { _ = l.write(t, s, newStream()) })
		}
		<-l.cut
		seen = r.all()
		disk = disk.CrashClone(vfs.CrashCloneCfg{
			UnsyncedDataPercent: cut * 100 / (cuts - 1), RNG: random,
		})
		if err := s.Close(); err != nil {
			t.Fatalf("close: got %v, want no error", err)
		}
		wg.Wait()
		s = open(t, "data", embedded.Options{FS: disk, MemTableBytes: smallTable})
		for list, want := range seen {
			if got := idsOf(t, s, list); len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
				t.Fatalf("cut %d, list %v: got %d events, want the %d seen before it to begin them",
					cut, list, len(got), len(want))
			}
		}
		listsAgree(t, s)
		if err := s.Close(); err != nil {
			t.Fatalf("close: got %v, want no error", err)
		}
	}
	if len(seen[written]) == 0 || len(seen[accounts]) == 0 {
		t.Fatalf("events seen in lists before the last cut: got none, want some")
	}
}

// TestListsCrashMidBuild cuts the power between the pages of a long build.
func TestListsCrashMidBuild(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	for percent := 0; percent <= 100; percent += 25 {
		disk := vfs.NewCrashableMem()
		s := open(t, "data", embedded.Options{FS: disk, MemTableBytes: smallTable})
		many(t, s, 120, 100)
		done, stop := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			_, err := s.ListLength(t.Context(), written)
			if err != nil && !errors.Is(err, eventstore.ErrClosed) {
				t.Errorf("length: got %v, want none or %v", err, eventstore.ErrClosed)
			}
			close(stop)
		}()
		for clones := 0; ; clones++ {
			crashed := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: random})
			again := open(t, "data", embedded.Options{FS: crashed})
			listsAgree(t, again)
			_ = again.Close()
			select {
			case <-stop:
			default:
				continue
			}
			break
		}
		<-done
		_ = s.Close()
	}
}

// many appends so many times so many small events, to as many streams.
func many(t *testing.T, s *embedded.Store, appends, events int) {
	t.Helper()
	for range appends {
		batch := make([]eventstore.Event, events)
		for i := range batch {
			batch[i] = eventstore.Event{ID: uuid.New(), Type: "Written", Data: []byte(`{}`)}
		}
		appendTo(t, s, newStream(), eventstore.NoStream, batch...)
	}
}

// TestListsGoOn builds lists, spoils an event that is in them, and adds to them: what is built is
// not read again.
func TestListsGoOn(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder, embedded.Options{})
	appendTo(t, s, "account-1", eventstore.NoStream, debits(3)...)
	hasLength(t, s, accounts, 3)
	_ = s.Close()
	change(t, folder, func(db *pebble.DB) {
		record := recordAt(t, db, damagedAt)
		record[len(record)-9] ^= 4
		set(t, db, logKey(damagedAt), record)
	})
	s = open(t, folder, embedded.Options{})
	appendTo(t, s, "account-2", eventstore.NoStream, debits(2)...)
	hasLength(t, s, accounts, 5)
	endsDamaged(t, s.ReadList(t.Context(), accounts, 0), 1)
}

func hasLength(t *testing.T, s *embedded.Store, list eventstore.List, want int64) {
	t.Helper()
	if got, err := s.ListLength(t.Context(), list); err != nil || got != want {
		t.Fatalf("length of %v: got %d, %v, want %d", list, got, err, want)
	}
}

// TestListsOfDamage asks for lists of a log that has a damaged event, and with keys that are
// spoiled. up and down are the events that come before the damage.
func TestListsOfDamage(t *testing.T) {
	member := func(n byte) []byte {
		return append([]byte("mc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"), n)
	}
	ways := []struct {
		name     string
		built    bool
		up, down int
		spoil    func(*testing.T, *pebble.DB)
	}{
		{"an event not yet in them", false, 0, 0, func(t *testing.T, db *pebble.DB) {
			set(t, db, logKey(damagedAt), []byte("short"))
		}},
		{"a number without an event", true, 1, 1, func(t *testing.T, db *pebble.DB) {
			if err := db.Delete(member(1), pebble.Sync); err != nil {
				t.Fatalf("delete: got %v, want no error", err)
			}
		}},
		{"a number of another list's event", true, 1, 1, func(t *testing.T, db *pebble.DB) {
			set(t, db, member(1), []byte{4})
		}},
		{"a number beyond the log", true, 2, 0, func(t *testing.T, db *pebble.DB) {
			set(t, db, member(2), []byte{0})
		}},
		{"a checkpoint that is none", true, 0, 0, func(t *testing.T, db *pebble.DB) {
			set(t, db, []byte("c"), nil)
		}},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			folder := t.TempDir()
			s := open(t, folder, embedded.Options{})
			appendTo(t, s, "account-1", eventstore.NoStream, debits(3)...)
			appendTo(t, s, "unit-1", eventstore.NoStream, debits(1)...)
			if way.built {
				hasLength(t, s, accounts, 3)
			}
			_ = s.Close()
			change(t, folder, func(db *pebble.DB) { way.spoil(t, db) })
			s = open(t, folder, embedded.Options{})
			endsDamaged(t, s.ReadList(t.Context(), accounts, 0), way.up)
			endsDamaged(t, s.ReadListBackwards(t.Context(), accounts, 2), way.down)
			appendTo(t, s, "account-1", 2, debits(1)...)
		})
	}
}

// endsDamaged demands that so many events come before the damage.
func endsDamaged(t *testing.T, events iter.Seq2[eventstore.Recorded, error], want int) {
	t.Helper()
	got, last := 0, error(nil)
	for _, err := range events {
		if last = err; err == nil {
			got++
		}
	}
	isDamaged(t, last)
	if got != want {
		t.Errorf("events before the damage: got %d, want %d", got, want)
	}
}

// TestListsAskedAtOnce lets many ask for lists of which nothing is built yet.
func TestListsAskedAtOnce(t *testing.T) {
	s := open(t, "data", embedded.Options{FS: vfs.NewMem()})
	many(t, s, 150, 100)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := s.ListLength(t.Context(), written)
			if err != nil || got != 150*100 {
				t.Errorf("length: got %d, %v, want %d", got, err, 150*100)
			}
		})
	}
	wg.Wait()
	listsAgree(t, s)
}

// TestListsAfterFailure asks for lists when the medium has failed: what is built is right, and what
// would have to be built is refused with the cause.
func TestListsAfterFailure(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			medium := newBreakable(f)
			s := open(t, "data", embedded.Options{FS: medium, MemTableBytes: smallTable})
			l := newLedger(200)
			ends := make(chan error, 1)
			go func() { ends <- l.write(t, s, newStream()) }()
			<-l.cut
			medium.broken.Store(true)
			refusedBy(t, <-ends, f.err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, err := s.ListLength(ctx, written); !errors.Is(err, f.err) {
				t.Errorf("length of lists that are not built: got %v, want %v", err, f.err)
			}
			_ = s.Close() // answers the failure; TestFailure looks at it
			listsAgree(t, open(t, "data", embedded.Options{FS: medium.disk}))
		})
	}
}

func TestListsBuiltBeforeFailure(t *testing.T) {
	medium := newBreakable(faults[1])
	s := open(t, "data", embedded.Options{FS: medium})
	appendTo(t, s, "account-1", eventstore.NoStream, debits(3)...)
	hasLength(t, s, accounts, 3)
	medium.broken.Store(true)
	_, err := s.Append(t.Context(), "account-1", 2, debits(1))
	refusedBy(t, err, faults[1].err)
	hasLength(t, s, accounts, 3)
	listsAgree(t, s)
	_ = s.Close() // answers the failure; TestFailure looks at it
}

// TestListsFailure lets the medium fail under the build itself, whose log is sound.
func TestListsFailure(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			medium := newBreakable(f)
			s := open(t, "data", embedded.Options{FS: medium, MemTableBytes: smallTable})
			many(t, s, 150, 100)
			medium.broken.Store(true)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			got, err := s.ListLength(ctx, written)
			if !errors.Is(err, f.err) && (err != nil || got != 150*100) {
				t.Errorf("length: got %d, %v, want %d or %v", got, err, 150*100, f.err)
			}
			_ = s.Close() // answers the failure; TestFailure looks at it
			crashed := medium.disk.CrashClone(vfs.CrashCloneCfg{})
			listsAgree(t, open(t, "data", embedded.Options{FS: crashed}))
		})
	}
}

// TestListsReadOnly asks for lists where they cannot be built.
func TestListsReadOnly(t *testing.T) {
	folder := t.TempDir()
	for _, built := range []bool{false, true} {
		s := open(t, folder, embedded.Options{})
		if built {
			hasLength(t, s, accounts, 3)
		} else {
			appendTo(t, s, "account-1", eventstore.NoStream, debits(3)...)
		}
		_ = s.Close()
		s, err := embedded.OpenReadOnly(folder, embedded.Options{})
		if err != nil {
			t.Fatalf("open: got %v, want no error", err)
		}
		got, err := s.ListLength(t.Context(), accounts)
		if built && (err != nil || got != 3) || !built && !errors.Is(err, embedded.ErrReadOnly) {
			t.Errorf("length, built %v: got %d, %v, want 3 or %v", built, got, err,
				embedded.ErrReadOnly)
		}
		_ = s.Close()
	}
}

// TestManyLists has more lists than the builder remembers the ends of.
func TestManyLists(t *testing.T) {
	const lists, each = 20_000, 100
	s := open(t, "data", embedded.Options{FS: vfs.NewMem()})
	kind := func(n int) string { return fmt.Sprintf("Kind%d", n) }
	for turn := range eventstore.Revision(3) {
		for first := 0; first < lists; first += each {
			events := make([]eventstore.Event, each)
			for i := range events {
				events[i] = eventstore.Event{ID: uuid.New(), Type: kind(first + i)}
			}
			appendTo(t, s, fmt.Sprintf("a-%d", first), turn*each-1, events...)
		}
		hasLength(t, s, eventstore.List{By: eventstore.ByCategory, Name: "a"}, int64(turn+1)*lists)
	}
	for n := range lists {
		hasLength(t, s, eventstore.List{By: eventstore.ByType, Name: kind(n)}, 3)
	}
}
