package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcmeta "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tillbook/tillbook/eventstore"
)

// Why a write is refused, beside errDeleted and *wrongVersion.
var (
	errDenied   = errors.New("access denied")
	errTooLarge = errors.New("append is too large")
	errTooBusy  = errors.New("too many bytes are waiting to be written")
	errPanicked = errors.New("internal error")
)

// malformed says what is wrong with a request, whoever sends it.
type malformed struct{ reason string }

func (e *malformed) Error() string { return e.reason }

// missingProperty names what an event's metadata must have and has not.
type missingProperty struct{ name string }

func (e *missingProperty) Error() string {
	return fmt.Sprintf("Required Metadata Property '%s' is missing", e.name)
}

// exceptionKey is the trailer in which clients look for the kind of an error.
const exceptionKey = "exception"

// refuse is a status whose kind the client finds in the trailer exception, and what belongs to it in
// further trailers, given as keys and values.
func refuse(ctx context.Context, code codes.Code, exception, message string, more ...string) error {
	trailers := grpcmeta.Pairs(exceptionKey, exception)
	for i := 0; i+1 < len(more); i += 2 {
		trailers.Set(more[i], trailerValue(more[i+1]))
	}
	_ = grpc.SetTrailer(ctx, trailers) // it fails only outside of a call
	return status.Error(code, message)
}

// trailerMost bounds a trailer's value: clients bound all of them together.
const trailerMost = 2048

// trailerValue is a text as a trailer can carry it. Every byte that is not printable ASCII is a
// percent sign and two digits, as in a status message: no client could read the call's end otherwise.
func trailerValue(text string) string {
	var out strings.Builder
	for _, b := range []byte(text[:min(len(text), trailerMost)]) {
		if b < ' ' || b > '~' {
			fmt.Fprintf(&out, "%%%02X", b)
			continue
		}
		out.WriteByte(b)
	}
	return out.String()
}

// streamDeleted says that a stream has a tombstone.
func streamDeleted(ctx context.Context, stream string) error {
	return refuse(ctx, codes.FailedPrecondition, "stream-deleted",
		"Event stream '"+stream+"' is deleted.", "stream-name", stream)
}

// accessDenied says that this caller may not do what it asked.
func accessDenied(ctx context.Context) error {
	return refuse(ctx, codes.PermissionDenied, "access-denied", "Access Denied")
}

// invalid says that a request cannot be understood, whoever sends it.
func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// refusal is what the caller of a unary write, named operation, is told of an error that do gave.
func (s *Server) refusal(ctx context.Context, operation, stream string, err error) error {
	var wrong *wrongVersion
	var bad *malformed
	var missing *missingProperty
	switch {
	case errors.Is(err, errDeleted):
		return streamDeleted(ctx, stream)
	case errors.Is(err, errDenied):
		return accessDenied(ctx)
	case errors.As(err, &wrong):
		return refuse(ctx, codes.FailedPrecondition, "wrong-expected-version",
			fmt.Sprintf("%s failed due to WrongExpectedVersion. Stream: %s, Expected version: %d, "+
				"Actual version: %d", operation, stream, wrong.expected, wrong.current),
			"stream-name", stream, "expected-version", strconv.FormatInt(wrong.expected, 10),
			"actual-version", strconv.FormatInt(wrong.current, 10))
	case errors.Is(err, errTooLarge):
		return refuse(ctx, codes.InvalidArgument, "maximum-append-size-exceeded",
			fmt.Sprintf("Maximum Append Size of %d Exceeded.", eventstore.MaxAppendBytes),
			"maximum-append-size", strconv.Itoa(eventstore.MaxAppendBytes))
	case errors.As(err, &missing):
		return refuse(ctx, codes.InvalidArgument, "missing-required-metadata-property",
			missing.Error(), "required-metadata-properties", typeProperty+","+contentTypeProperty)
	case errors.As(err, &bad):
		return invalid("%s", bad.reason)
	}
	return s.failure(ctx, err)
}

// failure is what a caller is told of a store's failure or of its own context's end. What an
// operator must look at is logged here.
func (s *Server) failure(ctx context.Context, err error) error {
	var damaged *eventstore.Damaged
	switch {
	case errors.Is(err, errTooBusy):
		return status.Error(codes.Unavailable, "Server Is Too Busy")
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		s.Logger.ErrorContext(ctx, "outcome of an append is unknown", "error", err)
		return status.Error(codes.Aborted, "Operation timed out: it may or may not have been done")
	case errors.Is(err, eventstore.ErrClosed), s.isClosing():
		return status.Error(codes.Unavailable, "Server Is Not Ready")
	case isConflict(err):
		return status.Error(codes.Aborted, "Operation timed out: others write to the stream")
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return status.Error(codes.Aborted, "Operation timed out: it may or may not have been done")
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, "Deadline Exceeded")
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, "Cancelled")
	case errors.Is(err, errPanicked):
		return status.Error(codes.Internal, "Internal error")
	case errors.As(err, &damaged):
		s.Logger.ErrorContext(ctx, "stored bytes are damaged", "stream", damaged.Stream,
			"revision", damaged.Revision, "reason", damaged.Reason)
		return status.Errorf(codes.DataLoss, "stream '%s' is damaged at %d",
			damaged.Stream, damaged.Revision)
	}
	s.Logger.ErrorContext(ctx, "the store failed", "error", err)
	return status.Error(codes.Unknown, "The store failed")
}
