package js

import (
	"context"
	"iter"

	"github.com/tillbook/tillbook/eventstore"
)

// Batch is what Follow yields.
type Batch struct {
	Events   []*Event
	Position eventstore.Position // of the last event that was looked at, wanted or not
	CaughtUp bool                // nothing more was durable when the batch was made
}

// Follow yields what Events yields and goes on with new events, in batches as eventstore.Store.Follow
// makes them, until ctx ends (its error is the last element) or the caller stops.
func Follow(ctx context.Context, store eventstore.Store, def *Definition, after eventstore.Position,
) iter.Seq2[Batch, error] {
	s := source{store, def}
	return func(yield func(Batch, error) bool) {
		for recorded, err := range store.Follow(ctx, after, s.prefixes()...) {
			if err != nil {
				yield(Batch{}, err)
				return
			}
			b := Batch{Position: after, CaughtUp: len(recorded) == 0}
			for i := range recorded {
				b.Position = recorded[i].Position
				if !s.follows(&recorded[i]) {
					continue
				}
				e, err := s.resolve(ctx, &recorded[i])
				if err != nil {
					yield(Batch{}, err)
					return
				}
				if e != nil {
					b.Events = append(b.Events, e)
				}
			}
			after = b.Position
			if !yield(b, nil) {
				return
			}
		}
	}
}
