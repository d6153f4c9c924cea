package esdb

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// Follow is eventstore.Store's. After a lost connection it goes on from its own position, for as long
// as it takes; it ends with an error of the server's that stays the same.
//
// EventStoreDB says when a subscription has caught up the first time, not each time, and that word
// may be older than the caller's last look. So when nothing is at hand, Follow asks the leader for the
// first event after its position: an empty batch is yielded if there is none.
func (s *Store) Follow(
	ctx context.Context, after eventstore.Position, prefixes ...string,
) iter.Seq2[[]eventstore.Recorded, error] {
	prefixes = slices.Clone(prefixes) // the sequence may be read later
	return func(yield func([]eventstore.Recorded, error) bool) {
		ctx, end, err := s.beginRead(ctx, &s.follows)
		if err != nil {
			yield(nil, err)
			return
		}
		defer end()
		f := s.newFollower(ctx, after, prefixes)
		defer f.stop()
		for {
			batch, err := f.next(ctx)
			if !yield(batch, err) || err != nil {
				return
			}
		}
	}
}

// follower is the reading end of a subscription. It belongs to one goroutine.
type follower struct {
	*subscription
	store    *Store
	position eventstore.Position // up to here everything was yielded
	expected eventstore.Position // an event that is known to be in the log
	told     bool                // caught up, since the last event
	pause    pauses              // between questions that fail
}

func (s *Store) newFollower(
	ctx context.Context, after eventstore.Position, prefixes []string,
) *follower {
	return &follower{
		subscription: s.subscribe(ctx, after, prefixes),
		store:        s, position: after, pause: s.pauses(),
	}
}

// next waits for events or for the knowledge that there are none.
func (f *follower) next(ctx context.Context) ([]eventstore.Recorded, error) {
	for {
		batch, position, live, err := f.take()
		f.position = position
		if len(batch) > 0 {
			f.told = false
			return batch, nil
		}
		if err != nil {
			return nil, err
		}
		var again <-chan time.Time
		if live && !f.told && f.position >= f.expected {
			caughtUp, err := f.ask(ctx)
			if caughtUp {
				f.told = true
				return nil, nil
			}
			if err == nil {
				continue
			}
			again = time.After(f.pause.NextBackOff())
		}
		select {
		case <-f.arrived:
		case <-again:
		case <-ctx.Done():
			return nil, ended(ctx)
		}
	}
}

// ask is whether the log ends at the follower's position. Where it does not, expected is what comes.
func (f *follower) ask(ctx context.Context) (caughtUp bool, err error) {
	next, err := f.store.next(ctx, f.position, f.prefixes)
	if err != nil {
		return false, err
	}
	f.pause.Reset()
	f.expected = next
	return next == eventstore.Start, nil
}
