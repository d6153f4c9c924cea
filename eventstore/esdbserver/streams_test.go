package esdbserver

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmeta "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/tillbook/tillbook/eventstore"
)

// An append that expected something else is answered in the fields of 20.6 and in today's.
func TestWrongVersionFields(t *testing.T) {
	h := openHouse(t, openEmbedded(t))
	h.fill("s", 3, "Happened")
	h.fill("d", 3, "Happened")
	again := event("Happened")
	if got := byAppend(&play{house: h}, "any", expectAny, []eventstore.Event{again}); got != "0" {
		t.Fatalf("append: got %s, want 0", got)
	}
	const all = math.MaxUint64
	for _, row := range []struct {
		stream   string
		expected int64
		events   []eventstore.Event
		want     *streams.AppendResp_WrongExpectedVersion
	}{
		{"s", expectNone, nil, &streams.AppendResp_WrongExpectedVersion{
			CurrentRevisionOption: &streams.AppendResp_WrongExpectedVersion_CurrentRevision{
				CurrentRevision: 2},
			CurrentRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{
				CurrentRevision_20_6_0: 2},
			ExpectedRevisionOption: &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{},
			ExpectedRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{
				ExpectedRevision_20_6_0: all},
		}},
		{"s", 7, nil, &streams.AppendResp_WrongExpectedVersion{
			CurrentRevisionOption: &streams.AppendResp_WrongExpectedVersion_CurrentRevision{
				CurrentRevision: 2},
			CurrentRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{
				CurrentRevision_20_6_0: 2},
			ExpectedRevisionOption: &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{
				ExpectedRevision: 7},
			ExpectedRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{
				ExpectedRevision_20_6_0: 7},
		}},
		{"never", expectExists, nil, &streams.AppendResp_WrongExpectedVersion{
			CurrentRevisionOption:         &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{},
			CurrentRevisionOption_20_6_0:  &streams.AppendResp_WrongExpectedVersion_NoStream_20_6_0{},
			ExpectedRevisionOption:        &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{},
			ExpectedRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_StreamExists_20_6_0{},
		}},
		{"any", expectAny, []eventstore.Event{again, event("New")}, &streams.AppendResp_WrongExpectedVersion{
			CurrentRevisionOption:         &streams.AppendResp_WrongExpectedVersion_CurrentRevision{},
			CurrentRevisionOption_20_6_0:  &streams.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{},
			ExpectedRevisionOption:        &streams.AppendResp_WrongExpectedVersion_ExpectedAny{},
			ExpectedRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_Any_20_6_0{},
		}},
	} {
		messages := []*streams.AppendReq{appendOptions(row.stream, row.expected)}
		for _, e := range append(row.events, event("Happened")) {
			messages = append(messages, proposal(e))
		}
		resp, _, err := h.post(messages...)
		if err != nil {
			t.Fatal(err)
		}
		want := &streams.AppendResp_WrongExpectedVersion{}
		if raw, err := proto.Marshal(row.want); err != nil || proto.Unmarshal(raw, want) != nil {
			t.Fatal(err)
		}
		if got := resp.GetWrongExpectedVersion(); !proto.Equal(got, want) {
			t.Errorf("%s at %d: got %v, want %v", row.stream, row.expected, got, want)
		}
	}
}

