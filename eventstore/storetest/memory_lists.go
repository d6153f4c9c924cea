package storetest

import (
	"context"
	"iter"
	"slices"

	"github.com/tillbook/tillbook/eventstore"
)

// ReadAllBackwards is eventstore.Indexed's.
func (m *Memory) ReadAllBackwards(ctx context.Context, before eventstore.Position,
	prefixes ...string) iter.Seq2[eventstore.Recorded, error] {
	return m.each(ctx, func() []eventstore.Recorded {
		var events []eventstore.Recorded
		for _, e := range slices.Backward(m.log) {
			if e.Position < before && begins(e.Stream, prefixes) {
				events = append(events, e)
			}
		}
		return events
	})
}

// ReadList is eventstore.Indexed's.
func (m *Memory) ReadList(ctx context.Context, list eventstore.List,
	from int64) iter.Seq2[eventstore.Recorded, error] {
	return m.each(ctx, func() []eventstore.Recorded {
		events := m.list(list)
		return events[min(max(from, 0), int64(len(events))):]
	})
}

// ReadListBackwards is eventstore.Indexed's.
func (m *Memory) ReadListBackwards(ctx context.Context, list eventstore.List,
	from int64) iter.Seq2[eventstore.Recorded, error] {
	return m.each(ctx, func() []eventstore.Recorded {
		events := m.list(list)
		events = events[:min(max(from, -1), int64(len(events))-1)+1]
		slices.Reverse(events)
		return events
	})
}

// ListLength is eventstore.Indexed's.
func (m *Memory) ListLength(ctx context.Context, list eventstore.List) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return 0, err
	}
	return int64(len(m.list(list))), nil
}

// list copies the events of one list. The caller holds mu.
func (m *Memory) list(list eventstore.List) []eventstore.Recorded {
	var events []eventstore.Recorded
	for _, e := range m.log {
		if slices.Contains(eventstore.ListsOf(e.Stream, e.Revision, e.Type), list) {
			events = append(events, e)
		}
	}
	return events
}
