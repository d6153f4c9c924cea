package esdbserver

//lint:file-ignore SA1019 clients before 21.10 send the fields that are deprecated since.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	grpcmeta "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/esdbserver/groups"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

func streamNamed(name string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(name)}
}

// createSettings are those of other languages' clients.
func createSettings() *persistent.CreateReq_Settings {
	return &persistent.CreateReq_Settings{
		MaxRetryCount: 10, MinCheckpointCount: 10, MaxCheckpointCount: 1000, LiveBufferSize: 500,
		ReadBatchSize: 20, HistoryBufferSize: 500, ConsumerStrategy: "RoundRobin",
		MessageTimeout:  &persistent.CreateReq_Settings_MessageTimeoutMs{MessageTimeoutMs: 30_000},
		CheckpointAfter: &persistent.CreateReq_Settings_CheckpointAfterMs{CheckpointAfterMs: 2_000},
	}
}

type (
	createOptions = persistent.CreateReq_Options
	createChange  = func(*createOptions)
)

// createReq is for group g of stream s, from its start, changed by changes.
func createReq(changes ...createChange) *persistent.CreateReq {
	o := &persistent.CreateReq_Options{
		GroupName: "g", Settings: createSettings(),
		StreamOption: &persistent.CreateReq_Options_Stream{Stream: &persistent.CreateReq_StreamOptions{
			StreamIdentifier: streamNamed("s"), RevisionOption: &persistent.CreateReq_StreamOptions_Start{},
		}},
	}
	for _, change := range changes {
		change(o)
	}
	return &persistent.CreateReq{Options: o}
}

type settings = persistent.CreateReq_Settings

func with(change func(*settings)) createChange {
	return func(o *createOptions) { change(o.GetSettings()) }
}

func groupOfAll(all *persistent.CreateReq_AllOptions) createChange {
	return func(o *createOptions) {
		o.StreamOption = &persistent.CreateReq_Options_All{All: all}
	}
}

func fromAllStart() *persistent.CreateReq_AllOptions {
	return &persistent.CreateReq_AllOptions{AllOption: &persistent.CreateReq_AllOptions_Start{}}
}

func fromPlace(commit, prepare uint64) *persistent.CreateReq_AllOptions {
	return &persistent.CreateReq_AllOptions{AllOption: &persistent.CreateReq_AllOptions_Position{
		Position: &persistent.CreateReq_Position{CommitPosition: commit, PreparePosition: prepare},
	}}
}

// kindOf is a call's status and the trailer exception.
func kindOf(trailer grpcmeta.MD, err error) string {
	return strings.TrimSuffix(fmt.Sprintf("%s %s", status.Code(err),
		strings.Join(trailer.Get("exception"), ",")), " ")
}

