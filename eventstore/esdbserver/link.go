package esdbserver

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// linkData is what a link to an event holds.
func linkData(number int64, stream string) []byte {
	data := strconv.AppendInt(make([]byte, 0, len(stream)+20), number, 10)
	data = append(data, '@')
	return append(data, stream...)
}

// parseLink reads a link's data: a number, the first @, and a stream, whose name may hold more of
// them.
func parseLink(data []byte) (stream string, number int64, ok bool) {
	digits, stream, ok := strings.Cut(string(data), "@")
	number, err := strconv.ParseInt(digits, 10, 64)
	return stream, number, ok && err == nil && stream != ""
}

// resolve follows a link one step. Where it leads to nothing that may be read, only the link is
// left; what is no link but for its type stays an event.
func (s *Server) resolve(ctx context.Context,
	it item) (event, link *eventstore.Recorded, err error) {
	stream, number, ok := parseLink(it.event.Data)
	if !ok {
		return it.event, nil, nil
	}
	target, err := s.target(ctx, stream, number, it.target)
	return target, it.event, err
}

// target is the event of a stream at a number, nil where it cannot be read. known is that event,
// where the caller has it.
func (s *Server) target(ctx context.Context, stream string, number int64,
	known *eventstore.Recorded) (*eventstore.Recorded, error) {
	if list, ok := s.series(stream).(listSeries); ok {
		return list.at(ctx, number)
	}
	var st streamState
	if !s.Owned(stream) { // nobody truncates or deletes what a ledger owns
		var err error
		// The state may be older than the event: what it says of the stream's end is not asked.
		if st, err = s.state(ctx, stream); err != nil || st.tombstoned {
			return nil, err
		}
	}
	if number <= st.last && number < st.first() { // what is newer than the state is not cut off by it
		return nil, nil
	}
	if known == nil {
		var err error
		if known, err = s.eventAt(ctx, stream, number); err != nil || known == nil {
			return nil, err
		}
	}
	age := st.metadata.maxAge
	if age > 0 && known.Created.Before(time.Now().Add(-age)) || known.Type == tombstoneType {
		return nil, nil
	}
	return known, nil
}

// eventAt is a stream's event at a revision, nil where there is none.
func (s *Server) eventAt(ctx context.Context, stream string,
	revision int64) (*eventstore.Recorded, error) {
	for e, err := range s.Store.Read(ctx, stream, eventstore.Revision(revision)) {
		return &e, err
	}
	return nil, nil
}
