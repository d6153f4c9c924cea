package groups

import (
	"container/list"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Action is what a client wants done with events it does not acknowledge.
type Action int

// The actions there are.
const (
	Unknown Action = iota // the group decides: Retry
	Park                  // keep the event aside, in the parked stream
	Retry                 // deliver it again
	Skip                  // never mind it
	Stop                  // nothing: the event stays with the client until it leaves or time is up
)

// push sends what waits, retries first, for as long as clients have slots.
func (c *core) push(now time.Time) {
	for _, queue := range []*list.List{&c.retry, &c.buffer} {
		var next *list.Element
		for at := queue.Front(); at != nil; at = next {
			next = at.Next()
			m := at.Value.(*message)
			to, more := c.strategy.pick(m)
			if !more {
				return
			}
			if to != nil {
				queue.Remove(at)
				c.send(m, to, now)
			}
		}
	}
}

func (c *core) send(m *message, to *client, now time.Time) {
	m.holder, m.sentAt, m.deadline = to, now, now.Add(c.MessageTimeout)
	m.sent = c.sent.PushBack(m)
	c.byID[m.id] = append(c.byID[m.id], m)
	c.waiting -= m.size
	to.held++
	to.total++
	c.total++
	c.out.sends = append(c.out.sends, send{to.id, m, m.retries})
}

// release takes a message back from its client, which has a free slot then.
func (c *core) release(m *message, now time.Time) {
	c.strategy.released(m)
	m.holder.latency.observe(now.Sub(m.sentAt))
	m.holder.held--
	m.holder = nil
	c.sent.Remove(m.sent)
	same := c.byID[m.id]
	at := slices.Index(same, m)
	if c.byID[m.id] = slices.Delete(same, at, at+1); len(same) == 1 {
		delete(c.byID, m.id)
	}
	c.waiting += m.size
}

// finish lets go of a message that was released.
func (c *core) finish(m *message) {
	c.waiting -= m.size
	m.of.finish(m)
}

// answered is the sent message that a client means by an id: the earliest it has itself, else the
// earliest that any has. nil where it was answered, timed out or never sent.
func (c *core) answered(by ClientID, id uuid.UUID) *message {
	same := c.byID[id]
	if len(same) == 0 {
		return nil
	}
	return same[max(0, slices.IndexFunc(same, func(m *message) bool { return m.holder.id == by }))]
}

// ack finishes events by their ids.
func (c *core) ack(by ClientID, ids []uuid.UUID, now time.Time) {
	for _, id := range ids {
		if m := c.answered(by, id); m != nil {
			c.release(m, now)
			c.finish(m)
		}
	}
	c.settle(now)
}

// nack does with events, by their ids, what the client wants.
func (c *core) nack(by ClientID, ids []uuid.UUID, action Action, reason string, now time.Time) {
	for _, id := range ids {
		m := c.answered(by, id)
		if m == nil || action == Stop {
			continue
		}
		c.release(m, now)
		switch action {
		case Park:
			c.park(m, "Client explicitly NAK'ed message.\n"+reason)
		case Skip:
			c.finish(m)
		default:
			c.retryOrPark(m)
		}
	}
	c.settle(now)
}

// leave retries what a client had. That no one answered for it parks nothing.
func (c *core) leave(id ClientID, now time.Time) {
	left, ok := c.clients[id]
	if !ok {
		return
	}
	delete(c.clients, id)
	c.strategy.leave(left)
	var next *list.Element
	for at := c.sent.Front(); at != nil; at = next {
		next = at.Next()
		if m := at.Value.(*message); m.holder == left {
			c.release(m, now)
			c.again(m)
		}
	}
	c.settle(now)
}

// retryOrPark retries a message that was released, unless it was retried often enough.
func (c *core) retryOrPark(m *message) {
	if m.retries >= c.MaxRetries {
		c.park(m, fmt.Sprintf("Reached retry count of %d", c.MaxRetries))
		return
	}
	c.again(m)
}

// again puts a message that was released among the retries, which keep the source's order.
func (c *core) again(m *message) {
	m.retries++
	at := c.retry.Back()
	for at != nil && byPlace(at.Value.(*message), m) > 0 {
		at = at.Prev()
	}
	if at == nil {
		c.retry.PushFront(m)
		return
	}
	c.retry.InsertAfter(m, at)
}

func (c *core) park(m *message, reason string) {
	c.parking++
	c.out.parks = append(c.out.parks, park{m, reason})
}

// parked finishes messages that are in the parked stream now; those that could not be put there are
// delivered again.
func (c *core) parked(parks []park, ok bool, now time.Time) {
	for _, p := range parks {
		c.parking--
		if ok {
			c.finish(p.message)
		} else {
			c.again(p.message)
		}
	}
	c.settle(now)
}
