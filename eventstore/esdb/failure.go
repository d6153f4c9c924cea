package esdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tillbook/tillbook/eventstore"
)

// lost is a failure that another try, perhaps at another node, may not meet. What the server was
// asked for may have been done all the same, unless idle.
type lost struct {
	err    error
	leader string // host:port, where the node said that another one leads
	idle   bool   // the server did nothing
}

func (l *lost) Error() string { return l.err.Error() }
func (l *lost) Unwrap() error { return l.err }

// Is makes every lost call eventstore.ErrUnavailable to callers.
func (l *lost) Is(target error) bool { return target == eventstore.ErrUnavailable }

func isLost(err error) bool {
	_, ok := errors.AsType[*lost](err)
	return ok
}

// The trailers in which EventStoreDB says more than a gRPC status can.
const (
	exceptionTrailer  = "exception"
	leaderHostTrailer = "leader-endpoint-host"
	leaderPortTrailer = "leader-endpoint-port"
)

// failure sorts what a call on a stream ended with: a *lost, or an answer that stays the same. ctx
// is the call's own, whose end is no fault of the server.
func failure(ctx context.Context, err error, trailer metadata.MD, stream string) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if errors.Is(err, io.EOF) {
		return &lost{err: io.ErrUnexpectedEOF}
	}
	said := status.Convert(err)
	switch first(trailer, exceptionTrailer) {
	case "not-leader":
		l := &lost{err: errors.New("the node does not lead")}
		if host := first(trailer, leaderHostTrailer); host != "" {
			l.leader = net.JoinHostPort(host, first(trailer, leaderPortTrailer))
		}
		return l
	case "stream-deleted":
		return deleted(stream)
	case "maximum-append-size-exceeded":
		return fmt.Errorf("%w for the server: %s", eventstore.ErrTooLarge, said.Message())
	}
	return sorted(said, stream)
}

// sorted tells answers that stay the same from those that pass.
func sorted(said *status.Status, stream string) error {
	switch said.Code() {
	case codes.Unauthenticated:
		return fmt.Errorf("the server does not know this user and password: %s", said.Message())
	case codes.PermissionDenied:
		return fmt.Errorf("the server denies this user access: %s", said.Message())
	case codes.Unimplemented:
		return fmt.Errorf("the server is older than EventStoreDB 23.10: %s", said.Message())
	case codes.InvalidArgument, codes.NotFound, codes.FailedPrecondition, codes.AlreadyExists,
		codes.OutOfRange:
		return errors.New(said.Message())
	case codes.DataLoss:
		return &eventstore.Damaged{Stream: stream, Reason: said.Message()}
	}
	return &lost{err: said.Err()}
}

// deleted is what a tombstone means to a ledger: history that can be read no more.
func deleted(stream string) error {
	return &eventstore.Damaged{Stream: stream, Reason: "the stream was deleted for good"}
}

func first(trailer metadata.MD, key string) string {
	if values := trailer.Get(key); len(values) > 0 {
		return values[0]
	}
	return ""
}
