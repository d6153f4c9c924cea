package embedded_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
)

// fault is one way in which the medium fails, from some moment on and for good.
type fault struct {
	name string
	err  error
	kind []errorfs.OpKind
	file string // a part of the path
}

var faults = []fault{
	{"full at a write of the WAL", syscall.ENOSPC, []errorfs.OpKind{errorfs.OpFileWrite}, ".log"},
	{"sync of the WAL", syscall.EIO,
		[]errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData}, ".log"},
	{"new WAL", syscall.ENOSPC, []errorfs.OpKind{errorfs.OpCreate, errorfs.OpReuseForWrite}, ".log"},
	{"full at a write of a table", syscall.ENOSPC, []errorfs.OpKind{errorfs.OpFileWrite}, ".sst"},
	{"sync of a table", syscall.EIO,
		[]errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData}, ".sst"},
	{"new table", syscall.EMFILE, []errorfs.OpKind{errorfs.OpCreate}, ".sst"},
	{"write of the manifest", syscall.ENOSPC, []errorfs.OpKind{errorfs.OpFileWrite}, "MANIFEST"},
	{"sync of the manifest", syscall.EIO,
		[]errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData}, "MANIFEST"},
	{"full everywhere", syscall.ENOSPC,
		[]errorfs.OpKind{errorfs.OpFileWrite, errorfs.OpCreate, errorfs.OpFileSync}, ""},
}

// breakable is a disk in memory that begins to fail when it is told to.
type breakable struct {
	vfs.FS
	disk   *vfs.MemFS
	broken atomic.Bool
}

func newBreakable(f fault) *breakable {
	b := &breakable{disk: vfs.NewCrashableMem()}
	b.FS = errorfs.Wrap(b.disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !b.broken.Load() || !strings.Contains(op.Path, f.file) {
			return nil
		}
		for _, kind := range f.kind {
			if op.Kind == kind {
				return f.err
			}
		}
		return nil
	}))
	return b
}

// ReuseForWrite opens the file again, as errorfs lets what it reuses get away.
func (b *breakable) ReuseForWrite(from, to string, kind vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := b.FS.ReuseForWrite(from, to, kind)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return b.FS.OpenReadWrite(to, kind)
}

// TestFailure breaks the medium under appenders. They must get errors and not hang, what was
// acknowledged must stay readable and be there after the next opening, whether what was cached
// outlives it ("persisted anyway") or not.
func TestFailure(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			medium := newBreakable(f)
			s := open(t, "data", embedded.Options{FS: medium, MemTableBytes: smallTable})
			l := newLedger(200)
			var wg sync.WaitGroup
			ends := make(chan error, 8)
			for range cap(ends) {
				wg.Go(func() { ends <- l.write(t, s, newStream()) })
			}
			<-l.cut
			medium.broken.Store(true)
			wg.Wait()
			for range cap(ends) {
				refusedBy(t, <-ends, f.err)
			}
			_, err := s.Append(t.Context(), newStream(), eventstore.NoStream, debits(1))
			refusedBy(t, err, f.err)
			select {
			case <-s.Failed():
			default:
				t.Error("Failed: got no word of the failure")
			}
			refusedBy(t, s.Failure(), f.err)
			if errors.Is(err, eventstore.ErrOutcomeUnknown) {
				t.Fatalf("append to a stopped store: got %v, want a known outcome", err)
			}
			readable(t, s, l.all())
			if err := s.Close(); !errors.Is(err, f.err) {
				t.Fatalf("close: got %v, want %v", err, f.err)
			}
			crashed := medium.disk.CrashClone(vfs.CrashCloneCfg{})
			intact(t, open(t, "data", embedded.Options{FS: medium.disk}), l.all())
			intact(t, open(t, "data", embedded.Options{FS: crashed}), l.all())
		})
	}
}

func refusedBy(t *testing.T, err, cause error) {
	t.Helper()
	var wrong *eventstore.WrongRevision
	if !errors.Is(err, cause) || errors.As(err, &wrong) {
		t.Fatalf("append: got %v, want %v", err, cause)
	}
}

// readable demands that exactly what was acknowledged is in the log.
func readable(t *testing.T, s *embedded.Store, acked []eventstore.Event) {
	t.Helper()
	found := map[string]bool{}
	for e, err := range s.ReadAll(t.Context(), eventstore.Start) {
		if err != nil {
			t.Fatalf("read after the failure: got %v, want no error", err)
		}
		found[e.ID.String()] = true
	}
	if len(found) != len(acked) {
		t.Fatalf("events after the failure: got %d, want %d", len(found), len(acked))
	}
	for _, e := range acked {
		if !found[e.ID.String()] {
			t.Fatalf("event %v after the failure: got none, want it", e.ID)
		}
	}
}

