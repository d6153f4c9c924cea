package esdbserver

import (
	"context"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// Delete hides a stream's events; it may be written again and goes on counting.
func (s streamsService) Delete(ctx context.Context,
	req *streams.DeleteReq) (*streams.DeleteResp, error) {
	options := req.GetOptions()
	var expected int64
	var err error
	switch e := options.GetExpectedStreamRevision().(type) {
	case *streams.DeleteReq_Options_Revision:
		expected, err = revisionOf(e.Revision)
	case *streams.DeleteReq_Options_NoStream:
		expected = expectNone
	case *streams.DeleteReq_Options_Any:
		expected = expectAny
	case *streams.DeleteReq_Options_StreamExists:
		expected = expectExists
	default:
		err = errNoRevision
	}
	at, err := s.delete(ctx, options.GetStreamIdentifier(), expected, err, newDeletion)
	if err != nil {
		return nil, err
	}
	return &streams.DeleteResp{PositionOption: &streams.DeleteResp_Position_{
		Position: &streams.DeleteResp_Position{CommitPosition: at, PreparePosition: at}}}, nil
}

// Tombstone ends a stream for ever.
func (s streamsService) Tombstone(ctx context.Context,
	req *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	options := req.GetOptions()
	var expected int64
	var err error
	switch e := options.GetExpectedStreamRevision().(type) {
	case *streams.TombstoneReq_Options_Revision:
		expected, err = revisionOf(e.Revision)
	case *streams.TombstoneReq_Options_NoStream:
		expected = expectNone
	case *streams.TombstoneReq_Options_Any:
		expected = expectAny
	case *streams.TombstoneReq_Options_StreamExists:
		expected = expectExists
	default:
		err = errNoRevision
	}
	at, err := s.delete(ctx, options.GetStreamIdentifier(), expected, err, newTombstone)
	if err != nil {
		return nil, err
	}
	return &streams.TombstoneResp{PositionOption: &streams.TombstoneResp_Position_{
		Position: &streams.TombstoneResp_Position{CommitPosition: at, PreparePosition: at}}}, nil
}

// delete carries out what make makes of a stream and what is expected of it, unless there is an err
// already. It returns the position of the event that says so. A metastream cannot be deleted.
func (s *Server) delete(ctx context.Context, id *shared.StreamIdentifier, expected int64, err error,
	make func(stream string, expected int64) *write) (uint64, error) {
	stream, denied := s.writable(id)
	switch {
	case denied != nil:
		err = denied
	case err == nil && isMetastream(stream):
		err = errDenied
	}
	if err != nil {
		return 0, s.refusal(ctx, "Delete", stream, err)
	}
	w := make(stream, expected)
	if err := s.do(ctx, w); err != nil {
		return 0, s.refusal(ctx, "Delete", stream, err)
	}
	return uint64(w.position), nil
}
