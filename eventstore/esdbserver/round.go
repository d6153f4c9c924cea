package esdbserver

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// conflictsMost bounds how often writes are decided because somebody else wrote to their stream.
const conflictsMost = 16

// unknownMost bounds how often the same events are sent whose outcome is not known.
const unknownMost = 3

// round decides on the writes of one line and appends what they write to one stream together. It
// belongs to the line's goroutine.
type round struct {
	*Server
	shelf  *shelf
	stream string      // no metastream
	known  bool        // st is
	st     streamState // of stream, with what is pending

	target  string // the stream that pending goes to
	base    int64  // the number of its last event before pending
	pending []eventstore.Event
	bytes   int
}

// segment decides on the first writes, as many as go into one append to one stream, and appends
// them. It returns how many these were; an error is the answer to every one of them.
func (r *round) segment(writes []*write) (int, error) {
	if err := r.know(); err != nil {
		return len(writes), err
	}
	r.target = writes[0].target
	r.base, r.bytes = r.st.of(r.target).last, 0
	clear(r.pending)
	r.pending = r.pending[:0]
	n := 0
	for ; n < len(writes) && r.hasRoom(writes[n]); n++ {
		if err := r.stage(writes[n]); err != nil {
			r.forget()
			return n + 1, err
		}
	}
	return n, r.commit(writes[:n])
}

// know finds the stream's state.
func (r *round) know() error {
	if r.known {
		return nil
	}
	st, ok, _ := r.shelf.look(r.stream)
	if !ok {
		var err error
		if st, err = r.load(r.life, r.stream); err != nil {
			return err
		}
	}
	r.st, r.known = st, true
	return nil
}

// forget makes the next segment read the stream's state again.
func (r *round) forget() {
	r.known = false
	r.shelf.drop(r.stream)
	for i := range r.pending {
		r.recent.remove(r.recentKey(r.target, r.pending[i].ID))
	}
}

// hasRoom says whether a write goes into the same append as those before it.
func (r *round) hasRoom(w *write) bool {
	return w.target == r.target &&
		(len(r.pending) == 0 || r.bytes+w.bytes <= eventstore.MaxAppendBytes)
}

// stage decides on a write and adds its events to the pending ones. What it answers goes into w; an
// error is a failure that ends the segment.
func (r *round) stage(w *write) error {
	w.repeat, w.last, w.position = nil, r.st.of(w.stream).last, 0
	if w.err = w.gone(); w.err != nil {
		return nil
	}
	if w.err = r.decide(w); w.err != nil || w.repeat != nil {
		return nil
	}
	if w.isDeletion() && r.st.last < 0 && r.st.metaLast < 0 {
		w.err = &wrongVersion{w.expected, -1}
		return nil
	}
	if w.stream == r.stream && w.target == r.stream && !w.isTombstone() && r.st.softDeleted() {
		if err := r.undelete(); err != nil {
			return err
		}
	}
	r.add(w)
	return nil
}

// add makes a write's events pending.
func (r *round) add(w *write) {
	if len(w.events) == 0 {
		return
	}
	for i := range w.events {
		r.recent.add(r.recentKey(r.target, w.events[i].ID), r.base+int64(len(r.pending))+1)
		r.pending = append(r.pending, w.events[i])
	}
	r.bytes += w.bytes
	w.last = r.base + int64(len(r.pending))
	switch {
	case w.isTombstone():
		r.st.tombstoned = true
	case r.target == r.stream:
		r.st.last = w.last
	default:
		r.addMetadata(w)
	}
}

// addMetadata takes over the metadata that a write made pending. Metadata written to a deleted
// stream brings it back, empty: one more event says so.
func (r *round) addMetadata(w *write) {
	r.st.metaLast = w.last
	written, deleted := &r.pending[len(r.pending)-1], r.st.softDeleted()
	if deleted && !w.isDeletion() {
		if data, err := withTruncateBefore(written.Data, r.st.last+1); err == nil {
			r.pending = append(r.pending, newMetadata(data))
			written = &r.pending[len(r.pending)-1]
			r.bytes += len(data) + len(metadataType)
			r.st.metaLast++
		}
	}
	r.st.metadata = metadataOf(written)
}

