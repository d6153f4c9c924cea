package projections

import (
	"context"
	"iter"
	"runtime"
	"slices"
	"sync"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// Batch is a part of the log, decoded.
type Batch struct {
	Events   []Event             // in the order of the log; the follower's again when the next batch is asked for
	Damaged  []Damage            // what stood among them in ledger streams and is no event of the ledger
	Position eventstore.Position // up to which everything has been yielded: where to go on later
	CaughtUp bool                // nothing more was durable when the batch was made; such a batch has no events
}

// Damage is an event that is passed over, and why.
type Damage struct {
	Event  Event // only Recorded where it could not be decoded
	Reason string
}

// Follow yields the ledger's events that stand behind a position, eventstore.Start for all of them, in
// batches, and goes on with new ones as they become durable, without gap or repeat, until ctx ends or the
// caller stops. An error, the last element, is the store's, or ctx's.
//
// It keeps nothing: a caller that is to go on where it was keeps Batch.Position together with what it has
// made of the events, in one transaction. What is kept in the tables of a Projection is kept so by Models.
func Follow(ctx context.Context, store eventstore.Store, after eventstore.Position,
) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		d := newDecoder()
		for stored, err := range store.Follow(ctx, after, domain.Prefixes...) {
			if err != nil {
				yield(Batch{Position: after}, err)
				return
			}
			if len(stored) > 0 {
				after = stored[len(stored)-1].Position
			}
			events, damaged := d.decode(stored)
			if !yield(Batch{events, damaged, after, len(stored) == 0}, nil) {
				return
			}
			d.forget()
		}
	}
}

// decoder decodes stored events into the same memory again and again.
type decoder struct {
	names  []*names // one for each core
	events []Event
}

func newDecoder() (d decoder) {
	for range runtime.GOMAXPROCS(0) {
		d.names = append(d.names, newNames())
	}
	return d
}

// leastShare is how many events a core should decode at least.
const leastShare = 256

// decode answers the events, which are good until the next call, and those that are not ours. It uses all
// cores.
func (d *decoder) decode(stored []eventstore.Recorded) (events []Event, damaged []Damage) {
	d.events = slices.Grow(d.events[:0], len(stored))[:len(stored)]
	failures := make([]error, len(stored))
	share := max(len(stored)/len(d.names)+1, leastShare)
	var wait sync.WaitGroup
	for n := 0; n*share < len(stored); n++ {
		wait.Go(func() {
			for i := n * share; i < min((n+1)*share, len(stored)); i++ {
				d.events[i] = Event{}
				failures[i] = d.events[i].decode(stored[i], d.names[n])
			}
		})
	}
	wait.Wait()
	events = d.events[:0]
	for i, err := range failures {
		switch {
		case err != nil:
			damaged = append(damaged, Damage{Event{Recorded: stored[i]}, err.Error()})
		case len(damaged) > 0:
			events = append(events, d.events[i])
		default:
			events = d.events[:i+1] // it stands there
		}
	}
	return events, damaged
}

// keptEvents bounds the memory that is kept for the next batch: most follow one event or a few.
const keptEvents = 4096

// forget lets go of what the events point to, and of their memory if it is much.
func (d *decoder) forget() {
	clear(d.events[:cap(d.events)])
	if cap(d.events) > keptEvents {
		d.events = nil
	}
}
