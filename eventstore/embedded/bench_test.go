package embedded_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
)

var callers = []int{1, 16, 64, 256}

// BenchmarkAppend appends one debit's event a time, every caller to a stream of its own.
func BenchmarkAppend(b *testing.B) {
	for _, n := range callers {
		b.Run(fmt.Sprintf("callers=%d", n), func(b *testing.B) {
			s := open(b, b.TempDir(), embedded.Options{})
			atOnce(b, n, func(next func() bool) {
				stream, expected := newStream(), eventstore.NoStream
				for next() {
					got, err := s.Append(b.Context(), stream, expected, debits(1))
					if err != nil {
						b.Errorf("append: got %v, want no error", err)
						return
					}
					expected = got.Revision
				}
			})
		})
	}
}

// BenchmarkLoad loads a log in which every event is another stream's; one turn is one event.
func BenchmarkLoad(b *testing.B) {
	s := open(b, b.TempDir(), embedded.Options{})
	log := recorded(b.N, 10_000)
	for i, e := range debits(b.N) {
		log[i].Event = e
	}
	b.SetBytes(debitBytes)
	b.ReportAllocs()
	b.ResetTimer()
	if err := load(b.Context(), s, log); err != nil {
		b.Fatalf("load: got %v, want no error", err)
	}
}

// BenchmarkPebble is the ceiling: the same bytes, compressed alike, set and synced by every caller
// for himself, without streams, revisions or an index.
func BenchmarkPebble(b *testing.B) {
	for _, n := range callers {
		b.Run(fmt.Sprintf("callers=%d", n), func(b *testing.B) {
			opts := &pebble.Options{MemTableSize: 64 << 20, Logger: quiet{}}
			for i := range opts.Levels {
				opts.Levels[i].Compression = func() *sstable.CompressionProfile {
					return sstable.FastestCompression
				}
			}
			db, err := pebble.Open(b.TempDir(), opts)
			if err != nil {
				b.Fatalf("open: got %v, want no error", err)
			}
			defer db.Close()
			var position atomic.Uint64
			atOnce(b, n, func(next func() bool) {
				for next() {
					e := debits(1)[0]
					batch := db.NewBatch()
					key := binary.BigEndian.AppendUint64([]byte{'l'}, position.Add(1))
					_ = batch.Set(key, append(e.Metadata, e.Data...), nil)
					if err := batch.Commit(pebble.Sync); err != nil {
						b.Errorf("commit: got %v, want no error", err)
					}
				}
			})
		})
	}
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}

// atOnce shares b.N turns out to n goroutines.
func atOnce(b *testing.B, n int, work func(next func() bool)) {
	var turns atomic.Int64
	next := func() bool { return turns.Add(1) <= int64(b.N) }
	done := make(chan struct{})
	b.SetBytes(debitBytes)
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime(b)
	for range n {
		go func() {
			defer func() { done <- struct{}{} }()
			work(next)
		}()
	}
	for range n {
		<-done
	}
	b.StopTimer()
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// processorTime is what this process has used of all processors. On a machine whose syncs are quick
// it says more than the time that passed.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatalf("processor time: got %v, want no error", err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkReadAll reads a log of 100,000 events; one turn is one event.
func BenchmarkReadAll(b *testing.B) {
	s := filled(b, 100_000)
	b.SetBytes(debitBytes)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		for _, err := range s.ReadAll(b.Context(), eventstore.Start) {
			if err != nil {
				b.Fatalf("read: got %v, want no error", err)
			}
			if n++; n >= b.N {
				return
			}
		}
	}
}

// BenchmarkReadAllPrefix scans past events of other streams; one turn is one event of the log.
func BenchmarkReadAllPrefix(b *testing.B) {
	const size = 100_000
	s := filled(b, size)
	b.ResetTimer()
	for n := 0; n < b.N; n += size {
		for e, err := range s.ReadAll(b.Context(), eventstore.Start, "unit-", "store-") {
			b.Fatalf("read: got %v, %v, want nothing", e, err)
		}
	}
}

// BenchmarkFollow catches up with a log of 100,000 events; one turn is one event.
func BenchmarkFollow(b *testing.B) {
	s := filled(b, 100_000)
	b.SetBytes(debitBytes)
	b.ResetTimer()
	for n := 0; n < b.N; {
		for batch, err := range s.Follow(b.Context(), eventstore.Start) {
			if err != nil {
				b.Fatalf("follow: got %v, want no error", err)
			}
			if n += len(batch); n >= b.N || len(batch) == 0 {
				break
			}
		}
	}
}

