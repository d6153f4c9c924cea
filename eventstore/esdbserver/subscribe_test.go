package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// subscribeRow is a stream s, a place to subscribe at, and what happens while the subscription is
// live: the rows of EventStoreDB's own combination tests.
type subscribeRow struct {
	name  string
	given []given
	from  int64
	want  string // before it is live
	live  []given
	then  string
}

var subscribeRows = []subscribeRow{
	{"a missing stream", nil, fromStart, "", []given{filled(3)}, "0 1 2"},
	{"a missing stream, after 0", nil, 0, "", []given{filled(3)}, "1 2"},
	{"a missing stream, from its end", nil, fromEnd, "", []given{filled(3)}, "0 1 2"},
	{"a missing stream that gets a tombstone", nil, fromStart, "", []given{tombstoned},
		"tombstone FailedPrecondition/stream-deleted"},

	{"from the start", []given{filled(4)}, fromStart, "0 1 2 3", []given{filled(3)}, "4 5 6"},
	{"from the end: only later ones", []given{filled(4)}, fromEnd, "", []given{filled(2)}, "4 5"},
	{"after 0", []given{filled(4)}, 0, "1 2 3", []given{filled(1)}, "4"},
	{"after the one before the last", []given{filled(4)}, 2, "3", []given{filled(1)}, "4"},
	{"after the last", []given{filled(4)}, 3, "", []given{filled(1)}, "4"},
	{"after one beyond the last: it is not delivered", []given{filled(4)}, 4, "",
		[]given{filled(3)}, "5 6"},
	{"after the greatest number: nothing but a tombstone", []given{filled(1)}, math.MaxInt64, "",
		[]given{filled(1), func(h *house) { h.fill("other", 1, "Tested") }}, ""},
	{"more than a page", []given{filled(1500)}, 1498, "1499", []given{filled(2)}, "1500 1501"},
	{"a soft delete ends nothing", []given{filled(3)}, fromStart, "0 1 2",
		[]given{deleted, filled(1), filled(1)}, "3 4"},
	{"a tombstone ends it, after it was delivered", []given{filled(3)}, fromStart, "0 1 2",
		[]given{filled(1), tombstoned}, "3 tombstone FailedPrecondition/stream-deleted"},

	{"soft-deleted, from the start", []given{filled(3), deleted}, fromStart, "",
		[]given{filled(2)}, "3 4"},
	{"soft-deleted, after 0", []given{filled(3), deleted}, 0, "", []given{filled(2)}, "3 4"},
	{"soft-deleted, then a tombstone", []given{filled(3), deleted}, fromStart, "",
		[]given{tombstoned}, "tombstone FailedPrecondition/stream-deleted"},
	{"all truncated", []given{filled(3), described(`{"$tb":3}`)}, fromStart, "",
		[]given{filled(2)}, "3 4"},
	{"partly truncated", []given{filled(5), described(`{"$tb":3}`)}, fromStart, "3 4",
		[]given{filled(1)}, "5"},
	{"partly truncated, after what is left", []given{filled(5), described(`{"$tb":3}`)}, 3, "4",
		[]given{filled(1)}, "5"},
	{"$maxCount counts in the past", []given{filled(5), described(`{"$maxCount":2}`)}, fromStart,
		"3 4", []given{filled(3)}, "5 6 7"},
	{"$tb set while live", []given{filled(2)}, fromStart, "0 1",
		[]given{described(`{"$tb":9}`), filled(1)}, "2"},

	{"tombstoned, from the start", []given{filled(2), tombstoned}, fromStart, "refused", nil, ""},
	{"tombstoned, from the end", []given{filled(2), tombstoned}, fromEnd, "refused", nil, ""},
	{"tombstoned, after the last", []given{filled(2), tombstoned}, 1, "refused", nil, ""},
}

