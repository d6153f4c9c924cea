package esdbserver

import (
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/tillbook/tillbook/eventstore"
)

// allSubscription is a subscription to the log.
type allSubscription struct {
	*reading
	w     *watcher
	after eventstore.Position // every event up to here was looked at

	// Of a filtered one: how far its client has got, as checkpoints tell it.
	safe  eventstore.Position // the last event that passed, or the last checkpoint that was due
	told  eventstore.Position // the last checkpoint; at first where the client began
	since uint64              // events looked at since the last checkpoint
}

// followAll answers the log as a subscription, until its caller leaves or the server stops.
func (r *reading) followAll() error {
	w, err := r.tide.watch(r.ctx, everything)
	if err != nil {
		return err
	}
	defer r.tide.leave(w)
	s := allSubscription{reading: r, w: w, after: r.position()}
	if r.end {
		if s.after, err = r.Store.Head(r.ctx); err != nil {
			return err
		}
	}
	s.safe, s.told = s.after, s.after
	if err := r.confirm(); err != nil {
		return err
	}
	for {
		if err := s.catchUp(); err != nil {
			return err
		}
		if err := s.live(); err != nil {
			return err
		}
	}
}

// catchUp answers what is in the log, and says so at its end.
func (s *allSubscription) catchUp() error {
	for passed := behind; passed >= behind; { // what came meanwhile is no longer much
		passed = 0
		for e, err := range s.Store.ReadAll(s.ctx, s.after) {
			if err == nil {
				err = s.look(&e)
			}
			if err != nil {
				return err
			}
			passed++
		}
	}
	if err := s.checkpoint(); err != nil {
		return err
	}
	return s.caughtUp()
}

// live answers events as they come. It returns nil when it has fallen behind.
func (s *allSubscription) live() error {
	for {
		if err := s.wait(s.w); err != nil {
			return err
		}
		for {
			events, ok := s.tide.after(s.after)
			if !ok {
				return s.checkpoint()
			}
			if len(events) == 0 {
				break
			}
			for i := range events {
				if err := s.look(&events[i]); err != nil {
					return err
				}
			}
		}
	}
}

// look delivers an event if it is wanted, and a checkpoint if one is due.
func (s *allSubscription) look(e *eventstore.Recorded) error {
	if s.filter.passes(e) {
		if err := s.send(item{event: e}); err != nil {
			return err
		}
		s.safe = e.Position
	}
	s.after = e.Position
	if s.filter == nil {
		return nil
	}
	if s.since++; s.since < s.filter.interval {
		return nil
	}
	s.safe = e.Position
	return s.checkpoint()
}

// checkpoint tells the client of a filtered subscription where it may resume, if that is news.
func (s *allSubscription) checkpoint() error {
	if s.filter == nil || s.safe <= s.told {
		return nil
	}
	s.told, s.since = s.safe, 0
	return s.out.Send(&streams.ReadResp{Content: &streams.ReadResp_Checkpoint_{
		Checkpoint: &streams.ReadResp_Checkpoint{
			CommitPosition: uint64(s.safe), PreparePosition: uint64(s.safe),
		},
	}})
}
