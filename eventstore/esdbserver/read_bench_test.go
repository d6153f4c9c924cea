package esdbserver

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
)

// benchEvents is how many events of 300 bytes a subscription catches up with, in 100 streams of one
// category besides the stream that has them all.
const benchEvents = 200_000

// fillBench writes benchEvents to a store in a folder: half to the stream "one", half to many.
func fillBench(b *testing.B) *house {
	b.Helper()
	store, err := embedded.Open(b.TempDir(), embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	h := openHouse(b, store)
	const batch = 500
	ends := map[string]eventstore.Revision{}
	for i := range benchEvents / batch {
		stream := "one"
		if i%2 == 1 {
			stream = fmt.Sprintf("many-%d", i%100)
		}
		events := make([]eventstore.Event, batch)
		for j := range events {
			events[j] = benchEvent()
		}
		end, ok := ends[stream]
		if !ok {
			end = eventstore.NoStream
		}
		at, err := store.Append(h.ctx, stream, end, events)
		if err != nil {
			b.Fatal(err)
		}
		ends[stream] = at.Revision
	}
	return h
}

func benchEvent() eventstore.Event {
	return eventstore.Event{
		ID: uuid.New(), Type: "DebitPosted", Data: bytes.Repeat([]byte("x"), 250),
		Metadata: bytes.Repeat([]byte("y"), 50),
	}
}

// processorTime is what this process has used of the processors.
func processorTime() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkCatchUp is a subscription of the official client that catches up, server and client in
// this process: ns/op is for one event.
func BenchmarkCatchUp(b *testing.B) {
	h := fillBench(b)
	stream := func(name string, links bool) func(context.Context) (*esdb.Subscription, error) {
		return func(ctx context.Context) (*esdb.Subscription, error) {
			return h.client.SubscribeToStream(ctx, name,
				esdb.SubscribeToStreamOptions{From: esdb.Start{}, ResolveLinkTos: links})
		}
	}
	all := func(filter *esdb.SubscriptionFilter) func(context.Context) (*esdb.Subscription, error) {
		return func(ctx context.Context) (*esdb.Subscription, error) {
			return h.client.SubscribeToAll(ctx, esdb.SubscribeToAllOptions{
				From: esdb.Start{}, Filter: filter, CheckpointInterval: 100,
			})
		}
	}
	for _, row := range []struct {
		name      string
		subscribe func(context.Context) (*esdb.Subscription, error)
	}{
		{"stream", stream("one", false)},
		{"all", all(nil)},
		{"all/prefix", all(&esdb.SubscriptionFilter{
			Type: esdb.StreamFilterType, Prefixes: []string{"many-"},
		})},
		{"all/regex", all(esdb.ExcludeSystemEventsFilter())},
		{"category", stream("$ce-many", false)},
		{"category/resolved", stream("$ce-many", true)},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			used := processorTime()
			for done := 0; done < b.N; {
				ctx, cancel := context.WithCancel(h.ctx)
				sub, err := row.subscribe(ctx)
				if err != nil {
					b.Fatal(err)
				}
				for done < b.N {
					got := sub.Recv()
					if got.SubscriptionDropped != nil {
						b.Fatal(got.SubscriptionDropped.Error)
					}
					if got.CaughtUp != nil {
						break
					}
					if got.EventAppeared != nil {
						done++
					}
				}
				cancel()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(processorTime()-used)/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkReadOne is one call of the official client for one event.
func BenchmarkReadOne(b *testing.B) {
	h := fillBench(b)
	for _, row := range []struct {
		name string
		read func() (*esdb.ReadStream, error)
	}{
		{"stream", func() (*esdb.ReadStream, error) {
			return h.client.ReadStream(h.ctx, "one", esdb.ReadStreamOptions{
				From: esdb.Revision(1000),
			}, 1)
		}},
		{"stream/last", func() (*esdb.ReadStream, error) {
			return h.client.ReadStream(h.ctx, "one", esdb.ReadStreamOptions{
				From: esdb.End{}, Direction: esdb.Backwards,
			}, 1)
		}},
		{"all", func() (*esdb.ReadStream, error) {
			return h.client.ReadAll(h.ctx, esdb.ReadAllOptions{}, 1)
		}},
		{"all/last", func() (*esdb.ReadStream, error) {
			return h.client.ReadAll(h.ctx, esdb.ReadAllOptions{
				From: esdb.End{}, Direction: esdb.Backwards,
			}, 1)
		}},
	} {
		b.Run(row.name, func(b *testing.B) {
			for b.Loop() {
				read, err := row.read()
				if err != nil {
					b.Fatal(err)
				}
				if _, err := read.Recv(); err != nil {
					b.Fatal(err)
				}
				read.Close()
			}
		})
	}
}

// BenchmarkIdle is what 1,000 subscriptions of the bare protocol cost while nothing is written to
// their streams, client's side included: memory and goroutines of each, and the processor time of
// one append of one event to another stream.
func BenchmarkIdle(b *testing.B) {
	const subscriptions = 1000
	for _, row := range []struct {
		name string
		of   func(i int) []change
	}{
		{"none", nil},
		{"streams", func(i int) []change {
			return []change{ofStream(fmt.Sprint("s-", i), fromEnd)}
		}},
		{"filtered", func(i int) []change {
			filter := everySo(prefixFilter(false, fmt.Sprint("s-", i)), 32, 1<<20)
			return []change{ofAll(fromEnd), passing(filter)}
		}},
	} {
		b.Run(row.name, func(b *testing.B) {
			h := openHouse(b, openEmbedded(b))
			h.fill("other", 1, "Tested")
			before, goroutines := inUse(), runtime.NumGoroutine()
			if row.of != nil {
				for i := range subscriptions {
					h.call(append(row.of(i), live)...).expect("confirmed caught-up")
				}
			}
			begun, goroutines := inUse(), runtime.NumGoroutine()-goroutines
			b.ResetTimer()
			used := processorTime()
			for i := range b.N {
				_, err := h.store.Append(h.ctx, "other", eventstore.Revision(i),
					[]eventstore.Event{benchEvent()})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(processorTime()-used)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(begun-before)/subscriptions, "B/subscription")
			b.ReportMetric(float64(inUse()-before)/subscriptions, "B/subscription-after")
			b.ReportMetric(float64(goroutines)/subscriptions, "goroutines/subscription")
		})
	}
}

// inUse is the memory of the heap and of stacks that is in use.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
