package groups

import (
	"fmt"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
)

func with(s Strategy) func(*Settings) { return func(settings *Settings) { settings.Strategy = s } }

func TestStrategies(t *testing.T) {
	runRules(t, []rule{
		{"round robin goes round", with(RoundRobin), `
			join a 9
			join b 9
			join c 9
			read 0 1 2 3 4  -> a<0 b<1 c<2 a<3 b<4`},
		{"round robin passes who is full", with(RoundRobin), `
			join a 1
			join b 9
			read 0 1 2      -> a<0 b<1 b<2
			ack a 0
			read 3 4        -> a<3 b<4`},
		{"round robin: who comes later is last in the round", with(RoundRobin), `
			join a 9
			join b 9
			read 0          -> a<0
			join c 9
			read 1 2 3      -> b<1 a<2 c<3`},
		{"round robin goes on when one leaves", with(RoundRobin), `
			join a 9
			join b 9
			join c 9
			read 0 1        -> a<0 b<1
			ack a 0 1
			leave a
			read 2 3 4      -> c<2 b<3 c<4
			ack b 3
			leave c         -> b<2/1 b<4/1`},
		{"round robin: the turn stays whose it is when one before leaves", with(RoundRobin), `
			join a 9
			join b 9
			join c 9
			read 0 1        -> a<0 b<1
			ack a 0 1
			leave b
			read 2 3 4      -> c<2 a<3 c<4`},
		{"dispatch to single keeps to one until it is full", with(DispatchToSingle), `
			join a 2
			join b 2
			read 0 1 2 3 4  -> a<0 a<1 b<2 b<3
			ack a 0         -> a<4
			ack b 2 3
			ack a 1
			read 5          -> a<5`},
		{"pinned keeps a stream with one client", with(Pinned), `
			join a 9
			join b 9
			read 0@x 1@y 2@x 3@y 4@x -> a<0 b<1 a<2 b<3 a<4`},
		{"pinned does not mind the others while one is full", with(Pinned), `
			join a 1
			join b 9
			read 0@x 1@x 2@y 3@x 4@y -> a<0 b<2 b<4
			ack a 0         -> a<1
			ack a 1         -> a<3`},
		{"pinned stops when all are full", with(Pinned), `
			join a 1
			join b 1
			read 0@x 1@y 2@x 3@y -> a<0 b<1
			ack b 1         -> b<3`},
		{"pinned gives the streams of one that left to others", with(Pinned), `
			join a 9
			join b 9
			read 0@x 1@y    -> a<0 b<1
			leave a         -> b<0/1
			read 2@x        -> b<2`},
		{"pinned gives a newcomer its share, idle streams first", with(Pinned), `
			join a 9
			read 0@x 1@y 2@z 3@w -> a<0 a<1 a<2 a<3
			ack a 2 3
			join b 9
			read 4@x 5@y 6@z 7@w -> a<4 a<5 b<6 b<7`},
		{"pinned stays with who has retries of it", with(Pinned), `
			join a 1
			join b 1
			read 0@x 1@y    -> a<0 b<1
			nack a retry 0  -> a<0/1`},
	})
}

func TestBuckets(t *testing.T) {
	record := func(stream, kind, data, metadata string) *eventstore.Recorded {
		return &eventstore.Recorded{Stream: stream, Event: eventstore.Event{
			Type: kind, Data: []byte(data), Metadata: []byte(metadata),
		}}
	}
	link := record("$ce-x", linkType, "7@x-1", "")
	rows := []struct {
		name              string
		event             Event
		stream, correlate string
	}{
		{"an event is its stream's", Event{Record: record("x-1", "T", "{}", "")}, "x-1", "x-1"},
		{"a link that was followed is its target's stream's",
			Event{Record: record("x-2", "T", "{}", ""), Link: link}, "x-2", "x-2"},
		{"a link that was not is, too", Event{Record: link}, "x-1", "x-1"},
		{"as is one that leads nowhere", Event{Link: link}, "x-1", "x-1"},
		{"a link without a stream is its own stream's",
			Event{Record: record("odd", linkType, "7", "")}, "odd", "odd"},
		{"a correlation id",
			Event{Record: record("x", "T", "{}", `{"$correlationId":"c1","a":{}}`)}, "x", "c1"},
		{"empty metadata", Event{Record: record("x", "T", "{}", "{}")}, "x", "x"},
		{"metadata without end",
			Event{Record: record("x", "T", "{}", `{"$correlationId":"c1"`)}, "x", "x"},
		{"a correlation that is no text",
			Event{Record: record("x", "T", "{}", `{"$correlationId":5}`)}, "x", "x"},
		{"metadata that is no object", Event{Record: record("x", "T", "{}", `[1]`)}, "x", "x"},
		{"a link's target's correlation",
			Event{Record: record("x", "T", "{}", `{"$correlationId":"c2"}`), Link: link}, "x", "c2"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			_, byStream := Pinned.start()
			_, byCorrelation := PinnedByCorrelation.start()
			got := fmt.Sprint(byStream(r.event), byCorrelation(r.event))
			if want := fmt.Sprint(bucketOf(r.stream), bucketOf(r.correlate)); got != want {
				t.Errorf("buckets: got %s, want %s", got, want)
			}
		})
	}
}
