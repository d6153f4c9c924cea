package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// given makes a stream named s.
type given = func(h *house)

func filled(n int) given { return func(h *house) { h.fill("s", n, "Tested") } }

func described(metadata string) given { return func(h *house) { h.describe("s", metadata) } }

func deleted(h *house) { h.softDelete("s") }

func tombstoned(h *house) { h.tombstone("s") }

// readRow is one rule of a stream's read.
type readRow struct {
	name  string
	given []given
	from  int64
	back  bool
	count uint64 // 0: all
	want  string
}

var readRows = []readRow{
	{"a stream from its start", []given{filled(4)}, fromStart, false, 0, "0 1 2 3 end"},
	{"from a number, which is the first", []given{filled(4)}, 2, false, 0, "2 3 end"},
	{"no more than asked for", []given{filled(4)}, 1, false, 2, "1 2 end"},
	{"from beyond the end: nothing, and no complaint", []given{filled(4)}, 4, false, 0, "end"},
	{"forwards from the end: nothing", []given{filled(4)}, fromEnd, false, 0, "end"},
	{"long streams, page by page", []given{filled(1200)}, 1197, false, 0, "1197 1198 1199 end"},
	{"backwards from the end", []given{filled(4)}, fromEnd, true, 0, "3 2 1 0 end"},
	{"backwards from a number, which is the first", []given{filled(4)}, 2, true, 2, "2 1 end"},
	{"backwards from beyond the end: from the last", []given{filled(4)}, 9, true, 0, "3 2 1 0 end"},
	{"backwards from the start: the first", []given{filled(4)}, fromStart, true, 0, "0 end"},

	{"a missing stream", nil, fromStart, false, 0, "not-found:s end"},
	{"a missing stream backwards", nil, fromEnd, true, 0, "not-found:s end"},
	{"metadata alone is no stream", []given{described(`{"a":1}`)}, fromStart, false, 0,
		"not-found:s end"},

	{"$maxCount leaves the last ones", []given{filled(5), described(`{"$maxCount":2}`)},
		fromStart, false, 0, "3 4 end"},
	{"$maxCount, from within", []given{filled(5), described(`{"$maxCount":2}`)},
		4, false, 0, "4 end"},
	{"$maxCount counts from where clamped", []given{filled(5), described(`{"$maxCount":3}`)},
		0, false, 2, "2 3 end"},
	{"$maxCount backwards", []given{filled(5), described(`{"$maxCount":2}`)},
		fromEnd, true, 0, "4 3 end"},
	{"$maxCount backwards from below", []given{filled(5), described(`{"$maxCount":2}`)},
		2, true, 0, "end"},
	{"$maxCount larger than the stream", []given{filled(2), described(`{"$maxCount":9}`)},
		fromStart, false, 0, "0 1 end"},
	{"$tb is the first that is left", []given{filled(5), described(`{"$tb":3}`)},
		fromStart, false, 0, "3 4 end"},
	{"$tb backwards", []given{filled(5), described(`{"$tb":3}`)}, fromEnd, true, 0, "4 3 end"},
	{"$tb backwards from its neighbour", []given{filled(5), described(`{"$tb":3}`)},
		2, true, 0, "end"},
	{"$tb beyond the end: empty, not missing", []given{filled(5), described(`{"$tb":9}`)},
		fromStart, false, 0, "end"},
	{"$tb above $maxCount wins", []given{filled(5), described(`{"$tb":4,"$maxCount":3}`)},
		fromStart, false, 0, "4 end"},
	{"$maxCount above $tb wins", []given{filled(5), described(`{"$tb":1,"$maxCount":2}`)},
		fromStart, false, 0, "3 4 end"},
	{"the last metadata counts",
		[]given{filled(5), described(`{"$tb":4}`), described(`{"$tb":2}`)},
		fromStart, false, 0, "2 3 4 end"},
	{"one bad value spoils the metadata",
		[]given{filled(3), described(`{"$tb":2,"$maxCount":"x"}`)},
		fromStart, false, 0, "0 1 2 end"},
	{"appended after truncation: numbers go on",
		[]given{filled(3), described(`{"$tb":3}`), filled(2)}, fromStart, false, 0, "3 4 end"},

	{"soft-deleted", []given{filled(3), deleted}, fromStart, false, 0, "not-found:s end"},
	{"soft-deleted, backwards", []given{filled(3), deleted}, fromEnd, true, 0, "not-found:s end"},
	{"recreated", []given{filled(3), deleted, filled(1)},
		fromStart, false, 0, "3 end"},
	{"recreated, backwards", []given{filled(3), deleted, filled(1)},
		fromEnd, true, 0, "3 end"},

	{"tombstoned", []given{filled(3), tombstoned}, fromStart, false, 0,
		"FailedPrecondition/stream-deleted"},
	{"tombstoned, backwards", []given{filled(3), tombstoned}, fromEnd, true, 0,
		"FailedPrecondition/stream-deleted"},
	{"a tombstone alone", []given{tombstoned}, fromStart, false, 0,
		"FailedPrecondition/stream-deleted"},
	{"soft-deleted, then tombstoned", []given{filled(3), deleted, tombstoned}, fromStart, false, 0,
		"FailedPrecondition/stream-deleted"},
}

