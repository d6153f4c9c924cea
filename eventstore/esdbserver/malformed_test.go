package esdbserver

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// variants are a message with one thing changed: each field of it and of what is in it left out,
// made empty, or set where it was not.
func variants(m proto.Message) []proto.Message {
	var all []proto.Message
	var walk func(path []protoreflect.FieldDescriptor, at protoreflect.Message)
	walk = func(path []protoreflect.FieldDescriptor, at protoreflect.Message) {
		fields := at.Descriptor().Fields()
		for i := range fields.Len() {
			field := fields.Get(i)
			changed := func(change func(protoreflect.Message)) {
				clone := proto.Clone(m)
				to := clone.ProtoReflect()
				for _, step := range path {
					if step.IsList() {
						to = to.Mutable(step).List().Get(0).Message()
					} else {
						to = to.Mutable(step).Message()
					}
				}
				change(to)
				all = append(all, clone)
			}
			changed(func(to protoreflect.Message) { to.Clear(field) })
			switch {
			case field.IsMap():
				changed(func(to protoreflect.Message) { to.Set(field, to.NewField(field)) })
			case field.IsList():
				changed(func(to protoreflect.Message) {
					to.Mutable(field).List().Append(to.Mutable(field).List().NewElement())
				})
				if at.Has(field) {
					walk(append(path[:len(path):len(path)], field), at.Get(field).List().Get(0).Message())
				}
			case field.Message() != nil:
				changed(func(to protoreflect.Message) { to.Set(field, to.NewField(field)) })
				if at.Has(field) {
					walk(append(path[:len(path):len(path)], field), at.Get(field).Message())
				}
			default:
				changed(func(to protoreflect.Message) { to.Set(field, field.Default()) })
			}
		}
	}
	walk(nil, m.ProtoReflect())
	return all
}

// calm is a house whose log says when something panicked.
func calm(t testing.TB, store eventstore.Indexed) *house {
	return openHouseOf(t, Options{Store: store, Logger: slog.New(alarm{slog.DiscardHandler, t})})
}

type alarm struct {
	slog.Handler
	testing.TB
}

func (alarm) Enabled(context.Context, slog.Level) bool { return true }

func (a alarm) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "panic") {
		r.Attrs(func(at slog.Attr) bool { a.TB.Errorf("%s: %v", r.Message, at); return true })
	}
	return nil
}

// length is how many events the whole log has.
func (h *house) length() (n int) {
	h.Helper()
	for _, err := range h.store.ReadAll(h.ctx, eventstore.Start) {
		if err != nil {
			h.Fatal(err)
		}
		n++
	}
	return n
}

// refusals are the codes that a request which makes no sense may be answered with.
func isRefusal(err error) bool {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.PermissionDenied, codes.FailedPrecondition, codes.NotFound:
		return true
	}
	return false
}

// Whatever is left out of a request, the answer is a refusal or what was asked for, and a refused
// request has changed nothing.
func TestRequestsWithSomethingMissing(t *testing.T) {
	eachStore(t, func(t *testing.T, given *house) {
		h := calm(t, given.store)
		options, message := appendOptions("s", expectAny), proposal(event("Happened"))
		judge := func(what proto.Message, before int, err error) {
			t.Helper()
			switch after := h.length(); {
			case err != nil && !isRefusal(err):
				t.Errorf("%v: got %v, want a refusal", what, err)
			case err != nil && after != before:
				t.Errorf("%v: got %d events of a refused request", what, after-before)
			}
		}
		for _, v := range variants(options) {
			before := h.length()
			_, _, err := h.post(v.(*streams.AppendReq), message)
			judge(v, before, err)
		}
		for _, v := range append(variants(message), options) {
			before := h.length()
			_, _, err := h.post(options, proposal(event("Before")), v.(*streams.AppendReq), message)
			judge(v, before, err)
		}
		before := h.length()
		_, _, err := h.post()
		judge(nil, before, err)
		remove := &streams.DeleteReq{Options: &streams.DeleteReq_Options{
			StreamIdentifier:       options.GetOptions().StreamIdentifier,
			ExpectedStreamRevision: &streams.DeleteReq_Options_Revision{Revision: 5},
		}}
		for _, v := range append(variants(remove), &streams.DeleteReq{}) {
			before := h.length()
			_, err := h.stub.Delete(h.ctx, v.(*streams.DeleteReq))
			judge(v, before, err)
		}
		entomb := &streams.TombstoneReq{Options: &streams.TombstoneReq_Options{
			StreamIdentifier:       options.GetOptions().StreamIdentifier,
			ExpectedStreamRevision: &streams.TombstoneReq_Options_Revision{Revision: 5},
		}}
		for _, v := range append(variants(entomb), &streams.TombstoneReq{}) {
			before := h.length()
			_, err := h.stub.Tombstone(h.ctx, v.(*streams.TombstoneReq))
			judge(v, before, err)
		}
		for _, v := range append(variants(ask(ofStream("s", 0))), variants(ask(ofAll(0)))...) {
			ctx, cancel := context.WithCancel(h.ctx)
			call, err := h.stub.Read(ctx, v.(*streams.ReadReq))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := call.Recv(); err != nil && !errors.Is(err, io.EOF) && !isRefusal(err) {
				t.Errorf("%v: got %v, want a refusal", v, err)
			}
			cancel()
		}
	})
}

