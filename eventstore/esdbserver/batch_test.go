package esdbserver

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/tillbook/tillbook/eventstore"
)

// batchOptions begin a write of a batch.
func batchOptions(stream string, expected int64) *streams.BatchAppendReq_Options {
	o := &streams.BatchAppendReq_Options{StreamIdentifier: named(stream)}
	switch expected {
	case expectNone:
		o.ExpectedStreamPosition = &streams.BatchAppendReq_Options_NoStream{}
	case expectAny:
		o.ExpectedStreamPosition = &streams.BatchAppendReq_Options_Any{}
	case expectExists:
		o.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamExists{}
	default:
		o.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamPosition{
			StreamPosition: number(expected)}
	}
	return o
}

func batchProposal(e eventstore.Event) *streams.BatchAppendReq_ProposedMessage {
	return &streams.BatchAppendReq_ProposedMessage{
		Id: structured(e.ID), Metadata: properties(e), Data: e.Data, CustomMetadata: e.Metadata,
	}
}

// chunk is a part of a write.
func chunk(id uuid.UUID, options *streams.BatchAppendReq_Options, final bool,
	events ...eventstore.Event) *streams.BatchAppendReq {
	req := &streams.BatchAppendReq{CorrelationId: structured(id), Options: options, IsFinal: final}
	for _, e := range events {
		req.ProposedMessages = append(req.ProposedMessages, batchProposal(e))
	}
	return req
}

// talk is an open BatchAppend call.
type talk struct {
	*house
	streams.Streams_BatchAppendClient
}

func (h *house) talk() *talk {
	h.Helper()
	ctx, cancel := context.WithCancel(h.ctx)
	h.Cleanup(cancel)
	call, err := h.stub.BatchAppend(ctx)
	if err != nil {
		h.Fatalf("batch append: got %v, want no error", err)
	}
	return &talk{h, call}
}

func (t *talk) say(reqs ...*streams.BatchAppendReq) {
	t.Helper()
	for _, req := range reqs {
		if err := t.Send(req); err != nil {
			t.Fatalf("send: got %v, want no error", err)
		}
	}
}

// hear is the next answer: its id, and a word for it.
func (t *talk) hear() (uuid.UUID, string) {
	t.Helper()
	resp, err := t.Recv()
	if err != nil {
		return uuid.Nil, err.Error()
	}
	id, _ := parseUUID(resp.GetCorrelationId()) // nil where the client has given none
	return id, t.batchWord(resp)
}

// batchWord is an answer in a word. The details of an error must be of the type, under the code and
// the message that clients know.
func (h *house) batchWord(resp *streams.BatchAppendResp) string {
	h.Helper()
	stream := string(resp.GetStreamIdentifier().GetStreamName())
	if success := resp.GetSuccess(); success != nil {
		if success.GetNoStream() != nil && success.GetNoPosition() != nil {
			return "none"
		}
		at := success.GetPosition()
		if (at == nil) != (success.GetNoPosition() != nil) || success.GetNoStream() != nil {
			return fmt.Sprintf("half an answer: %v", success)
		}
		if at.GetCommitPosition() != at.GetPreparePosition() {
			return fmt.Sprintf("two positions: %v", at)
		}
		return h.appendedWord(stream, int64(success.GetCurrentRevision()), at.GetCommitPosition())
	}
	failed := resp.GetError()
	if len(failed.GetDetails()) != 1 {
		return fmt.Sprintf("%d details of %v", len(failed.GetDetails()), failed)
	}
	details, err := failed.GetDetails()[0].UnmarshalNew()
	if err != nil {
		return err.Error()
	}
	word, code := "", codes.OK
	switch d := details.(type) {
	case *shared.WrongExpectedVersion:
		word, code = fmt.Sprintf("wrong/%d", d.GetCurrentStreamRevision()), codes.AlreadyExists
		if d.GetCurrentNoStream() != nil {
			word = "wrong/none"
		}
	case *shared.StreamDeleted:
		word, code = "deleted", codes.NotFound
		if got := string(d.GetStreamIdentifier().GetStreamName()); got != stream {
			word = "deleted " + got
		}
	case *shared.AccessDenied:
		word, code = "denied", codes.PermissionDenied
	case *shared.Timeout:
		word, code = "late", codes.DeadlineExceeded
	case *shared.MaximumAppendSizeExceeded:
		word, code = fmt.Sprintf("large/%d", d.GetMaxAppendSize()), codes.InvalidArgument
	case *shared.BadRequest:
		word, code = "bad: "+d.GetMessage(), codes.InvalidArgument
	default:
		return fmt.Sprint(failed)
	}
	name := string(details.ProtoReflect().Descriptor().Name())
	if codes.Code(failed.GetCode()) != code || failed.GetMessage() != name {
		return fmt.Sprintf("%s under %d, %q", word, failed.GetCode(), failed.GetMessage())
	}
	return word
}