func TestCreateIsRefused(t *testing.T) {
	const invalid, failed = "InvalidArgument", "Internal persistent-subscription-failed"
	rows := []struct {
		name, want string
		req        *persistent.CreateReq
	}{
		{"nothing", invalid, nil},
		{"no options", invalid, &persistent.CreateReq{}},
		{"no settings", invalid, createReq(func(o *createOptions) { o.Settings = nil })},
		{"no stream at all", invalid, createReq(func(o *createOptions) { o.StreamOption = nil })},
		{"no name", invalid, createReq(func(o *createOptions) {
			o.GetStream().StreamIdentifier = nil
		})},
		{"a name that is no text", invalid, createReq(func(o *createOptions) {
			o.GetStream().StreamIdentifier = streamNamed("\xff")
		})},
		{"a name that is too long", invalid, createReq(func(o *createOptions) {
			o.GetStream().StreamIdentifier = streamNamed(strings.Repeat("x", nameMost-10))
		})},
		{"no group", invalid, createReq(func(o *createOptions) { o.GroupName = "" })},
		{"no start", invalid, createReq(func(o *createOptions) {
			o.GetStream().RevisionOption = nil
		})},
		{"no stream options", invalid, createReq(func(o *createOptions) {
			o.StreamOption = &persistent.CreateReq_Options_Stream{}
		})},
		{"no $all options", invalid, createReq(groupOfAll(nil))},
		{"no position", invalid, createReq(groupOfAll(&persistent.CreateReq_AllOptions{}))},
		{"a filter of nothing", invalid, createReq(groupOfAll(&persistent.CreateReq_AllOptions{
			AllOption: &persistent.CreateReq_AllOptions_Start{},
			FilterOption: &persistent.CreateReq_AllOptions_Filter{
				Filter: &persistent.CreateReq_AllOptions_FilterOptions{},
			},
		}))},
		{"an expression of .NET", invalid, createReq(groupOfAll(&persistent.CreateReq_AllOptions{
			AllOption: &persistent.CreateReq_AllOptions_Start{},
			FilterOption: &persistent.CreateReq_AllOptions_Filter{
				Filter: &persistent.CreateReq_AllOptions_FilterOptions{
					Filter: &persistent.CreateReq_AllOptions_FilterOptions_EventType{
						EventType: &persistent.CreateReq_AllOptions_FilterOptions_Expression{
							Regex: "(?=x)",
						},
					},
				},
			},
		}))},
		{"$all as a stream", failed, createReq(func(o *createOptions) {
			o.GetStream().StreamIdentifier = streamNamed("$all")
		})},
		{"an unknown strategy", failed, createReq(with(func(s *settings) {
			s.ConsumerStrategy = "Best"
		}))},
		{"an unknown strategy by number", failed, createReq(with(func(s *settings) {
			s.ConsumerStrategy, s.NamedConsumerStrategy = "", 9
		}))},
		{"a batch as large as the buffer", failed, createReq(with(func(s *settings) {
			s.ReadBatchSize = s.HistoryBufferSize
		}))},
		{"a start beyond the numbers", failed, createReq(func(o *createOptions) {
			o.GetStream().RevisionOption = &persistent.CreateReq_StreamOptions_Revision{
				Revision: math.MaxInt64 + 2,
			}
		})},
		{"prepare after commit", failed, createReq(groupOfAll(fromPlace(1, 2)))},
		{"half of an end", failed, createReq(groupOfAll(fromPlace(5, math.MaxUint64)))},
		{"a position beyond the log", failed, createReq(groupOfAll(fromPlace(1<<40, 1<<40)))},
		{"what is there", "AlreadyExists persistent-subscription-exists", createReq()},
	}
	n := openInn(t, storetest.NewMemory())
	if _, err := n.stub.Create(n.ctx, createReq()); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			var trailer grpcmeta.MD
			_, err := n.stub.Create(n.ctx, r.req, grpc.Trailer(&trailer))
			if got := kindOf(trailer, err); got != r.want {
				t.Errorf("create: got %s (%v), want %s", got, err, r.want)
			}
		})
	}
	if infos, err := n.stub.List(n.ctx, listAll()); err != nil || len(infos.GetSubscriptions()) != 1 {
		t.Errorf("groups: got %v, %v, want the one that was there", infos, err)
	}
}

func listAll() *persistent.ListReq {
	return &persistent.ListReq{Options: &persistent.ListReq_Options{
		ListOption: &persistent.ListReq_Options_ListAllSubscriptions{},
	}}
}

