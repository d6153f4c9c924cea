package esdbserver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
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

	"github.com/tillbook/tillbook/eventstore"
)

// script is what happens to one stream, step by step: op@expected=outcome.
//
// An op of small letters appends the events of these names, - appends none, META{…} sets metadata,
// DEL and TOMB delete. expected is none, any, exists or a number. An outcome is the number that the
// append answers, none, or wrong/N with the stream's current number, deleted, denied, invalid; of
// deletions ok. Positions are compared with the log's; /gone behind a number says there is none.
//
// READ= are the numbers a reader finds, missing or deleted. META= is the metadata. LOG= is how many
// events there are, read or not, and METALOG= how many of metadata. MAX is the largest number that
// an event could have, and MAXU the largest of all. RESTART starts another server on the same log.
type script struct {
	name  string
	steps string
}

// face is a way to append.
type face struct {
	name   string
	append func(p *play, stream string, expected int64, events []eventstore.Event) string
}

var faces = []face{{"client", byClient}, {"append", byAppend}, {"batch", byBatch}}

// play is a script that runs.
type play struct {
	*house
	stream string
	face   face
	events map[rune]eventstore.Event
}

// perform runs scripts through every face over every store.
func perform(t *testing.T, scripts []script) {
	for _, f := range faces {
		t.Run(f.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, h *house) {
				for i, s := range scripts {
					p := &play{
						house: h, face: f, events: map[rune]eventstore.Event{},
						stream: fmt.Sprintf("%s-%d", f.name, i),
					}
					for j, step := range strings.Fields(s.steps) {
						if got, want := p.step(step); got != want {
							t.Errorf("%s: %d, %s: got %s, want %s", s.name, j+1, step, got, want)
						}
					}
				}
			})
		})
	}
}

// step carries out one step.
func (p *play) step(step string) (got, want string) {
	step = strings.ReplaceAll(step, `"$tb":MAX`, fmt.Sprintf(`"$tb":%d`, int64(math.MaxInt64)))
	deed, want, _ := strings.Cut(step, "=")
	op, expects, _ := strings.Cut(deed, "@")
	expected := expectation(expects)
	switch {
	case op == "RESTART":
		p.restart()
		return "", ""
	case op == "READ":
		return p.words(p.call(ofStream(p.stream, fromStart))), want
	case op == "META" && expects == "":
		return p.metadata(), want
	case op == "LOG":
		return strconv.Itoa(p.count(p.stream)), want
	case op == "METALOG":
		return strconv.Itoa(p.count(metastreamOf(p.stream))), want
	case op == "META-":
		return p.face.append(p, metastreamOf(p.stream), expected, nil), want
	case strings.HasPrefix(op, "META"):
		e := eventstore.Event{ID: uuid.New(), Type: metadataType, Data: []byte(op[len("META"):])}
		return p.face.append(p, metastreamOf(p.stream), expected, []eventstore.Event{e}), want
	case op == "DEL":
		return p.delete(p.stream, expected), want
	case op == "TOMB":
		return p.entomb(p.stream, expected), want
	}
	var events []eventstore.Event
	for _, name := range strings.Trim(op, "-") {
		if _, known := p.events[name]; !known {
			p.events[name] = event("Happened")
		}
		events = append(events, p.events[name])
	}
	return p.face.append(p, p.stream, expected, events), want
}

// expectAllOnes is expectNone as some clients write it: a number that no event has.
const expectAllOnes = math.MinInt64

// number is what a request has where it expects a number.
func number(expected int64) uint64 {
	if expected == expectAllOnes {
		return math.MaxUint64
	}
	return uint64(expected)
}

func expectation(word string) int64 {
	switch word {
	case "none":
		return expectNone
	case "any":
		return expectAny
	case "exists":
		return expectExists
	}
	switch word {
	case "MAX":
		return math.MaxInt64
	case "MAXU":
		return expectAllOnes
	}
	n, _ := strconv.ParseInt(word, 10, 64)
	return n
}

// restart puts another server in the place of this one, which remembers nothing.
func (h *house) restart() {
	h.Helper()
	if err := h.server.Shutdown(h.ctx); err != nil {
		h.Fatalf("shutdown: got %v, want no error", err)
	}
	*h = *openHouseOf(h.TB, h.server.Options)
}

// count is how many events a stream has in the log.
func (h *house) count(stream string) (n int) {
	h.Helper()
	for _, err := range h.store.Read(h.ctx, stream, 0) {
		if err != nil {
			h.Fatal(err)
		}
		n++
	}
	return n
}