func byBatch(p *play, stream string, expected int64, events []eventstore.Event) string {
	t, id := p.talk(), uuid.New()
	t.say(chunk(id, batchOptions(stream, expected), true, events...))
	heard, word := t.hear()
	if heard != id {
		return fmt.Sprintf("the answer to %s", heard)
	}
	return word
}

// What a write expected comes back with its refusal, in the field for it.
func TestBatchWrongVersion(t *testing.T) {
	h := openHouse(t, openEmbedded(t))
	h.fill("s", 3, "Happened")
	for _, row := range []struct {
		stream   string
		expected int64
		want     *shared.WrongExpectedVersion
	}{
		{"s", expectNone, &shared.WrongExpectedVersion{
			CurrentStreamRevisionOption: &shared.WrongExpectedVersion_CurrentStreamRevision{
				CurrentStreamRevision: 2},
			ExpectedStreamPositionOption: &shared.WrongExpectedVersion_ExpectedNoStream{}}},
		{"s", 7, &shared.WrongExpectedVersion{
			CurrentStreamRevisionOption: &shared.WrongExpectedVersion_CurrentStreamRevision{
				CurrentStreamRevision: 2},
			ExpectedStreamPositionOption: &shared.WrongExpectedVersion_ExpectedStreamPosition{
				ExpectedStreamPosition: 7}}},
		{"never", expectExists, &shared.WrongExpectedVersion{
			CurrentStreamRevisionOption:  &shared.WrongExpectedVersion_CurrentNoStream{},
			ExpectedStreamPositionOption: &shared.WrongExpectedVersion_ExpectedStreamExists{}}},
	} {
		talk := h.talk()
		talk.say(chunk(uuid.New(), batchOptions(row.stream, row.expected), true, event("Happened")))
		resp, err := talk.Recv()
		if err != nil {
			t.Fatal(err)
		}
		got := &shared.WrongExpectedVersion{}
		if err := resp.GetError().GetDetails()[0].UnmarshalTo(got); err != nil {
			t.Fatal(err)
		}
		want := proto.Clone(row.want)
		if raw, err := proto.Marshal(want); err != nil || proto.Unmarshal(raw, want) != nil {
			t.Fatal(err)
		}
		if !proto.Equal(got, want) {
			t.Errorf("%s at %d: got %v, want %v", row.stream, row.expected, got, want)
		}
	}
}

