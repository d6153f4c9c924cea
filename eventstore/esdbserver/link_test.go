package esdbserver

import (
	"strconv"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

func TestResolveLinks(t *testing.T) {
	rows := []struct{ name, link, want string }{
		{"to an event", "1@target", "0@links>1@target"},
		{"split at the first @", "0@a@b", "0@links>0@a@b"},
		{"one level only", "0@linked", "0@links>0@linked"},
		{"to a number that is not there", "9@target", "0@links>"},
		{"to a stream that is not there", "0@none", "0@links>"},
		{"to what $tb took", "0@truncated", "0@links>"},
		{"to what $tb left", "1@truncated", "0@links>1@truncated"},
		{"to what $maxCount took", "0@counted", "0@links>"},
		{"to a soft-deleted stream", "0@deleted", "0@links>"},
		{"to a tombstoned stream", "0@tombstoned", "0@links>"},
		{"to a tombstone", "9223372036854775807@tombstoned", "0@links>"},
		{"to the last metadata", "1@$$counted", "0@links>1@$$counted"},
		{"to metadata replaced", "0@$$counted", "0@links>"},
		{"to a negative number", "-1@target", "0@links>"},
		{"to a list", "1@$ce-cat", "0@links>1@$ce-cat"},
		{"beyond a list", "2@$ce-cat", "0@links>"},
		{"before a list", "-1@$ce-cat", "0@links>"},
		{"no number", "x@target", "0@links"},
		{"a number beyond int64", "9223372036854775808@target", "0@links"},
		{"no @", "12", "0@links"},
		{"nothing", "", "0@links"},
		{"no stream", "1@", "0@links"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, h *house) {
				h.fill("target", 3, "Tested")
				h.fill("a@b", 1, "Tested")
				h.link("linked", "1@target")
				for _, name := range []string{"truncated", "counted", "deleted", "tombstoned"} {
					h.fill(name, 2, "Tested")
				}
				h.fill("cat-1", 2, "Tested")
				h.describe("truncated", `{"$tb":1}`)
				h.describe("counted", `{}`)
				h.describe("counted", `{"$maxCount":1}`)
				h.softDelete("deleted")
				h.tombstone("tombstoned")
				sub := h.callPlaces(ofStream("links", fromStart), live, withLinks)
				sub.expect("confirmed caught-up")
				h.link("links", row.link)
				sub.expect(row.want)
				h.callPlaces(ofStream("links", fromStart), withLinks).expect(row.want + " end")
				h.callPlaces(ofStream("links", fromEnd), withLinks, backwards).
					expect(row.want + " end")
				h.callPlaces(ofAll(h.head()), withLinks).expect(row.want + " end")
				h.callPlaces(ofStream("links", fromStart)).expect("0@links end")
				h.callPlaces(ofStream("links", fromStart), live, withLinks).
					expect("confirmed " + row.want + " caught-up")
			})
		})
	}
}

func TestResolveLinksToExpired(t *testing.T) {
	h := openHouse(t, aged{storetest.NewMemory()})
	h.fill("s", 1, "Old")
	h.fill("s", 1, "New")
	h.describe("s", `{"$maxAge":60}`)
	h.link("links", "0@s")
	h.link("links", "1@s")
	h.callPlaces(ofStream("links", fromStart), withLinks).expect("0@links> 1@links>1@s end")
}

// What the official client calls the original event, and what it knows of both.
func TestResolveLinksForClient(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("target", 2, "Tested")
		h.link("links", "1@target")
		h.link("links", "7@target")
		read, err := h.client.ReadStream(h.ctx, "links",
			esdb.ReadStreamOptions{ResolveLinkTos: true}, 9)
		if err != nil {
			t.Fatal(err)
		}
		defer read.Close()
		got, err := read.Recv()
		if err != nil || got.Event.EventType != "Tested" || got.Event.EventNumber != 1 ||
			got.Link.EventType != "$>" || got.OriginalEvent() != got.Link ||
			*got.Commit != got.Link.Position.Commit ||
			got.Event.Position.Commit >= got.Link.Position.Commit {
			t.Fatalf("resolved: got %+v, %v", got, err)
		}
		got, err = read.Recv()
		if err != nil || got.Event != nil || got.Link.EventNumber != 1 {
			t.Fatalf("broken: got %+v, %v, want a link alone", got, err)
		}
	})
}