// at is a stream's event in the log.
func (h *house) at(stream string, number int64) *eventstore.Recorded {
	h.Helper()
	for e, err := range h.store.Read(h.ctx, stream, eventstore.Revision(number)) {
		if err != nil {
			h.Fatal(err)
		}
		return &e
	}
	return nil
}

// metadata is the data of the one event of a metastream that can be read.
func (p *play) metadata() string {
	t := p.call(ofStream(metastreamOf(p.stream), fromStart))
	t.word = func(e *streams.ReadResp_ReadEvent) string { return string(e.GetEvent().GetData()) }
	return p.words(t)
}

// words are a read's answers before its end.
func (p *play) words(t *transcript) string {
	words := strings.Join(strings.Fields(t.rest()), ",")
	words = strings.Replace(words, "FailedPrecondition/stream-deleted", "deleted", 1)
	words = strings.TrimSuffix(strings.Replace(words, p.stream, "?", 1), "end")
	return strings.TrimSuffix(words, ",")
}

// appendedWord says where an append says it stands, and whether the log agrees.
func (h *house) appendedWord(stream string, number int64, position uint64) string {
	h.Helper()
	word := strconv.FormatInt(number, 10)
	if position == 0 {
		return word + "/gone"
	}
	if e := h.at(stream, number); e == nil || uint64(e.Position) != position {
		return fmt.Sprintf("%s at %d, but the log has %v", word, position, e)
	}
	return word
}

func byClient(p *play, stream string, expected int64, events []eventstore.Event) string {
	data := make([]esdb.EventData, len(events))
	for i, e := range events {
		data[i] = esdb.EventData{
			EventID: e.ID, EventType: e.Type, ContentType: esdb.ContentTypeJson,
			Data: e.Data, Metadata: e.Metadata,
		}
	}
	var opts esdb.AppendToStreamOptions
	switch expected {
	case expectNone:
		opts.ExpectedRevision = esdb.NoStream{}
	case expectAny:
		opts.ExpectedRevision = esdb.Any{}
	case expectExists:
		opts.ExpectedRevision = esdb.StreamExists{}
	default:
		opts.ExpectedRevision = esdb.Revision(number(expected))
	}
	result, err := p.client.AppendToStream(p.ctx, stream, opts, data...)
	if err == nil {
		if result.CommitPosition != result.PreparePosition {
			return fmt.Sprintf("two positions: %v", result)
		}
		if len(events) == 0 { // the client makes 1 of no stream
			return byAppend(p, stream, expected, events)
		}
		return p.appendedWord(stream, int64(result.NextExpectedVersion), result.CommitPosition)
	}
	var failed *esdb.Error
	if !errors.As(err, &failed) {
		return err.Error()
	}
	switch failed.Code() {
	case esdb.ErrorCodeWrongExpectedVersion:
		_, current, _ := strings.Cut(err.Error(), "but got '")
		return "wrong/" + strings.Replace(strings.Trim(current, "'"), "no_stream", "none", 1)
	case esdb.ErrorCodeStreamDeleted:
		return "deleted"
	case esdb.ErrorCodeAccessDenied:
		return "denied"
	}
	return failed.Error()
}

// appendOptions begin an append.
func appendOptions(stream string, expected int64) *streams.AppendReq {
	o := &streams.AppendReq_Options{StreamIdentifier: named(stream)}
	switch expected {
	case expectNone:
		o.ExpectedStreamRevision = &streams.AppendReq_Options_NoStream{}
	case expectAny:
		o.ExpectedStreamRevision = &streams.AppendReq_Options_Any{}
	case expectExists:
		o.ExpectedStreamRevision = &streams.AppendReq_Options_StreamExists{}
	default:
		o.ExpectedStreamRevision = &streams.AppendReq_Options_Revision{Revision: number(expected)}
	}
	return &streams.AppendReq{Content: &streams.AppendReq_Options_{Options: o}}
}

func structured(id uuid.UUID) *shared.UUID {
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits:  int64(binary.BigEndian.Uint64(id[:8])),
		LeastSignificantBits: int64(binary.BigEndian.Uint64(id[8:]))}}}
}

func properties(e eventstore.Event) map[string]string {
	content := contentJSON
	if e.Binary {
		content = contentBinary
	}
	return map[string]string{typeProperty: e.Type, contentTypeProperty: content}
}