func TestReadStream(t *testing.T) {
	for _, row := range readRows {
		t.Run(row.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, h *house) {
				for _, g := range row.given {
					g(h)
				}
				changes := []change{ofStream("s", row.from)}
				if row.back {
					changes = append(changes, backwards)
				}
				if row.count > 0 {
					changes = append(changes, atMost(row.count))
				}
				if got := h.call(changes...).rest(); got != row.want {
					t.Fatalf("answers: got %s, want %s", got, row.want)
				}
			})
		})
	}
}

// The official client reads metadata forwards from the start, one event: only because a metastream
// keeps its last event alone does it find the one that counts.
func TestReadMetastream(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("s", 5, "Tested")
		h.describe("s", `{"$maxCount":4}`)
		h.describe("s", `{"$maxCount":3,"owner":"me"}`)
		got, err := h.client.GetStreamMetadata(h.ctx, "s", esdb.ReadStreamOptions{})
		if err != nil || got.MaxCount() == nil || *got.MaxCount() != 3 {
			t.Fatalf("metadata: got %v, %v, want $maxCount 3", got, err)
		}
		h.call(ofStream("$$s", fromStart)).expect("1 end")
		h.call(ofStream("$$s", fromEnd), backwards).expect("1 end")
		h.call(ofStream("$$none", fromStart)).expect("not-found:$$none end")
		h.softDelete("s")
		h.call(ofStream("$$s", fromStart)).expect("2 end")
		h.tombstone("s")
		h.call(ofStream("$$s", fromStart)).expect("FailedPrecondition/stream-deleted")
	})
}

func TestReadNothingWanted(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("s", 2, "Tested")
		h.call(ofStream("s", fromStart), atMost(0)).expect("end")
		h.call(ofAll(fromStart), atMost(0)).expect("end")
		h.call(ofStream("none", fromStart), atMost(0)).expect("not-found:none end")
	})
}

// The codes of the official client, which tells a deleted stream from a missing one.
func TestReadStreamErrorsOfClient(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("gone", 1, "Tested")
		h.tombstone("gone")
		for stream, want := range map[string]esdb.ErrorCode{
			"none": esdb.ErrorCodeResourceNotFound, "gone": esdb.ErrorCodeStreamDeleted,
		} {
			read, err := h.client.ReadStream(h.ctx, stream, esdb.ReadStreamOptions{}, 10)
			if err != nil {
				t.Fatal(err)
			}
			_, err = read.Recv()
			if failed, _ := esdb.FromError(err); failed == nil || failed.Code() != want {
				t.Errorf("read %s: got %v, want code %v", stream, err, want)
			}
			read.Close()
		}
	})
}

// Everything that an event carries, as the official client shows it.
func TestReadStreamEvent(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		before := time.Now()
		binary := event("Binary")
		binary.Binary, binary.Data, binary.Metadata = true, []byte{0, 1, 0xff}, nil
		given := []eventstore.Event{event("Tested"), binary}
		h.append("s é@$", given...)
		stored := collect(t, h.store.Read(h.ctx, "s é@$", 0))
		read, err := h.client.ReadStream(h.ctx, "s é@$", esdb.ReadStreamOptions{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		defer read.Close()
		for i, want := range stored {
			got, err := read.Recv()
			if err != nil {
				t.Fatal(err)
			}
			e := got.Event
			at := esdb.Position{Commit: uint64(want.Position), Prepare: uint64(want.Position)}
			if e.EventID != want.ID || e.EventType != want.Type || e.StreamID != want.Stream ||
				e.EventNumber != uint64(i) || e.Position != at || got.Commit == nil ||
				*got.Commit != at.Commit || string(e.Data) != string(want.Data) ||
				string(e.UserMetadata) != string(want.Metadata) || got.Link != nil {
				t.Fatalf("event %d: got %+v, want %+v", i, e, want)
			}
			if created := want.Created.Truncate(100); !e.CreatedDate.Equal(created) ||
				created.Before(before.Truncate(100)) {
				t.Fatalf("created: got %v, want %v, after %v", e.CreatedDate, created, before)
			}
			content := [...]string{"application/json", "application/octet-stream"}[i]
			if e.ContentType != content {
				t.Fatalf("content type: got %s, want %s", e.ContentType, content)
			}
		}
		if _, err := read.Recv(); !errors.Is(err, io.EOF) {
			t.Fatalf("after the last: got %v, want %v", err, io.EOF)
		}
	})
}