func TestOtherCallsAreRefused(t *testing.T) {
	const missing = "NotFound persistent-subscription-does-not-exist"
	n := openInn(t, storetest.NewMemory())
	rows := []struct {
		name, want string
		call       func(...grpc.CallOption) error
	}{
		{"update nothing", "InvalidArgument", func(o ...grpc.CallOption) error {
			_, err := n.stub.Update(n.ctx, nil, o...)
			return err
		}},
		{"update without a start", "InvalidArgument", func(o ...grpc.CallOption) error {
			_, err := n.stub.Update(n.ctx, &persistent.UpdateReq{Options: &persistent.UpdateReq_Options{
				GroupName: "g", Settings: &persistent.UpdateReq_Settings{},
				StreamOption: &persistent.UpdateReq_Options_All{},
			}}, o...)
			return err
		}},
		{"update what is not there", missing, func(o ...grpc.CallOption) error {
			_, err := n.stub.Update(n.ctx, updateReq(), o...)
			return err
		}},
		{"delete nothing", "InvalidArgument", func(o ...grpc.CallOption) error {
			_, err := n.stub.Delete(n.ctx, nil, o...)
			return err
		}},
		{"delete what is not there", missing, func(o ...grpc.CallOption) error {
			_, err := n.stub.Delete(n.ctx, &persistent.DeleteReq{Options: &persistent.DeleteReq_Options{
				GroupName: "g", StreamOption: &persistent.DeleteReq_Options_All{},
			}}, o...)
			return err
		}},
		{"info of nothing", "InvalidArgument", func(o ...grpc.CallOption) error {
			_, err := n.stub.GetInfo(n.ctx, nil, o...)
			return err
		}},
		{"info of what is not there", missing, func(o ...grpc.CallOption) error {
			_, err := n.stub.GetInfo(n.ctx, &persistent.GetInfoReq{Options: &persistent.GetInfoReq_Options{
				GroupName: "g",
				StreamOption: &persistent.GetInfoReq_Options_StreamIdentifier{
					StreamIdentifier: streamNamed("x"),
				},
			}}, o...)
			return err
		}},
		{"list nothing", "InvalidArgument", func(o ...grpc.CallOption) error {
			_, err := n.stub.List(n.ctx, nil, o...)
			return err
		}},
		{"list a stream without a name", "InvalidArgument", func(o ...grpc.CallOption) error {
			_, err := n.stub.List(n.ctx, &persistent.ListReq{Options: &persistent.ListReq_Options{
				ListOption: &persistent.ListReq_Options_ListForStream{},
			}}, o...)
			return err
		}},
		{"list a stream that has none", missing, func(o ...grpc.CallOption) error {
			_, err := n.stub.List(n.ctx, &persistent.ListReq{Options: &persistent.ListReq_Options{
				ListOption: &persistent.ListReq_Options_ListForStream{
					ListForStream: &persistent.ListReq_StreamOption{
						StreamOption: &persistent.ListReq_StreamOption_Stream{Stream: streamNamed("x")},
					},
				},
			}}, o...)
			return err
		}},
		{"replay nothing", "InvalidArgument", func(o ...grpc.CallOption) error {
			_, err := n.stub.ReplayParked(n.ctx, nil, o...)
			return err
		}},
		{"replay up to before the start", "Internal persistent-subscription-failed",
			func(o ...grpc.CallOption) error {
				_, err := n.stub.ReplayParked(n.ctx, replayReq("s", -1), o...)
				return err
			}},
		{"replay what is not there", missing, func(o ...grpc.CallOption) error {
			_, err := n.stub.ReplayParked(n.ctx, replayReq("s", 1), o...)
			return err
		}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			var trailer grpcmeta.MD
			err := r.call(grpc.Trailer(&trailer))
			if got := kindOf(trailer, err); got != r.want {
				t.Errorf("got %s (%v), want %s", got, err, r.want)
			}
		})
	}
}

func updateReq() *persistent.UpdateReq {
	return &persistent.UpdateReq{Options: &persistent.UpdateReq_Options{
		GroupName: "g", Settings: &persistent.UpdateReq_Settings{
			NamedConsumerStrategy: persistent.UpdateReq_RoundRobin, HistoryBufferSize: 1,
		},
		StreamOption: &persistent.UpdateReq_Options_Stream{Stream: &persistent.UpdateReq_StreamOptions{
			StreamIdentifier: streamNamed("s"), RevisionOption: &persistent.UpdateReq_StreamOptions_End{},
		}},
	}}
}

func replayReq(name string, stopAt int64) *persistent.ReplayParkedReq {
	return &persistent.ReplayParkedReq{Options: &persistent.ReplayParkedReq_Options{
		GroupName: "g", StopAtOption: &persistent.ReplayParkedReq_Options_StopAt{StopAt: stopAt},
		StreamOption: &persistent.ReplayParkedReq_Options_StreamIdentifier{StreamIdentifier: streamNamed(name)},
	}}
}

