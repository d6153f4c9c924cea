package esdbserver

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// What a write may expect of its stream beside the number of its last event.
const (
	expectNone   = -1 // no event
	expectAny    = -2 // nothing at all
	expectExists = -4 // an event, or metadata
)

// errDeleted: the stream has a tombstone, or was deleted where it should exist.
var errDeleted = errors.New("stream is deleted")

// wrongVersion says that a stream does not stand where a write expected it.
type wrongVersion struct{ expected, current int64 }

func (e *wrongVersion) Error() string {
	return fmt.Sprintf("stream is at %d, expected %d", e.current, e.expected)
}

// decide says what becomes of a write to a stream as it stands. It sets w.repeat where the very
// events are in the stream already. The errors are errDeleted and *wrongVersion, in the order
// EventStoreDB looks for them, or a failure of the store.
func (r *round) decide(w *write) error {
	st := r.st.of(w.stream)
	switch {
	case st.tombstoned:
		return errDeleted
	case w.expected == expectExists && st.softDeleted():
		return errDeleted
	case w.expected == expectExists && st.last < 0 && st.metaLast < 0:
		return &wrongVersion{w.expected, st.last}
	case w.expected == expectAny || w.expected == expectExists:
		return r.repeatsAnywhere(w, st)
	case w.expected < st.last:
		return r.repeatsThere(w, st)
	case w.expected > st.last:
		return &wrongVersion{w.expected, st.last}
	}
	return nil // an id that is in the stream already is written again
}

// repeatsAnywhere finds a write's events among the stream's recent ones, wherever they stand. If
// the first one is not there the write is new; if only a later one is not, it is neither.
func (r *round) repeatsAnywhere(w *write, st streamState) error {
	ids := idReader{round: r, stream: w.stream}
	defer ids.close()
	for i, e := range w.events {
		number, found := r.recent.number(r.recentKey(w.stream, e.ID))
		if found {
			id, err := ids.at(number)
			if err != nil {
				return err
			}
			found = id == e.ID
		}
		if !found && i == 0 {
			return nil
		}
		if !found {
			return &wrongVersion{w.expected, st.last}
		}
	}
	if len(w.events) > 0 {
		w.repeat = ids.found()
	}
	return nil
}

// repeatsThere finds a write's events directly behind the number it expected. A stream that was
// deleted has no events for who expects none.
func (r *round) repeatsThere(w *write, st streamState) error {
	ids := idReader{round: r, stream: w.stream}
	defer ids.close()
	for i, e := range w.events {
		id, err := ids.at(w.expected + 1 + int64(i))
		if err != nil {
			return err
		}
		if id == e.ID {
			continue
		}
		if i == 0 && w.expected == expectNone && st.softDeleted() {
			return nil
		}
		return &wrongVersion{w.expected, st.last}
	}
	if len(w.events) == 0 {
		return &wrongVersion{w.expected, st.last}
	}
	w.repeat = ids.found()
	return nil
}

// spot is where the last of a repeated write's events stands.
type spot struct {
	number   int64
	position eventstore.Position // 0: it cannot be read any more
	pending  bool                // it stands among what is pending, and has no position yet
}

// idReader looks up the ids of a stream's events, with those that are pending. Numbers that follow
// each other are one read.
type idReader struct {
	*round
	stream  string
	next    func() (eventstore.Recorded, error, bool)
	stop    func()
	last    eventstore.Recorded // the one asked for last
	pending bool                // last is
}

// at is the id of the event at number, nil where there is none.
func (ids *idReader) at(number int64) (uuid.UUID, error) {
	if id, ok := ids.pendingID(ids.stream, number); ok {
		ids.last, ids.pending = eventstore.Recorded{Revision: eventstore.Revision(number)}, true
		return id, nil
	}
	if ids.next == nil || int64(ids.last.Revision)+1 != number {
		ids.close()
		ids.next, ids.stop = iter.Pull2(
			ids.Store.Read(ids.life, ids.stream, eventstore.Revision(number)))
	}
	e, err, ok := ids.next()
	if err != nil {
		return uuid.Nil, err
	}
	if !ok || int64(e.Revision) != number {
		ids.close()
		return uuid.Nil, nil
	}
	ids.last, ids.pending = e, false
	return e.ID, nil
}

// found is the spot of the event asked for last.
func (ids *idReader) found() *spot {
	at := &spot{number: int64(ids.last.Revision), pending: ids.pending}
	st := ids.st.of(ids.stream)
	old := st.metadata.maxAge > 0 && time.Since(ids.last.Created) > st.metadata.maxAge
	if at.number >= st.first() && !old {
		at.position = ids.last.Position
	}
	return at
}

func (ids *idReader) close() {
	if ids.stop != nil {
		ids.stop()
	}
	ids.next, ids.stop = nil, nil
}