func TestSubscribeToStream(t *testing.T) {
	for _, row := range subscribeRows {
		t.Run(row.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, h *house) {
				for _, g := range row.given {
					g(h)
				}
				sub := h.call(ofStream("s", row.from), live)
				if row.want == "refused" {
					sub.expect("FailedPrecondition/stream-deleted")
					return
				}
				sub.expect("confirmed " + row.want + " caught-up")
				for _, g := range row.live {
					g(h)
				}
				sub.expect(row.then)
			})
		})
	}
}

func TestSubscribeToStreamWithMaxAge(t *testing.T) {
	h := openHouse(t, aged{storetest.NewMemory()})
	h.fill("s", 3, "Old")
	h.describe("s", `{"$maxAge":60}`)
	sub := h.call(ofStream("s", fromStart), live)
	sub.expect("confirmed caught-up")
	h.fill("s", 1, "Old") // live ones are delivered, however old
	h.fill("s", 1, "New")
	sub.expect("3 4")
	h.call(ofStream("s", fromStart), live).expect("confirmed 4 caught-up")
}

func TestSubscribeToMetastream(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.describe("s", `{"a":1}`)
		h.describe("s", `{"a":2}`)
		sub := h.call(ofStream("$$s", fromStart), live)
		sub.expect("confirmed 1 caught-up")
		h.describe("s", `{"a":3}`)
		h.describe("s", `{"a":4}`)
		sub.expect("2 3")
	})
}

func TestSubscribeToAll(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("a", 1, "Tested")
		start := h.head()
		h.fill("b", 2, "Tested")
		fromHere, fromHead := h.callPlaces(ofAll(start), live), h.callPlaces(ofAll(h.head()), live)
		fromTheEnd := h.callPlaces(ofAll(fromEnd), live)
		unborn := h.head() + 3
		beyond := h.callPlaces(ofAll(unborn), live)
		fromHere.expect("confirmed 0@b 1@b caught-up")
		fromHead.expect("confirmed caught-up")
		fromTheEnd.expect("confirmed caught-up")
		beyond.expect("confirmed caught-up")
		h.fill("c", 1, "Tested")
		h.softDelete("c")
		h.tombstone("c")
		for _, sub := range []*transcript{fromHere, fromHead, fromTheEnd} {
			sub.expect("0@c 0@$$c tombstone@c")
		}
		h.fill("d", 3, "Tested")
		var later []string
		for _, e := range h.since(unborn) {
			later = append(later, place(decoded(t, encodeEvent(&e, nil, false)).GetEvent()))
		}
		beyond.expect(strings.Join(later, " "))
	})
}

// numbers are words from first up to but without end.
func numbers(first, end int) string {
	var words []string
	for ; first < end; first++ {
		words = append(words, fmt.Sprint(first))
	}
	return strings.Join(words, " ")
}

// A subscription that finds too much has fallen behind. It catches up, and says so.
func TestSubscriptionFallsBehind(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		subs := []*transcript{
			h.call(ofStream("s", fromStart), live), h.call(ofStream("$et-Tested", fromStart), live),
		}
		for _, sub := range subs {
			sub.expect("confirmed caught-up")
		}
		h.fill("s", behind, "Tested") // not yet too much
		for _, sub := range subs {
			sub.expect(numbers(0, behind))
		}
		h.fill("s", behind+1, "Tested")
		for _, sub := range subs {
			sub.expect(numbers(behind, 2*behind+1) + " caught-up")
		}
		h.fill("s", 1, "Tested")
		for _, sub := range subs {
			sub.expect(numbers(2*behind+1, 2*behind+2))
		}
	})
}

// The same of $all, whose events come from the tide as long as it remembers them.
func TestSubscriptionToAllFallsBehind(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		start := h.head()
		subs := []*transcript{
			h.call(ofAll(start), live),
			h.call(ofAll(start), live, passing(everySo(prefixFilter(true, "Tested"), 1<<20, 1))),
		}
		for _, sub := range subs {
			sub.expect("confirmed caught-up")
		}
		tide := h.server.tide
		tide.mu.Lock()
		tide.stop() // from here on the test brings the events, in batches it knows
		tide.mu.Unlock()
		tide.running.Wait()
		bring := func(n int) (last int64) {
			from := h.head()
			h.fill("s", n, "Tested")
			tide.rise(h.ctx, h.since(from))
			return h.head()
		}
		bring(behind)
		for _, sub := range subs {
			sub.expect(numbers(0, behind))
		}
		last := bring(behind + 1)
		subs[0].expect(numbers(behind, 2*behind+1) + " caught-up")
		before := h.since(start)[behind-1].Position // told when it fell behind
		subs[1].expect(fmt.Sprintf("checkpoint:%d %s checkpoint:%d caught-up",
			before, numbers(behind, 2*behind+1), last))
		bring(1)
		for _, sub := range subs {
			sub.expect(numbers(2*behind+1, 2*behind+2))
		}
	})
}