// readReq is a subscription to group g of stream s.
func readReq(change func(*persistent.ReadReq_Options)) *persistent.ReadReq {
	o := &persistent.ReadReq_Options{
		GroupName: "g", BufferSize: 10,
		StreamOption: &persistent.ReadReq_Options_StreamIdentifier{StreamIdentifier: streamNamed("s")},
	}
	if change != nil {
		change(o)
	}
	return &persistent.ReadReq{Content: &persistent.ReadReq_Options_{Options: o}}
}

func ackReq(ids ...*shared.UUID) *persistent.ReadReq {
	return &persistent.ReadReq{Content: &persistent.ReadReq_Ack_{Ack: &persistent.ReadReq_Ack{Ids: ids}}}
}

func TestReadIsRefused(t *testing.T) {
	rows := []struct {
		name, want string
		sent       []*persistent.ReadReq
	}{
		{"nothing is sent", "InvalidArgument", nil},
		{"an empty message", "InvalidArgument", []*persistent.ReadReq{{}}},
		{"an answer comes first", "InvalidArgument", []*persistent.ReadReq{ackReq()}},
		{"no stream", "InvalidArgument", []*persistent.ReadReq{readReq(func(o *persistent.ReadReq_Options) {
			o.StreamOption = nil
		})}},
		{"no group", "InvalidArgument", []*persistent.ReadReq{readReq(func(o *persistent.ReadReq_Options) {
			o.GroupName = ""
		})}},
		{"no room", "InvalidArgument", []*persistent.ReadReq{readReq(func(o *persistent.ReadReq_Options) {
			o.BufferSize = 0
		})}},
		{"what is not there", "NotFound persistent-subscription-does-not-exist",
			[]*persistent.ReadReq{readReq(func(o *persistent.ReadReq_Options) {
				o.StreamOption = &persistent.ReadReq_Options_All{}
			})}},
		{"options come twice", "InvalidArgument", []*persistent.ReadReq{readReq(nil), readReq(nil)}},
		{"an empty message follows", "InvalidArgument", []*persistent.ReadReq{readReq(nil), {}}},
		{"an id without a value", "InvalidArgument", []*persistent.ReadReq{readReq(nil),
			ackReq(&shared.UUID{})}},
		{"an id that is none", "InvalidArgument", []*persistent.ReadReq{readReq(nil),
			ackReq(&shared.UUID{Value: &shared.UUID_String_{String_: "x"}})}},
		{"a nack's id that is none", "InvalidArgument", []*persistent.ReadReq{readReq(nil),
			{Content: &persistent.ReadReq_Nack_{Nack: &persistent.ReadReq_Nack{Ids: []*shared.UUID{nil}}}}}},
		{"an action that is none", "InvalidArgument", []*persistent.ReadReq{readReq(nil),
			{Content: &persistent.ReadReq_Nack_{Nack: &persistent.ReadReq_Nack{Action: 9}}}}},
		{"one too many", "FailedPrecondition maximum-subscribers-reached",
			[]*persistent.ReadReq{readReq(func(o *persistent.ReadReq_Options) { o.GroupName = "full" })}},
	}
	n := openInn(t, storetest.NewMemory())
	n.append("s", 3)
	n.create("s", "g", esdb.Start{}, nil)
	n.create("s", "full", esdb.Start{}, func(s *esdb.PersistentSubscriptionSettings) {
		s.MaxSubscriberCount = 1
	})
	n.subscribe("s", "full", 1)
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			call, err := n.stub.Read(n.ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, req := range r.sent {
				_ = call.Send(req) // the answer says what was wrong
			}
			if r.sent == nil {
				_ = call.CloseSend()
			}
			for err == nil {
				_, err = call.Recv()
			}
			if got := kindOf(call.Trailer(), err); got != r.want {
				t.Errorf("read: got %s (%v), want %s", got, err, r.want)
			}
		})
	}
}

