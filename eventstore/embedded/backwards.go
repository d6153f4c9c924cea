package embedded

import (
	"context"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tillbook/tillbook/eventstore"
)

// ReadAllBackwards is eventstore.Indexed's.
func (s *Store) ReadAllBackwards(ctx context.Context, before eventstore.Position,
	prefixes ...string) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		next := min(before, s.tide.position()+1)
		for most := firstPage; ; most = min(2*most, pageMost) {
			var events []eventstore.Recorded
			var err error
			events, next, err = s.logPageBackwards(ctx, next, most, prefixes)
			if !yieldEach(ctx, events, &err, yield) {
				return
			}
			if err != nil {
				yield(eventstore.Recorded{}, err)
				return
			}
			if next <= eventstore.Start+1 {
				return
			}
		}
	}
}

// logPageBackwards reads the log's next events before a position, which is at most the one behind
// the head, and says down to where it has looked. With an error it still returns the events that
// came earlier.
func (s *Store) logPageBackwards(ctx context.Context, before eventstore.Position, most int,
	prefixes []string) ([]eventstore.Recorded, eventstore.Position, error) {
	if err := s.begin(ctx); err != nil {
		return nil, before, err
	}
	defer s.life.RUnlock()
	if before <= eventstore.Start+1 {
		return nil, before, nil
	}
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: logKey(eventstore.Start + 1), UpperBound: logKey(before),
	})
	if err != nil {
		return nil, before, err
	}
	defer it.Close()
	p := page{db: s.db, most: most}
	for scanned := 0; scanned < pageScan && !p.full() && before > eventstore.Start+1; scanned++ {
		if !retreat(it, scanned == 0) {
			return p.events, before, gap(before-1, it.Error())
		}
		at := positionOf(it.Key())
		if at != before-1 {
			return p.events, before, gap(before-1, nil)
		}
		if err := p.keep(it, at, prefixes); err != nil {
			return p.events, before, err
		}
		before = at
	}
	return p.events, before, nil
}

func retreat(it *pebble.Iterator, first bool) bool {
	if first {
		return it.Last()
	}
	return it.Prev()
}
