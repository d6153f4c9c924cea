package groups

import (
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"
)

// Delivery is an event for a subscriber, to be answered by the id of its original event.
type Delivery struct {
	Event
	Retries int // how often it was delivered before, or lost on the way
	message *message
}

// Subscriber is one client's part of a group. Next is for one goroutine at a time, the other
// methods for any.
type Subscriber struct {
	group *group
	id    ClientID
	slots int

	mu    sync.Mutex
	queue []Delivery // at most slots
	ended error
	ready chan struct{} // holds one when queue or ended changed
}

// Next waits for the next event. It returns ErrDropped or ErrNotReady when the group has no more
// for this subscriber, and else the context's error.
func (s *Subscriber) Next(ctx context.Context) (Delivery, error) {
	for {
		s.mu.Lock()
		if err := s.ended; err != nil {
			s.mu.Unlock()
			return Delivery{}, err
		}
		if len(s.queue) > 0 {
			next := s.queue[0]
			s.queue[0] = Delivery{}
			s.queue = s.queue[1:]
			s.mu.Unlock()
			return next, nil
		}
		s.mu.Unlock()
		select {
		case <-s.ready:
		case <-ctx.Done():
			return Delivery{}, ctx.Err()
		}
	}
}

// Ack says that the events with these ids are done with; ids the group does not know of are
// ignored.
func (s *Subscriber) Ack(ctx context.Context, ids ...uuid.UUID) error {
	return s.group.do(ctx, func() { s.group.core.ack(s.id, ids, s.group.Now()) })
}

// Nack says that the events with these ids are not done with, and what is to become of them.
func (s *Subscriber) Nack(ctx context.Context, action Action, reason string,
	ids ...uuid.UUID) error {
	return s.group.do(ctx, func() { s.group.core.nack(s.id, ids, action, reason, s.group.Now()) })
}

// Close leaves the group, which gives what this subscriber had to others. It may be called again.
func (s *Subscriber) Close() {
	// An error says that the group has ended, and its subscribers with it.
	_ = s.group.do(context.Background(), func() { s.group.drop(s.id, ErrDropped) })
}

// give adds an event to the queue. It is full, and stays as it is, only where a subscriber answers
// for events that it never took.
func (s *Subscriber) give(d Delivery) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) >= s.slots {
		return false
	}
	s.queue = append(s.queue, d)
	s.wake()
	return true
}

// takeBack removes a message that nobody has taken yet.
func (s *Subscriber) takeBack(m *message) {
	s.mu.Lock()
	s.queue = slices.DeleteFunc(s.queue, func(d Delivery) bool { return d.message == m })
	s.mu.Unlock()
}

func (s *Subscriber) end(err error) {
	s.mu.Lock()
	if s.ended == nil {
		s.ended, s.queue = err, nil
	}
	s.mu.Unlock()
	s.wake()
}

func (s *Subscriber) wake() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}