// A tide serves the log's end from memory, and only what it is sure of.
func TestTideRemembers(t *testing.T) {
	d := newTide(storetest.NewMemory(), nil)
	d.forget(10)
	events := make([]eventstore.Recorded, 3*behind)
	for i := range events {
		events[i].Position = eventstore.Position(11 + 2*i)
		events[i].Data = []byte{1}
	}
	after := func(position eventstore.Position) string {
		got, ok := d.after(position)
		if !ok {
			return "behind"
		}
		if len(got) == 0 {
			return "nothing"
		}
		return fmt.Sprintf("%d from %d", len(got), got[0].Position)
	}
	check := func(position eventstore.Position, want string) {
		t.Helper()
		if got := after(position); got != want {
			t.Errorf("after %d: got %s, want %s", position, got, want)
		}
	}
	check(9, "behind")
	check(10, "nothing")
	d.rise(t.Context(), events[:2])
	check(9, "behind")
	check(10, "2 from 11")
	check(11, "1 from 13")
	check(12, "1 from 13")
	check(13, "nothing")
	check(99, "nothing")
	d.rise(t.Context(), events[2:behind])
	check(10, fmt.Sprintf("%d from 11", recentPage))
	d.rise(t.Context(), events[behind:behind+1])
	check(10, "behind")
	check(11, fmt.Sprintf("%d from 13", recentPage))
	d.rise(t.Context(), events[behind+1:])
	if len(d.recent) != recentEvents {
		t.Errorf("remembered: got %d, want %d", len(d.recent), recentEvents)
	}
	last := events[len(events)-1].Position
	check(last-1, fmt.Sprintf("1 from %d", last))
	big := eventstore.Recorded{Position: 99999}
	big.Data = make([]byte, recentBytes)
	d.rise(t.Context(), []eventstore.Recorded{big})
	if len(d.recent) != 1 || d.bytes != recentBytes {
		t.Errorf("after a big one: got %d events, %d bytes, want it alone", len(d.recent), d.bytes)
	}
	check(99998, "1 from 99999")
	check(last-1, "behind")
}

// Whatever is appended while a subscription catches up or lives comes once and in order.
func TestSubscriptionMissesNothing(t *testing.T) {
	some := rapid.IntRange(1, 40)
	sizes := rapid.SliceOfN(rapid.OneOf(some, some, some, some, rapid.Just(behind+1)), 0, 6)
	eachStore(t, func(t *testing.T, h *house) {
		category := 0
		rapid.Check(t, func(rt *rapid.T) {
			category++
			stream := fmt.Sprintf("c%d-s", category)
			start := h.head()
			before, while := sizes.Draw(rt, "before"), sizes.Draw(rt, "while")
			from := rapid.IntRange(fromStart, 50).Draw(rt, "from")
			total := 1
			for _, n := range slices.Concat(before, while) {
				total += n
			}
			for _, n := range before {
				h.fill(stream, n, "Tested")
			}
			subs := []*transcript{
				h.call(ofStream(stream, int64(from)), live),
				h.call(ofStream(fmt.Sprintf("$ce-c%d", category), int64(from)), live),
				h.call(ofAll(start), live, passing(everySo(prefixFilter(false, stream), 7, 1))),
				h.call(ofAll(start), live),
			}
			subs[3].word = func(e *streams.ReadResp_ReadEvent) string {
				if string(e.GetEvent().GetStreamIdentifier().GetStreamName()) != stream {
					return "caught-up" // another's
				}
				return eventNumber(e)
			}
			for _, sub := range subs {
				sub.expect("confirmed")
			}
			var writing sync.WaitGroup
			writing.Go(func() {
				for _, n := range while {
					h.fill("other", 1, "Tested")
					h.fill(stream, n, "Tested")
				}
				h.fill(stream, 1, "Last")
			})
			for i, sub := range subs {
				next := 0
				if i < 2 {
					next = from + 1
				}
				for next < total {
					word := sub.next()
					if word == fmt.Sprint(next) {
						next++
					} else if word != "caught-up" && !strings.HasPrefix(word, "checkpoint:") {
						rt.Fatalf("subscription %d: got %s, want %d", i, word, next)
					}
				}
				sub.stop()
			}
			writing.Wait()
		})
	})
}

