// Package eventstore is the vocabulary and the contract of the log: events, streams, revisions,
// positions, and Store, which every engine implements alike. It sees bytes, never money.
//
// storetest.Run holds every implementation to the words written here.
package eventstore

import (
	"math"
	"time"

	"github.com/google/uuid"
)

// Event is something to be recorded: an id of its own, a type, and bytes that the store keeps as they
// are.
type Event struct {
	ID       uuid.UUID // unique; a retried append carries the same ids
	Type     string    // a stored name, such as DebitPosted; never empty
	Data     []byte    // JSON, unless Binary
	Metadata []byte    // JSON; of foreign events, anything
	Binary   bool      // Data is not said to be JSON (EventStoreDB's application/octet-stream)
}

// Size is what the event counts towards MaxAppendBytes: its data, its metadata and twice its type, in
// bytes, as EventStoreDB 24.10 counts them.
func (e *Event) Size() int { return len(e.Data) + len(e.Metadata) + 2*len(e.Type) }

// Recorded is an event as the log holds it. It never changes; the bytes must not be written to.
type Recorded struct {
	Event
	Stream   string
	Revision Revision  // its number in its stream, from 0, dense
	Position Position  // its place in the log
	Created  time.Time // the store's own clock, for operators; never part of a proof
}

// Revision numbers the events of one stream, from 0, without gaps.
type Revision int64

// The revisions that are not numbers of events.
const (
	NoStream Revision = -1            // expected: the stream was never written
	End      Revision = math.MaxInt64 // read backwards from here: from the last event
)

// Position orders the events of the whole log. It only grows; gaps are normal. Start stands before
// every event.
type Position uint64

// Start is the position before the first event.
const Start Position = 0

// Appended is where an append's events stand: the revision and the position of the last of them.
type Appended struct {
	Revision Revision
	Position Position
}
