package eventstore

import (
	"context"
	"iter"
)

// MaxAppendBytes bounds one append: the sum over its events of Event.Size.
const MaxAppendBytes = 1 << 20

// MaxSnapshotPart bounds one part of a snapshot, in bytes.
const MaxSnapshotPart = 512 << 10

// Store is an append-only log of streams. All methods may be called at once by many goroutines.
//
// Errors, by errors.Is and errors.As: *WrongRevision, ErrOutcomeUnknown, ErrUnavailable, ErrTooLarge,
// ErrClosed, *Damaged, and the context's own error. Every other error is a failure of the medium; an Append
// that returns one has not written, unless it is ErrOutcomeUnknown.
type Store interface {
	// Append writes all events at the end of stream, or none. When it returns nil they are durable,
	// and every read that starts afterwards sees them.
	//
	// expected is the revision of the stream's last event, or NoStream. Where the stream is already
	// past it and the events that follow expected carry exactly these ids in this order, the append
	// is a repeat: nothing is written and the answer is the one of the first time. Any other
	// difference is *WrongRevision. When the stream stands exactly at expected the events are
	// written, whatever their ids: ids never deduplicate. Once Append has returned, with whatever
	// error, the store uses nothing of the caller's memory.
	//
	// ErrOutcomeUnknown means it may or may not have been written: send the same events again at
	// the same expected revision. ErrTooLarge: more than MaxAppendBytes, or no events at all.
	Append(ctx context.Context, stream string, expected Revision, events []Event) (Appended, error)

	// Read yields the stream's events from revision from upwards, then ends. A stream that was never
	// written is empty. An error ends the sequence and is its last element.
	Read(ctx context.Context, stream string, from Revision) iter.Seq2[Recorded, error]

	// ReadBackwards yields the events from revision from downwards to 0. From End it starts at the
	// last one.
	ReadBackwards(ctx context.Context, stream string, from Revision) iter.Seq2[Recorded, error]

	// ReadAll yields the log's events with a position greater than after, in order, up to the head as
	// it was when the read began. prefixes, where there are any, keep only streams whose names
	// begin with one of them.
	ReadAll(ctx context.Context, after Position, prefixes ...string) iter.Seq2[Recorded, error]

	// Follow yields what ReadAll yields, in batches that are never cut short by a read's end, and
	// then goes on with new events as they become durable, without gap or repeat, until ctx ends (its
	// error is the last element) or the caller stops. An empty batch says: caught up; everything
	// that was durable when the batch was made has been yielded. It comes each time that is so.
	Follow(ctx context.Context, after Position, prefixes ...string) iter.Seq2[[]Recorded, error]

	// Head is the position of the last event in a stream that begins with one of prefixes (of any
	// stream when there are none), Start when there is none.
	Head(ctx context.Context, prefixes ...string) (Position, error)

	// PutSnapshot keeps parts beside a stream under their numbers, each replacing the one before it
	// (a nil part removes it). It is best effort and no event: a snapshot may be lost or stale, so
	// its reader must be able to tell and to do without. Parts of one call are kept together or
	// not at all where the store can; each is at most MaxSnapshotPart bytes.
	PutSnapshot(ctx context.Context, stream string, parts map[int][]byte) error

	// Snapshot is the part last put under that number, nil when there is none.
	Snapshot(ctx context.Context, stream string, part int) ([]byte, error)

	// Close ends every Follow with ErrClosed, finishes the appends it has begun, and frees what the
	// store holds. Calls after it answer ErrClosed.
	Close() error
}
