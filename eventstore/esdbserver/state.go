package esdbserver

import (
	"context"

	"github.com/tillbook/tillbook/eventstore"
)

// streamState is what the protocol knows of a stream beside its events.
type streamState struct {
	last       int64    // number of the last event, -1 none; the tombstone is not counted
	tombstoned bool     // the stream, or the stream whose metadata this one holds
	metadata   metadata // of its metastream; zero when there is none or it cannot be understood
	metaLast   int64    // number of the metastream's last event, -1 none
}

// first is the lowest number that $maxCount and $tb leave.
func (st streamState) first() int64 {
	first := st.metadata.truncateBefore
	if most := st.metadata.maxCount; most > 0 && st.last-most+1 > first {
		first = st.last - most + 1
	}
	return first
}

// softDeleted says whether the stream was deleted and not written since.
func (st streamState) softDeleted() bool { return st.metadata.truncateBefore == softDeleted }

// state is what a stream is at this moment. The state of a metastream has an implied $maxCount of 1
// and shares its stream's tombstone.
func (s *Server) state(ctx context.Context, stream string) (streamState, error) {
	if isMetastream(stream) {
		of, err := s.load(ctx, originalOf(stream))
		return streamState{
			last: of.metaLast, tombstoned: of.tombstoned, metadata: metadata{maxCount: 1}, metaLast: -1,
		}, err
	}
	return s.load(ctx, stream)
}

// load reads the state of a stream that is no metastream.
func (s *Server) load(ctx context.Context, stream string) (streamState, error) {
	st := streamState{last: -1, metaLast: -1}
	end, err := s.lastEvent(ctx, stream)
	if err != nil {
		return st, err
	}
	if end != nil {
		st.last = int64(end.Revision)
		if end.Type == tombstoneType {
			st.tombstoned = true
			st.last--
		}
	}
	about, err := s.lastEvent(ctx, metastreamOf(stream))
	if err == nil && about != nil {
		st.metaLast, st.metadata = int64(about.Revision), parseMetadata(about.Data)
	}
	return st, err
}

// lastEvent is a stream's last event, nil where there is none.
func (s *Server) lastEvent(ctx context.Context, stream string) (*eventstore.Recorded, error) {
	for e, err := range s.Store.ReadBackwards(ctx, stream, eventstore.End) {
		if err != nil {
			return nil, err
		}
		return &e, nil
	}
	return nil, nil
}