// TestOlderClients sends what clients sent before 21.10, in fields that are deprecated since.
func TestOlderClients(t *testing.T) {
	rows := []struct {
		name     string
		revision uint64
		strategy persistent.CreateReq_ConsumerStrategy
		want     string
	}{
		{"from the start", 0, persistent.CreateReq_DispatchToSingle, "0 DispatchToSingle 1500 2500"},
		{"from a number", 7, persistent.CreateReq_RoundRobin, "7 RoundRobin 1500 2500"},
		{"from the end", math.MaxUint64, persistent.CreateReq_Pinned, "-1 Pinned 1500 2500"},
	}
	n := openInn(t, storetest.NewMemory())
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			req := createReq(func(o *createOptions) {
				o.StreamOption, o.StreamIdentifier, o.GroupName = nil, streamNamed("s"), r.name
				o.Settings.Revision, o.Settings.ConsumerStrategy = r.revision, ""
				o.Settings.NamedConsumerStrategy = r.strategy
				o.Settings.MessageTimeout = &persistent.CreateReq_Settings_MessageTimeoutTicks{
					MessageTimeoutTicks: 1_500 * 10_000}
				o.Settings.CheckpointAfter = &persistent.CreateReq_Settings_CheckpointAfterTicks{
					CheckpointAfterTicks: 2_500 * 10_000}
			})
			if _, err := n.stub.Create(n.ctx, req); err != nil {
				t.Fatal(err)
			}
			checkSettings(t, n, r.name, r.want)
			update := updateReq()
			update.Options.StreamOption, update.Options.StreamIdentifier = nil, streamNamed("s")
			update.Options.GroupName, update.Options.Settings.Revision = r.name, 9
			update.Options.Settings.MessageTimeout = &persistent.UpdateReq_Settings_MessageTimeoutTicks{
				MessageTimeoutTicks: math.MaxInt64}
			if _, err := n.stub.Update(n.ctx, update); err != nil {
				t.Fatal(err)
			}
			checkSettings(t, n, r.name, "9 RoundRobin 2147483647 0")
		})
	}
}