// BenchmarkRead reads a hot stream of 10,000 events; one turn is one event.
func BenchmarkRead(b *testing.B) {
	s := open(b, b.TempDir(), embedded.Options{})
	expected := eventstore.NoStream
	for range 100 {
		got, err := s.Append(b.Context(), "account-hot", expected, debits(100))
		if err != nil {
			b.Fatalf("append: got %v, want no error", err)
		}
		expected = got.Revision
	}
	b.SetBytes(debitBytes)
	b.ResetTimer()
	for n := 0; n < b.N; {
		for _, err := range s.Read(b.Context(), "account-hot", 0) {
			if err != nil {
				b.Fatalf("read: got %v, want no error", err)
			}
			if n++; n >= b.N {
				return
			}
		}
	}
}

// BenchmarkBuildLists builds the lists of a log of 100,000 events; one turn is one event.
func BenchmarkBuildLists(b *testing.B) {
	const size = 100_000
	for n := 0; n < b.N; n += size {
		b.StopTimer()
		s := filled(b, size)
		b.StartTimer()
		if got, err := s.ListLength(b.Context(), accounts); err != nil || got != size {
			b.Fatalf("length: got %d, %v, want %d", got, err, size)
		}
		_ = s.Close()
	}
}

// BenchmarkReadList reads a category of 100,000 events; one turn is one event.
func BenchmarkReadList(b *testing.B) {
	s := filled(b, 100_000)
	if _, err := s.ListLength(b.Context(), accounts); err != nil {
		b.Fatalf("length: got %v, want no error", err)
	}
	b.SetBytes(debitBytes)
	b.ResetTimer()
	for n := 0; n < b.N; {
		for _, err := range s.ReadList(b.Context(), accounts, 0) {
			if err != nil {
				b.Fatalf("read: got %v, want no error", err)
			}
			if n++; n >= b.N {
				return
			}
		}
	}
}

// BenchmarkOpen opens and closes a log of a million events in ten thousand streams.
func BenchmarkOpen(b *testing.B) {
	folder := b.TempDir()
	s := open(b, folder, embedded.Options{})
	fill(b, s, 1_000_000)
	if err := s.Close(); err != nil {
		b.Fatalf("close: got %v, want no error", err)
	}
	for b.Loop() {
		s, err := embedded.Open(folder, embedded.Options{})
		if err != nil {
			b.Fatalf("open: got %v, want no error", err)
		}
		_ = s.Close()
	}
}

func filled(b *testing.B, events int) *embedded.Store {
	s := open(b, b.TempDir(), embedded.Options{})
	fill(b, s, events)
	return s
}

// fill spreads events over streams of 100, 100 an append, in an order that visits streams in turn.
func fill(b *testing.B, s *embedded.Store, events int) {
	b.Helper()
	for range events / 100 {
		_, err := s.Append(context.Background(), newStream(), eventstore.NoStream, debits(100))
		if err != nil {
			b.Fatalf("append: got %v, want no error", err)
		}
	}
}

// debitBytes is the size of one of debits' events.
var debitBytes = func() int64 {
	e := debits(1)[0]
	return int64(len(e.Type) + len(e.Data) + len(e.Metadata))
}()

func newStream() string { return "account-" + uuid.NewString() }

// debits are events of the size and texture of a debit, about 1.2 KB, with new ids. Their bytes
// come from a stock, so that a benchmark does not time their making.
func debits(n int) []eventstore.Event {
	events := make([]eventstore.Event, n)
	for i := range events {
		events[i] = stock[drawn.Add(1)%int64(len(stock))]
		events[i].ID = uuid.New()
	}
	return events
}

var drawn atomic.Int64

var stock = func() []eventstore.Event {
	events := make([]eventstore.Event, 1024)
	for i := range events {
		var data bytes.Buffer
		fmt.Fprintf(&data, `{"debit_id":"%v","amount":"12.34","unit":"CHF","reference":"%v","moves":[`,
			uuid.New(), uuid.New())
		for lot := range 8 {
			fmt.Fprintf(&data, `{"lot":"%v","amount":"%d.%02d","purpose":"meal"},`,
				uuid.New(), lot, lot*7)
		}
		fmt.Fprintf(&data, `{}],"balance":{"available":"%d.00","held":"0.00"}}`, i)
		events[i] = eventstore.Event{Type: "DebitPosted", Data: data.Bytes()}
		events[i].Metadata = fmt.Appendf(nil, `{"prev_hash":"%x%x","key":"%v","actor":"till-%d",`+
			`"correlation":"%v","recorded_at":"2026-01-02T03:04:05.678901Z"}`,
			uuid.New(), uuid.New(), uuid.New(), i, uuid.New())
	}
	return events
}()