func collect[E any](t testing.TB, events iter.Seq2[E, error]) []E {
	t.Helper()
	var all []E
	for e, err := range events {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestReadIDsAsText(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		e := event("Tested")
		h.append("s", e)
		for _, text := range []bool{true, false} {
			call := h.call(ofStream("s", fromStart), func(o *streams.ReadReq_Options) {
				if text {
					o.UuidOption.Content = &streams.ReadReq_Options_UUIDOption_String_{}
				}
			})
			call.word = func(e *streams.ReadResp_ReadEvent) string {
				id := e.GetEvent().GetId()
				if id.GetStructured() != nil {
					return fmt.Sprintf("%016x%016x", uint64(id.GetStructured().MostSignificantBits),
						uint64(id.GetStructured().LeastSignificantBits))
				}
				return id.GetString_()
			}
			want := e.ID.String()
			if !text {
				want = strings.ReplaceAll(want, "-", "")
			}
			call.expect(want + " end")
		}
	})
}

// aged shows events of type Old as an hour older than they are.
type aged struct{ eventstore.Indexed }

func (a aged) Read(ctx context.Context, stream string,
	from eventstore.Revision) iter.Seq2[eventstore.Recorded, error] {
	return older(a.Indexed.Read(ctx, stream, from))
}

func (a aged) ReadBackwards(ctx context.Context, stream string,
	from eventstore.Revision) iter.Seq2[eventstore.Recorded, error] {
	return older(a.Indexed.ReadBackwards(ctx, stream, from))
}

