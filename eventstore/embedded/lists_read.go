package embedded

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tillbook/tillbook/eventstore"
)

// ListLength is eventstore.Indexed's. It may have to build the lists first: where it must and a
// write to the folder has failed before, it answers that failure, and on a store from OpenReadOnly
// ErrReadOnly.
func (s *Store) ListLength(ctx context.Context, list eventstore.List) (int64, error) {
	head, err := s.buildLists(ctx)
	if err != nil {
		return 0, err
	}
	return s.lengthAt(ctx, list, head)
}

// lengthAt is a list's length when the log ended at head. Whoever asked later than this call may
// have built beyond it.
func (s *Store) lengthAt(ctx context.Context, list eventstore.List, head eventstore.Position) (
	int64, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	defer s.life.RUnlock()
	id, err := s.number(listKey(list))
	if err != nil || id == 0 {
		return 0, err
	}
	members, err := s.db.NewIter(keysOf(memberPrefix(list.By, listID(id))))
	if err != nil {
		return 0, err
	}
	defer members.Close()
	for ok := members.Last(); ok; ok = members.Prev() {
		if at, _ := binary.Uvarint(members.Value()); at <= uint64(head) {
			return memberOf(members.Key()) + 1, nil
		}
	}
	return 0, damage(members.Error(), "", 0)
}

// ReadList is eventstore.Indexed's. Its errors are also ListLength's.
func (s *Store) ReadList(ctx context.Context, list eventstore.List,
	from int64) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		length, err := s.ListLength(ctx, list)
		s.readList(ctx, &listReader{list: list, next: max(from, 0), step: 1, length: length}, err, yield)
	}
}

// ReadListBackwards is eventstore.Indexed's. Its errors are also ListLength's.
func (s *Store) ReadListBackwards(ctx context.Context, list eventstore.List,
	from int64) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		length, err := s.ListLength(ctx, list)
		from := min(from, length-1)
		s.readList(ctx, &listReader{list: list, next: from, step: -1, length: length}, err, yield)
	}
}

// readList yields a list page by page, or err at once.
func (s *Store) readList(ctx context.Context, r *listReader, err error,
	yield func(eventstore.Recorded, error) bool) {
	for most := firstPage; err == nil && !r.done(); most = min(2*most, pageMost) {
		r.page = page{db: s.db, most: most}
		err = s.listPage(ctx, r)
		if !yieldEach(ctx, r.events, &err, yield) {
			return
		}
	}
	if err != nil {
		yield(eventstore.Recorded{}, err)
	}
}

// listPage reads a list's next events into r. With an error r still has the events before it.
func (s *Store) listPage(ctx context.Context, r *listReader) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.life.RUnlock()
	id, err := s.number(listKey(r.list))
	if err != nil {
		return err
	}
	members, err := s.db.NewIter(keysOf(memberPrefix(r.list.By, listID(id))))
	if err != nil {
		return err
	}
	defer members.Close()
	log, err := s.db.NewIter(keysOf([]byte{logKeys}))
	if err != nil {
		return err
	}
	defer log.Close()
	return r.read(members, log, listID(id))
}

// listReader fills pages with a list's events.
type listReader struct {
	list   eventstore.List
	next   int64 // its number
	step   int64 // 1 or -1
	length int64 // when the read began
	page
}

func (r *listReader) done() bool { return r.next < 0 || r.next >= r.length }

func (r *listReader) read(members, log *pebble.Iterator, id listID) error {
	for ok := members.SeekGE(memberKey(r.list.By, id, r.next)); !r.done() && !r.full(); {
		if !ok || memberOf(members.Key()) != r.next {
			if err := members.Error(); err != nil {
				return damage(err, "", 0)
			}
			return noMember(r.list, r.next)
		}
		at, _ := binary.Uvarint(members.Value())
		if err := r.take(log, eventstore.Position(at)); err != nil {
			return err
		}
		if r.next += r.step; r.step > 0 {
			ok = members.Next()
		} else {
			ok = members.Prev()
		}
	}
	return nil
}

// take adds the log's event at a position, which must be one of the list's.
func (r *listReader) take(log *pebble.Iterator, at eventstore.Position) error {
	if !log.SeekGE(logKey(at)) || positionOf(log.Key()) != at {
		return gap(at, log.Error())
	}
	if err := r.keep(log, at, nil); err != nil {
		return err
	}
	e := r.events[len(r.events)-1]
	if !slices.Contains(eventstore.ListsOf(e.Stream, e.Revision, e.Type), r.list) {
		r.events = r.events[:len(r.events)-1]
		return noMember(r.list, r.next)
	}
	return nil
}

// noMember says that the keys of a list are not as they were written.
func noMember(list eventstore.List, n int64) error {
	return &eventstore.Damaged{
		Reason: fmt.Sprintf("list %c %q has no event of number %d", list.By, list.Name, n),
	}
}
