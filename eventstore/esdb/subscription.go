package esdb

import (
	"context"
	"math"
	"sync"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/tillbook/tillbook/eventstore"
)

// What a subscription holds for a slow reader; then the server waits.
const (
	mostHeld      = 4096
	mostHeldBytes = 4 << 20
)

// subscription receives events of the log into memory, and subscribes again from where it stands when
// it is broken off.
type subscription struct {
	store    *Store
	prefixes []string
	cancel   context.CancelFunc
	done     chan struct{} // closed when nothing comes any more
	arrived  chan struct{} // holds a word when there may be something to take
	room     chan struct{} // holds a word when there may be room

	mu       sync.Mutex
	held     []eventstore.Recorded
	bytes    int                 // of held
	position eventstore.Position // everything up to here was held or is filtered out
	live     bool                // the server has said once that it has caught up
	err      error               // why nothing comes any more
}

// subscribe begins a subscription that has joined follows.
func (s *Store) subscribe(
	ctx context.Context, after eventstore.Position, prefixes []string,
) *subscription {
	ctx, cancel := context.WithCancel(ctx)
	sub := &subscription{
		store: s, prefixes: prefixes, cancel: cancel, done: make(chan struct{}),
		arrived: make(chan struct{}, 1), room: make(chan struct{}, 1), position: after,
	}
	go sub.run(ctx)
	return sub
}

// stop ends the subscription and waits for it.
func (s *subscription) stop() {
	s.cancel()
	<-s.done
}

// take is what is held, the position that holds with it, and whether the server has said that nothing
// else was there. err comes when nothing is held and nothing will be.
func (s *subscription) take() (
	batch []eventstore.Recorded, position eventstore.Position, live bool, err error,
) {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch, s.held, s.bytes = s.held, nil, 0
	wake(s.room)
	return batch, s.position, s.live, s.err
}

// run subscribes until ctx ends or the server says what it would say again.
func (s *subscription) run(ctx context.Context) {
	defer s.store.follows.Done()
	defer close(s.done)
	pause := s.store.pauses()
	for {
		progress, err := s.receive(ctx)
		if progress {
			pause.Reset()
		}
		if ctx.Err() != nil {
			err = ended(ctx)
		} else if err == nil || isLost(err) {
			err = pause.wait(ctx)
		}
		if err != nil {
			s.mu.Lock()
			s.err = err
			s.mu.Unlock()
			wake(s.arrived)
			return
		}
	}
}

// receive holds what one call yields.
func (s *subscription) receive(ctx context.Context) (progress bool, err error) {
	return reading{
		cluster: s.store.followers, moves: true, request: s.request,
		take: func(r *streams.ReadResp) (bool, error) { return true, s.put(ctx, r) },
	}.try(ctx)
}

// request goes on behind the position.
func (s *subscription) request() *streams.ReadReq {
	s.mu.Lock()
	defer s.mu.Unlock()
	return request(filtered(&streams.ReadReq_Options{
		StreamOption: &streams.ReadReq_Options_All{All: logFrom(s.position)},
		CountOption: &streams.ReadReq_Options_Subscription{
			Subscription: &streams.ReadReq_Options_SubscriptionOptions{}},
	}, s.prefixes))
}

// put takes one message of the server's, and waits for room for its event.
func (s *subscription) put(ctx context.Context, r *streams.ReadResp) error {
	var e eventstore.Recorded
	var err error
	if r.GetEvent() != nil {
		if e, err = recorded(r.GetEvent()); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.held) >= mostHeld || s.bytes >= mostHeldBytes {
		s.mu.Unlock()
		select {
		case <-s.room:
		case <-ctx.Done():
		}
		s.mu.Lock()
		if ctx.Err() != nil {
			return ended(ctx)
		}
	}
	switch {
	case r.GetEvent() != nil && e.Position > s.position:
		s.held, s.position = append(s.held, e), e.Position
		s.bytes += len(e.Data) + len(e.Metadata)
	case r.GetCheckpoint() != nil:
		s.checkpoint(r.GetCheckpoint().GetCommitPosition())
	case r.GetCaughtUp() != nil:
		s.live = true
	}
	wake(s.arrived)
	return nil
}

// checkpoint moves the position over what was filtered out. Servers may send the end of all positions
// for the beginning of an empty log. The caller holds mu.
func (s *subscription) checkpoint(at uint64) {
	if at != math.MaxUint64 {
		s.position = max(s.position, eventstore.Position(at))
	}
}

// wake leaves a word in c, if there is none.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
