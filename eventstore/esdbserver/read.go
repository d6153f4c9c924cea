package esdbserver

import (
	"context"
	"iter"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/status"

	"github.com/tillbook/tillbook/eventstore"
)

// Read is Streams.Read: a stream, a list shown as a stream, or the whole log, once or as a
// subscription.
func (s streamsService) Read(req *streams.ReadReq, out streams.Streams_ReadServer) error {
	asked, err := parseRead(req.GetOptions())
	if err != nil {
		return err
	}
	r := &reading{Server: s.Server, request: asked, ctx: out.Context(), out: out}
	switch {
	case asked.all && asked.live:
		err = r.followAll()
	case asked.all:
		err = r.readAll()
	case asked.live:
		err = r.follow(s.series(asked.stream))
	default:
		err = r.readSeries(s.series(asked.stream))
	}
	if _, answered := status.FromError(err); answered {
		return err
	}
	return s.failure(r.ctx, err)
}

// reading is one call of Read. It belongs to the call's goroutine.
type reading struct {
	*Server
	request
	ctx context.Context
	out streams.Streams_ReadServer
}

// item is one event as a reader comes to it.
type item struct {
	number int64 // in its series
	event  *eventstore.Recorded
	target *eventstore.Recorded // of a list: what its link, which is event, leads to
}

// send answers one event, with what it links to where the caller asked for that.
func (r *reading) send(it item) error {
	event, link := it.event, (*eventstore.Recorded)(nil)
	if r.links && event.Type == linkType {
		var err error
		if event, link, err = r.resolve(r.ctx, it); err != nil {
			return err
		}
	}
	return r.out.SendMsg(encodeEvent(event, link, r.textIDs))
}

// readSeries answers a stream, or a list, once.
func (r *reading) readSeries(from series) error {
	v, err := from.view(r.ctx)
	if err != nil {
		return err
	}
	if !v.found {
		return r.out.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{
			StreamNotFound: &streams.ReadResp_StreamNotFound{
				StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(r.stream)},
			},
		}})
	}
	if err := r.sendFirst(v); err != nil {
		return err
	}
	events := r.upwards(from, v, r.number())
	if r.backwards {
		events = r.downwards(from, v, r.number())
	}
	if err := r.sendEach(events); err != nil {
		return err
	}
	return r.sendLast(v)
}

// sendEach answers as many events as were asked for.
func (r *reading) sendEach(events iter.Seq2[item, error]) error {
	left := r.count
	if left == 0 {
		return nil
	}
	for it, err := range events {
		if err != nil {
			return err
		}
		if err := r.send(it); err != nil {
			return err
		}
		if left--; left == 0 {
			return nil
		}
	}
	return nil
}

// sendFirst tells a client that knows the message where the stream begins, when that is not where
// it wants to begin.
func (r *reading) sendFirst(v view) error {
	number := r.number()
	if r.compatibility == 0 || r.backwards || v.first <= number && number <= v.last {
		return nil
	}
	return r.out.Send(&streams.ReadResp{Content: &streams.ReadResp_FirstStreamPosition{
		FirstStreamPosition: uint64(min(max(number, v.first), v.last+1)),
	}})
}

// sendLast tells a client that knows the message where the stream ends.
func (r *reading) sendLast(v view) error {
	if r.compatibility == 0 {
		return nil
	}
	return r.out.Send(&streams.ReadResp{Content: &streams.ReadResp_LastStreamPosition{
		LastStreamPosition: uint64(v.last),
	}})
}
