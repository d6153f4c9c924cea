package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tillbook/tillbook/eventstore"
)

// The bounds of what the lists are built by at once: one batch, with the database held.
const (
	listsPage  = 4096    // events
	listsBytes = 4 << 20 // of their records; one may go beyond
)

// listsKept bounds the lists whose ends are remembered between two pages: some 2 MB.
const listsKept = 1 << 14

// lists builds what ReadList and ListLength read: the keys of eventstore.Lists.
//
// An append does not write them. They would be three keys more in each of a debit's batches, for
// readers that most ledgers never have. Instead whoever asks for a list reads the log on from where
// the lists end, and adds all that is new and durable. Only the first one ever waits for long.
//
// Each page is one batch with the checkpoint in it, and none is synced: Pebble loses the end of
// what it was given, never its middle, so a crash leaves the lists of a shorter log and the next
// one to ask goes on from there. An event's number follows from the log alone and is the same
// again.
type lists struct {
	turn chan struct{} // holds one word while nobody builds
	ends map[eventstore.List]*listEnd
}

// listEnd is where a list ends, with what the batch under way adds.
type listEnd struct {
	id     listID
	length int64
}

func newLists() lists {
	l := lists{turn: make(chan struct{}, 1)}
	l.turn <- struct{}{}
	return l
}

// buildLists brings the lists up to the log's durable head, which it returns. A frozen medium is an
// error only where something is missing, and so is a store that must not be written.
func (s *Store) buildLists(ctx context.Context) (eventstore.Position, error) {
	head := s.tide.position()
	if built, err := s.listsBuilt(ctx); err != nil || built >= head {
		return head, err
	}
	select {
	case <-s.lists.turn:
		defer func() { s.lists.turn <- struct{}{} }()
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-s.closing:
		return 0, eventstore.ErrClosed
	}
	for {
		built, err := s.buildPage(ctx, head)
		if err != nil || built >= head {
			return head, err
		}
	}
}

// listsBuilt is the position up to which the lists are built.
func (s *Store) listsBuilt(ctx context.Context) (eventstore.Position, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	defer s.life.RUnlock()
	built, err := s.number([]byte{listsBuilt})
	return eventstore.Position(built), err
}

// buildPage adds the log's next events, up to head, to their lists. The caller has the turn.
func (s *Store) buildPage(ctx context.Context, head eventstore.Position) (
	eventstore.Position, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	defer s.life.RUnlock()
	built, err := s.number([]byte{listsBuilt})
	if err != nil || built >= uint64(head) {
		return head, err
	}
	if s.readOnly {
		return 0, fmt.Errorf("build the lists: %w", ErrReadOnly)
	}
	if err := s.medium.stopped(); err != nil {
		return 0, fmt.Errorf("build the lists: %w", err)
	}
	b := &listBuilder{store: s, batch: s.db.NewBatch(), built: eventstore.Position(built)}
	defer b.close()
	if err = b.add(head); err == nil {
		err = s.db.Apply(b.batch, pebble.NoSync)
	}
	if err != nil {
		s.lists.ends = nil // they count what was not written
		return 0, fmt.Errorf("build the lists: %w", err)
	}
	return b.built, nil
}

// listBuilder makes one page's batch.
type listBuilder struct {
	store   *Store
	batch   *pebble.Batch
	members *pebble.Iterator // of all lists, opened when first used
	built   eventstore.Position
}

func (b *listBuilder) close() {
	if b.members != nil {
		_ = b.members.Close() // its error was seen where it was read
	}
	_ = b.batch.Close() // it only gives memory back
}

// add fills the batch. Of the ends remembered only those from before it may be forgotten: what a
// batch has added is found nowhere else.
func (b *listBuilder) add(head eventstore.Position) error {
	if l := &b.store.lists; l.ends == nil || len(l.ends) > listsKept {
		l.ends = make(map[eventstore.List]*listEnd)
	}
	it, err := b.store.db.NewIter(&pebble.IterOptions{
		LowerBound: logKey(b.built + 1), UpperBound: logKey(head + 1),
	})
	if err != nil {
		return err
	}
	defer it.Close()
	size := 0
	for n := 0; n < listsPage && size < listsBytes && b.built < head; n++ {
		next := b.built + 1
		if !advance(it, n == 0) || positionOf(it.Key()) != next {
			return gap(next, it.Error())
		}
		record, err := it.ValueAndErr()
		if err != nil {
			return damage(err, "", 0)
		}
		if err := b.addRecord(record, next); err != nil {
			return err
		}
		size, b.built = size+len(record), next
	}
	return b.batch.Set([]byte{listsBuilt}, binary.AppendUvarint(nil, uint64(b.built)), nil)
}

// addRecord gives an event its number in each of its lists.
func (b *listBuilder) addRecord(record []byte, at eventstore.Position) error {
	e, _, err := decodeRecord(record)
	if err != nil {
		stream, revision := recordPlace(record)
		return &eventstore.Damaged{
			Stream: string(stream), Revision: revision,
			Reason: fmt.Sprintf("position %d: %v", at, err),
		}
	}
	position := binary.AppendUvarint(nil, uint64(at))
	for _, list := range eventstore.ListsOf(e.Stream, e.Revision, e.Type) {
		end, err := b.end(list)
		if err != nil {
			return err
		}
		if end.id == 0 {
			end.id = listID(at)
			if err := b.batch.Set(listKey(list), position, nil); err != nil {
				return err
			}
		}
		if err := b.batch.Set(memberKey(list.By, end.id, end.length), position, nil); err != nil {
			return err
		}
		end.length++
	}
	return nil
}

// end is where a list ends, with this batch.
func (b *listBuilder) end(list eventstore.List) (*listEnd, error) {
	if end := b.store.lists.ends[list]; end != nil {
		return end, nil
	}
	id, err := b.store.number(listKey(list))
	if err != nil {
		return nil, err
	}
	end := &listEnd{id: listID(id)}
	if id > 0 {
		if end.length, err = b.length(list, end.id); err != nil {
			return nil, err
		}
	}
	b.store.lists.ends[list] = end
	return end, nil
}

// length is how many members a list has in the database.
func (b *listBuilder) length(list eventstore.List, id listID) (int64, error) {
	if b.members == nil {
		var err error
		if b.members, err = b.store.db.NewIter(keysOf([]byte{memberKeys})); err != nil {
			return 0, err
		}
	}
	prefix := memberPrefix(list.By, id)
	if b.members.SeekLT(after(prefix)) && bytes.HasPrefix(b.members.Key(), prefix) {
		return memberOf(b.members.Key()) + 1, nil
	}
	if err := b.members.Error(); err != nil {
		return 0, damage(err, "", 0)
	}
	return 0, noMember(list, 0)
}
