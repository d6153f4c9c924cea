package embedded_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
)

func TestReopen(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	events := debits(6)
	s := open(t, folder, embedded.Options{})
	appendTo(t, s, "account-1", eventstore.NoStream, events[:3]...)
	before := appendTo(t, s, "account-1", 2, events[3:5]...)
	parts := map[int][]byte{0: []byte("state")}
	if err := s.PutSnapshot(t.Context(), "account-1", parts); err != nil {
		t.Fatalf("put a snapshot: got %v, want no error", err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("close: got %v, want no error", err)
	}
	s = open(t, folder, embedded.Options{})
	if head, err := s.Head(t.Context()); err != nil || head != before.Position {
		t.Fatalf("head: got %d, %v, want %d", head, err, before.Position)
	}
	got := appendTo(t, s, "account-1", 4, events[5])
	if got.Revision != 5 || got.Position <= before.Position {
		t.Fatalf("append: got %v, want revision 5 after %d", got, before.Position)
	}
	if again := appendTo(t, s, "account-1", 2, events[3:5]...); again != before {
		t.Fatalf("repeat: got %v, want %v", again, before)
	}
	if part, err := s.Snapshot(t.Context(), "account-1", 0); err != nil || string(part) != "state" {
		t.Fatalf("snapshot: got %q, %v, want state", part, err)
	}
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("folder: got %v, %v, want mode 0700", info.Mode(), err)
	}
}

func appendTo(t *testing.T, s *embedded.Store, stream string, expected eventstore.Revision,
	events ...eventstore.Event) eventstore.Appended {
	t.Helper()
	got, err := s.Append(t.Context(), stream, expected, events)
	if err != nil {
		t.Fatalf("append to %s: got %v, want no error", stream, err)
	}
	return got
}

func TestSecondOpen(t *testing.T) {
	folder := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(folder, link); err != nil {
		t.Fatalf("symlink: got %v, want no error", err)
	}
	s := open(t, folder, embedded.Options{})
	for _, name := range []string{folder, folder + "/.", link} {
		_, err := embedded.Open(name, embedded.Options{})
		var inUse *eventstore.InUse
		if !errors.As(err, &inUse) || inUse.Folder != name {
			t.Errorf("open %s again: got %v, want InUse", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatalf("close: got %v, want no error", err)
	}
	open(t, link, embedded.Options{})
}

func TestOpenWhatIsNoFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatalf("write: got %v, want no error", err)
	}
	_, err := embedded.Open(file, embedded.Options{})
	var inUse *eventstore.InUse
	if err == nil || errors.As(err, &inUse) {
		t.Errorf("open a file: got %v, want another error", err)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := embedded.OpenReadOnly(missing, embedded.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("open a missing folder: got %v, want %v", err, os.ErrNotExist)
	}
	if _, err := os.Stat(missing); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing folder: got %v, want it still missing", err)
	}
}

func TestNewerFormat(t *testing.T) {
	folder := t.TempDir()
	_ = open(t, folder, embedded.Options{}).Close()
	change(t, folder, func(db *pebble.DB) { set(t, db, []byte("f"), []byte{3}) })
	_, err := embedded.Open(folder, embedded.Options{})
	if err == nil || !strings.Contains(err.Error(), "format 3") {
		t.Fatalf("open: got %v, want a word on format 3", err)
	}
}

