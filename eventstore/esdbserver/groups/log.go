package groups

import (
	"context"
	"iter"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// All is the source that holds every event of the log; any other source is the name of a stream.
const All = "$all"

// Log is what groups need of the server around them. All methods may be called at once.
type Log interface {
	// Read yields a source's events from a place on, that one included, as far as they were durable
	// when it began, in order: what a client would be shown, so neither truncated nor hidden ones.
	// A stream that is not there is empty. With resolve, a link comes with the event it leads to.
	Read(ctx context.Context, source string, from int64, resolve bool) iter.Seq2[Event, error]

	// Last is the last event that Read would yield, unresolved; nil where it would yield none.
	Last(ctx context.Context, source string) (*Event, error)

	// Append writes events at a stream's end wherever that is, all or none, and returns the number
	// of the last one. Written to a metastream ($$name), events of type $metadata take effect.
	Append(ctx context.Context, stream string, events ...eventstore.Event) (int64, error)

	// Watch lets woken hold one whenever a source may have grown since Watch returned, until leave
	// is called.
	Watch(ctx context.Context, source string) (woken <-chan struct{}, leave func(), err error)

	// Filter is the test of a filter, or says why there can be none.
	Filter(f Filter) (func(*eventstore.Recorded) bool, error)
}

// Event is an event of a source as a client is shown it. At least one of its fields is there.
type Event struct {
	Record *eventstore.Recorded // nil where a link leads to no event
	Link   *eventstore.Recorded // what led to Record; nil where the source holds Record itself
}

// Original is the event that the source itself holds, by whose id clients answer.
func (e Event) Original() *eventstore.Recorded {
	if e.Link != nil {
		return e.Link
	}
	return e.Record
}

// ID is the original event's.
func (e Event) ID() uuid.UUID { return e.Original().ID }

// placeIn is where an event stands in a source: its position in All, its number in a stream.
func (e Event) placeIn(source string) int64 {
	if source == All {
		return int64(e.Original().Position)
	}
	return int64(e.Original().Revision)
}

// size is what an event keeps in memory, in bytes.
func (e Event) size() int {
	const overhead = 256 // of a message and its places in queues
	size := overhead
	for _, r := range []*eventstore.Recorded{e.Record, e.Link} {
		if r != nil {
			size += len(r.Data) + len(r.Metadata) + len(r.Type) + len(r.Stream)
		}
	}
	return size
}