// Of a batch each write is answered, whatever is left out of the others.
func TestBatchesWithSomethingMissing(t *testing.T) {
	eachStore(t, func(t *testing.T, given *house) {
		h := calm(t, given.store)
		whole := chunk(uuid.New(), batchOptions("s", expectAny), true, event("Happened"))
		whole.Options.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{
			Deadline: durationpb.New(patience)}
		talk := h.talk()
		for _, v := range variants(whole) {
			id := uuid.New()
			other := chunk(id, batchOptions("other", expectAny), true, event("Happened"))
			talk.say(v.(*streams.BatchAppendReq), other)
			for heard := uuid.Nil; heard != id; {
				var word string
				if heard, word = talk.hear(); strings.Contains(word, "rpc error") {
					t.Fatalf("%v: got %s, want an answer", v, word)
				}
			}
		}
	})
}

// raw sends bytes as they are.
type raw struct{ encoding.CodecV2 }

func (c raw) Marshal(v any) (mem.BufferSlice, error) {
	if bytes, ok := v.([]byte); ok {
		return mem.BufferSlice{mem.SliceBuffer(bytes)}, nil
	}
	return c.CodecV2.Marshal(v)
}

// FuzzCalls sends bytes as the messages of a call. However it is answered, nothing panics, and what
// is refused changes nothing.
func FuzzCalls(f *testing.F) {
	seed := func(method byte, messages ...proto.Message) {
		encoded := make([][]byte, 3)
		for i, m := range messages {
			encoded[i], _ = proto.Marshal(m)
		}
		f.Add(method, encoded[0], encoded[1], encoded[2])
	}
	options, message := appendOptions("s", expectAny), proposal(event("Happened"))
	seed(0, options, message, message)
	seed(0, options, options, message)
	whole := chunk(uuid.New(), batchOptions("s", expectAny), true, event("Happened"))
	seed(1, whole, chunk(uuid.New(), batchOptions("t", 3), false, event("Happened")), whole)
	seed(2, &streams.DeleteReq{Options: &streams.DeleteReq_Options{
		StreamIdentifier: named("s"), ExpectedStreamRevision: &streams.DeleteReq_Options_Any{}}})
	seed(3, &streams.TombstoneReq{Options: &streams.TombstoneReq_Options{
		StreamIdentifier: named("s"), ExpectedStreamRevision: &streams.TombstoneReq_Options_Any{}}})
	seed(4, ask(ofStream("s", 0)))
	seed(4, ask(ofAll(fromEnd), backwards))

	house := calm(f, storetest.NewMemory())
	house.fill("s", 3, "Happened")
	methods := []string{"Append", "BatchAppend", "Delete", "Tombstone", "Read"}
	f.Fuzz(func(t *testing.T, method byte, a, b, c []byte) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		h := *house
		h.TB, h.ctx = t, ctx
		before := h.length()
		name := methods[int(method)%len(methods)]
		call, err := h.conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
			"/event_store.client.streams.Streams/"+name, grpc.ForceCodecV2(raw{encoding.GetCodecV2("proto")}))
		if err != nil {
			t.Fatal(err)
		}
		messages := [][]byte{a, b, c}
		if int(method)%len(methods) > 1 {
			messages = messages[:1]
		}
		for _, m := range messages {
			if err := call.SendMsg(m); err != nil {
				break
			}
		}
		if err := call.CloseSend(); err != nil {
			t.Fatal(err)
		}
		answers := 0
		for err == nil && answers < 10 { // a subscription goes on
			if err = call.RecvMsg(new(streams.ReadResp)); err == nil {
				answers++
			}
		}
		if err == nil || errors.Is(err, io.EOF) {
			return
		}
		unmarshalled := !strings.Contains(err.Error(), "unmarshal")
		if code := status.Code(err); unmarshalled && (code == codes.Internal || code == codes.Unknown) {
			t.Errorf("%s: got %v", name, err)
		}
		if name == "Append" && answers == 0 && h.length() != before {
			t.Errorf("%s: got %v and %d events more, want none", name, err, h.length()-before)
		}
	})
}
