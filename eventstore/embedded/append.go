package embedded

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// pending is an append on its way to the committer. It holds no memory of the caller, who may
// give up and use his buffers again.
type pending struct {
	stream   string
	expected eventstore.Revision
	records  [][]byte
	bytes    int // of records together
	outcome  chan outcome
}

// outcome answers one append.
type outcome struct {
	appended eventstore.Appended
	err      error
}

// Append is eventstore.Store's. Records are encoded here, by as many callers as there are, so that
// the committer only orders them.
func (s *Store) Append(ctx context.Context, stream string, expected eventstore.Revision,
	events []eventstore.Event) (eventstore.Appended, error) {
	if s.readOnly {
		return eventstore.Appended{}, ErrReadOnly
	}
	size := 0
	for i := range events {
		size += len(events[i].Type) + len(events[i].Data) + len(events[i].Metadata)
	}
	if len(events) == 0 || size > eventstore.MaxAppendBytes {
		return eventstore.Appended{}, eventstore.ErrTooLarge
	}
	p := encode(stream, expected, events)
	if err := s.enqueue(ctx, p); err != nil {
		return eventstore.Appended{}, err
	}
	select {
	case o := <-p.outcome:
		return o.appended, o.err
	case <-ctx.Done():
		return eventstore.Appended{},
			fmt.Errorf("append to %s: %w: %w", stream, eventstore.ErrOutcomeUnknown, ctx.Err())
	}
}

// enqueue hands p over. When it returns an error the committer never sees p.
func (s *Store) enqueue(ctx context.Context, p *pending) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.life.RUnlock()
	select {
	case s.queue <- p:
		return nil
	default:
	}
	select {
	case s.queue <- p:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return eventstore.ErrClosed
	}
}

// encode makes the records as they stand if the stream is at expected.
func encode(stream string, expected eventstore.Revision, events []eventstore.Event) *pending {
	bound := 0
	for i := range events {
		bound += recordBound(stream, &events[i])
	}
	p := &pending{
		stream: strings.Clone(stream), expected: expected,
		records: make([][]byte, len(events)), outcome: make(chan outcome, 1),
	}
	buffer, now := make([]byte, 0, bound), time.Now()
	for i := range events {
		start, revision := len(buffer), expected+1+eventstore.Revision(i)
		buffer = appendRecord(buffer, stream, revision, now, &events[i])
		p.records[i] = buffer[start:]
	}
	p.bytes = len(buffer)
	return p
}