func proposal(e eventstore.Event) *streams.AppendReq {
	return &streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{
		ProposedMessage: &streams.AppendReq_ProposedMessage{
			Id: structured(e.ID), Metadata: properties(e), Data: e.Data, CustomMetadata: e.Metadata,
		},
	}}
}

// post sends an append call's messages and returns its answer.
func (h *house) post(messages ...*streams.AppendReq) (*streams.AppendResp, grpcmeta.MD, error) {
	h.Helper()
	call, err := h.stub.Append(h.ctx)
	if err != nil {
		h.Fatalf("append: got %v, want no error", err)
	}
	for _, m := range messages {
		if call.Send(m) != nil {
			break // CloseAndRecv knows why
		}
	}
	resp, err := call.CloseAndRecv()
	return resp, call.Trailer(), err
}

func byAppend(p *play, stream string, expected int64, events []eventstore.Event) string {
	messages := []*streams.AppendReq{appendOptions(stream, expected)}
	for _, e := range events {
		messages = append(messages, proposal(e))
	}
	resp, trailers, err := p.post(messages...)
	if err != nil {
		return errorWord(err, trailers)
	}
	if wrong := resp.GetWrongExpectedVersion(); wrong != nil {
		if wrong.GetCurrentNoStream() != nil {
			return "wrong/none"
		}
		return fmt.Sprintf("wrong/%d", wrong.GetCurrentRevision())
	}
	success := resp.GetSuccess()
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
	return p.appendedWord(stream, int64(success.GetCurrentRevision()), at.GetCommitPosition())
}

// one appends an event.
func (h *house) one(stream string, expected int64) string {
	h.Helper()
	return byAppend(&play{house: h}, stream, expected, []eventstore.Event{event("Happened")})
}

// put appends an event by a client.
func put(ctx context.Context, client *esdb.Client, stream string) error {
	e := esdb.EventData{EventType: "Happened"}
	_, err := client.AppendToStream(ctx, stream, esdb.AppendToStreamOptions{}, e)
	return err
}

// named is how a request says which stream it means.
func named(stream string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(stream)}
}

// errorWord is what a call's error says, by its trailers.
func errorWord(err error, trailers grpcmeta.MD) string {
	exception := strings.Join(trailers.Get(exceptionKey), "")
	switch code := status.Code(err); {
	case code == codes.FailedPrecondition && exception == "stream-deleted":
		return "deleted"
	case code == codes.PermissionDenied && exception == "access-denied":
		return "denied"
	case code == codes.FailedPrecondition && exception == "wrong-expected-version":
		actual := strings.Join(trailers.Get("actual-version"), "")
		return "wrong/" + strings.Replace(actual, "-1", "none", 1)
	case code == codes.InvalidArgument:
		return "argument"
	default:
		return code.String() + exception
	}
}

// delete deletes a stream.
func (h *house) delete(stream string, expected int64) string {
	h.Helper()
	o := &streams.DeleteReq_Options{StreamIdentifier: named(stream)}
	switch expected {
	case expectNone:
		o.ExpectedStreamRevision = &streams.DeleteReq_Options_NoStream{}
	case expectAny:
		o.ExpectedStreamRevision = &streams.DeleteReq_Options_Any{}
	case expectExists:
		o.ExpectedStreamRevision = &streams.DeleteReq_Options_StreamExists{}
	default:
		o.ExpectedStreamRevision = &streams.DeleteReq_Options_Revision{Revision: number(expected)}
	}
	var trailers grpcmeta.MD
	resp, err := h.stub.Delete(h.ctx, &streams.DeleteReq{Options: o}, grpc.Trailer(&trailers))
	if err != nil {
		return errorWord(err, trailers)
	}
	at := resp.GetPosition()
	return h.isLast(metastreamOf(stream), at.GetCommitPosition(), at.GetPreparePosition())
}

// entomb deletes a stream for ever.
func (h *house) entomb(stream string, expected int64) string {
	h.Helper()
	o := &streams.TombstoneReq_Options{StreamIdentifier: named(stream)}
	switch expected {
	case expectNone:
		o.ExpectedStreamRevision = &streams.TombstoneReq_Options_NoStream{}
	case expectAny:
		o.ExpectedStreamRevision = &streams.TombstoneReq_Options_Any{}
	case expectExists:
		o.ExpectedStreamRevision = &streams.TombstoneReq_Options_StreamExists{}
	default:
		o.ExpectedStreamRevision = &streams.TombstoneReq_Options_Revision{Revision: number(expected)}
	}
	var trailers grpcmeta.MD
	resp, err := h.stub.Tombstone(h.ctx, &streams.TombstoneReq{Options: o}, grpc.Trailer(&trailers))
	if err != nil {
		return errorWord(err, trailers)
	}
	at := resp.GetPosition()
	return h.isLast(stream, at.GetCommitPosition(), at.GetPreparePosition())
}

