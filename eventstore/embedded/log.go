package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tillbook/tillbook/eventstore"
)

// ReadAll is eventstore.Store's.
func (s *Store) ReadAll(ctx context.Context, after eventstore.Position,
	prefixes ...string) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		head := s.tide.position()
		most := firstPage
		for next, err := after, error(nil); err == nil; most = min(2*most, pageMost) {
			var events []eventstore.Recorded
			events, next, err = s.logPage(ctx, next, head, most, prefixes)
			if !yieldEach(ctx, events, &err, yield) {
				return
			}
			if err == nil && next >= head {
				return
			}
			if err != nil {
				yield(eventstore.Recorded{}, err)
			}
		}
	}
}

// Follow is eventstore.Store's.
func (s *Store) Follow(ctx context.Context, after eventstore.Position,
	prefixes ...string) iter.Seq2[[]eventstore.Recorded, error] {
	return func(yield func([]eventstore.Recorded, error) bool) {
		for next := after; ; {
			// The channel belongs to this head: no event can come between the two unnoticed.
			head, changed := s.tide.watch()
			events, last, err := s.logPage(ctx, next, head, pageMost, prefixes)
			next = last
			if len(events) > 0 && !yield(events, nil) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if next < head || len(events) > 0 {
				continue
			}
			if !yield(nil, nil) {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
			case <-s.closing:
				yield(nil, eventstore.ErrClosed)
				return
			}
		}
	}
}

// logPage reads at most so many of the log's next events after a position and up to head, and says
// up to where it has looked. With an error it still returns the events before it.
func (s *Store) logPage(ctx context.Context, after, head eventstore.Position, most int,
	prefixes []string) ([]eventstore.Recorded, eventstore.Position, error) {
	if err := s.begin(ctx); err != nil {
		return nil, after, err
	}
	defer s.life.RUnlock()
	if after >= head {
		return nil, after, nil
	}
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: logKey(after + 1), UpperBound: logKey(head + 1),
	})
	if err != nil {
		return nil, after, err
	}
	defer it.Close()
	p := page{db: s.db, most: most}
	for scanned := 0; scanned < pageScan && !p.full() && after < head; scanned++ {
		if !advance(it, scanned == 0) {
			return p.events, after, gap(after+1, it.Error())
		}
		at := positionOf(it.Key())
		if at != after+1 {
			return p.events, after, gap(after+1, nil)
		}
		if err := p.keep(it, at, prefixes); err != nil {
			return p.events, after, err
		}
		after = at
	}
	return p.events, after, nil
}

func advance(it *pebble.Iterator, first bool) bool {
	if first {
		return it.First()
	}
	return it.Next()
}

// gap says why the event at a position cannot be had: positions are dense.
func gap(at eventstore.Position, err error) error {
	if err != nil {
		return damage(err, "", 0)
	}
	return &eventstore.Damaged{Reason: fmt.Sprintf("the log has no event at position %d", at)}
}

// keep adds the event under it unless the prefixes drop it. What is dropped is not decoded.
func (p *page) keep(it *pebble.Iterator, at eventstore.Position, prefixes []string) error {
	record, err := it.ValueAndErr()
	if err != nil {
		return damage(err, "", 0)
	}
	stream, revision := recordPlace(record)
	if stream != nil && !begins(stream, prefixes) {
		return nil
	}
	if err := p.add(record, at); err != nil {
		return lost(fmt.Errorf("position %d: %w", at, err), string(stream), revision)
	}
	return nil
}

func begins(stream []byte, prefixes []string) bool {
	for _, prefix := range prefixes {
		if len(stream) >= len(prefix) && string(stream[:len(prefix)]) == prefix {
			return true
		}
	}
	return len(prefixes) == 0
}

// headStreams bounds the streams of one prefix whose ends Head looks up one by one, before it
// searches the log from its end instead: of so many one was likely written lately.
const headStreams = 256

// Head is eventstore.Store's.
func (s *Store) Head(ctx context.Context, prefixes ...string) (eventstore.Position, error) {
	if err := s.begin(ctx); err != nil {
		return eventstore.Start, err
	}
	defer s.life.RUnlock()
	durable := s.tide.position()
	if len(prefixes) == 0 {
		return durable, nil
	}
	last := eventstore.Start
	for _, prefix := range prefixes {
		at, few, err := s.headOfFew(prefix, durable)
		if err == nil && !few {
			at, err = s.headOfMany(ctx, prefix, last, durable)
		}
		if err != nil {
			return eventstore.Start, fmt.Errorf("find the head of %s: %w", prefix, err)
		}
		last = max(last, at)
	}
	return last, nil
}

// headOfFew looks at the end of every stream that begins with prefix, unless they are too many.
func (s *Store) headOfFew(prefix string, durable eventstore.Position) (
	last eventstore.Position, few bool, err error) {
	names, err := s.db.NewIter(keysOf(nameKey(prefix)))
	if err != nil {
		return 0, false, err
	}
	defer names.Close()
	index, err := s.db.NewIter(keysOf([]byte{indexKeys}))
	if err != nil {
		return 0, false, err
	}
	defer index.Close()
	streams := 0
	for names.First(); names.Valid(); names.Next() {
		if streams++; streams > headStreams {
			return 0, false, nil
		}
		id, size := binary.Uvarint(names.Value())
		if size <= 0 || id == 0 {
			return 0, false, &eventstore.Damaged{Stream: string(names.Key()[1:]), Reason: "no id"}
		}
		last = max(last, streamEnd(index, streamID(id), durable))
	}
	return last, true, damage(firstError(names.Error(), index.Error()), "", 0)
}

// streamEnd is the position of a stream's last event that is durable, 0 where none is.
func streamEnd(index *pebble.Iterator, id streamID,
	durable eventstore.Position) eventstore.Position {
	own := indexKey(id, 0)[:9]
	for ok := index.SeekLT(after(own)); ok && bytes.HasPrefix(index.Key(), own); ok = index.Prev() {
		at, size := binary.Uvarint(index.Value())
		if size > 0 && at <= uint64(durable) {
			return eventstore.Position(at)
		}
	}
	return 0
}

// headOfMany searches the log from its durable end down to a position.
func (s *Store) headOfMany(ctx context.Context, prefix string,
	down, durable eventstore.Position) (eventstore.Position, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: logKey(down + 1), UpperBound: logKey(durable + 1),
	})
	if err != nil {
		return 0, err
	}
	defer it.Close()
	for ok := it.Last(); ok && ctx.Err() == nil; ok = it.Prev() {
		if stream, _ := recordPlace(it.Value()); begins(stream, []string{prefix}) {
			return positionOf(it.Key()), nil
		}
	}
	return 0, damage(firstError(ctx.Err(), it.Error()), "", 0)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
