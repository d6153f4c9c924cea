package embedded

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// pending is an append on its way to the committer. It holds no memory of the caller, who may
// give up and use his buffers again. The committer owns it from enqueue until done, the caller
// before and after; of a caller who gave up nobody does.
type pending struct {
	stream   string
	expected eventstore.Revision
	records  [][]byte // in buffer
	buffer   []byte
	base     base          // of the records
	done     chan struct{} // holds one word: answer is there
	sequence *sequence     // of a Loader's appends, which stand or fall together

	answer  eventstore.Appended // also where the events will stand, while they are not durable
	err     error
	earlier *pending // the one before it of its stream, in its round
}

// pendings are spare, each with its memory.
var pendings = sync.Pool{New: func() any { return &pending{done: make(chan struct{}, 1)} }}

// spareBytes bounds the buffer that a spare pending keeps.
const spareBytes = 64 << 10

// Append is eventstore.Store's. Records are encoded here, by as many callers as there are, so that
// the committer only orders them.
func (s *Store) Append(ctx context.Context, stream string, expected eventstore.Revision,
	events []eventstore.Event) (eventstore.Appended, error) {
	if s.readOnly {
		return eventstore.Appended{}, ErrReadOnly
	}
	size := 0
	for i := range events {
		size += events[i].Size()
	}
	if len(events) == 0 || size > eventstore.MaxAppendBytes {
		return eventstore.Appended{}, eventstore.ErrTooLarge
	}
	p := encode(stream, expected, events)
	if err := s.enqueue(ctx, p); err != nil {
		return eventstore.Appended{}, err
	}
	select {
	case <-p.done:
		appended, err := p.answer, p.err
		p.spare()
		return appended, err
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
	p, now := newPending(strings.Clone(stream), expected, bound), time.Now()
	for i := range events {
		p.add(now, &events[i])
	}
	return p
}

// newPending is an append without events, whose records need at most bound bytes.
func newPending(stream string, expected eventstore.Revision, bound int) *pending {
	p := pendings.Get().(*pending)
	p.stream, p.expected = stream, expected
	p.buffer = slices.Grow(p.buffer[:0], bound)
	return p
}

// add encodes the append's next event.
func (p *pending) add(created time.Time, e *eventstore.Event) {
	start, revision := len(p.buffer), p.expected+1+eventstore.Revision(len(p.records))
	p.buffer = appendRecord(p.buffer, p.stream, revision, created, e, &p.base)
	p.records = append(p.records, p.buffer[start:])
}

// spare gives p's memory to a later append.
func (p *pending) spare() {
	if cap(p.buffer) > spareBytes {
		return
	}
	clear(p.records)
	*p = pending{records: p.records[:0], buffer: p.buffer, done: p.done}
	pendings.Put(p)
}