// isLast is ok where a stream's last event stands at both positions.
func (h *house) isLast(stream string, commit, prepare uint64) string {
	h.Helper()
	for e, err := range h.store.ReadBackwards(h.ctx, stream, eventstore.End) {
		if err != nil {
			h.Fatal(err)
		}
		if uint64(e.Position) != commit || commit != prepare {
			return fmt.Sprintf("%d and %d, but the log has %d", commit, prepare, e.Position)
		}
		return "ok"
	}
	return "nothing in the log"
}

// The sequences of EventStoreDB's appending_to_implicitly_created_stream, under its names, and the
// cases of its append_to_stream.
func TestAppend(t *testing.T) {
	perform(t, []script{
		{"0em1_1e0_2e1_3e2_4e3_5e4_0em1_idempotent",
			"a@none=0 b@0=1 c@1=2 d@2=3 e@3=4 f@4=5 a@none=0 LOG=6 READ=0,1,2,3,4,5"},
		{"0em1_1e0_2e1_3e2_4e3_4e4_0any_idempotent",
			"a@none=0 b@0=1 c@1=2 d@2=3 e@3=4 f@4=5 a@any=0 LOG=6"},
		{"0em1_1e0_2e1_3e2_4e3_5e4_0e5_non_idempotent",
			"a@none=0 b@0=1 c@1=2 d@2=3 e@3=4 f@4=5 a@5=6 LOG=7"},
		{"0em1_1e0_2e1_3e2_4e3_5e4_0e6_wev",
			"a@none=0 b@0=1 c@1=2 d@2=3 e@3=4 f@4=5 a@6=wrong/5 LOG=6"},
		{"0em1_1e0_2e1_3e2_4e3_5e4_0e4_wev",
			"a@none=0 b@0=1 c@1=2 d@2=3 e@3=4 f@4=5 a@4=wrong/5 LOG=6"},
		{"0em1_0e0_non_idempotent", "a@none=0 a@0=1 LOG=2"},
		{"0em1_0any_idempotent", "a@none=0 a@any=0 LOG=1"},
		{"0em1_0em1_idempotent", "a@none=0 a@none=0 LOG=1"},
		{"0em1_1e0_2e1_1any_1any_idempotent", "a@none=0 b@0=1 c@1=2 b@any=1 b@any=1 LOG=3"},
		{"S_0em1_1em1_E_S_0em1_E_idempotent", "ab@none=1 a@none=0 LOG=2"},
		{"S_0em1_1em1_E_S_0any_E_idempotent", "ab@none=1 a@any=0 LOG=2"},
		{"S_0em1_1em1_E_S_1e0_E_idempotent", "ab@none=1 b@0=1 LOG=2"},
		{"S_0em1_1em1_E_S_1any_E_idempotent", "ab@none=1 b@any=1 LOG=2"},
		{"S_0em1_1em1_E_S_0em1_1em1_2em1_E_idempotancy_fail", "ab@none=1 abc@none=wrong/1 LOG=2"},

		{"a stream never seen", "a@any=0 LOG=1"},
		{"an exact number of a stream never seen",
			`a@0=wrong/none a@7=wrong/none LOG=0 READ=not-found:?`},
		{"exists of a stream never seen", "a@exists=wrong/none LOG=0"},
		{"exists of a stream", "a@none=0 b@exists=1 c@exists=2"},
		{"exists of metadata alone", `META{"$maxCount":5}@any=0 a@exists=0 LOG=1`},
		{"none of a stream", "a@none=0 b@none=wrong/0"},
		{"none of metadata alone", `META{"$maxCount":5}@any=0 a@none=0`},
		{"no events", "-@any=none -@none=none -@any=none -@0=wrong/none -@exists=wrong/none LOG=0"},
		{"no events to a stream",
			`ab@none=1 -@any=1/gone -@1=1/gone -@exists=1/gone -@0=wrong/1 -@none=wrong/1 LOG=2`},
		{"weak: the same again", "abcd@any=3 abcd@any=3 abcd@exists=3 LOG=4"},
		{"weak: one id six times", "aaaaaa@any=5 aaaaaa@any=0 LOG=6"},
		{"strong: one id six times", "aaaaaa@none=5 aaaaaa@none=5 LOG=6"},
		{"weak: the first is new", "ab@any=1 cab@any=4 LOG=5"},
		{"weak: a later one is new", "ab@any=1 abc@any=wrong/1 abc@exists=wrong/1 LOG=2"},
		{"weak: neither order nor neighbourhood counts", "abcd@any=3 db@any=1 ca@any=0 LOG=4"},
		{"weak: the first place of an id counts", "a@any=0 a@0=1 a@any=0 LOG=2"},
		{"weak: forgotten by another server", "ab@any=1 RESTART ab@any=3 LOG=4"},
		{"strong: not forgotten", "ab@none=1 c@1=2 RESTART ab@none=1 bc@0=2 c@1=2 LOG=3"},
		{"strong: the first differs", "abc@none=2 xb@0=wrong/2 LOG=3"},
		{"strong: a later one differs", "abc@none=2 bx@0=wrong/2 LOG=3"},
		{"strong: past the end", "abc@none=2 bcx@0=wrong/2 LOG=3"},
		{"strong: order counts", "abc@none=2 ba@none=wrong/2 LOG=3"},
		{"an exact number of the head", "a@none=0 a@0=1 aa@1=3 LOG=4"},
		{"beyond the head", "a@none=0 b@1=wrong/0 b@MAX=wrong/0"},
		{"none, as a number", "a@MAXU=0 a@MAXU=0 b@MAXU=wrong/0 DEL@MAXU=wrong/0 TOMB@MAXU=wrong/0"},
	})
}

