package groups

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// strategy chooses clients for messages.
type strategy interface {
	join(*client)
	leave(*client)
	// pick chooses who gets a message, nil where it has to wait while others need not; more is
	// false when no client has a slot. Who is chosen is sent it.
	pick(*message) (to *client, more bool)
	// released hears that the message's holder has it no longer.
	released(*message)
}

// start is a strategy without clients and, where it pins, what puts events into buckets.
func (s Strategy) start() (strategy, func(Event) uint64) {
	switch s {
	case Pinned:
		return &pinned{}, func(e Event) uint64 { return bucketOf(sourceOf(e)) }
	case PinnedByCorrelation:
		return &pinned{}, func(e Event) uint64 { return bucketOf(correlationOf(e)) }
	}
	return &rotation{sticky: s == DispatchToSingle}, nil
}

// rotation goes round its clients: after each message, or where it is sticky when one is full.
type rotation struct {
	sticky  bool
	clients []*client
	next    int
}

func (r *rotation) join(c *client) {
	r.clients = slices.Insert(r.clients, r.next, c) // behind all others
	r.next = (r.next + 1) % len(r.clients)
}

func (r *rotation) leave(c *client) {
	at := slices.Index(r.clients, c)
	r.clients = slices.Delete(r.clients, at, at+1)
	if at < r.next {
		r.next--
	}
	if r.next == len(r.clients) {
		r.next = 0
	}
}

func (r *rotation) pick(*message) (*client, bool) {
	for range r.clients {
		c := r.clients[r.next]
		free := c.free() > 0
		if !free || !r.sticky {
			r.next = (r.next + 1) % len(r.clients)
		}
		if free {
			return c, true
		}
	}
	return nil, false
}

func (r *rotation) released(*message) {}

// buckets are what Pinned gives to clients; every source stream falls into one.
const buckets = 1024

// pinned gives each bucket to one client for as long as that is there.
type pinned struct {
	clients []*client
	buckets [buckets]bucket
}

type bucket struct {
	owner *client // nil: nobody's
	sent  int     // messages that owner has of it
}

// join moves buckets to a new client from those that have more than their share, such as have no
// message sent first.
func (p *pinned) join(c *client) {
	p.clients = append(p.clients, c)
	given := 0
	for _, other := range p.clients {
		given += other.buckets
	}
	share := (given + len(p.clients) - 1) / len(p.clients)
	for _, busy := range []bool{false, true} {
		for i := range p.buckets {
			b := &p.buckets[i]
			if b.owner != nil && b.owner.buckets > share && (b.sent > 0) == busy {
				p.give(b, c)
			}
		}
	}
}

func (p *pinned) give(b *bucket, to *client) {
	if b.owner != nil {
		b.owner.buckets--
	}
	*b = bucket{owner: to}
	if to != nil {
		to.buckets++
	}
}

func (p *pinned) leave(c *client) {
	at := slices.Index(p.clients, c)
	p.clients = slices.Delete(p.clients, at, at+1)
	for i := range p.buckets {
		if p.buckets[i].owner == c {
			p.give(&p.buckets[i], nil)
		}
	}
}

func (p *pinned) pick(m *message) (*client, bool) {
	if !slices.ContainsFunc(p.clients, func(c *client) bool { return c.free() > 0 }) {
		return nil, false
	}
	b := &p.buckets[m.bucket]
	if b.owner == nil {
		least := func(a, b *client) int { return a.buckets - b.buckets }
		p.give(b, slices.MinFunc(p.clients, least))
	}
	if b.owner.free() == 0 {
		return nil, true
	}
	b.sent++
	return b.owner, true
}

func (p *pinned) released(m *message) {
	if b := &p.buckets[m.bucket]; b.owner == m.holder {
		b.sent--
	}
}

func bucketOf(name string) uint64 { return xxhash.Sum64String(name) % buckets }

// sourceOf is the stream that an event was written to, or that an unresolved link leads to.
func sourceOf(e Event) string {
	r := e.Record
	if r == nil {
		r = e.Link
	}
	if r.Type == linkType {
		if _, stream, ok := strings.Cut(string(r.Data), "@"); ok {
			return stream
		}
	}
	return r.Stream
}

// correlationOf is the $correlationId in an event's metadata, else its source stream.
func correlationOf(e Event) string {
	r := e.Record
	if r == nil {
		r = e.Link
	}
	var metadata struct {
		Correlation *string `json:"$correlationId"`
	}
	if json.Unmarshal(r.Metadata, &metadata) != nil || metadata.Correlation == nil {
		return sourceOf(e)
	}
	return *metadata.Correlation
}
