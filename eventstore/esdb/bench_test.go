package esdb

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/metadata"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// BenchmarkAppend appends one debit's event a time at 64 callers, each to a stream of its own: as the
// store in process does it, and over loopback and the stand-in by every way there is.
func BenchmarkAppend(b *testing.B) {
	for _, way := range ways {
		b.Run(way.name, func(b *testing.B) {
			b.Run("durable", func(b *testing.B) { eachItsOwn(b, way.open(b, openEmbedded(b))) })
			if way.name != "embedded" {
				b.Run("memory", func(b *testing.B) { eachItsOwn(b, way.open(b, storetest.NewMemory())) })
			}
		})
	}
}

// BenchmarkHot appends to one stream what 64 callers would have: 64 events a time.
func BenchmarkHot(b *testing.B) {
	const callers = 64
	for _, way := range ways[:2] {
		b.Run(way.name, func(b *testing.B) {
			append := way.open(b, openEmbedded(b))
			stream, expected := freshStream(), eventstore.NoStream
			measure(b, func() {
				for n := 0; n < b.N; n += callers {
					got, err := append(b.Context(), stream, expected, debits(min(callers, b.N-n)))
					if err != nil {
						b.Fatalf("append: got %v, want no error", err)
					}
					expected = got.Revision
				}
			})
		})
	}
}

// BenchmarkFollow catches up with 100,000 events; one turn is one event.
func BenchmarkFollow(b *testing.B) {
	store := openEmbedded(b)
	for range 1000 {
		if _, err := store.Append(b.Context(), freshStream(), eventstore.NoStream, debits(100)); err != nil {
			b.Fatalf("append: got %v, want no error", err)
		}
	}
	for name, s := range map[string]eventstore.Store{
		"embedded": store, "esdb": openAt(b, standIn(b, store).address, usualPace),
	} {
		b.Run(name, func(b *testing.B) {
			measure(b, func() {
				for n := 0; n < b.N; {
					for batch, err := range s.Follow(b.Context(), eventstore.Start, "account-") {
						if err != nil {
							b.Fatalf("follow: got %v, want no error", err)
						}
						if n += len(batch); n >= b.N || len(batch) == 0 {
							break
						}
					}
				}
			})
		})
	}
}

// way is a way to append.
type way struct {
	name string
	open func(testing.TB, eventstore.Indexed) appendFunc
}

type appendFunc func(context.Context, string, eventstore.Revision, []eventstore.Event) (
	eventstore.Appended, error)

var ways = []way{
	{"embedded", func(_ testing.TB, s eventstore.Indexed) appendFunc { return s.Append }},
	{"esdb", func(b testing.TB, s eventstore.Indexed) appendFunc {
		return openAt(b, standIn(b, s).address, usualPace).Append
	}},
	{"stub", appendByStub},
	{"client", appendByClient},
}

func eachItsOwn(b *testing.B, append appendFunc) {
	const callers = 64
	var turns atomic.Int64
	measure(b, func() {
		var working sync.WaitGroup
		for range callers {
			working.Go(func() {
				stream, expected := freshStream(), eventstore.NoStream
				for turns.Add(1) <= int64(b.N) {
					got, err := append(b.Context(), stream, expected, debits(1))
					if err != nil {
						b.Errorf("append: got %v, want no error", err)
						return
					}
					expected = got.Revision
				}
			})
		}
		working.Wait()
	})
}

// measure tells also how much processor one turn took, on both sides.
func measure(b *testing.B, work func()) {
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime(b)
	work()
	b.StopTimer()
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
}

func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatalf("processor time: got %v, want no error", err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// appendByStub is one call of the protocol's Append for each append.
func appendByStub(b testing.TB, store eventstore.Indexed) appendFunc {
	a, err := parseAddress(standIn(b, store).address)
	if err != nil {
		b.Fatalf("address: got %v, want no error", err)
	}
	conn, err := newDialer(a).dial(a.seeds[0])
	if err != nil {
		b.Fatalf("dial: got %v, want no error", err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	calls := streams.NewStreamsClient(conn)
	return func(ctx context.Context, stream string, expected eventstore.Revision,
		events []eventstore.Event) (eventstore.Appended, error) {
		call, err := calls.Append(metadata.AppendToOutgoingContext(ctx, "requires-leader", "true"))
		if err != nil {
			return eventstore.Appended{}, err
		}
		o := &streams.AppendReq_Options{StreamIdentifier: identifier(stream)}
		o.ExpectedStreamRevision = &streams.AppendReq_Options_Revision{Revision: uint64(expected)}
		if expected == eventstore.NoStream {
			o.ExpectedStreamRevision = &streams.AppendReq_Options_NoStream{NoStream: &shared.Empty{}}
		}
		_ = call.Send(&streams.AppendReq{Content: &streams.AppendReq_Options_{Options: o}})
		for i := range events {
			m := proposed(&events[i])
			_ = call.Send(&streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{
				ProposedMessage: &streams.AppendReq_ProposedMessage{Id: m.Id, Metadata: m.Metadata,
					CustomMetadata: m.CustomMetadata, Data: m.Data}}})
		}
		answer, err := call.CloseAndRecv()
		if err == nil && answer.GetSuccess() == nil {
			err = fmt.Errorf("refused: %v", answer)
		}
		return eventstore.Appended{
			Revision: eventstore.Revision(answer.GetSuccess().GetCurrentRevision())}, err
	}
}

// appendByClient is the official client's AppendToStream.
func appendByClient(b testing.TB, store eventstore.Indexed) appendFunc {
	conf, err := client.ParseConnectionString(standIn(b, store).address)
	if err != nil {
		b.Fatalf("address: got %v, want no error", err)
	}
	conf.Logger = client.NoopLogging()
	c, err := client.NewClient(conf)
	if err != nil {
		b.Fatalf("client: got %v, want no error", err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return func(ctx context.Context, stream string, expected eventstore.Revision,
		events []eventstore.Event) (eventstore.Appended, error) {
		var o client.AppendToStreamOptions
		o.ExpectedRevision = client.Revision(uint64(expected))
		if expected == eventstore.NoStream {
			o.ExpectedRevision = client.NoStream{}
		}
		var given []client.EventData
		for _, e := range events {
			given = append(given, client.EventData{EventID: e.ID, EventType: e.Type,
				ContentType: client.ContentTypeJson, Data: e.Data, Metadata: e.Metadata})
		}
		answer, err := c.AppendToStream(ctx, stream, o, given...)
		if err != nil {
			return eventstore.Appended{}, err
		}
		return eventstore.Appended{Revision: eventstore.Revision(answer.NextExpectedVersion)}, nil
	}
}

func freshStream() string { return "account-" + uuid.NewString() }

// debits are events of the size and texture of a debit, about 1.2 KB, with new ids, from a stock.
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
		fmt.Fprintf(&data, `{"debit_id":"%v","amount":"12.34","unit":"CHF","moves":[`, uuid.New())
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