// What errors carry in their trailers, and what the official client makes of them.
func TestErrorTrailers(t *testing.T) {
	h := openHouse(t, openEmbedded(t))
	h.fill("s", 3, "Happened")
	const dead = "dead ä\n"
	h.tombstone(dead)
	options := func(stream string, n uint64) *streams.DeleteReq {
		return &streams.DeleteReq{Options: &streams.DeleteReq_Options{
			StreamIdentifier:       named(stream),
			ExpectedStreamRevision: &streams.DeleteReq_Options_Revision{Revision: n},
		}}
	}
	var trailers grpcmeta.MD
	check := func(name string, err error, code codes.Code, want map[string]string) {
		t.Helper()
		if status.Code(err) != code {
			t.Errorf("%s: got %v, want %s", name, err, code)
		}
		for key, value := range want {
			if got := trailers.Get(key); len(got) != 1 || got[0] != value {
				t.Errorf("%s: trailer %s: got %v, want %s", name, key, got, value)
			}
		}
	}
	_, err := h.stub.Delete(h.ctx, options("s", 1), grpc.Trailer(&trailers))
	check("delete at another number", err, codes.FailedPrecondition, map[string]string{
		"exception": "wrong-expected-version", "stream-name": "s", "expected-version": "1", "actual-version": "2",
	})
	_, err = h.stub.Delete(h.ctx, options("never", 1), grpc.Trailer(&trailers))
	check("delete of nothing", err, codes.FailedPrecondition, map[string]string{
		"exception": "wrong-expected-version", "stream-name": "never", "expected-version": "1", "actual-version": "-1",
	})
	_, err = h.stub.Delete(h.ctx, options(dead, 1), grpc.Trailer(&trailers))
	check("delete of a tombstone", err, codes.FailedPrecondition, map[string]string{
		"exception": "stream-deleted", "stream-name": "dead %C3%A4%0A",
	})
	_, err = h.stub.Delete(h.ctx, options("$ce-x", 1), grpc.Trailer(&trailers))
	check("delete of a list", err, codes.PermissionDenied, map[string]string{"exception": "access-denied"})

	large := event("Large")
	large.Data = make([]byte, eventstore.MaxAppendBytes)
	_, trailers, err = h.post(appendOptions("s", expectAny), proposal(large))
	check("too large", err, codes.InvalidArgument, map[string]string{
		"exception": "maximum-append-size-exceeded", "maximum-append-size": "1048576",
	})
	bare := proposal(event("Bare"))
	delete(bare.GetProposedMessage().Metadata, "content-type")
	_, trailers, err = h.post(appendOptions("s", expectAny), bare)
	check("no content type", err, codes.InvalidArgument, map[string]string{
		"exception": "missing-required-metadata-property", "required-metadata-properties": "type,content-type",
	})
	_, trailers, err = h.post(appendOptions("s", expectAny), appendOptions("s", expectAny))
	check("options twice", err, codes.InvalidArgument, nil)

	code := func(err error) esdb.ErrorCode {
		var e *esdb.Error
		if !errors.As(err, &e) {
			return -1
		}
		return e.Code()
	}
	for name, row := range map[string]struct {
		do   func() error
		want esdb.ErrorCode
	}{
		"tombstone": {func() error {
			_, err := h.client.DeleteStream(h.ctx, dead, esdb.DeleteStreamOptions{})
			return err
		}, esdb.ErrorCodeStreamDeleted},
		"denied": {func() error {
			_, err := h.client.TombstoneStream(h.ctx, "$streams", esdb.TombstoneStreamOptions{})
			return err
		}, esdb.ErrorCodeAccessDenied},
		"wrong": {func() error {
			opts := esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}
			_, err := h.client.AppendToStream(h.ctx, "s", opts, esdb.EventData{EventType: "a"})
			return err
		}, esdb.ErrorCodeWrongExpectedVersion},
	} {
		if got := code(row.do()); got != row.want {
			t.Errorf("%s: got code %d, want %d", name, got, row.want)
		}
	}
}

// An append holds 1 MiB: data, metadata and twice the type of all its events.
func TestAppendSize(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		sized := func(data, metadata, kind int) eventstore.Event {
			return eventstore.Event{
				ID: uuid.New(), Type: strings.Repeat("t", kind), Data: bytes.Repeat([]byte("d"), data),
				Metadata: bytes.Repeat([]byte("m"), metadata), Binary: true,
			}
		}
		const most = eventstore.MaxAppendBytes
		for i, row := range []struct {
			events []eventstore.Event
			fits   bool
		}{
			{[]eventstore.Event{sized(most-2, 0, 1)}, true},
			{[]eventstore.Event{sized(most-1, 0, 1)}, false},
			{[]eventstore.Event{sized(0, most-2, 1)}, true},
			{[]eventstore.Event{sized(0, most-1, 1)}, false},
			{[]eventstore.Event{sized(0, 0, most/2)}, true},
			{[]eventstore.Event{sized(1, 0, most/2)}, false},
			{[]eventstore.Event{sized(most/2, 10, 5), sized(most/2-20-20, 0, 10)}, true},
			{[]eventstore.Event{sized(most/2, 10, 5), sized(most/2-20-20, 1, 10)}, false},
		} {
			stream := fmt.Sprintf("s-%d", i)
			got := byAppend(&play{house: h}, stream, expectNone, row.events)
			want, events := "argument", 0
			if row.fits {
				want, events = fmt.Sprint(len(row.events)-1), len(row.events)
			}
			if n := h.count(stream); got != want || n != events {
				t.Errorf("row %d: got %s and %d events, want %s and %d", i, got, n, want, events)
			}
		}
		if held := h.server.waiting.Load(); held != 0 {
			t.Errorf("bytes held: got %d, want 0", held)
		}
	})
}

// A client that is still sending when its append has failed learns why.
func TestFailedAppendIsReadToItsEnd(t *testing.T) {
	h := openHouse(t, openEmbedded(t))
	large := make([]esdb.EventData, 40)
	for i := range large {
		large[i] = esdb.EventData{EventType: "Large", Data: make([]byte, 100_000)}
	}
	for range 20 {
		_, err := h.client.AppendToStream(h.ctx, "s", esdb.AppendToStreamOptions{}, large...)
		var e *esdb.Error
		if !errors.As(err, &e) || status.Code(e.Err()) != codes.InvalidArgument {
			t.Fatalf("too large: got %v, want InvalidArgument", err)
		}
		_, err = h.client.AppendToStream(h.ctx, "$ce-s", esdb.AppendToStreamOptions{}, large...)
		if !errors.As(err, &e) || e.Code() != esdb.ErrorCodeAccessDenied {
			t.Fatalf("denied: got %v, want access denied", err)
		}
	}
	if n := h.count("s"); n != 0 {
		t.Errorf("events: got %d, want 0", n)
	}
}

