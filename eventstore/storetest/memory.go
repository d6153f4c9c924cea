package storetest

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// positionStep is the distance of two neighbours in a Memory's log. It is not 1, so that whoever
// takes positions for a count notices.
const positionStep = 3

// followBatch bounds the events of one batch of Memory.Follow.
const followBatch = 64

// Memory is the contract in its plainest form: a slice under a lock. It is the model that other
// stores are compared with, and a Store for tests that need one and no disk. All methods may be
// called at once.
type Memory struct {
	Now func() time.Time // when an event is created; time.Now. It is set before the first append

	mu        sync.Mutex
	closed    bool
	log       []eventstore.Recorded // the event at index i stands at position (i+1)*positionStep
	streams   map[string][]int      // indexes into log, by revision
	snapshots map[string]map[int][]byte
	changed   chan struct{} // closed and replaced when log grows or the store closes
}

var _ eventstore.Indexed = (*Memory)(nil)

// NewMemory is an empty store.
func NewMemory() *Memory {
	return &Memory{
		Now:       time.Now,
		streams:   map[string][]int{},
		snapshots: map[string]map[int][]byte{},
		changed:   make(chan struct{}),
	}
}

// Append is eventstore.Store's.
func (m *Memory) Append(ctx context.Context, stream string, expected eventstore.Revision,
	events []eventstore.Event) (eventstore.Appended, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return eventstore.Appended{}, err
	}
	if size := appendBytes(events); len(events) == 0 || size > eventstore.MaxAppendBytes {
		return eventstore.Appended{}, eventstore.ErrTooLarge
	}
	actual := eventstore.Revision(len(m.streams[stream])) - 1
	if expected == actual {
		return m.write(stream, events), nil
	}
	if last, ok := m.repeated(stream, expected, events); ok {
		return last, nil
	}
	return eventstore.Appended{},
		&eventstore.WrongRevision{Stream: stream, Expected: expected, Actual: actual}
}

// write adds events to the end of stream. The caller holds mu.
func (m *Memory) write(stream string, events []eventstore.Event) eventstore.Appended {
	for _, e := range events {
		e.Data, e.Metadata = bytes.Clone(e.Data), bytes.Clone(e.Metadata)
		e.Type = strings.Clone(e.Type)
		m.log = append(m.log, eventstore.Recorded{
			Event:    e,
			Stream:   strings.Clone(stream),
			Revision: eventstore.Revision(len(m.streams[stream])),
			Position: eventstore.Position(len(m.log)+1) * positionStep,
			Created:  m.Now(),
		})
		m.streams[strings.Clone(stream)] = append(m.streams[stream], len(m.log)-1)
	}
	last := m.log[len(m.log)-1]
	close(m.changed)
	m.changed = make(chan struct{})
	return eventstore.Appended{Revision: last.Revision, Position: last.Position}
}

// repeated finds events in stream directly after expected, id by id. The caller holds mu.
func (m *Memory) repeated(stream string, expected eventstore.Revision,
	events []eventstore.Event) (eventstore.Appended, bool) {
	written := m.streams[stream]
	if expected < eventstore.NoStream || expected >= eventstore.Revision(len(written)) {
		return eventstore.Appended{}, false
	}
	written = written[expected+1:]
	if len(events) > len(written) {
		return eventstore.Appended{}, false
	}
	for i, e := range events {
		if m.log[written[i]].ID != e.ID {
			return eventstore.Appended{}, false
		}
	}
	last := m.log[written[len(events)-1]]
	return eventstore.Appended{Revision: last.Revision, Position: last.Position}, true
}

// Read is eventstore.Store's.
func (m *Memory) Read(ctx context.Context, stream string,
	from eventstore.Revision) iter.Seq2[eventstore.Recorded, error] {
	return m.each(ctx, func() []eventstore.Recorded {
		events := m.stream(stream)
		return events[min(max(from, 0), eventstore.Revision(len(events))):]
	})
}

// ReadBackwards is eventstore.Store's.
func (m *Memory) ReadBackwards(ctx context.Context, stream string,
	from eventstore.Revision) iter.Seq2[eventstore.Recorded, error] {
	return m.each(ctx, func() []eventstore.Recorded {
		events := m.stream(stream)
		last := eventstore.Revision(len(events)) - 1
		events = events[:min(max(from, -1), last)+1]
		slices.Reverse(events)
		return events
	})
}