// TestFormat1 reads a folder whose index has every event, and writes on in it.
func TestFormat1(t *testing.T) {
	folder := t.TempDir()
	events := debits(8)
	s := open(t, folder, embedded.Options{})
	appendTo(t, s, "account-1", eventstore.NoStream, events[:3]...)
	before := appendTo(t, s, "account-1", 2, events[3:5]...)
	reads(t, s, events[:5])
	_ = s.Close()
	index := []byte("i\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00")
	change(t, folder, func(db *pebble.DB) {
		for i := range byte(5) {
			set(t, db, append(bytes.Clone(index), i), []byte{i + 1})
		}
		set(t, db, []byte("f"), []byte{1})
	})
	old, err := embedded.OpenReadOnly(folder, embedded.Options{})
	if err != nil {
		t.Fatalf("open to read: got %v, want no error", err)
	}
	reads(t, old, events[:5])
	_ = old.Close()
	s = open(t, folder, embedded.Options{})
	if again := appendTo(t, s, "account-1", 2, events[3:5]...); again != before {
		t.Errorf("repeat: got %v, want %v", again, before)
	}
	appendTo(t, s, "account-1", 4, events[5:]...)
	reads(t, s, events)
	_ = s.Close()
	change(t, folder, func(db *pebble.DB) {
		if value, closer, err := db.Get([]byte("f")); err != nil || value[0] != 2 {
			t.Errorf("format: got %v, %v, want 2", value, err)
		} else {
			_ = closer.Close()
		}
	})
}

// reads reads account-1 from every revision, upwards and downwards.
func reads(t *testing.T, s *embedded.Store, want []eventstore.Event) {
	t.Helper()
	for from := range want {
		revision := from
		for e, err := range s.Read(t.Context(), "account-1", eventstore.Revision(from)) {
			if err != nil || e.ID != want[revision].ID {
				t.Fatalf("read from %d: got %s, %v, want %s", from, e.ID, err, want[revision].ID)
			}
			revision++
		}
		if revision != len(want) {
			t.Errorf("read from %d: got %d as the end, want %d", from, revision, len(want))
		}
		revision = from
		for e, err := range s.ReadBackwards(t.Context(), "account-1", eventstore.Revision(from)) {
			if err != nil || e.ID != want[revision].ID {
				t.Fatalf("read down from %d: got %s, %v, want %s", from, e.ID, err, want[revision].ID)
			}
			revision--
		}
		if revision != -1 {
			t.Errorf("read down from %d: got %d behind the end, want -1", from, revision)
		}
	}
}

// change opens a folder's database behind the store's back.
func change(t *testing.T, folder string, how func(*pebble.DB)) {
	t.Helper()
	db, err := pebble.Open(folder, &pebble.Options{Logger: quiet{}})
	if err != nil {
		t.Fatalf("open the database: got %v, want no error", err)
	}
	how(db)
	if err := db.Close(); err != nil {
		t.Fatalf("close the database: got %v, want no error", err)
	}
}

func set(t *testing.T, db *pebble.DB, key, value []byte) {
	t.Helper()
	if err := db.Set(key, value, pebble.Sync); err != nil {
		t.Fatalf("set %q: got %v, want no error", key, err)
	}
}

func TestCheckpoint(t *testing.T) {
	folder := t.TempDir()
	s := open(t, filepath.Join(folder, "live"), embedded.Options{MemTableBytes: smallTable})
	l := newLedger(100)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { _ = l.write(t, s, newStream()) })
	}
	<-l.cut
	acked, copied := l.all(), filepath.Join(folder, "copy")
	if err := s.Checkpoint(copied); err != nil {
		t.Fatalf("checkpoint: got %v, want no error", err)
	}
	c, err := embedded.OpenReadOnly(copied, embedded.Options{})
	if err != nil {
		t.Fatalf("open the checkpoint: got %v, want no error", err)
	}
	if _, err := c.Append(t.Context(), "a", 0, debits(1)); !errors.Is(err, embedded.ErrReadOnly) {
		t.Errorf("append: got %v, want %v", err, embedded.ErrReadOnly)
	}
	err = c.PutSnapshot(t.Context(), "a", map[int][]byte{0: nil})
	if !errors.Is(err, embedded.ErrReadOnly) {
		t.Errorf("put a snapshot: got %v, want %v", err, embedded.ErrReadOnly)
	}
	if err := c.Close(); err != nil {
		t.Errorf("close: got %v, want no error", err)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("checkpoint: got %v, %v, want mode 0700", info.Mode(), err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: got %v, want no error", err)
	}
	wg.Wait()
	intact(t, open(t, copied, embedded.Options{}), acked)
}
