package embedded

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tillbook/tillbook/eventstore"
)

// The bounds of a page: what is read at once, with the database held, and then yielded.
const (
	firstPage = 16 // events; who wants one event gets few more, and pages double from there
	pageMost  = 512
	pageBytes = 1 << 20
	pageScan  = 16 << 10 // records looked at, whatever the prefixes keep
)

// page is events that are one read's next ones.
type page struct {
	db     *pebble.DB
	events []eventstore.Recorded
	bytes  int
	most   int                 // events
	base   eventstore.Recorded // the last one whose record has its metadata whole
}

func (p *page) full() bool { return len(p.events) >= p.most || p.bytes >= pageBytes }

// add decodes a record into the page. The one copy made of it is the event's own memory.
func (p *page) add(record []byte, at eventstore.Position) error {
	e, back, err := decodeRecord(bytes.Clone(record))
	if err != nil {
		return err
	}
	e.Position = at
	if err := p.complete(&e, back); err != nil {
		return err
	}
	p.events = append(p.events, e)
	p.bytes += len(record)
	return nil
}

// complete gives an event its whole metadata.
func (p *page) complete(e *eventstore.Recorded, back uint64) (err error) {
	if back == 0 {
		p.base = *e
		return nil
	}
	if at := e.Position - eventstore.Position(back); at != p.base.Position {
		if p.base, err = p.whole(at); err != nil {
			return fmt.Errorf("its metadata's base, position %d: %w", at, err)
		}
	}
	if p.base.Stream != e.Stream || p.base.Revision != e.Revision-eventstore.Revision(back) {
		return errRecord
	}
	e.Metadata, err = applyDifference(p.base.Metadata, e.Metadata)
	return err
}

// whole is the event at a position, whose record has its metadata whole.
func (p *page) whole(at eventstore.Position) (eventstore.Recorded, error) {
	record, closer, err := p.db.Get(logKey(at))
	if err != nil {
		return eventstore.Recorded{}, err
	}
	defer closer.Close()
	e, back, err := decodeRecord(bytes.Clone(record))
	if e.Position = at; back > 0 {
		err = errRecord
	}
	return e, err
}

// Read is eventstore.Store's.
func (s *Store) Read(ctx context.Context, stream string,
	from eventstore.Revision) iter.Seq2[eventstore.Recorded, error] {
	return s.readStream(ctx, stream, max(from, 0), 1)
}

// ReadBackwards is eventstore.Store's.
func (s *Store) ReadBackwards(ctx context.Context, stream string,
	from eventstore.Revision) iter.Seq2[eventstore.Recorded, error] {
	return s.readStream(ctx, stream, from, -1)
}

// readStream yields a stream page by page, upwards or, with step -1, downwards.
func (s *Store) readStream(ctx context.Context, stream string, from,
	step eventstore.Revision) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		for next, most := from, firstPage; ; most = min(2*most, pageMost) {
			events, err := s.streamPage(ctx, stream, next, step, most)
			if !yieldEach(ctx, events, &err, yield) {
				return
			}
			if err != nil {
				yield(eventstore.Recorded{}, err)
				return
			}
			if len(events) == 0 {
				return
			}
			next = events[len(events)-1].Revision + step
		}
	}
}

// yieldEach says whether the caller wants more. An end of ctx on the way becomes *err.
func yieldEach(ctx context.Context, events []eventstore.Recorded, err *error,
	yield func(eventstore.Recorded, error) bool) bool {
	for _, e := range events {
		if ended := ctx.Err(); ended != nil {
			*err = ended
			return true
		}
		if !yield(e, nil) {
			return false
		}
	}
	return true
}

// streamPage reads a stream's events from a revision on; none is the stream's end. With an error it
// still returns the events before it.
func (s *Store) streamPage(ctx context.Context, stream string, from, step eventstore.Revision,
	most int) ([]eventstore.Recorded, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.life.RUnlock()
	if from < 0 {
		return nil, nil
	}
	// The head is taken before the iterators: they may see more than it, which may not be durable.
	durable := s.tide.position()
	id, err := s.number(nameKey(stream))
	if err != nil || id == 0 || id > uint64(durable) {
		return nil, err
	}
	index, err := s.db.NewIter(keysOf(indexKey(streamID(id), 0)[:9]))
	if err != nil {
		return nil, err
	}
	defer index.Close()
	log, err := s.db.NewIter(keysOf([]byte{logKeys}))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r := streamReader{stream, streamID(id), index, log, durable, step, page{db: s.db, most: most}}
	err = r.read(from)
	return r.events, err
}

// streamReader fills a page with a stream's events, through the index.
type streamReader struct {
	stream  string
	id      streamID
	index   *pebble.Iterator
	log     *pebble.Iterator
	durable eventstore.Position
	step    eventstore.Revision
	page
}

// read takes the stream's events from one on, run by run. Of a run that may not be durable it takes none.
func (r *streamReader) read(from eventstore.Revision) error {
	for ok := r.seek(from); ok && !r.full(); {
		run, end := runUnder(r.index), eventstore.Revision(-1)
		if r.step > 0 {
			ok, end = r.index.Next(), run.last+1
		} else if ok, from = r.index.Prev(), min(from, run.last); ok {
			end = revisionOf(r.index.Key())
		}
		for ; run.at <= r.durable && from != end && !r.full(); from += r.step {
			if err := r.take(run.position(from), from); err != nil {
				return err
			}
		}
	}
	return damage(r.index.Error(), r.stream, from)
}

// seek moves the index to the run of the event at from; downwards to the last one, where from is behind
// it.
func (r *streamReader) seek(from eventstore.Revision) bool {
	return r.index.SeekGE(indexKey(r.id, from)) ||
		r.step < 0 && r.index.Error() == nil && r.index.Last()
}

// take adds the log's event at a position, which must be the stream's at a revision.
func (r *streamReader) take(at eventstore.Position, revision eventstore.Revision) error {
	if !r.log.SeekGE(logKey(at)) || positionOf(r.log.Key()) != at {
		if err := r.log.Error(); err != nil {
			return lost(err, r.stream, revision)
		}
		return lost(pebble.ErrNotFound, r.stream, revision)
	}
	record, err := r.log.ValueAndErr()
	if err == nil {
		err = r.add(record, at)
	}
	if err != nil {
		return lost(err, r.stream, revision)
	}
	if last := r.events[len(r.events)-1]; last.Stream != r.stream || last.Revision != revision {
		r.events = r.events[:len(r.events)-1]
		return &eventstore.Damaged{
			Stream: r.stream, Revision: revision,
			Reason: fmt.Sprintf("position %d holds %s@%d", at, last.Stream, last.Revision),
		}
	}
	return nil
}