// The cases of EventStoreDB's soft_delete and deleting_stream.
func TestDelete(t *testing.T) {
	perform(t, []script{
		{"deleted", "ab@none=1 DEL@any=ok READ=not-found:? LOG=2"},
		{"at the number",
			`ab@none=1 DEL@0=wrong/1 DEL@2=wrong/1 DEL@none=wrong/1 READ=0,1 DEL@1=ok
				READ=not-found:?`},
		{"exists", "ab@none=1 DEL@exists=ok READ=not-found:? DEL@exists=deleted"},
		{"a stream never seen",
			`DEL@any=wrong/none DEL@none=wrong/none DEL@exists=wrong/none DEL@0=wrong/none LOG=0`},
		{"metadata alone", `META{"a":1}@any=0 DEL@any=ok META={"$tb":MAX}`},
		{"twice", "ab@none=1 DEL@any=ok DEL@any=ok DEL@1=ok DEL@none=ok READ=not-found:?"},
		{"all other metadata goes",
			`ab@none=1 META{"$maxCount":7,"x":1}@any=0 DEL@any=ok META={"$tb":MAX}`},

		{"again by any",
			`ab@none=1 DEL@any=ok cde@any=4 READ=2,3,4 META={"$tb":2} f@any=5 READ=2,3,4,5
				META={"$tb":2}`},
		{"again by none", `ab@none=1 DEL@any=ok cde@none=4 READ=2,3,4 META={"$tb":2}`},
		{"again by the number", `ab@none=1 DEL@any=ok cde@1=4 READ=2,3,4 META={"$tb":2}`},
		{"again by exists", "ab@none=1 DEL@any=ok c@exists=deleted LOG=2"},
		{"again by another number",
			`ab@none=1 DEL@any=ok c@0=wrong/1 c@2=wrong/1 LOG=2 READ=not-found:?`},
		{"again for the first write only",
			`ab@none=1 DEL@any=ok cde@none=4 f@none=wrong/4 READ=2,3,4`},
		{"again by both writes of any", `ab@none=1 DEL@any=ok cde@any=4 fg@any=6 READ=2,3,4,5,6`},
		{"again after a restart",
			`ab@none=1 DEL@any=ok RESTART cde@none=4 READ=2,3,4 META={"$tb":2}`},
		{"again without events", `ab@none=1 DEL@any=ok -@any=1/gone READ= META={"$tb":2}`},
		{"again keeps other metadata",
			`ab@none=1 META{"$tb":MAX,"$maxCount":100,"k":[true]}@none=0 c@1=2 READ=2
				META={"$maxCount":100,"k":[true],"$tb":2}`},
		{"deleted again",
			`ab@none=1 DEL@any=ok c@any=2 DEL@2=ok READ=not-found:? d@none=3 READ=3
				META={"$tb":3}`},
		{"a repeat does not bring it back",
			`ab@none=1 DEL@any=ok ab@none=1/gone ab@any=1/gone READ=not-found:? LOG=2`},
		{"half a repeat is none", "ab@none=1 DEL@any=ok ax@none=wrong/1 LOG=2 READ=not-found:?"},
		{"a repeat of what came after",
			`ab@none=1 DEL@any=ok c@none=2 c@1=2 c@any=2 c@none=wrong/2 LOG=3`},

		{"metadata brings it back empty",
			`ab@none=1 DEL@any=ok META{"$maxCount":100,"k":"v"}@0=1
				META={"$maxCount":100,"k":"v","$tb":2} READ= c@1=2 READ=2`},
		{"metadata of a stream without events",
			`META{"$tb":MAX}@any=0 META{"$maxCount":100}@0=1 META={"$maxCount":100,"$tb":0}
				READ=not-found:?`},
		{"metadata that cannot be understood", `ab@none=1 DEL@any=ok META?!@0=1 META=?! READ=0,1`},
		{"metadata is counted once for its writer",
			`ab@none=1 DEL@any=ok META{"k":1}@any=1 META{"l":2}@2=3 META={"l":2} READ=0,1`},
	})
}