// What the server remembers of a stream may be older than what can be read of it: an append is
// durable before its writer says so.
func TestReadBesideOldState(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("cat-1", 3, "Tested")
		h.link("links", "2@cat-1")
		h.server.shelf("cat-1").put("cat-1", streamState{last: 1, metaLast: -1})
		h.call(ofStream("cat-1", fromStart), live).expect("confirmed 0 1 caught-up 2")
		h.callPlaces(ofStream("$ce-cat", 1), withLinks).expect(
			"1@$ce-cat>1@cat-1 2@$ce-cat>2@cat-1 end")
		h.callPlaces(ofStream("links", fromStart), withLinks).expect("0@links>2@cat-1 end")
		deleted := streamState{last: 1, metaLast: -1, metadata: metadata{truncateBefore: softDeleted}}
		h.server.shelf("cat-1").put("cat-1", deleted) // before its third event brought it back
		h.callPlaces(ofStream("links", fromStart), withLinks).expect("0@links>2@cat-1 end")
		h.tombstone("cat-1")
		h.server.shelf("cat-1").put("cat-1", streamState{last: 1, metaLast: -1})
		h.call(ofStream("cat-1", fromStart), live).expect(
			"confirmed 0 1 caught-up 2 tombstone FailedPrecondition/stream-deleted")
		h.callPlaces(ofStream("$ce-cat", 2), withLinks).expect(
			"2@$ce-cat>2@cat-1 3@$ce-cat> end")
	})
}

// Leaving is told by the client's own word, and nothing of the subscription is left behind.
func TestSubscriptionOfClientCloses(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("s", 3, "Tested")
		sub, err := h.client.SubscribeToStream(h.ctx, "s",
			esdb.SubscribeToStreamOptions{From: esdb.Start{}})
		if err != nil {
			t.Fatal(err)
		}
		if got := sub.Recv(); got.EventAppeared == nil {
			t.Fatalf("got %+v, want an event", got)
		}
		_ = sub.Close()
		for got := sub.Recv(); got.SubscriptionDropped == nil; got = sub.Recv() {
		}
	})
}

// A server that stops ends its subscriptions as a server that cannot be reached.
func TestShutdownEndsSubscriptions(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		subs := []*transcript{h.call(ofStream("s", fromStart), live), h.call(ofAll(fromEnd), live)}
		for _, sub := range subs {
			sub.expect("confirmed caught-up")
		}
		if err := h.server.Shutdown(h.ctx); err != nil {
			t.Fatal(err)
		}
		for _, sub := range subs {
			if _, err := sub.call.Recv(); status.Code(err) != codes.Unavailable {
				t.Errorf("got %v, want Unavailable", err)
			}
		}
	})
}

// A store that closes under its server ends subscriptions too, and the Follow.
func TestClosedStoreEndsSubscriptions(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		subs := []*transcript{
			h.call(ofStream("s", fromStart), live), h.call(ofAll(fromEnd), live),
			h.call(ofStream("$ce-s", fromStart), live),
		}
		for _, sub := range subs {
			sub.expect("confirmed caught-up")
		}
		if err := h.store.Close(); err != nil {
			t.Fatal(err)
		}
		for _, sub := range subs {
			sub.expect("Unavailable")
		}
		h.call(ofStream("s", fromStart), live).expect("Unavailable")
		h.call(ofStream("s", fromStart)).expect("Unavailable")
		h.server.tide.running.Wait()
	})
}

