package esdbserver

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// clientsAtOnce is how many goroutines append.
const clientsAtOnce = 64

// nothing is a store that keeps nothing: what is appended to it costs the protocol alone.
type nothing struct {
	*storetest.Memory
	position atomic.Uint64
}

func (n *nothing) Append(_ context.Context, _ string, expected eventstore.Revision,
	events []eventstore.Event) (eventstore.Appended, error) {
	return eventstore.Appended{
		Revision: expected + eventstore.Revision(len(events)),
		Position: eventstore.Position(n.position.Add(uint64(len(events)))),
	}, nil
}

// Read makes up the events that were appended.
func (n *nothing) Read(_ context.Context, stream string,
	from eventstore.Revision) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		e := eventstore.Recorded{Stream: stream, Revision: from, Position: 1}
		for yield(e, nil) {
			e.Revision++
		}
	}
}

// benchStores are a store that keeps nothing and the one on disk.
func benchStores(b *testing.B, bench func(b *testing.B, h *house)) {
	b.Run("nothing", func(b *testing.B) {
		bench(b, openHouse(b, &nothing{Memory: storetest.NewMemory()}))
	})
	b.Run("embedded", func(b *testing.B) {
		store, err := embedded.Open(b.TempDir(), embedded.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = store.Close() })
		bench(b, openHouse(b, store))
	})
}

// benchProposal is 300 bytes.
func benchProposal() esdb.EventData {
	return esdb.EventData{
		EventType: "Happened", ContentType: esdb.ContentTypeJson,
		Data: make([]byte, 240), Metadata: make([]byte, 60),
	}
}

// BenchmarkAppend is AppendToStream of the official client, of one event, by 64 goroutines.
func BenchmarkAppend(b *testing.B) {
	for _, streams := range []int{1, clientsAtOnce} {
		b.Run(fmt.Sprintf("streams=%d", streams), func(b *testing.B) {
			benchStores(b, func(b *testing.B, h *house) {
				atOnce(b, func(worker, _ int) {
					stream := fmt.Sprintf("bench-%d", worker%streams)
					opts := esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}
					_, err := h.client.AppendToStream(context.Background(), stream, opts, benchProposal())
					if err != nil {
						b.Error(err)
					}
				})
			})
		})
	}
}

// atOnce shares b.N calls among the workers.
func atOnce(b *testing.B, do func(worker, call int)) {
	b.ReportAllocs()
	var calls atomic.Int64
	var workers sync.WaitGroup
	b.ResetTimer()
	for worker := range clientsAtOnce {
		workers.Go(func() {
			for call := calls.Add(1); call <= int64(b.N) && !b.Failed(); call = calls.Add(1) {
				do(worker, int(call))
			}
		})
	}
	workers.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

// BenchmarkBatchAppend keeps 64 writes of one event in flight on one BatchAppend call.
func BenchmarkBatchAppend(b *testing.B) {
	for _, streams := range []int{1, clientsAtOnce} {
		b.Run(fmt.Sprintf("streams=%d", streams), func(b *testing.B) {
			benchStores(b, func(b *testing.B, h *house) {
				talk, e := h.talk(), event("Happened")
				e.Data, e.Metadata = make([]byte, 240), make([]byte, 60)
				window := make(chan struct{}, clientsAtOnce)
				b.ReportAllocs()
				b.ResetTimer()
				go func() {
					for i := range b.N {
						window <- struct{}{}
						e.ID = uuid.New()
						options := batchOptions(fmt.Sprintf("bench-%d", i%streams), expectAny)
						if err := talk.Send(chunk(e.ID, options, true, e)); err != nil {
							b.Error(err)
							return
						}
					}
				}()
				for range b.N {
					if resp, err := talk.Recv(); err != nil || resp.GetSuccess() == nil {
						b.Fatalf("got %v, %v, want success", resp, err)
					}
					<-window
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
			})
		})
	}
}
