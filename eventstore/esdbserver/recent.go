package esdbserver

import (
	"hash/maphash"
	"sync"

	"github.com/google/uuid"
)

// recentKept bounds each half of each part of recent, in events: some 16 MB together.
const recentKept = 8 << 10

// recentParts spreads the events, by their ids.
const recentParts = 16

// recent remembers where events stand that were appended last, by which an append to any revision
// is known as a repeat. It is empty when a server begins, as EventStoreDB's is. What it says is a
// hint: the event at that number must be looked at. The zero value is empty.
type recent struct{ parts [recentParts]recentPart }

type recentPart struct {
	mu         sync.Mutex
	young, old map[recentKey]int64 // numbers in their streams
}

// recentKey is an event in a stream; one id may be in many.
type recentKey struct {
	id     uuid.UUID
	stream uint64 // hash of its name
}

func (s *Server) recentKey(stream string, id uuid.UUID) recentKey {
	return recentKey{id, maphash.String(s.seed, stream)}
}

// part is chosen by an id's last byte.
func (r *recent) part(k recentKey) *recentPart { return &r.parts[k.id[15]%recentParts] }

// number is where an event was first appended.
func (r *recent) number(k recentKey) (int64, bool) {
	p := r.part(k)
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, ok := p.young[k]; ok {
		return at, true
	}
	at, ok := p.old[k]
	return at, ok
}

// add remembers an event, unless it is remembered from before.
func (r *recent) add(k recentKey, number int64) {
	p := r.part(k)
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, ok := p.old[k]; ok {
		number = at
	}
	if _, ok := p.young[k]; ok {
		return
	}
	if len(p.young) >= recentKept || p.young == nil {
		p.young, p.old = p.old, p.young
		clear(p.young)
		if p.young == nil {
			p.young = make(map[recentKey]int64)
		}
	}
	p.young[k] = number
}

// remove forgets an event that may never have been written.
func (r *recent) remove(k recentKey) {
	p := r.part(k)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.young, k)
	delete(p.old, k)
}
