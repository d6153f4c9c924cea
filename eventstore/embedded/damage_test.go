package embedded_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
)

// damagedAt is the position of the event that TestDamaged spoils: account-1@1.
const damagedAt = 2

func logKey(at uint64) []byte { return binary.BigEndian.AppendUint64([]byte{'l'}, at) }

// TestDamaged spoils one of three events. Reads must name it and yield what comes before.
func TestDamaged(t *testing.T) {
	ways := []struct {
		name  string
		spoil func(*testing.T, *pebble.DB)
	}{
		{"a flipped bit", func(t *testing.T, db *pebble.DB) {
			record := recordAt(t, db, damagedAt)
			record[len(record)-9] ^= 4
			set(t, db, logKey(damagedAt), record)
		}},
		{"a record cut short", func(t *testing.T, db *pebble.DB) {
			record := recordAt(t, db, damagedAt)
			set(t, db, logKey(damagedAt), record[:len(record)/2])
		}},
		{"an empty record", func(t *testing.T, db *pebble.DB) {
			set(t, db, logKey(damagedAt), nil)
		}},
		{"no record", func(t *testing.T, db *pebble.DB) {
			if err := db.Delete(logKey(damagedAt), pebble.Sync); err != nil {
				t.Fatalf("delete: got %v, want no error", err)
			}
		}},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			folder := t.TempDir()
			s := open(t, folder, embedded.Options{})
			events := debits(3)
			appendTo(t, s, "account-1", eventstore.NoStream, events...)
			appendTo(t, s, "account-2", eventstore.NoStream, debits(1)...)
			_ = s.Close()
			change(t, folder, func(db *pebble.DB) { way.spoil(t, db) })
			s = open(t, folder, embedded.Options{})
			damagedRead(t, s, 1)
			damagedLog(t, s, 1)
			_, err := s.Append(t.Context(), "account-1", eventstore.NoStream, events[:2])
			isDamaged(t, err)
			appendTo(t, s, "account-1", 2, debits(1)...)
			appendTo(t, s, "account-2", 0, debits(1)...)
		})
	}
}

// TestDamagedBase spoils the event whose metadata the next one's record differs from.
func TestDamagedBase(t *testing.T) {
	for _, spoil := range []func(*testing.T, *pebble.DB){
		func(t *testing.T, db *pebble.DB) { set(t, db, logKey(damagedAt-1), []byte("short")) },
		func(t *testing.T, db *pebble.DB) { set(t, db, logKey(damagedAt-1), recordAt(t, db, 4)) },
		func(t *testing.T, db *pebble.DB) { _ = db.Delete(logKey(damagedAt-1), pebble.Sync) },
	} {
		folder := t.TempDir()
		s := open(t, folder, embedded.Options{})
		events := debits(4)
		for i := range events {
			events[i].Metadata = fmt.Appendf(nil, `{"store":%q,"n":%d}`, strings.Repeat("same", 99), i)
		}
		appendTo(t, s, "account-1", eventstore.NoStream, events[:3]...)
		appendTo(t, s, "account-2", eventstore.NoStream, events[3])
		_ = s.Close()
		change(t, folder, func(db *pebble.DB) {
			if got := len(recordAt(t, db, damagedAt)) - len(events[1].Data); got > 99 {
				t.Errorf("record: got %d bytes beside its data, want no whole metadata", got)
			}
			spoil(t, db)
		})
		s = open(t, folder, embedded.Options{})
		last := error(nil)
		for _, err := range s.Read(t.Context(), "account-1", 1) {
			last = err
		}
		if got := isDamaged(t, last); got.Stream != "account-1" || got.Revision != 1 {
			t.Errorf("read: got %v, want account-1@1", got)
		}
		_ = s.Close()
	}
}

// TestIndexGap takes an append out of the index. Others wrote before and after it.
func TestIndexGap(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder, embedded.Options{})
	for i := range eventstore.Revision(3) {
		appendTo(t, s, "account-1", i-1, debits(1)...)
		appendTo(t, s, "account-2", i-1, debits(1)...)
	}
	_ = s.Close()
	change(t, folder, func(db *pebble.DB) {
		key := binary.BigEndian.AppendUint64([]byte("i\x00\x00\x00\x00\x00\x00\x00\x01"), 1)
		if err := db.Delete(key, pebble.Sync); err != nil {
			t.Fatalf("delete: got %v, want no error", err)
		}
	})
	damagedRead(t, open(t, folder, embedded.Options{}), 1)
}

func recordAt(t *testing.T, db *pebble.DB, at uint64) []byte {
	t.Helper()
	value, closer, err := db.Get(logKey(at))
	if err != nil {
		t.Fatalf("get position %d: got %v, want no error", at, err)
	}
	defer closer.Close()
	return slices.Clone(value)
}

func damagedRead(t *testing.T, s *embedded.Store, want int) {
	t.Helper()
	events, last := 0, error(nil)
	for _, err := range s.Read(t.Context(), "account-1", 0) {
		if last = err; err == nil {
			events++
		}
	}
	if got := isDamaged(t, last); got.Stream != "account-1" || got.Revision != 1 || events != want {
		t.Errorf("read: got %v after %d events, want account-1@1 after %d", got, events, want)
	}
}

func damagedLog(t *testing.T, s *embedded.Store, want int) {
	t.Helper()
	events, last := 0, error(nil)
	for _, err := range s.ReadAll(t.Context(), eventstore.Start) {
		if last = err; err == nil {
			events++
		}
	}
	isDamaged(t, last)
	if events != want {
		t.Errorf("read all: got %d events, want %d before the damage", events, want)
	}
}

func isDamaged(t *testing.T, err error) *eventstore.Damaged {
	t.Helper()
	var damaged *eventstore.Damaged
	if !errors.As(err, &damaged) {
		t.Fatalf("damaged event: got %v, want Damaged", err)
	}
	return damaged
}

// TestDamagedTable flips bits in the middle of every table that holds the log.
func TestDamagedTable(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder, embedded.Options{})
	appendTo(t, s, "account-1", eventstore.NoStream, debits(500)...)
	_ = s.Close()
	change(t, folder, func(db *pebble.DB) { _ = db.Flush() })
	tables, err := filepath.Glob(filepath.Join(folder, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("tables: got %v, %v, want some", tables, err)
	}
	for _, table := range tables {
		spoilFile(t, table)
	}
	s = open(t, folder, embedded.Options{})
	last := error(nil)
	for _, err := range s.ReadAll(t.Context(), eventstore.Start) {
		last = err
	}
	if got := isDamaged(t, last).Error(); !strings.HasPrefix(got, "the log is damaged: ") ||
		strings.Contains(got, "\n") {
		t.Errorf("damaged table: got %q, want one line about the log", got)
	}
}

func spoilFile(t *testing.T, name string) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("read: got %v, want no error", err)
	}
	middle := content[len(content)/3 : len(content)/3+64]
	copy(middle, bytes.Repeat([]byte{0xa5}, 64))
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatalf("write: got %v, want no error", err)
	}
}
