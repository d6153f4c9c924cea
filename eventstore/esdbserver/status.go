package esdbserver

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmeta "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tillbook/tillbook/eventstore"
)

// The words clients of EventStoreDB look for in trailers.
const (
	exceptionKey  = "exception"
	streamNameKey = "stream-name"
)

// refuse is a status whose kind the client finds in the trailer exception, and what belongs to it in
// further trailers, given as keys and values.
func refuse(ctx context.Context, code codes.Code, exception, message string, more ...string) error {
	trailer := grpcmeta.Pairs(append([]string{exceptionKey, exception}, more...)...)
	_ = grpc.SetTrailer(ctx, trailer) // it fails only outside of a call
	return status.Error(code, message)
}

// streamDeleted says that a stream has a tombstone.
func streamDeleted(ctx context.Context, stream string) error {
	return refuse(ctx, codes.FailedPrecondition, "stream-deleted",
		"Event stream '"+stream+"' is deleted.", streamNameKey, stream)
}

// accessDenied says that this caller may not do what it asked.
func accessDenied(ctx context.Context) error {
	return refuse(ctx, codes.PermissionDenied, "access-denied", "Access Denied")
}

// invalid says that a request cannot be understood, whoever sends it.
func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// failure is what a caller is told of a store's failure or of its own context's end. What an
// operator must look at is logged here.
func (s *Server) failure(ctx context.Context, err error) error {
	var damaged *eventstore.Damaged
	switch {
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		return status.Error(codes.Aborted, "Operation timed out: it may or may not have been done")
	case errors.Is(err, eventstore.ErrClosed):
		return status.Error(codes.Unavailable, "Server Is Not Ready")
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, "Deadline Exceeded")
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, "Cancelled")
	case errors.As(err, &damaged):
		s.Logger.ErrorContext(ctx, "stored bytes are damaged", "stream", damaged.Stream,
			"revision", damaged.Revision, "reason", damaged.Reason)
		return status.Errorf(codes.DataLoss, "stream '%s' is damaged at %d",
			damaged.Stream, damaged.Revision)
	}
	s.Logger.ErrorContext(ctx, "the store failed", "error", err)
	return status.Error(codes.Unknown, "the store failed")
}
