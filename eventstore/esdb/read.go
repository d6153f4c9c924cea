package esdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/metadata"

	"github.com/tillbook/tillbook/eventstore"
)

// reading is a read that goes on where it was broken off: every try sends request anew.
type reading struct {
	cluster *cluster
	decides bool   // only the leader may answer
	moves   bool   // it is broken off when the node is to be used no more
	stream  string // for errors; empty: the log
	request func() *streams.ReadReq
	take    func(*streams.ReadResp) (more bool, err error)
}

// run tries until the read is at its end, take has enough, there is an error that stays, or there was
// no progress for as long as patience lasts.
func (r reading) run(ctx context.Context, p pace) error {
	pause, moved := p.pauses(), time.Now()
	for {
		progress, err := r.try(ctx)
		if err == nil || !isLost(err) {
			return err
		}
		if progress {
			pause, moved = p.pauses(), time.Now()
		}
		if time.Since(moved) > p.patience {
			return err
		}
		if cause := pause.wait(ctx); cause != nil {
			return fmt.Errorf("%w, last: %w", cause, err)
		}
	}
}

// try reads once.
func (r reading) try(ctx context.Context) (progress bool, err error) {
	n, err := r.cluster.enter(ctx)
	if err != nil {
		return false, err
	}
	defer n.leave()
	c, release, err := n.conn()
	if err != nil {
		return false, err
	}
	defer release()
	if r.moves {
		var cancel context.CancelFunc
		ctx, cancel = until(ctx, n.life, errLeft)
		defer cancel()
	}
	progress, err = r.receive(ctx, c)
	if lost, ok := errors.AsType[*lost](err); ok {
		r.cluster.failed(n, lost)
	} else if ctx.Err() == nil {
		r.cluster.worked(n)
	}
	return progress, err
}

// receive hands take what one call yields.
func (r reading) receive(ctx context.Context, c *conn) (progress bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	outgoing := ctx
	if r.decides {
		outgoing = metadata.AppendToOutgoingContext(ctx, "requires-leader", "true")
	}
	call, err := streams.NewStreamsClient(c).Read(outgoing, r.request())
	if err != nil {
		return false, failure(ctx, err, nil, r.stream)
	}
	for {
		answer, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return progress, nil
		}
		if err != nil {
			return progress, failure(ctx, err, call.Trailer(), r.stream)
		}
		if ctx.Err() != nil {
			return progress, ended(ctx) // what was sent ahead is not read to its end
		}
		progress = true
		if more, err := r.take(answer); !more || err != nil {
			return progress, err
		}
	}
}

// Read is eventstore.Store's. *eventstore.Damaged names the first event that is missing where the
// stream was deleted or truncated; a stream that was soft-deleted and not written since is empty.
func (s *Store) Read(
	ctx context.Context, stream string, from eventstore.Revision,
) iter.Seq2[eventstore.Recorded, error] {
	from = max(from, 0)
	return s.sequence(ctx, func(ctx context.Context, yield func(eventstore.Recorded) bool) error {
		next := from
		return s.readStream(ctx, stream, func() *streams.ReadReq {
			return streamRequest(stream, next, math.MaxUint64)
		}, func(e eventstore.Recorded) (bool, error) {
			if e.Revision != next && !isSystem(stream) {
				return false, missing(stream, next)
			}
			next = e.Revision + 1
			return yield(e), nil
		})
	})
}

// ReadBackwards is eventstore.Store's. Of streams that were deleted or truncated see Read.
func (s *Store) ReadBackwards(
	ctx context.Context, stream string, from eventstore.Revision,
) iter.Seq2[eventstore.Recorded, error] {
	return s.sequence(ctx, func(ctx context.Context, yield func(eventstore.Recorded) bool) error {
		if from < 0 {
			return nil
		}
		next, left := from, false
		err := s.readStream(ctx, stream, func() *streams.ReadReq {
			return backwards(streamRequest(stream, next, math.MaxUint64))
		}, func(e eventstore.Recorded) (bool, error) {
			if next != from && e.Revision != next && !isSystem(stream) {
				return false, missing(stream, next)
			}
			next = e.Revision - 1
			left = !yield(e)
			return !left && next >= 0, nil
		})
		if err == nil && !left && next != from && next >= 0 && !isSystem(stream) {
			return missing(stream, next)
		}
		return err
	})
}