// TestOpenFails opens a new folder on a medium that fails already.
func TestOpenFails(t *testing.T) {
	for _, f := range faults {
		medium := newBreakable(f)
		medium.broken.Store(true)
		s, err := embedded.Open("data", embedded.Options{FS: medium})
		if err == nil && f.file == ".sst" { // an empty store has no tables
			err = errors.Join(f.err, s.Close())
		}
		if !errors.Is(err, f.err) {
			t.Errorf("%s: got %v, want %v", f.name, err, f.err)
		}
		medium.broken.Store(false)
		appendTo(t, open(t, "data", embedded.Options{FS: medium}), "a", -1, debits(1)...)
	}
}

// TestUnknownOutcome sends an append again whose commit failed: it is in the log once.
func TestUnknownOutcome(t *testing.T) {
	medium := newBreakable(faults[1])
	s := open(t, "data", embedded.Options{FS: medium})
	medium.broken.Store(true)
	events := debits(3)
	_, err := s.Append(t.Context(), "account-1", eventstore.NoStream, events)
	if !errors.Is(err, eventstore.ErrOutcomeUnknown) || !errors.Is(err, syscall.EIO) {
		t.Fatalf("append: got %v, want %v", err, eventstore.ErrOutcomeUnknown)
	}
	_ = s.Close() // answers the failure; TestFailure looks at it
	for _, disk := range []*vfs.MemFS{medium.disk.CrashClone(vfs.CrashCloneCfg{}), medium.disk} {
		s := open(t, "data", embedded.Options{FS: disk})
		got, err := s.Append(t.Context(), "account-1", eventstore.NoStream, events)
		if err != nil || got.Revision != 2 {
			t.Fatalf("append again: got %v, %v, want revision 2", got, err)
		}
		if head, err := s.Head(t.Context()); err != nil || head != got.Position || head != 3 {
			t.Fatalf("head: got %d, %v, want 3", head, err)
		}
	}
}

// slow is a disk in memory whose syncs of the WAL wait for a token while there is a channel.
type slow struct {
	vfs.FS
	tokens atomic.Pointer[chan struct{}]
}

func newSlow() *slow {
	s := &slow{}
	s.FS = errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		tokens := s.tokens.Load()
		sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData
		if tokens != nil && sync && strings.HasSuffix(op.Path, ".log") {
			*tokens <- struct{}{}
			<-*tokens
		}
		return nil
	}))
	return s
}

// TestNotYetDurable holds a sync up: its events are applied in Pebble, but nobody may see them, and
// a caller who leaves does not know. Appends that wait meanwhile share the next commit.
func TestNotYetDurable(t *testing.T) {
	disk, commits := newSlow(), make(chan int, 10)
	s := open(t, "data", embedded.Options{
		FS: disk, OnCommit: func(appends, _, _ int, _ time.Duration) { commits <- appends },
	})
	tokens := make(chan struct{})
	disk.tokens.Store(&tokens)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := s.Append(ctx, "account-1", eventstore.NoStream, debits(1))
		if !errors.Is(err, eventstore.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
			t.Errorf("append: got %v, want %v", err, eventstore.ErrOutcomeUnknown)
		}
	})
	<-tokens // the sync has begun
	cancel()
	wg.Wait()
	unseen(t, s)
	for range 20 {
		wg.Go(func() {
			_, err := s.Append(t.Context(), newStream(), eventstore.NoStream, debits(1))
			if err != nil {
				t.Errorf("append: got %v, want no error", err)
			}
		})
	}
	disk.tokens.Store(nil)
	tokens <- struct{}{}
	wg.Wait()
	if first := <-commits; first != 1 {
		t.Errorf("appends of the first commit: got %d, want 1", first)
	}
	if head, err := s.Head(t.Context()); err != nil || head != 21 {
		t.Errorf("head: got %d, %v, want 21", head, err)
	}
}

// unseen demands an empty store by every way of reading.
func unseen(t *testing.T, s *embedded.Store) {
	t.Helper()
	if head, err := s.Head(t.Context()); err != nil || head != eventstore.Start {
		t.Errorf("head: got %d, %v, want none", head, err)
	}
	if head, err := s.Head(t.Context(), "account"); err != nil || head != eventstore.Start {
		t.Errorf("head of accounts: got %d, %v, want none", head, err)
	}
	for e, err := range s.Read(t.Context(), "account-1", 0) {
		t.Errorf("read: got %v, %v, want nothing", e, err)
	}
	for e, err := range s.ReadBackwards(t.Context(), "account-1", eventstore.End) {
		t.Errorf("read backwards: got %v, %v, want nothing", e, err)
	}
	for e, err := range s.ReadAll(t.Context(), eventstore.Start) {
		t.Errorf("read all: got %v, %v, want nothing", e, err)
	}
	for e, err := range s.ReadAllBackwards(t.Context(), math.MaxUint64) {
		t.Errorf("read all backwards: got %v, %v, want nothing", e, err)
	}
	hasLength(t, s, accounts, 0)
	for batch, err := range s.Follow(t.Context(), eventstore.Start) {
		if len(batch) > 0 || err != nil {
			t.Errorf("follow: got %v, %v, want an empty batch", batch, err)
		}
		break
	}
}