func newMetadata(data []byte) eventstore.Event {
	return eventstore.Event{ID: uuid.New(), Type: metadataType, Data: data}
}

// undelete brings a deleted stream back before it is written: its metadata says then that the
// events up to now are not to be read. Nothing is pending when it is called. It is durable when
// undelete returns: who finds the events must never find the stream deleted.
func (r *round) undelete() error {
	about, err := r.lastEvent(r.life, metastreamOf(r.stream))
	if err != nil {
		return err
	}
	if about == nil || int64(about.Revision) != r.st.metaLast {
		return &eventstore.WrongRevision{Stream: metastreamOf(r.stream)}
	}
	data, err := withTruncateBefore(about.Data, r.st.last+1)
	if err != nil {
		return fmt.Errorf("undelete %s: %w", r.stream, err)
	}
	events := []eventstore.Event{newMetadata(data)}
	if _, err := r.persist(metastreamOf(r.stream), r.st.metaLast, events); err != nil {
		return err
	}
	r.st.metaLast++
	r.st.metadata = metadataOf(&events[0])
	return nil
}

// commit appends what is pending and tells the writes where their events stand.
func (r *round) commit(writes []*write) error {
	var at eventstore.Appended
	if len(r.pending) > 0 {
		var err error
		if at, err = r.persist(r.target, r.base, r.pending); err != nil {
			r.forget()
			return err
		}
	}
	r.shelf.put(r.stream, r.st)
	return r.place(writes, at)
}

// place tells each write its last event's position. The store has said it of the last one only.
func (r *round) place(writes []*write, at eventstore.Appended) error {
	var positions []eventstore.Position
	for _, w := range writes {
		pending := w.err == nil && w.repeat == nil && len(w.events) > 0
		if w.repeat != nil {
			w.last, w.position, pending = w.repeat.number, w.repeat.position, w.repeat.pending
		}
		switch {
		case !pending:
			continue
		case w.last == int64(at.Revision):
			w.position = at.Position
			continue
		case positions == nil:
			var err error
			if positions, err = r.positions(); err != nil {
				return err
			}
		}
		w.position = positions[w.last-r.base-1]
	}
	return nil
}

// positions are those of the events that were pending and are in the log now.
func (r *round) positions() ([]eventstore.Position, error) {
	positions := make([]eventstore.Position, 0, len(r.pending))
	for e, err := range r.Store.Read(r.life, r.target, eventstore.Revision(r.base)+1) {
		if err != nil {
			return nil, fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, err)
		}
		if positions = append(positions, e.Position); len(positions) == len(r.pending) {
			return positions, nil
		}
	}
	return nil, &eventstore.Damaged{Stream: r.target, Reason: "events just written cannot be read"}
}

// pendingID is the id of a pending event.
func (r *round) pendingID(stream string, number int64) (uuid.UUID, bool) {
	i := number - r.base - 1
	if stream != r.target || i < 0 || i >= int64(len(r.pending)) {
		return uuid.Nil, false
	}
	return r.pending[i].ID, true
}

// persist appends events after the one numbered last. Where the store does not know whether it
// has, it is asked again with the same events, which are not written twice.
func (s *Server) persist(stream string, last int64,
	events []eventstore.Event) (eventstore.Appended, error) {
	var unknown error
	for range unknownMost {
		at, err := s.Store.Append(s.life, stream, eventstore.Revision(last), events)
		switch {
		case err == nil:
			return at, nil
		case errors.Is(err, eventstore.ErrOutcomeUnknown):
			unknown = err
		case unknown != nil:
			return at, fmt.Errorf("%w, and then: %w", unknown, err)
		default:
			return at, err
		}
		if s.life.Err() != nil {
			break
		}
	}
	return eventstore.Appended{}, unknown
}

// isConflict says that somebody else has written to the stream.
func isConflict(err error) bool {
	if err == nil {
		return false
	}
	var conflict *eventstore.WrongRevision
	return errors.As(err, &conflict)
}
