package esdbserver

import (
	"context"
	"errors"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/tillbook/tillbook/eventstore"
)

// batchAnswer is the answer to a write that was done, in one piece of memory.
type batchAnswer struct {
	resp     streams.BatchAppendResp
	result   streams.BatchAppendResp_Success_
	success  streams.BatchAppendResp_Success
	revision streams.BatchAppendResp_Success_CurrentRevision
	place    streams.BatchAppendResp_Success_Position
	position shared.AllStreamPosition
}

// batchAppended is the answer to a write that was done, now or before.
func batchAppended(w *batchWrite) *streams.BatchAppendResp {
	a := new(batchAnswer)
	a.revision.CurrentRevision = uint64(w.last)
	a.success.CurrentRevisionOption = &a.revision
	if w.last < 0 {
		a.success.CurrentRevisionOption = &streams.BatchAppendResp_Success_NoStream{
			NoStream: &emptypb.Empty{}}
	}
	a.position.CommitPosition, a.position.PreparePosition = uint64(w.position), uint64(w.position)
	a.place.Position = &a.position
	a.success.PositionOption = &a.place
	if w.position == 0 {
		a.success.PositionOption = &streams.BatchAppendResp_Success_NoPosition{
			NoPosition: &emptypb.Empty{}}
	}
	a.result.Success = &a.success
	a.resp.CorrelationId, a.resp.StreamIdentifier = w.correlation, w.name
	a.resp.Result = &a.result
	return &a.resp
}

// refuse is the answer to a write that was not done. w is nil where there is no such write yet.
func (b *batch) refuse(correlation *shared.UUID, name *shared.StreamIdentifier, w *batchWrite,
	err error) *streams.BatchAppendResp {
	if w != nil {
		correlation, name = w.correlation, w.name
	}
	return &streams.BatchAppendResp{
		CorrelationId: correlation, StreamIdentifier: name,
		Result: &streams.BatchAppendResp_Error{Error: b.batchStatus(name, err)},
	}
}

// batchStatus says why a write was not done, in the types that clients look for.
func (b *batch) batchStatus(name *shared.StreamIdentifier, err error) *rpcstatus.Status {
	var wrong *wrongVersion
	var bad *malformed
	var missing *missingProperty
	switch {
	case errors.As(err, &wrong):
		return detailed(codes.AlreadyExists, wrongBatch(wrong))
	case errors.Is(err, errDeleted):
		return detailed(codes.NotFound, &shared.StreamDeleted{StreamIdentifier: name})
	case errors.Is(err, errDenied):
		return detailed(codes.PermissionDenied, &shared.AccessDenied{})
	case errors.Is(err, context.DeadlineExceeded):
		return detailed(codes.DeadlineExceeded, &shared.Timeout{})
	case errors.Is(err, errTooLarge):
		return detailed(codes.InvalidArgument,
			&shared.MaximumAppendSizeExceeded{MaxAppendSize: eventstore.MaxAppendBytes})
	case errors.As(err, &missing):
		return detailed(codes.InvalidArgument, &shared.BadRequest{Message: missing.Error()})
	case errors.As(err, &bad):
		return detailed(codes.InvalidArgument, &shared.BadRequest{Message: bad.reason})
	}
	failure := status.Convert(b.failure(b.ctx, err))
	var details proto.Message = &shared.Unknown{}
	switch failure.Code() {
	case codes.Aborted:
		details = &shared.Timeout{}
	case codes.Unavailable:
		details = &emptypb.Empty{}
	}
	said := detailed(failure.Code(), details)
	said.Message = failure.Message()
	return said
}

// detailed is a status whose message is the name of its details.
func detailed(code codes.Code, details proto.Message) *rpcstatus.Status {
	name := details.ProtoReflect().Descriptor().Name()
	packed, err := anypb.New(details)
	if err != nil { // the messages above can all be packed
		return &rpcstatus.Status{Code: int32(codes.Internal), Message: err.Error()}
	}
	return &rpcstatus.Status{
		Code: int32(code), Message: string(name), Details: []*anypb.Any{packed},
	}
}

func wrongBatch(e *wrongVersion) *shared.WrongExpectedVersion {
	wrong := &shared.WrongExpectedVersion{
		CurrentStreamRevisionOption: &shared.WrongExpectedVersion_CurrentStreamRevision{
			CurrentStreamRevision: uint64(e.current)},
		ExpectedStreamPositionOption: &shared.WrongExpectedVersion_ExpectedStreamPosition{
			ExpectedStreamPosition: uint64(e.expected)},
	}
	empty := &emptypb.Empty{}
	if e.current < 0 {
		wrong.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentNoStream{
			CurrentNoStream: empty}
	}
	switch e.expected {
	case expectNone:
		wrong.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedNoStream{
			ExpectedNoStream: empty}
	case expectAny:
		wrong.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedAny{
			ExpectedAny: empty}
	case expectExists:
		wrong.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamExists{
			ExpectedStreamExists: empty}
	}
	return wrong
}