// Somebody who does not read holds up neither appends nor other subscriptions.
func TestSlowReaderHoldsNobodyUp(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		slow := []*transcript{h.call(ofStream("s", fromStart), live), h.call(ofAll(fromEnd), live)}
		for _, sub := range slow {
			sub.expect("confirmed caught-up")
		}
		quick := h.call(ofStream("s", fromStart), live)
		quick.expect("confirmed caught-up")
		const batches = 60 // of 64 KiB each: far beyond what flow control lets through unread
		for i := range batches {
			big := event("Tested")
			big.Data = make([]byte, 64<<10)
			h.append("s", big)
			for word := ""; word != fmt.Sprint(i); {
				word = quick.next()
			}
		}
		for _, sub := range slow {
			for i := range batches {
				for word := ""; word != fmt.Sprint(i); {
					if word = sub.next(); word != fmt.Sprint(i) && word != "caught-up" {
						t.Fatalf("slow: got %s, want %d", word, i)
					}
				}
			}
		}
	})
}

// counted counts what a store is asked.
type counted struct {
	eventstore.Indexed
	follows, reads atomic.Int64
}

func (c *counted) Follow(ctx context.Context, after eventstore.Position,
	prefixes ...string) iter.Seq2[[]eventstore.Recorded, error] {
	c.follows.Add(1)
	return c.Indexed.Follow(ctx, after, prefixes...)
}

func (c *counted) Read(ctx context.Context, stream string,
	from eventstore.Revision) iter.Seq2[eventstore.Recorded, error] {
	c.reads.Add(1)
	return c.Indexed.Read(ctx, stream, from)
}

// Many idle subscriptions share one Follow, and what is written elsewhere makes none of them read.
func TestIdleSubscriptionsRead(t *testing.T) {
	store := &counted{Indexed: storetest.NewMemory()}
	h := openHouse(t, store)
	for i := range 100 {
		h.call(ofStream(fmt.Sprint("idle-", i), fromEnd), live).expect("confirmed caught-up")
	}
	all := h.callPlaces(ofAll(fromEnd), live)
	all.expect("confirmed caught-up")
	before := store.reads.Load()
	for i := range 20 {
		h.fill("other", 1, "Tested")
		all.expect(fmt.Sprintf("%d@other", i))
	}
	if got := store.reads.Load() - before; got != 0 {
		t.Errorf("reads: got %d, want 0", got)
	}
	if got := store.follows.Load(); got != 1 {
		t.Errorf("follows: got %d, want 1", got)
	}
}

// A tide runs while somebody watches, and lets everything go when nobody does.
func TestTideRests(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		sub := h.call(ofStream("s", fromStart), live)
		sub.expect("confirmed caught-up")
		list := h.call(ofStream("$et-x", fromStart), live)
		list.expect("confirmed caught-up")
		h.fill("s", 1, "x")
		sub.expect("0")
		list.expect("0")
		sub.stop()
		list.stop()
		h.server.tide.running.Wait() // the last to leave stops it
		tide := h.server.tide
		tide.mu.Lock()
		defer tide.mu.Unlock()
		if len(tide.watchers) != 0 || tide.lists != 0 || tide.stop != nil || tide.recent != nil {
			t.Fatalf("after all have left: got %d watchers, %d of lists, %d events, want none",
				len(tide.watchers), tide.lists, len(tide.recent))
		}
	})
}

func TestTideRestsBetween(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		for i := range 20 {
			sub := h.call(ofStream("s", fromEnd), live)
			sub.expect("confirmed caught-up")
			h.fill("s", 1, "x")
			sub.expect(fmt.Sprint(i))
			sub.stop()
			for err := error(nil); !errors.Is(err, context.Canceled) &&
				status.Code(err) != codes.Canceled; {
				_, err = sub.call.Recv()
			}
		}
	})
}