// sequence is a read of this store as a sequence whose last element is its error, if any.
func (s *Store) sequence(ctx context.Context,
	read func(context.Context, func(eventstore.Recorded) bool) error,
) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		ctx, end, err := s.beginRead(ctx, nil)
		if err != nil {
			yield(eventstore.Recorded{}, err)
			return
		}
		defer end()
		err = read(ctx, func(e eventstore.Recorded) bool { return yield(e, nil) })
		if err != nil {
			yield(eventstore.Recorded{}, err)
		}
	}
}

// readStream reads events of one stream, for a decision. A stream that is not there has none.
func (s *Store) readStream(ctx context.Context, stream string,
	request func() *streams.ReadReq, take func(eventstore.Recorded) (bool, error)) error {
	return reading{cluster: s.leader, decides: true, stream: stream, request: request,
		take: events(take)}.run(ctx, s.pace)
}

// events takes the events of answers and nothing else.
func events(
	take func(eventstore.Recorded) (bool, error),
) func(*streams.ReadResp) (more bool, err error) {
	return func(answer *streams.ReadResp) (bool, error) {
		if answer.GetEvent() == nil {
			return true, nil
		}
		e, err := recorded(answer.GetEvent())
		if err != nil {
			return false, err
		}
		return take(e)
	}
}

// positionOf is where one event stands, Start if it cannot be read any more.
func (s *Store) positionOf(
	ctx context.Context, stream string, at eventstore.Revision,
) (eventstore.Position, error) {
	position := eventstore.Start
	err := s.readStream(ctx, stream, func() *streams.ReadReq {
		return streamRequest(stream, at, 1)
	}, func(e eventstore.Recorded) (bool, error) {
		if e.Revision == at {
			position = e.Position
		}
		return false, nil
	})
	return position, err
}

func isSystem(stream string) bool { return strings.HasPrefix(stream, "$") }

// missing is a gap where the contract knows none: somebody deleted or truncated the stream.
func missing(stream string, at eventstore.Revision) error {
	return &eventstore.Damaged{Stream: stream, Revision: at, Reason: "the event is missing"}
}

// streamRequest reads a stream forwards from a revision, at most count events.
func streamRequest(stream string, from eventstore.Revision, count uint64) *streams.ReadReq {
	o := &streams.ReadReq_Options_StreamOptions{StreamIdentifier: identifier(stream)}
	switch from {
	case 0:
		o.RevisionOption = &streams.ReadReq_Options_StreamOptions_Start{Start: &shared.Empty{}}
	case eventstore.End:
		o.RevisionOption = &streams.ReadReq_Options_StreamOptions_End{End: &shared.Empty{}}
	default:
		o.RevisionOption = &streams.ReadReq_Options_StreamOptions_Revision{Revision: uint64(from)}
	}
	return request(&streams.ReadReq_Options{
		StreamOption: &streams.ReadReq_Options_Stream{Stream: o},
		CountOption:  &streams.ReadReq_Options_Count{Count: count},
		FilterOption: &streams.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}},
	})
}

func request(o *streams.ReadReq_Options) *streams.ReadReq {
	o.UuidOption = &streams.ReadReq_Options_UUIDOption{
		Content: &streams.ReadReq_Options_UUIDOption_Structured{Structured: &shared.Empty{}}}
	return &streams.ReadReq{Options: o}
}

func backwards(r *streams.ReadReq) *streams.ReadReq {
	r.Options.ReadDirection = streams.ReadReq_Options_Backwards
	return r
}