// Requests that are no write are answered under their id; the call goes on.
func TestBatchRefuses(t *testing.T) {
	h := openHouse(t, openEmbedded(t))
	good := event("Happened")
	change := func(change func(*streams.BatchAppendReq)) *streams.BatchAppendReq {
		req := chunk(uuid.New(), batchOptions("s", expectAny), true, good)
		change(req)
		return req
	}
	first := func(r *streams.BatchAppendReq) *streams.BatchAppendReq_ProposedMessage {
		return r.ProposedMessages[0]
	}
	text := &shared.UUID{Value: &shared.UUID_String_{String_: "x"}}
	rows := []struct {
		name, want string
		req        *streams.BatchAppendReq
	}{
		{"no stream", "bad: Required field StreamIdentifier not set.",
			change(func(r *streams.BatchAppendReq) { r.Options.StreamIdentifier = nil })},
		{"an empty stream", "bad: Required field StreamIdentifier not set.",
			change(func(r *streams.BatchAppendReq) { r.Options.StreamIdentifier.StreamName = nil })},
		{"no expectation", "bad: Required field ExpectedStreamRevision not set.",
			change(func(r *streams.BatchAppendReq) { r.Options.ExpectedStreamPosition = nil })},
		{"an impossible number", "bad: The expected revision is beyond what a stream can have.",
			change(func(r *streams.BatchAppendReq) { r.Options = batchOptions("s", math.MinInt64+1) })},
		{"no type", "bad: Required Metadata Property 'type' is missing",
			change(func(r *streams.BatchAppendReq) { delete(first(r).Metadata, "type") })},
		{"an empty type", "bad: Empty eventType provided.",
			change(func(r *streams.BatchAppendReq) { first(r).Metadata["type"] = "" })},
		{"no content type", "bad: Required Metadata Property 'content-type' is missing",
			change(func(r *streams.BatchAppendReq) { delete(first(r).Metadata, "content-type") })},
		{"no id", "bad: Required field UUID not set.",
			change(func(r *streams.BatchAppendReq) { first(r).Id = nil })},
		{"a nil id", "bad: Empty eventId provided.",
			change(func(r *streams.BatchAppendReq) { first(r).Id = structured(uuid.Nil) })},
		{"an id that is none", "bad: 'x' is not a valid UUID",
			change(func(r *streams.BatchAppendReq) { first(r).Id = text })},
		{"no message at all", "bad: Required Metadata Property 'type' is missing",
			change(func(r *streams.BatchAppendReq) { proto.Reset(first(r)) })},
		{"a tombstone", "bad: Only a tombstone writes $streamDeleted events.",
			change(func(r *streams.BatchAppendReq) { first(r).Metadata["type"] = "$streamDeleted" })},
		{"a list", "denied",
			change(func(r *streams.BatchAppendReq) { r.Options = batchOptions("$ce-x", expectAny) })},
		{"too large", "large/1048576",
			change(func(r *streams.BatchAppendReq) { first(r).Data = make([]byte, 1<<20) })},
		{"a deadline that has passed", "late", change(func(r *streams.BatchAppendReq) {
			r.Options.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(0)}
		})},
		{"a time that has passed", "late", change(func(r *streams.BatchAppendReq) {
			r.Options.DeadlineOption = &streams.BatchAppendReq_Options_Deadline_21_10_0{
				Deadline_21_10_0: &timestamppb.Timestamp{Seconds: 1}}
		})},
		{"a deadline in the past", "late", change(func(r *streams.BatchAppendReq) {
			r.Options.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{
				Deadline: &durationpb.Duration{Seconds: math.MinInt64}}
		})},
		{"no deadline after all", "late", change(func(r *streams.BatchAppendReq) {
			r.Options.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{}
		})},
	}
	talk := h.talk()
	for _, row := range rows {
		talk.say(row.req)
		id, word := talk.hear()
		if want, _ := parseUUID(row.req.GetCorrelationId()); id != want {
			t.Errorf("%s: got an answer to %s, want %s", row.name, id, want)
		}
		if word != row.want {
			t.Errorf("%s: got %s, want %s", row.name, word, row.want)
		}
	}
	talk.say(&streams.BatchAppendReq{Options: batchOptions("s", expectAny), IsFinal: true})
	if resp, err := talk.Recv(); err != nil || h.batchWord(resp) != "bad: Required field UUID not set." {
		t.Errorf("no correlation id: got %v, %v, want a bad request", resp, err)
	}
	if n := h.count("s"); n != 0 {
		t.Errorf("events: got %d, want 0", n)
	}
	id := uuid.New()
	talk.say(chunk(id, batchOptions("s", expectNone), true, good))
	if heard, word := talk.hear(); heard != id || word != "0" {
		t.Errorf("a write after all that: got %s, want 0", word)
	}
}

// Clients in no hurry say so in their own ways.
func TestBatchWithoutHurry(t *testing.T) {
	h := openHouse(t, openEmbedded(t))
	talk := h.talk()
	for i, options := range []*streams.BatchAppendReq_Options{
		{},
		{DeadlineOption: &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(patience)}},
		{DeadlineOption: &streams.BatchAppendReq_Options_Deadline{
			Deadline: &durationpb.Duration{Seconds: 922_337_203_685}}}, // .NET's longest
		{DeadlineOption: &streams.BatchAppendReq_Options_Deadline_21_10_0{
			Deadline_21_10_0: timestamppb.New(time.Now().Add(patience))}},
		{DeadlineOption: &streams.BatchAppendReq_Options_Deadline_21_10_0{
			Deadline_21_10_0: timestamppb.New(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))}},
	} {
		options.StreamIdentifier = named("s")
		options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_Any{}
		talk.say(chunk(uuid.New(), options, true, event("Happened")))
		if _, word := talk.hear(); word != fmt.Sprint(i) {
			t.Errorf("write %d: got %s, want %d", i, word, i)
		}
	}
}

// A write is complete when its last chunk has come, whatever comes between.
func TestBatchChunks(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		talk, a, b := h.talk(), uuid.New(), uuid.New()
		one, two, three := event("One"), event("Two"), event("Three")
		talk.say(
			chunk(a, batchOptions("a", expectNone), false, one),
			chunk(b, batchOptions("b", expectNone), false, one),
			chunk(uuid.New(), nil, true, three), // nobody began it
			chunk(a, nil, false, two),
			chunk(b, batchOptions("other", 77), true, two), // what came first counts
			chunk(a, nil, true),
			chunk(a, nil, true, three), // it is over
		)
		got := map[uuid.UUID]string{}
		for range 2 {
			id, word := talk.hear()
			got[id] = word
		}
		if got[a] != "1" || got[b] != "1" {
			t.Errorf("answers: got %v, want 1 and 1", got)
		}
		if err := talk.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if _, word := talk.hear(); word != "EOF" {
			t.Errorf("end: got %s, want EOF", word)
		}
		if a, b := h.count("a"), h.count("b"); a != 2 || b != 2 {
			t.Errorf("events: got %d and %d, want 2 and 2", a, b)
		}
	})
}