func older(events iter.Seq2[eventstore.Recorded, error]) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		for e, err := range events {
			if e.Type == "Old" {
				e.Created = e.Created.Add(-time.Hour)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func TestReadMaxAge(t *testing.T) {
	rows := []struct {
		name  string
		kinds string // O old, N new
		age   string // $maxAge, in seconds
		from  int64
		back  bool
		want  string
	}{
		{"expired events are skipped", "OOONN", "60", fromStart, false, "3 4 end"},
		{"and at the very end too", "NNONN", "60", 2, false, "3 4 end"},
		{"all expired: empty, not missing", "OOO", "60", fromStart, false, "end"},
		{"none is old enough", "OOO", "7200", fromStart, false, "0 1 2 end"},
		{"backwards they end the read", "OOONN", "60", fromEnd, true, "4 3 end"},
		{"backwards from an expired one", "OOONN", "60", 1, true, "end"},
		{"not a whole number: no $maxAge", "OON", `"60"`, fromStart, false, "0 1 2 end"},
		{"none: no $maxAge", "OON", "0", fromStart, false, "0 1 2 end"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			h := openHouse(t, aged{storetest.NewMemory()})
			for _, kind := range row.kinds {
				h.fill("s", 1, map[rune]string{'O': "Old", 'N': "New"}[kind])
			}
			h.describe("s", `{"$maxAge":`+row.age+`}`)
			changes := []change{ofStream("s", row.from)}
			if row.back {
				changes = append(changes, backwards)
			}
			if got := h.call(changes...).rest(); got != row.want {
				t.Fatalf("answers: got %s, want %s", got, row.want)
			}
		})
	}
}

// Clients that announce it are told where a stream begins and ends; Go's would end its process.
func TestReadCompatibility(t *testing.T) {
	newer := func(o *streams.ReadReq_Options) {
		o.ControlOption = &streams.ReadReq_Options_ControlOption{Compatibility: 1}
	}
	eachStore(t, func(t *testing.T, h *house) {
		h.fill("s", 5, "Tested")
		h.call(ofStream("s", fromStart), newer, atMost(2)).expect("0 1 last:4 end")
		h.call(ofStream("s", 7), newer).expect("first:5 last:4 end")
		h.call(ofStream("s", fromEnd), backwards, newer, atMost(1)).expect("4 last:4 end")
		h.describe("s", `{"$tb":3}`)
		h.call(ofStream("s", fromStart), newer).expect("first:3 3 4 last:4 end")
		h.call(ofStream("none", fromStart), newer).expect("not-found:none end")
	})
}

func TestReadRequestsThatMakeNoSense(t *testing.T) {
	all, stream := ofAll(fromStart), ofStream("s", fromStart)
	filtered := func(f *streams.ReadReq_Options_FilterOptions) change {
		return func(o *streams.ReadReq_Options) {
			o.FilterOption = &streams.ReadReq_Options_Filter{Filter: f}
		}
	}
	good := prefixFilter(false, "a")
	const combination = "The combination of"
	rows := []struct {
		name    string
		changes []change
		want    string // in the message
	}{
		{"neither stream nor all", nil, combination},
		{"a stream filtered", []change{stream, filtered(good)}, combination},
		{"a subscription backwards", []change{stream, live, backwards}, combination},
		{"a subscription to all backwards", []change{all, live, backwards}, combination},
		{"no count", []change{stream, func(o *streams.ReadReq_Options) { o.CountOption = nil }},
			combination},
		{"no filter option",
			[]change{all, func(o *streams.ReadReq_Options) { o.FilterOption = nil }}, combination},
		{"an unknown direction",
			[]change{stream, func(o *streams.ReadReq_Options) { o.ReadDirection = 7 }},
			combination},
		{"no uuid option",
			[]change{stream, func(o *streams.ReadReq_Options) { o.UuidOption = nil }},
			"uuid_option"},
		{"an empty uuid option",
			[]change{all, func(o *streams.ReadReq_Options) { o.UuidOption.Content = nil }},
			"uuid_option"},
		{"an empty stream", []change{ofStream("", fromStart)}, "stream_identifier"},
		{"no stream", []change{func(o *streams.ReadReq_Options) {
			o.StreamOption = &streams.ReadReq_Options_Stream{}
		}}, "stream_identifier"},
		{"no identifier", []change{stream, func(o *streams.ReadReq_Options) {
			o.GetStream().StreamIdentifier = nil
		}}, "stream_identifier"},
		{"no revision", []change{stream, func(o *streams.ReadReq_Options) {
			o.GetStream().RevisionOption = nil
		}}, "revision_option"},
		{"a revision too large", []change{stream, func(o *streams.ReadReq_Options) {
			o.GetStream().RevisionOption = &streams.ReadReq_Options_StreamOptions_Revision{
				Revision: math.MaxInt64 + 1,
			}
		}}, "revision"},
		{"no position", []change{func(o *streams.ReadReq_Options) {
			o.StreamOption = &streams.ReadReq_Options_All{}
		}}, "all_option"},
		{"prepared after committed", []change{all, func(o *streams.ReadReq_Options) {
			o.GetAll().AllOption = &streams.ReadReq_Options_AllOptions_Position{
				Position: &streams.ReadReq_Options_Position{PreparePosition: 1},
			}
		}}, "invalid position"},
		{"no filter", []change{all, filtered(nil)}, "window"},
		{"a filter of nothing", []change{all, filtered(&streams.ReadReq_Options_FilterOptions{
			Window: &streams.ReadReq_Options_FilterOptions_Max{Max: 1},
		})}, "neither"},
		{"no window", []change{all, filtered(&streams.ReadReq_Options_FilterOptions{
			Filter: good.Filter, CheckpointIntervalMultiplier: 1,
		})}, "window"},
		{"a window of 0", []change{all, live, filtered(&streams.ReadReq_Options_FilterOptions{
			Filter: good.Filter, CheckpointIntervalMultiplier: 1,
			Window: &streams.ReadReq_Options_FilterOptions_Max{},
		})}, "must not be 0"},
		{"an interval of 0", []change{all, live, filtered(&streams.ReadReq_Options_FilterOptions{
			Filter: good.Filter, Window: good.Window,
		})}, "must not be 0"},
		{"lookahead", []change{all, filtered(regexFilter(false, `(?=a)b`))}, "not supported"},
		{"a backreference", []change{all, filtered(regexFilter(true, `(a)\1`))}, "not supported"},
		{"a broken pattern", []change{all, filtered(regexFilter(true, `(`))}, "not supported"},
		{"a pattern without end",
			[]change{all, filtered(regexFilter(true, strings.Repeat("a", maxPattern+1)))},
			"longer"},
	}
	h := openHouse(t, storetest.NewMemory())
	h.fill("s", 1, "Tested")
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			call := h.call(row.changes...)
			_, err := call.call.Recv()
			if err == nil || !strings.Contains(err.Error(), "InvalidArgument") ||
				!strings.Contains(err.Error(), row.want) {
				t.Fatalf("answer: got %v, want InvalidArgument with %q", err, row.want)
			}
		})
	}
	for _, req := range []*streams.ReadReq{{}, {Options: &streams.ReadReq_Options{}}} {
		call, err := h.stub.Read(h.ctx, req)
		if err == nil {
			_, err = call.Recv()
		}
		if err == nil || !strings.Contains(err.Error(), combination) {
			t.Errorf("answer to %v: got %v, want %s", req, err, combination)
		}
	}
}
