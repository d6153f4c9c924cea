package esdbserver

import (
	"context"
	"errors"
	"io"
	"runtime/debug"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	grpcmeta "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tillbook/tillbook/eventstore/esdbserver/groups"
)

// Read subscribes to a group: events go out, answers come in, until either side ends it.
func (s persistentService) Read(call persistent.PersistentSubscriptions_ReadServer) error {
	ctx, cancel := context.WithCancelCause(call.Context())
	defer cancel(nil)
	options, err := receiveOptions(call)
	if err != nil {
		return err
	}
	_, all := options.GetStreamOption().(*persistent.ReadReq_Options_All)
	key, err := keyOf(all, options.GetStreamIdentifier(), options.GetGroupName())
	if err != nil {
		return err
	}
	if options.GetBufferSize() < 1 {
		return invalid("buffer_size must be at least 1")
	}
	sub, err := s.groups.Subscribe(ctx, key, clientInfo(ctx, int(options.GetBufferSize())))
	if err != nil {
		return s.groupRefusal(ctx, key, err)
	}
	defer sub.Close()
	if err := call.Send(confirmation(key)); err != nil {
		return err
	}
	s.working.Go(func() { cancel(s.answers(ctx, call, sub)) }) // it ends with this call
	_, text := options.GetUuidOption().GetContent().(*persistent.ReadReq_Options_UUIDOption_String_)
	for {
		d, err := sub.Next(ctx)
		if err == nil {
			err = call.SendMsg(encodeDelivery(d, text))
		}
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return s.groupRefusal(ctx, key, err)
		}
	}
}

// receiveOptions takes the first message, which says to what the caller subscribes.
func receiveOptions(
	call persistent.PersistentSubscriptions_ReadServer) (*persistent.ReadReq_Options, error) {
	first, err := call.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if options := first.GetOptions(); options != nil {
		return options, nil
	}
	return nil, invalid("the first message of a subscription must be its options")
}

func confirmation(key groups.Key) *persistent.ReadResp {
	return &persistent.ReadResp{Content: &persistent.ReadResp_SubscriptionConfirmation_{
		SubscriptionConfirmation: &persistent.ReadResp_SubscriptionConfirmation{
			SubscriptionId: key.ID(),
		},
	}}
}

// clientInfo is what a caller says of itself.
func clientInfo(ctx context.Context, slots int) groups.ClientInfo {
	info := groups.ClientInfo{Slots: slots, Name: "<unknown>", Username: callerOf(ctx)}
	if names := grpcmeta.ValueFromIncomingContext(ctx, "connection-name"); len(names) > 0 {
		info.Name = names[0]
	}
	if p, ok := peer.FromContext(ctx); ok {
		info.From = p.Addr.String()
	}
	return info
}

// answers takes what the caller makes of events, and returns why the call has to end. A caller that
// will answer no more goes on getting events, as far as it has slots.
func (s persistentService) answers(ctx context.Context,
	call persistent.PersistentSubscriptions_ReadServer, sub *groups.Subscriber) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			s.Logger.Error("an answer panicked", "panic", cause, "stack", string(debug.Stack()))
			err = status.Error(codes.Internal, "Internal error")
		}
	}()
	for {
		req, err := call.Recv()
		if errors.Is(err, io.EOF) {
			<-ctx.Done()
			return context.Cause(ctx)
		}
		if err == nil {
			err = answer(ctx, sub, req)
		}
		if err != nil {
			return err
		}
	}
}

func answer(ctx context.Context, sub *groups.Subscriber, req *persistent.ReadReq) error {
	switch content := req.GetContent().(type) {
	case *persistent.ReadReq_Ack_:
		ids, err := parseIDs(content.Ack.GetIds())
		if err != nil {
			return err
		}
		return sub.Ack(ctx, ids...)
	case *persistent.ReadReq_Nack_:
		ids, err := parseIDs(content.Nack.GetIds())
		if err != nil {
			return err
		}
		action, ok := actions[content.Nack.GetAction()]
		if !ok {
			return invalid("'%d' is not a valid action", content.Nack.GetAction())
		}
		return sub.Nack(ctx, action, content.Nack.GetReason(), ids...)
	}
	return invalid("a message that is neither ack nor nack follows the options")
}

var actions = map[persistent.ReadReq_Nack_Action]groups.Action{
	persistent.ReadReq_Nack_Unknown: groups.Unknown,
	persistent.ReadReq_Nack_Park:    groups.Park,
	persistent.ReadReq_Nack_Retry:   groups.Retry,
	persistent.ReadReq_Nack_Skip:    groups.Skip,
	persistent.ReadReq_Nack_Stop:    groups.Stop,
}

func parseIDs(given []*shared.UUID) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, len(given))
	for i, id := range given {
		var err error
		if ids[i], err = parseUUID(id); err != nil {
			return nil, invalid("%s", err)
		}
	}
	return ids, nil
}

// encodeDelivery is encodeEvent for persistent.proto, whose ReadEvent has a retry count besides:
// field 5.
func encodeDelivery(d groups.Delivery, textIDs bool) *eventAnswer {
	b := make([]byte, 0, roomFor(d.Record)+roomFor(d.Link))
	b, answer := open(b, 1)
	b = appendEvent(b, d.Record, d.Link, textIDs)
	b = protowire.AppendTag(b, 5, protowire.VarintType) // 0 is told, too: the field is one of two
	b = protowire.AppendVarint(b, uint64(d.Retries))
	return &eventAnswer{shut(b, answer)}
}
