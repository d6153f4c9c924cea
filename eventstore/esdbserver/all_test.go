package esdbserver

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// place names an event as "revision@stream".
func place(e *streams.ReadResp_ReadEvent) string {
	word := eventNumber(e) + "@" + string(e.GetEvent().GetStreamIdentifier().GetStreamName())
	if link := e.GetLink(); link != nil {
		word = eventNumber(e) + "@" + string(link.GetStreamIdentifier().GetStreamName()) + ">"
		if target := e.GetEvent(); target != nil {
			word += fmt.Sprintf("%d@%s", target.GetStreamRevision(),
				target.GetStreamIdentifier().GetStreamName())
		}
	}
	return word
}

// callPlaces is call, with events written down as places.
func (h *house) callPlaces(changes ...change) *transcript {
	h.Helper()
	call := h.call(changes...)
	call.word = place
	return call
}

// head is the position of the log's last event.
func (h *house) head() int64 {
	h.Helper()
	head, err := h.store.Head(h.ctx)
	if err != nil {
		h.Fatal(err)
	}
	return int64(head)
}

// since are the events written after a position.
func (h *house) since(position int64) []eventstore.Recorded {
	h.Helper()
	return collect(h, h.store.ReadAll(h.ctx, eventstore.Position(position)))
}

func TestReadAll(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		old := h.head()
		h.fill("a", 2, "Tested")
		h.describe("a", `{"$maxCount":1}`)
		h.fill("b", 1, "Tested")
		h.tombstone("b")
		h.softDelete("a")
		log := h.since(old)
		first, third := int64(log[0].Position), int64(log[2].Position)
		rows := []struct {
			name    string
			changes []change
			want    string
		}{
			{"forwards, with the event at the position; truncation and deletion do not count",
				[]change{ofAll(first)}, "0@a 1@a 0@$$a 0@b tombstone@b 1@$$a end"},
			{"forwards from within", []change{ofAll(third), atMost(2)}, "0@$$a 0@b end"},
			{"forwards from the end: nothing", []change{ofAll(fromEnd)}, "end"},
			{"backwards from the end", []change{ofAll(fromEnd), backwards, atMost(3)},
				"1@$$a tombstone@b 0@b end"},
			{"backwards, without the event at the position",
				[]change{ofAll(third), backwards, atMost(2)}, "1@a 0@a end"},
			{"backwards from the start: nothing", []change{ofAll(fromStart), backwards}, "end"},
			{"forwards from the head: the last", []change{ofAll(h.head())}, "1@$$a end"},
			{"beyond the head", []change{ofAll(h.head() + 1)}, "InvalidArgument"},
			{"backwards from beyond the head", []change{ofAll(h.head() + 1), backwards},
				"InvalidArgument"},
			{"far beyond it", []change{ofAll(math.MaxInt64)}, "InvalidArgument"},
		}
		for _, row := range rows {
			if got := h.callPlaces(row.changes...).rest(); got != row.want {
				t.Errorf("%s: got %s, want %s", row.name, got, row.want)
			}
		}
		const whole = " 0@a 1@a 0@$$a 0@b tombstone@b 1@$$a end"
		if got := h.callPlaces(ofAll(fromStart)).rest(); !strings.HasSuffix(" "+got, whole) {
			t.Errorf("from the start: got %s, want%s at its end", got, whole)
		}
	})
}

// EventStoreDB's own bookkeeping of $all is not shown in $all, but every other system stream is.
func TestReadAllHides(t *testing.T) {
	shown := []string{
		"$epoch-information-2", "$persistentsubscription-$all::g", "$$$epoch-information",
		"$persistentsubscription-s::g-checkpoint", "$persistentsubscription-$all:g-parked",
		"$users", "$persistentsubscription-$all::", "epoch",
	}
	hiddenStreams := []string{
		"$epoch-information", "$persistentsubscription-$all::g-checkpoint",
		"$persistentsubscription-$all::g-parked", "$persistentsubscription-$all::-parked",
	}
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("start", 1, "Tested")
		start := h.head()
		var want []string
		for i := range max(len(shown), len(hiddenStreams)) {
			if i < len(hiddenStreams) {
				h.fill(hiddenStreams[i], 1, "Tested")
			}
			if i < len(shown) {
				h.fill(shown[i], 1, "Shown")
				want = append(want, "0@"+shown[i])
			}
		}
		all := strings.Join(want, " ")
		h.callPlaces(ofAll(start)).expect("0@start " + all + " end")
		h.callPlaces(ofAll(start), passing(regexFilter(false, "."))).expect(
			"0@start " + all + " end")
		h.callPlaces(ofAll(start), passing(prefixFilter(false, "$"))).expect(
			strings.TrimSuffix(all, " 0@epoch") + " end")
		sub := h.callPlaces(ofAll(start), live)
		sub.expect("confirmed " + all + " caught-up")
		h.fill(hiddenStreams[1], 1, "Tested")
		h.fill("last", 1, "Tested")
		sub.expect("0@last")
		slices.Reverse(want)
		h.callPlaces(ofAll(fromEnd), backwards, atMost(uint64(len(want)+1))).expect(
			"0@last " + strings.Join(want, " ") + " end")
	})
}

// The official client's positions lead back to the events they came with.
func TestReadAllPositionsOfClient(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		old := h.head()
		h.fill("a", 5, "Tested")
		for i, e := range h.since(old) {
			at := esdb.Position{Commit: uint64(e.Position), Prepare: uint64(e.Position)}
			read, err := h.client.ReadAll(h.ctx, esdb.ReadAllOptions{From: at}, 1)
			if err != nil {
				t.Fatal(err)
			}
			got, err := read.Recv()
			if err != nil || got.Event.EventID != e.ID || got.Event.Position != at {
				t.Fatalf("event %d: got %+v, %v, want %v", i, got, err, e.ID)
			}
			read.Close()
		}
	})
}

// What a ledger owns is read like any other stream, the moment the ledger has written it.
func TestReadOwned(t *testing.T) {
	for name, store := range map[string]eventstore.Indexed{
		"memory": storetest.NewMemory(), "embedded": openEmbedded(t),
	} {
		t.Run(name, func(t *testing.T) {
			h := openHouseOf(t, Options{Store: store, Owned: func(stream string) bool {
				return strings.HasPrefix(originalOf(stream), "account-")
			}})
			account := h.call(ofStream("account-1", fromStart), live)
			all := h.callPlaces(ofAll(fromEnd), live)
			category := h.callPlaces(ofStream("$ce-account", fromStart), live, withLinks)
			for _, sub := range []*transcript{account, all, category} {
				sub.expect("confirmed caught-up")
			}
			for i := range 3 {
				_, err := store.Append(h.ctx, "account-1", eventstore.Revision(i-1),
					[]eventstore.Event{event("Debited")})
				if err != nil {
					t.Fatal(err)
				}
				account.expect(fmt.Sprint(i))
				all.expect(fmt.Sprintf("%d@account-1", i))
				category.expect(fmt.Sprintf("%d@$ce-account>%d@account-1", i, i))
				h.call(ofStream("account-1", fromEnd), backwards, atMost(1)).
					expect(fmt.Sprint(i, " end"))
			}
			h.link("links", "2@account-1")
			h.link("links", "3@account-1")
			h.link("links", "-1@account-1")
			h.callPlaces(ofStream("links", fromStart), withLinks).
				expect("0@links>2@account-1 1@links> 2@links> end")
		})
	}
}