func checkSettings(t *testing.T, n *inn, group, want string) {
	t.Helper()
	info, err := n.stub.GetInfo(n.ctx, &persistent.GetInfoReq{Options: &persistent.GetInfoReq_Options{
		GroupName:    group,
		StreamOption: &persistent.GetInfoReq_Options_StreamIdentifier{StreamIdentifier: streamNamed("s")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	i := info.GetSubscriptionInfo()
	got := fmt.Sprint(i.GetStartFrom(), " ", i.GetNamedConsumerStrategy(), " ",
		i.GetMessageTimeoutMilliseconds(), " ", i.GetCheckPointAfterMilliseconds())
	if got != want {
		t.Errorf("settings: got %s, want %s", got, want)
	}
}

func TestFourStrategies(t *testing.T) {
	n := openInn(t, storetest.NewMemory())
	for _, strategy := range []string{"RoundRobin", "DispatchToSingle", "Pinned", "PinnedByCorrelation"} {
		req := createReq(func(o *createOptions) {
			o.GroupName, o.Settings.ConsumerStrategy = strategy, strategy
		})
		if _, err := n.stub.Create(n.ctx, req); err != nil {
			t.Errorf("create: got %v, want no error", err)
		}
		checkSettings(t, n, strategy, "0 "+strategy+" 30000 2000")
	}
}

func TestPositionOfAGroupOfAll(t *testing.T) {
	n := openInn(t, storetest.NewMemory())
	n.append("s", 3)
	rows := []struct {
		from *persistent.CreateReq_AllOptions
		want string
	}{
		{fromAllStart(), "C:0/P:0"},
		{fromPlace(3, 3), "C:3/P:3"},
		{fromPlace(math.MaxUint64, math.MaxUint64), "C:-1/P:-1"},
		{&persistent.CreateReq_AllOptions{AllOption: &persistent.CreateReq_AllOptions_End{}}, "C:-1/P:-1"},
	}
	for i, r := range rows {
		group := fmt.Sprint(i)
		req := createReq(groupOfAll(r.from), func(o *createOptions) { o.GroupName = group })
		if _, err := n.stub.Create(n.ctx, req); err != nil {
			t.Fatal(err)
		}
		info, err := n.stub.GetInfo(n.ctx, &persistent.GetInfoReq{Options: &persistent.GetInfoReq_Options{
			GroupName: group, StreamOption: &persistent.GetInfoReq_Options_All{},
		}})
		if got := info.GetSubscriptionInfo().GetStartFrom(); err != nil || got != r.want {
			t.Errorf("start: got %s, %v, want %s", got, err, r.want)
		}
	}
	sub, err := n.client.SubscribeToPersistentSubscriptionToAll(n.ctx, "1",
		esdb.SubscribeToPersistentSubscriptionOptions{})
	n.fine(err)
	if e := sub.Recv().EventAppeared; e == nil || e.Event.Event.EventNumber != 0 {
		t.Errorf("from position 3: got %+v, want the event that stands there", e)
	}
	n.fine(sub.Close())
}

// TestTextIDs subscribes as clients do that have no 64-bit integers.
func TestTextIDs(t *testing.T) {
	n := openInn(t, storetest.NewMemory())
	n.append("s", 1)
	n.create("s", "g", esdb.Start{}, nil)
	call, err := n.stub.Read(n.ctx)
	n.fine(err)
	n.fine(call.Send(readReq(func(o *persistent.ReadReq_Options) {
		o.UuidOption = &persistent.ReadReq_Options_UUIDOption{
			Content: &persistent.ReadReq_Options_UUIDOption_String_{},
		}
	})))
	confirmed, err := call.Recv()
	n.fine(err)
	if got := confirmed.GetSubscriptionConfirmation().GetSubscriptionId(); got != "s::g" {
		t.Errorf("confirmation: got %q, want s::g", got)
	}
	first, err := call.Recv()
	n.fine(err)
	id := first.GetEvent().GetEvent().GetId()
	if _, err := uuid.Parse(id.GetString_()); err != nil {
		t.Errorf("id: got %v, want a text", id)
	}
	n.fine(call.Send(ackReq(id)))
	n.fine(call.CloseSend()) // events go on
	n.append("s", 1)
	second, err := call.Recv()
	n.fine(err)
	if got := second.GetEvent().GetEvent().GetStreamRevision(); got != 1 {
		t.Errorf("after the last answer: got %d, want 1", got)
	}
}

// TestDeliveriesAreEncoded compares what is encoded by hand with what the protocol says.
func TestDeliveriesAreEncoded(t *testing.T) {
	record := func(name string) *eventstore.Recorded {
		e := event("Tested")
		return &eventstore.Recorded{
			Event: e, Stream: name, Revision: 3, Position: 9, Created: time.Unix(1, 500),
		}
	}
	message := func(e *eventstore.Recorded) *persistent.ReadResp_ReadEvent_RecordedEvent {
		if e == nil {
			return nil
		}
		return &persistent.ReadResp_ReadEvent_RecordedEvent{
			Id:               &shared.UUID{Value: &shared.UUID_String_{String_: e.ID.String()}},
			StreamIdentifier: streamNamed(e.Stream), StreamRevision: 3, PreparePosition: 9, CommitPosition: 9,
			Metadata: map[string]string{
				"type": "Tested", "created": "10000005", "content-type": "application/json",
			},
			CustomMetadata: e.Metadata, Data: e.Data,
		}
	}
	event, link := record("s"), record("links")
	for _, d := range []groups.Delivery{
		{Event: groups.Event{Record: event}},
		{Event: groups.Event{Record: event, Link: link}, Retries: 3},
		{Event: groups.Event{Link: link}, Retries: 1},
	} {
		want := &persistent.ReadResp{Content: &persistent.ReadResp_Event{Event: &persistent.ReadResp_ReadEvent{
			Event: message(d.Record), Link: message(d.Link),
			Position: &persistent.ReadResp_ReadEvent_CommitPosition{CommitPosition: 9},
			Count:    &persistent.ReadResp_ReadEvent_RetryCount{RetryCount: int32(d.Retries)},
		}}}
		got := &persistent.ReadResp{}
		if err := proto.Unmarshal(encodeDelivery(d, true).encoded, got); err != nil || !proto.Equal(got, want) {
			t.Errorf("encoded: got %v, %v, want %v", got, err, want)
		}
	}
}

func TestReadEndsWithTheServer(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	n := &inn{TB: t, ctx: ctx, store: storetest.NewMemory()}
	n.open(Options{Store: n.store})
	n.append("s", 1)
	n.create("s", "g", esdb.Start{}, nil)
	var calls []persistent.PersistentSubscriptions_ReadClient
	for range 20 {
		call, err := n.stub.Read(ctx)
		n.fine(err)
		n.fine(call.Send(readReq(nil)))
		_, err = call.Recv()
		n.fine(err)
		calls = append(calls, call)
	}
	n.shut() // returns when all goroutines of the server have ended
	if _, err := n.server.groups.List(ctx, ""); !errors.Is(err, groups.ErrNotReady) {
		t.Errorf("groups: got %v, want %v", err, groups.ErrNotReady)
	}
	for _, call := range calls {
		var err error
		for err == nil {
			_, err = call.Recv()
		}
		if errors.Is(err, io.EOF) || status.Code(err).String() != "Unavailable" {
			t.Errorf("read: got %v, want Unavailable", err)
		}
	}
}

func TestCallerOf(t *testing.T) {
	rows := []struct{ header, want string }{
		{"", "anonymous"},
		{"Basic YWRtaW46Y2hhbmdlaXQ=", "admin"},
		{"Basic !", "anonymous"},
		{"Bearer YWRtaW46Y2hhbmdlaXQ=", "anonymous"},
	}
	for _, r := range rows {
		ctx := grpcmeta.NewIncomingContext(t.Context(), grpcmeta.Pairs("authorization", r.header))
		if got := callerOf(ctx); got != r.want {
			t.Errorf("caller of %q: got %s, want %s", r.header, got, r.want)
		}
	}
}

// FuzzGroupRequests sends whatever bytes can be taken for a request to every call: none panics.
func FuzzGroupRequests(f *testing.F) {
	seeds := []proto.Message{
		createReq(), createReq(groupOfAll(fromAllStart())), updateReq(), replayReq("s", 2),
		listAll(), readReq(nil), ackReq(),
	}
	for _, seed := range seeds {
		data, err := proto.Marshal(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	n := openInn(f, storetest.NewMemory())
	s := persistentService{Server: n.server}
	f.Fuzz(func(t *testing.T, data []byte) {
		var create persistent.CreateReq
		var update persistent.UpdateReq
		var remove persistent.DeleteReq
		var replay persistent.ReplayParkedReq
		var info persistent.GetInfoReq
		var list persistent.ListReq
		var read persistent.ReadReq
		for _, req := range []proto.Message{&create, &update, &remove, &replay, &info, &list, &read} {
			_ = proto.Unmarshal(data, req) // what could be understood stays
		}
		_, _ = s.Create(n.ctx, &create)
		_, _ = s.Update(n.ctx, &update)
		_, _ = s.ReplayParked(n.ctx, &replay)
		_, _ = s.GetInfo(n.ctx, &info)
		_, _ = s.List(n.ctx, &list)
		_, _ = s.Delete(n.ctx, &remove)
		_, all := read.GetOptions().GetStreamOption().(*persistent.ReadReq_Options_All)
		_, _ = keyOf(all, read.GetOptions().GetStreamIdentifier(), read.GetOptions().GetGroupName())
		_ = answer(n.ctx, &groups.Subscriber{}, &persistent.ReadReq{})
		_, _ = parseIDs(read.GetNack().GetIds())
		_, _ = parseIDs(read.GetAck().GetIds())
	})
}
