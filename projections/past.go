package projections

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// Until is the part of a log that tables are built from: all events up to a position, or else all that
// were recorded at an instant or before it.
type Until struct {
	Position eventstore.Position
	Instant  time.Time // zero: up to Position
}

// Build folds a part of a log into new tables in a folder, which must be empty, and answers how far it has
// read the log: its end, as it was then, or Until.Position where that is before it. Where it answers an
// error the tables never serve. progress may be nil.
//
// An event of which the ledger does not say when it was recorded, as it is not ours, counts by the time
// of the store.
func Build(ctx context.Context, path string, store eventstore.Store, until Until,
	progress func(Progress),
) (eventstore.Position, error) {
	head, err := store.Head(ctx, domain.Prefixes...)
	if err != nil {
		return 0, err
	}
	if until.Instant.IsZero() {
		head = min(head, until.Position)
	}
	past := &past{Store: store, head: head, instant: until.Instant, names: newNames()}
	m := &Models{store: past, opts: Options{Batch: maxBatch, Log: slog.Default()}}
	d, err := folder{path, Builtin()}.open(ctx, 1)
	if err != nil {
		return 0, err
	}
	b, err := newBuilder(ctx, d, past, maxBatch, leadAlone)
	if err != nil {
		return 0, errors.Join(err, d.close())
	}
	err = m.catchUp(ctx, b, progress)
	if err == nil {
		err = d.serve(ctx, b.conn)
	}
	return head, errors.Join(err, b.close(), d.close())
}

// past is a store as it was: up to its head, and where there is an instant, without what was recorded
// after that. It belongs to one goroutine.
type past struct {
	eventstore.Store
	head    eventstore.Position
	instant time.Time
	names   *names
}

// Head is the head as it was.
func (p *past) Head(context.Context, ...string) (eventstore.Position, error) { return p.head, nil }

// Follow yields what there was, says that it has caught up, and ends.
func (p *past) Follow(ctx context.Context, after eventstore.Position, prefixes ...string) iter.Seq2[
	[]eventstore.Recorded, error] {
	return func(yield func([]eventstore.Recorded, error) bool) {
		if after >= p.head {
			yield(nil, nil)
			return
		}
		for events, err := range p.Store.Follow(ctx, after, prefixes...) {
			if err != nil {
				yield(nil, err)
				return
			}
			over := len(events) == 0 || events[len(events)-1].Position >= p.head
			kept := slices.Clone(events)
			kept = slices.DeleteFunc(kept, func(e eventstore.Recorded) bool { return !p.holds(e) })
			if len(kept) > 0 && !yield(kept, nil) {
				return
			}
			if over {
				yield(nil, nil)
				return
			}
		}
	}
}

// holds reports that an event belongs to the past.
func (p *past) holds(e eventstore.Recorded) bool {
	if e.Position > p.head {
		return false
	}
	return p.instant.IsZero() || !recordedWhen(e, p.names).After(p.instant)
}

// recordedWhen is when the ledger recorded an event; of one that is not ours, when the store did.
func recordedWhen(e eventstore.Recorded, names *names) time.Time {
	var m domain.Metadata
	if err := decodeMetadata(e.Metadata, &m, names); err != nil {
		return e.Created
	}
	return m.RecordedAt
}