// A tombstone is for ever, for the stream and its metastream.
func TestTombstone(t *testing.T) {
	perform(t, []script{
		{"a stream never seen, any", "TOMB@any=ok READ=deleted LOG=1"},
		{"a stream never seen, none", "TOMB@none=ok READ=deleted"},
		{"a stream never seen, else", "TOMB@1=wrong/none TOMB@exists=wrong/none LOG=0"},
		{"at the number",
			`ab@none=1 TOMB@0=wrong/1 TOMB@none=wrong/1 TOMB@2=wrong/1 TOMB@1=ok LOG=3`},
		{"exists", "ab@none=1 TOMB@exists=ok READ=deleted"},
		{"all writes end", `ab@none=1 TOMB@any=ok c@any=deleted c@none=deleted c@1=deleted c@2=deleted c@exists=deleted
			ab@none=deleted -@any=deleted DEL@any=deleted TOMB@any=deleted TOMB@none=deleted META{}@any=deleted LOG=3`},
		{"metadata ends",
			`META{"a":1}@any=0 TOMB@any=ok META{"a":2}@any=deleted META{"a":2}@0=deleted
				META=deleted`},
		{"after a restart",
			`ab@none=1 TOMB@any=ok RESTART c@any=deleted META{}@none=deleted TOMB@any=deleted
				LOG=3`},
		{"of a deleted stream",
			`ab@none=1 DEL@any=ok TOMB@any=ok c@none=deleted READ=deleted METALOG=1`},
		{"of a deleted stream, none", "ab@none=1 DEL@any=ok TOMB@none=ok c@any=deleted"},
		{"of a deleted stream, exists", "ab@none=1 DEL@any=ok TOMB@exists=deleted c@any=2 READ=2"},
	})
}

// Metadata is the data of a metastream's last event, byte for byte.
func TestStreamMetadata(t *testing.T) {
	perform(t, []script{
		{"set and read",
			`META{"$maxCount":2,"own":[1,{"a":null}]}@none=0
				META={"$maxCount":2,"own":[1,{"a":null}]}`},
		{"the last counts", `META{"a":1}@none=0 META{"b":2}@0=1 META={"b":2}`},
		{"at the number", `META{}@5=wrong/none META{}@none=0 META{"a":1}@none=wrong/0 META={}`},
		{"no events", `abc@none=2 META-@any=none META{}@any=0 META-@any=0/gone META-@2=wrong/0`},
		{"of no stream", `META=not-found:$$? META{}@any=0 READ=not-found:?`},
		{"$maxCount",
			`abc@none=2 META{"$maxCount":2}@any=0 READ=1,2 d@any=3 READ=2,3 META{}@any=1
				READ=0,1,2,3`},
		{"$tb", `abc@none=2 META{"$tb":2}@any=0 READ=2 META{"$tb":7}@any=1 READ= d@2=3 READ=`},
		{"a repeat that cannot be read any more",
			`abc@none=2 META{"$tb":1}@any=0 a@none=0/gone b@0=1 bc@0=2 a@any=0/gone`},
		{"a repeat that is too old",
			`abc@none=2 META{"$maxCount":1}@any=0 a@any=0/gone b@0=1/gone c@1=2`},
	})
}
