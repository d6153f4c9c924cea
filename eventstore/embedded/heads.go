package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tillbook/tillbook/eventstore"
)

// headsKept bounds each of the two halves of heads, in streams: some 10 MB together.
const headsKept = 1 << 16

// head is where a stream ends.
type head struct {
	id       streamID
	revision eventstore.Revision

	newest *pending // the last to write to it in its round; of another's memory once that is over
	round  uint64   // newest's
}

// newestOf is the last append to the stream in a round, nil where it has none.
func (h *head) newestOf(round uint64) *pending {
	if h.round != round {
		return nil
	}
	return h.newest
}

// heads remembers the streams that were written last. It forgets half of them when it is full: a
// stream lives on if it was used since the last time. The zero value is empty.
type heads struct {
	young, old map[string]*head
}

// get is nil for a stream that is not remembered. What it returns is to be changed in place.
func (h *heads) get(stream string) *head {
	at := h.young[stream]
	if at == nil && h.old[stream] != nil {
		at = h.put(stream, h.old[stream])
	}
	return at
}

func (h *heads) put(stream string, at *head) *head {
	if len(h.young) >= headsKept {
		h.old, h.young = h.young, nil
	}
	if h.young == nil {
		h.young = make(map[string]*head)
	}
	h.young[stream] = at
	return at
}

// lookup reads what the committer needs of the database. The zero value but for store is ready, and
// so it is again after close.
type lookup struct {
	store *Store
	index *pebble.Iterator
}

func (l *lookup) close() {
	if l.index != nil {
		_ = l.index.Close() // its error was seen where it was read
		l.index = nil
	}
}

// iterator is over the whole index, opened when first used.
func (l *lookup) iterator() (*pebble.Iterator, error) {
	if l.index != nil {
		return l.index, nil
	}
	var err error
	l.index, err = l.store.db.NewIter(keysOf([]byte{indexKeys}))
	return l.index, err
}

// head is where a stream ends in the database.
func (l *lookup) head(stream string) (*head, error) {
	id, err := l.store.number(nameKey(stream))
	if err != nil || id == 0 {
		return &head{revision: eventstore.NoStream}, err
	}
	it, err := l.iterator()
	if err != nil {
		return nil, err
	}
	end := indexKey(streamID(id)+1, 0)
	if !it.SeekLT(end) || streamID(binary.BigEndian.Uint64(it.Key()[1:])) != streamID(id) {
		if it.Error() != nil {
			return nil, damage(it.Error(), stream, 0)
		}
		return nil, &eventstore.Damaged{Stream: stream, Reason: "no event in the index"}
	}
	return &head{id: streamID(id), revision: revisionOf(it.Key())}, nil
}

// record is a stream's record at a revision and sets its position.
func (l *lookup) record(stream string, id streamID, at *eventstore.Appended) ([]byte, error) {
	it, err := l.iterator()
	if err != nil {
		return nil, err
	}
	if !it.SeekGE(indexKey(id, at.Revision)) {
		return nil, lost(firstError(it.Error(), pebble.ErrNotFound), stream, at.Revision)
	}
	at.Position = runUnder(it).position(at.Revision)
	value, closer, err := l.store.db.Get(logKey(at.Position))
	if err != nil {
		return nil, lost(err, stream, at.Revision)
	}
	defer closer.Close()
	record := append([]byte(nil), value...)
	if _, _, err := decodeRecord(record); err != nil {
		return nil, lost(err, stream, at.Revision)
	}
	return record, nil
}

// tide is how far the log is durable, and so how far it may be read.
type tide struct {
	head    atomic.Uint64 // grows under mu
	mu      sync.Mutex
	changed chan struct{} // closed when head grows; nil while nobody waits for that
}

func (t *tide) position() eventstore.Position { return eventstore.Position(t.head.Load()) }

// watch is the head and a channel that closes when there is a later one.
func (t *tide) watch() (eventstore.Position, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	return t.position(), t.changed
}

func (t *tide) rise(to eventstore.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.head.Store(uint64(to))
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

// lost says that an event which must be there cannot be read back.
func lost(err error, stream string, revision eventstore.Revision) error {
	if errors.Is(err, pebble.ErrNotFound) || errors.Is(err, errRecord) ||
		pebble.IsCorruptionError(err) {
		return &eventstore.Damaged{Stream: stream, Revision: revision, Reason: reason(err)}
	}
	return fmt.Errorf("read %s@%d: %w", stream, revision, err)
}