func TestLists(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.call(ofStream("$ce-cat", fromStart)).expect("not-found:$ce-cat end")
		h.fill("cat-1", 2, "Born")
		h.fill("dog-1", 1, "Born")
		h.fill("cat-2", 1, "Fed")
		h.fill("cat-1", 1, "Fed")
		rows := []struct {
			stream string
			from   int64
			want   string
		}{
			{"$ce-cat", fromStart,
				"0@$ce-cat>0@cat-1 1@$ce-cat>1@cat-1 2@$ce-cat>0@cat-2 3@$ce-cat>2@cat-1"},
			{"$ce-cat", 3, "3@$ce-cat>2@cat-1"},
			{"$ce-cat", 4, ""},
			{"$ce-cat", fromEnd, ""},
			{"$et-Born", fromStart, "0@$et-Born>0@cat-1 1@$et-Born>1@cat-1 2@$et-Born>0@dog-1"},
			{"$streams", fromStart, "0@$streams>0@cat-1 1@$streams>0@dog-1 2@$streams>0@cat-2"},
		}
		for _, row := range rows {
			got := h.callPlaces(ofStream(row.stream, row.from), withLinks).rest()
			if want := (row.want + " end"); got != want && " "+got != want {
				t.Errorf("%s from %d: got %s, want %s", row.stream, row.from, got, want)
			}
		}
		back := func(from int64, want string) {
			h.callPlaces(ofStream("$ce-cat", from), backwards, atMost(2), withLinks).expect(want)
		}
		back(fromEnd, "3@$ce-cat>2@cat-1 2@$ce-cat>0@cat-2 end")
		back(9, "3@$ce-cat>2@cat-1 2@$ce-cat>0@cat-2 end")
		back(1, "1@$ce-cat>1@cat-1 0@$ce-cat>0@cat-1 end")
		h.callPlaces(ofStream("$ce-cat", 2)).expect("2@$ce-cat 3@$ce-cat end")
		h.call(ofStream("$$$ce-cat", fromStart)).expect("not-found:$$$ce-cat end")
		h.callPlaces(ofAll(h.head()), live).expect("confirmed caught-up")
		for _, missing := range []string{"$ce-", "$et-", "$ce-none", "$et-none", "$streams-"} {
			h.call(ofStream(missing, fromStart)).expect("not-found:" + missing + " end")
		}
	})
}

// Members whose streams have lost them stay in the list as links that lead nowhere.
func TestListsOfLostEvents(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("cat-1", 3, "Born")
		h.fill("cat-2", 1, "Born")
		h.fill("cat-3", 1, "Born")
		h.describe("cat-1", `{"$tb":2}`)
		h.softDelete("cat-2")
		h.tombstone("cat-3")
		h.callPlaces(ofStream("$ce-cat", fromStart), withLinks).expect(
			"0@$ce-cat> 1@$ce-cat> 2@$ce-cat>2@cat-1 3@$ce-cat> 4@$ce-cat> 5@$ce-cat> end")
		toTombstone := h.call(ofStream("$ce-cat", 5))
		toTombstone.word = func(e *streams.ReadResp_ReadEvent) string {
			return string(e.GetEvent().GetData())
		}
		toTombstone.expect("9223372036854775807@cat-3 end")
	})
}

func TestListsLive(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("cat-1", 2, "Born")
		category := h.callPlaces(ofStream("$ce-cat", fromStart), live, withLinks)
		kind := h.callPlaces(ofStream("$et-Fed", fromStart), live, withLinks)
		names := h.callPlaces(ofStream("$streams", fromEnd), live, withLinks)
		category.expect("confirmed 0@$ce-cat>0@cat-1 1@$ce-cat>1@cat-1 caught-up")
		kind.expect("confirmed caught-up")
		names.expect("confirmed caught-up")
		h.fill("dog-1", 1, "Fed")
		h.fill("cat-2", 1, "Fed")
		h.fill("cat-1", 1, "Died")
		category.expect("2@$ce-cat>0@cat-2 3@$ce-cat>2@cat-1")
		kind.expect("0@$et-Fed>0@dog-1 1@$et-Fed>0@cat-2")
		names.expect("1@$streams>0@dog-1 2@$streams>0@cat-2")
		h.callPlaces(ofStream("$ce-cat", 2), live).expect("confirmed 3@$ce-cat caught-up")
	})
}

// A link in a list is the same event each time it is read: consumers may know it by its id.
func TestListLinksAreStable(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.append("cat-1", event("Born"), event("Born"))
		seen := map[uuid.UUID]string{}
		for _, stream := range []string{"$ce-cat", "$et-Born", "$ce-cat"} {
			read, err := h.client.ReadStream(h.ctx, stream, esdb.ReadStreamOptions{}, 1000)
			if err != nil {
				t.Fatal(err)
			}
			targets := collect(t, h.store.Read(h.ctx, "cat-1", 0))
			for i, target := range targets {
				got, err := read.Recv()
				if err != nil {
					t.Fatal(err)
				}
				e := got.Event
				if e.EventType != "$>" || string(e.Data) != strconv.Itoa(i)+"@cat-1" ||
					e.ContentType != contentBinary || e.EventNumber != uint64(i) ||
					e.Position.Commit != uint64(target.Position) || len(e.UserMetadata) != 0 ||
					!e.CreatedDate.Equal(target.Created.Truncate(100)) {
					t.Fatalf("link %d: got %+v", i, e)
				}
				name := stream + strconv.Itoa(i)
				if was, known := seen[e.EventID]; known && was != name {
					t.Fatalf("id of %s: got the one of %s", name, was)
				}
				seen[e.EventID] = name
			}
			read.Close()
		}
		if len(seen) != 4 {
			t.Fatalf("ids: got %d, want 4", len(seen))
		}
	})
}

func TestListNames(t *testing.T) {
	for _, name := range []string{"$ce-a", "$ce-a-b", "$et-T", "$et-$metadata", "$streams"} {
		list, ok := listOf(name)
		if !ok || listName(list) != name {
			t.Errorf("list of %s: got %v, %v", name, list, ok)
		}
	}
	for _, name := range []string{
		"ce-a", "$ce", "$ce-", "$et-", "$$ce-a", "$streams2", "$$streams",
	} {
		if list, ok := listOf(name); ok {
			t.Errorf("list of %s: got %v, want none", name, list)
		}
	}
	if got := listName(eventstore.List{By: eventstore.Streams}); got != "$streams" {
		t.Errorf("got %s, want $streams", got)
	}
}
