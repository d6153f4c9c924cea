package esdbserver

import (
	"context"
	"hash/maphash"
	"sync"

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
	if most := st.metadata.maxCount; most > 0 {
		first = max(first, st.last-most+1)
	}
	return first
}

// softDeleted says whether the stream was deleted and not written since.
func (st streamState) softDeleted() bool { return st.metadata.truncateBefore == softDeleted }

// of is the state of stream, which is the one that st is of or its metastream. A metastream keeps
// one event and shares its stream's tombstone.
func (st streamState) of(stream string) streamState {
	if !isMetastream(stream) {
		return st
	}
	return streamState{
		last: st.metaLast, tombstoned: st.tombstoned, metadata: metadata{maxCount: 1}, metaLast: -1,
	}
}

// state is what a stream is at this moment. After an append was answered it is what that append
// left, or what a later one did.
func (s *Server) state(ctx context.Context, stream string) (streamState, error) {
	original := originalOf(stream)
	if s.Owned(original) { // the ledger writes it behind this server's back
		st, err := s.load(ctx, original)
		return st.of(stream), err
	}
	shelf := s.shelf(original)
	st, ok, changes := shelf.look(original)
	if ok {
		return st.of(stream), nil
	}
	st, err := s.load(ctx, original)
	if err == nil && st != unwritten { // of those there are more than anybody can remember
		shelf.learn(original, st, changes)
	}
	return st.of(stream), err
}

// unwritten is the state of a stream that nobody has written to.
var unwritten = streamState{last: -1, metaLast: -1}

// load reads the state of a stream that is no metastream.
func (s *Server) load(ctx context.Context, stream string) (streamState, error) {
	st := unwritten
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
		st.metaLast = int64(about.Revision)
		st.metadata = metadataOf(&about.Event)
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

// shelfBytes bounds the younger half of a shelf: some 20 MB on all shelves and in both halves.
const shelfBytes = 160 << 10

// stateBytes is about what a state costs beside its stream's name.
const stateBytes = 128

// shelf holds the states of some streams that were used last, and the lines of writes to them. A
// state that was not used since the shelf was last full is forgotten.
type shelf struct {
	mu         sync.Mutex
	lines      map[string]*line // of the streams that are being written
	young, old map[string]streamState
	bytes      int    // of young
	changes    uint64 // how often put or drop was called
}

// shelves is how many there are; streams are spread over them.
const shelves = 64

func (s *Server) shelf(stream string) *shelf {
	return &s.shelves[maphash.String(s.seed, stream)%shelves]
}

// look finds a state, and says how many changes there were at this moment.
func (h *shelf) look(stream string) (st streamState, ok bool, changes uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if st, ok = h.young[stream]; !ok {
		if st, ok = h.old[stream]; ok {
			h.set(stream, st)
		}
	}
	return st, ok, h.changes
}

// learn keeps a state that was read while nothing on the shelf changed.
func (h *shelf) learn(stream string, st streamState, changes uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changes == changes {
		h.set(stream, st)
	}
}

// put keeps what the stream's writer has made of it.
func (h *shelf) put(stream string, st streamState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes++
	h.set(stream, st)
}

// drop forgets a state that may be wrong.
func (h *shelf) drop(stream string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes++
	delete(h.young, stream)
	delete(h.old, stream)
}

// set is called with mu held.
func (h *shelf) set(stream string, st streamState) {
	if _, ok := h.young[stream]; !ok {
		if h.bytes >= shelfBytes || h.young == nil {
			h.old, h.young, h.bytes = h.young, map[string]streamState{}, 0
		}
		h.bytes += len(stream) + stateBytes
	}
	h.young[stream] = st
}