// A write that grows too large is refused once, and nothing of it is written.
func TestBatchTooLargeInChunks(t *testing.T) {
	h := openHouse(t, openEmbedded(t))
	talk, id := h.talk(), uuid.New()
	half := event("Half")
	half.Data = make([]byte, eventstore.MaxAppendBytes/2)
	talk.say(
		chunk(id, batchOptions("s", expectAny), false, half),
		chunk(id, nil, false, half),
		chunk(id, nil, true, event("Last")),
	)
	if heard, word := talk.hear(); heard != id || word != "large/1048576" {
		t.Errorf("answer: got %s, want large/1048576", word)
	}
	next := uuid.New()
	talk.say(chunk(next, batchOptions("s", expectAny), true, event("Next")))
	if heard, word := talk.hear(); heard != next || word != "0" {
		t.Errorf("the next write: got %s, want 0", word)
	}
	if held := h.server.waiting.Load(); held != 0 {
		t.Errorf("bytes held: got %d, want 0", held)
	}
}

// A write whose last chunk does not come in time is answered, and what comes later is nothing.
func TestBatchDeadline(t *testing.T) {
	h := openHouse(t, openEmbedded(t))
	talk, id := h.talk(), uuid.New()
	options := batchOptions("s", expectAny)
	options.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(1000)}
	talk.say(chunk(id, options, false, event("First")))
	if heard, word := talk.hear(); heard != id || word != "late" {
		t.Errorf("answer: got %s, want late", word)
	}
	if held := h.server.waiting.Load(); held != 0 {
		t.Errorf("bytes held: got %d, want 0", held)
	}
	next := uuid.New()
	talk.say(
		chunk(id, nil, true, event("Second")),
		chunk(next, batchOptions("t", expectAny), true, event("Next")),
	)
	if heard, word := talk.hear(); heard != next || word != "0" {
		t.Errorf("the next write: got %s, want 0", word)
	}
	if n := h.count("s"); n != 0 {
		t.Errorf("events: got %d, want 0", n)
	}
}

// Writes to one stream are done in their order, those to others at the same time; each is answered
// under its id, with its own place.
func TestBatchPipelined(t *testing.T) {
	eachStore(t, func(t *testing.T, h *house) {
		const writes, others = 600, 7
		talk, want := h.talk(), map[uuid.UUID]string{}
		go func() {
			for i := range writes {
				id := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, i))
				options := batchOptions(fmt.Sprintf("p-%d", i%others), int64(i/others)-1)
				if err := talk.Send(chunk(id, options, true, event("Happened"))); err != nil {
					t.Errorf("send: got %v, want no error", err)
				}
			}
			_ = talk.CloseSend()
		}()
		for i := range writes {
			want[uuid.NewSHA1(uuid.Nil, fmt.Append(nil, i))] = fmt.Sprint(i / others)
		}
		for range writes {
			id, word := talk.hear()
			if want[id] != word {
				t.Fatalf("answer to %s: got %s, want %s", id, word, want[id])
			}
			delete(want, id)
		}
		if _, word := talk.hear(); word != "EOF" {
			t.Errorf("end: got %s, want EOF", word)
		}
	})
}

// A client that takes no answers holds up nobody.
func TestBatchSlowReader(t *testing.T) {
	h := openHouse(t, openEmbedded(t))
	ctx, cancel := context.WithCancel(h.ctx)
	defer cancel()
	deaf, err := h.stub.BatchAppend(ctx)
	if err != nil {
		t.Fatal(err)
	}
	stuck := make(chan int)
	go func() {
		sent := 0
		name := "deaf-" + strings.Repeat("x", nameMost-8) // its answers are large
		options := batchOptions(name, expectAny)
		for deaf.Send(chunk(uuid.New(), options, true, event("Happened"))) == nil {
			if sent++; sent%1000 == 0 {
				select {
				case stuck <- sent:
				default:
				}
			}
		}
		close(stuck)
	}()
	<-stuck
	talk := h.talk()
	for i := range 100 {
		talk.say(chunk(uuid.New(), batchOptions("quick", expectAny), true, event("Happened")))
		if _, word := talk.hear(); word != fmt.Sprint(i) {
			t.Fatalf("write %d: got %s", i, word)
		}
	}
	if held := h.server.waiting.Load(); held > waitingMost/8 {
		t.Errorf("bytes held for one client: got %d, want no more than %d", held, waitingMost/8)
	}
	cancel()
	for range stuck {
	}
}
