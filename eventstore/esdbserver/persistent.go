package esdbserver

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc/codes"
	grpcmeta "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/esdbserver/groups"
)

// persistentService is EventStoreDB's PersistentSubscriptions: groups by their protocol. Read is in
// persistent_read.go.
type persistentService struct {
	persistent.UnimplementedPersistentSubscriptionsServer
	*Server
}

// Create makes a group.
func (s persistentService) Create(ctx context.Context,
	req *persistent.CreateReq) (*persistent.CreateResp, error) {
	key, settings, err := parseCreate(req.GetOptions())
	if err == nil {
		err = s.groups.Create(ctx, key, settings, callerOf(ctx))
	}
	return &persistent.CreateResp{}, s.groupRefusal(ctx, key, err)
}

// Update gives a group other settings and drops its subscribers.
func (s persistentService) Update(ctx context.Context,
	req *persistent.UpdateReq) (*persistent.UpdateResp, error) {
	key, settings, err := parseUpdate(req.GetOptions())
	if err == nil {
		err = s.groups.Update(ctx, key, settings, callerOf(ctx))
	}
	return &persistent.UpdateResp{}, s.groupRefusal(ctx, key, err)
}

// Delete ends a group and what it kept.
func (s persistentService) Delete(ctx context.Context,
	req *persistent.DeleteReq) (*persistent.DeleteResp, error) {
	options := req.GetOptions()
	_, all := options.GetStreamOption().(*persistent.DeleteReq_Options_All)
	key, err := keyOf(all, options.GetStreamIdentifier(), options.GetGroupName())
	if err == nil {
		err = s.groups.Delete(ctx, key, callerOf(ctx))
	}
	return &persistent.DeleteResp{}, s.groupRefusal(ctx, key, err)
}

// ReplayParked delivers again what a group has parked.
func (s persistentService) ReplayParked(ctx context.Context,
	req *persistent.ReplayParkedReq) (*persistent.ReplayParkedResp, error) {
	options := req.GetOptions()
	_, all := options.GetStreamOption().(*persistent.ReplayParkedReq_Options_All)
	key, err := keyOf(all, options.GetStreamIdentifier(), options.GetGroupName())
	if err == nil {
		var stopAt *int64
		if stop, ok := options.GetStopAtOption().(*persistent.ReplayParkedReq_Options_StopAt); ok {
			stopAt = &stop.StopAt
		}
		err = s.groups.Replay(ctx, key, stopAt)
	}
	return &persistent.ReplayParkedResp{}, s.groupRefusal(ctx, key, err)
}

// RestartSubsystem drops all subscribers and starts all groups anew.
func (s persistentService) RestartSubsystem(ctx context.Context,
	_ *shared.Empty) (*shared.Empty, error) {
	return &shared.Empty{}, s.groupRefusal(ctx, groups.Key{}, s.groups.Restart(ctx))
}

// GetInfo tells of one group.
func (s persistentService) GetInfo(ctx context.Context,
	req *persistent.GetInfoReq) (*persistent.GetInfoResp, error) {
	options := req.GetOptions()
	_, all := options.GetStreamOption().(*persistent.GetInfoReq_Options_All)
	key, err := keyOf(all, options.GetStreamIdentifier(), options.GetGroupName())
	var info groups.Info
	if err == nil {
		info, err = s.groups.Info(ctx, key)
	}
	if err != nil {
		return nil, s.groupRefusal(ctx, key, err)
	}
	return &persistent.GetInfoResp{SubscriptionInfo: infoMessage(info)}, nil
}

// List tells of the groups of one stream, of $all, or of all there are.
func (s persistentService) List(ctx context.Context,
	req *persistent.ListReq) (*persistent.ListResp, error) {
	var source string // any
	switch option := req.GetOptions().GetListOption().(type) {
	case *persistent.ListReq_Options_ListAllSubscriptions:
	case *persistent.ListReq_Options_ListForStream:
		_, all := option.ListForStream.GetStreamOption().(*persistent.ListReq_StreamOption_All)
		key, err := keyOf(all, option.ListForStream.GetStream(), "any")
		if err != nil {
			return nil, s.groupRefusal(ctx, key, err)
		}
		source = key.Source
	default:
		return nil, invalid("list_option is missing")
	}
	infos, err := s.groups.List(ctx, source)
	if err != nil {
		return nil, s.groupRefusal(ctx, groups.Key{Source: source}, err)
	}
	resp := &persistent.ListResp{}
	for _, info := range infos {
		resp.Subscriptions = append(resp.Subscriptions, infoMessage(info))
	}
	return resp, nil
}

// groupRefusal is what a caller is told of an error about a group.
func (s *Server) groupRefusal(ctx context.Context, key groups.Key, err error) error {
	about := "Subscription group " + key.Group + " on stream " + key.Source
	names := []string{"stream-name", key.Source, "group-name", key.Group}
	var refused *groups.Refused
	switch _, answered := status.FromError(err); {
	case err == nil || answered:
		return err
	case errors.Is(err, groups.ErrNotFound):
		return refuse(ctx, codes.NotFound, "persistent-subscription-does-not-exist",
			about+" does not exist.", names...)
	case errors.Is(err, groups.ErrExists):
		return refuse(ctx, codes.AlreadyExists, "persistent-subscription-exists",
			about+" exists.", names...)
	case errors.Is(err, groups.ErrFull):
		return refuse(ctx, codes.FailedPrecondition, "maximum-subscribers-reached",
			about+" has its maximum of subscribers.", names...)
	case errors.Is(err, groups.ErrDropped):
		return refuse(ctx, codes.Canceled, "persistent-subscription-dropped",
			about+" was dropped.", names...)
	case errors.Is(err, groups.ErrNotReady):
		return status.Error(codes.Unavailable, "Server Is Not Ready")
	case errors.Is(err, eventstore.ErrTooLarge):
		refused = &groups.Refused{Reason: "There are too many persistent subscriptions."}
	case !errors.As(err, &refused):
		return s.failure(ctx, err)
	}
	return refuse(ctx, codes.Internal, "persistent-subscription-failed",
		about+" failed: '"+refused.Reason+"'", append(names, "reason", refused.Reason)...)
}

// callerOf is the name that a caller gives with its password, and that aroundUnary has checked
// where names matter.
func callerOf(ctx context.Context) string {
	for _, header := range grpcmeta.ValueFromIncomingContext(ctx, "authorization") {
		kind, encoded, _ := strings.Cut(header, " ")
		decoded, err := base64.StdEncoding.DecodeString(encoded)
		name, _, ok := strings.Cut(string(decoded), ":")
		if err == nil && ok && strings.EqualFold(kind, "Basic") {
			return name
		}
	}
	return "anonymous"
}