// ReadAll is eventstore.Store's.
func (m *Memory) ReadAll(ctx context.Context, after eventstore.Position,
	prefixes ...string) iter.Seq2[eventstore.Recorded, error] {
	return m.each(ctx, func() []eventstore.Recorded {
		events, _ := m.page(after, prefixes, len(m.log))
		return events
	})
}

// each yields what find returns; find is called under mu when the sequence begins.
func (m *Memory) each(ctx context.Context,
	find func() []eventstore.Recorded) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		m.mu.Lock()
		err := m.usable(ctx)
		var events []eventstore.Recorded
		if err == nil {
			events = find()
		}
		m.mu.Unlock()
		for _, e := range events {
			if err = ctx.Err(); err != nil {
				break
			}
			if !yield(e, nil) {
				return
			}
		}
		if err != nil {
			yield(eventstore.Recorded{}, err)
		}
	}
}

// Follow is eventstore.Store's.
func (m *Memory) Follow(ctx context.Context, after eventstore.Position,
	prefixes ...string) iter.Seq2[[]eventstore.Recorded, error] {
	return func(yield func([]eventstore.Recorded, error) bool) {
		for {
			m.mu.Lock()
			err, changed := m.usable(ctx), m.changed
			batch, last := m.page(after, prefixes, followBatch)
			m.mu.Unlock()
			if err != nil {
				yield(nil, err)
				return
			}
			after = last
			if !yield(batch, nil) {
				return
			}
			if len(batch) > 0 {
				continue
			}
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
}

// page is up to most events after a position, and the position up to which it has looked. The
// caller holds mu.
func (m *Memory) page(after eventstore.Position, prefixes []string,
	most int) ([]eventstore.Recorded, eventstore.Position) {
	var events []eventstore.Recorded
	first := min(after/positionStep, eventstore.Position(len(m.log)))
	for _, e := range m.log[first:] {
		if len(events) == most {
			break
		}
		after = e.Position
		if begins(e.Stream, prefixes) {
			events = append(events, e)
		}
	}
	return events, after
}

// Head is eventstore.Store's.
func (m *Memory) Head(ctx context.Context, prefixes ...string) (eventstore.Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return eventstore.Start, err
	}
	for _, e := range slices.Backward(m.log) {
		if begins(e.Stream, prefixes) {
			return e.Position, nil
		}
	}
	return eventstore.Start, nil
}

// PutSnapshot is eventstore.Store's.
func (m *Memory) PutSnapshot(ctx context.Context, stream string, parts map[int][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	for _, bytes := range parts {
		if len(bytes) > eventstore.MaxSnapshotPart {
			return eventstore.ErrTooLarge
		}
	}
	if m.snapshots[stream] == nil {
		m.snapshots[strings.Clone(stream)] = map[int][]byte{}
	}
	for number, part := range parts {
		m.snapshots[stream][number] = bytes.Clone(part)
	}
	return nil
}

// Snapshot is eventstore.Store's.
func (m *Memory) Snapshot(ctx context.Context, stream string, part int) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	return bytes.Clone(m.snapshots[stream][part]), nil
}

// Close is eventstore.Store's. It may be called again.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.closed = true
		close(m.changed)
	}
	return nil
}

// usable says why a call must not go on. The caller holds mu.
func (m *Memory) usable(ctx context.Context) error {
	if m.closed {
		return eventstore.ErrClosed
	}
	return ctx.Err()
}

// stream copies the events of one stream. The caller holds mu.
func (m *Memory) stream(name string) []eventstore.Recorded {
	var events []eventstore.Recorded
	for _, i := range m.streams[name] {
		events = append(events, m.log[i])
	}
	return events
}

func begins(stream string, prefixes []string) bool {
	return len(prefixes) == 0 || slices.ContainsFunc(prefixes, func(p string) bool {
		return strings.HasPrefix(stream, p)
	})
}

func appendBytes(events []eventstore.Event) int {
	size := 0
	for _, e := range events {
		size += e.Size()
	}
	return size
}