// A message may be as large as EventStoreDB takes them; what is said of it then is ours.
func TestMessageSize(t *testing.T) {
	h := openHouse(t, openEmbedded(t))
	for size, want := range map[int]codes.Code{
		requestBytesMost - 1000: codes.InvalidArgument,
		requestBytesMost + 1:    codes.ResourceExhausted,
	} {
		e := event("Large")
		e.Data = make([]byte, size)
		if _, _, err := h.post(appendOptions("s", expectAny), proposal(e)); status.Code(err) != want {
			t.Errorf("%d bytes: got %v, want %s", size, err, want)
		}
	}
}

// Which names can be written, and by which calls.
func TestWritableStreams(t *testing.T) {
	h := openHouseOf(t, Options{Store: openEmbedded(t), Owned: func(stream string) bool {
		return strings.HasPrefix(stream, "account-")
	}})
	if _, err := h.store.Append(h.ctx, "account-1", eventstore.NoStream,
		[]eventstore.Event{event("AccountOpened"), event("DebitPosted")}); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("n", nameMost)
	for _, row := range []struct{ stream, appended, deleted string }{
		{"plain", "0", "ok"},
		{"$system", "0", "ok"},
		{"with@and spaces / ü", "0", "ok"},
		{long, "0", "ok"},
		{long + "n", "argument", "argument"},
		{"\xff", "argument", "argument"},
		{"$$plain", "1", "denied"}, // plain was deleted above
		{"$$$system", "1", "denied"},
		{"$$$$plain", "argument", "argument"},
		{"$$", "argument", "argument"},
		{"", "argument", "argument"},
		{"$all", "denied", "denied"},
		{"$streams", "denied", "denied"},
		{"$ce-plain", "denied", "denied"},
		{"$et-Happened", "denied", "denied"},
		{"$$$ce-plain", "denied", "denied"},
		{"$$$all", "denied", "denied"},
		{"account-1", "denied", "denied"},
		{"account-2", "denied", "denied"},
		{"$$account-1", "denied", "denied"},
		{"$$account-2", "denied", "denied"},
		{"$account-1", "0", "ok"},
	} {
		before := h.count("account-1") + h.count("$$account-1")
		p := &play{house: h}
		if got := byAppend(p, row.stream, expectAny, []eventstore.Event{event("Happened")}); got != row.appended {
			t.Errorf("append to %.20q: got %s, want %s", row.stream, got, row.appended)
		}
		got := byBatch(p, row.stream, expectAny, []eventstore.Event{event("Happened")})
		if strings.HasPrefix(got, "bad") {
			got = "argument"
		}
		if !strings.HasPrefix(row.appended, got[:1]) && row.appended != "0" && row.appended != "1" {
			t.Errorf("batch to %.20q: got %s, want %s", row.stream, got, row.appended)
		}
		if got := h.delete(row.stream, expectAny); got != row.deleted {
			t.Errorf("delete of %.20q: got %s, want %s", row.stream, got, row.deleted)
		}
		if row.deleted != "ok" {
			if got := h.entomb(row.stream, expectAny); got != row.deleted {
				t.Errorf("tombstone of %.20q: got %s, want %s", row.stream, got, row.deleted)
			}
		}
		if after := h.count("account-1") + h.count("$$account-1"); before != after {
			t.Errorf("events of the ledger: got %d, want %d", after, before)
		}
	}
	h.call(ofStream("account-1", fromStart)).expect("0 1 end")
}

// What a client proposes is what the log holds.
func TestAppendKeepsEvents(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		id := uuid.New()
		given := []eventstore.Event{
			{ID: uuid.New(), Type: "JSON", Data: []byte(`{"a":1}`), Metadata: []byte(`{"b":2}`)},
			{ID: uuid.New(), Type: "Bytes", Data: []byte{0, 255}, Metadata: []byte{1}, Binary: true},
			{ID: uuid.New(), Type: "Empty", Binary: true},
			{ID: uuid.New(), Type: linkType, Data: []byte("0@s"), Binary: true},
			{ID: uuid.New(), Type: "$ü", Data: []byte("not json"), Binary: false},
		}
		p := &play{house: h}
		for _, f := range faces {
			if got := f.append(p, "s-"+f.name, expectNone, given); f.name != "client" && got != "4" {
				t.Errorf("%s: got %s, want 4", f.name, got)
			}
			for i, want := range given {
				got := h.at("s-"+f.name, int64(i))
				if f.name == "client" {
					want.Binary = false // it says so of all that this test sends
				}
				if got == nil || fmt.Sprintf("%v", got.Event) != fmt.Sprintf("%v", want) {
					t.Errorf("%s: event %d: got %+v, want %+v", f.name, i, got, want)
				}
			}
		}
		text := proposal(event("Text"))
		text.GetProposedMessage().Id = &shared.UUID{Value: &shared.UUID_String_{String_: id.String()}}
		if _, _, err := h.post(appendOptions("text", expectAny), text); err != nil {
			t.Fatal(err)
		}
		if got := h.at("text", 0); got.ID != id {
			t.Errorf("id given as text: got %s, want %s", got.ID, id)
		}
	})
}
