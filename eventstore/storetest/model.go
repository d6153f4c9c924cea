package storetest

import (
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/eventstore"
)

// equalsModel draws sequences of operations and demands the same answers of the store as of a
// Memory. Positions are compared by their order.
func equalsModel(t *testing.T, store eventstore.Store) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &modelled{
			T: rt, c: newCase(t, store), model: NewMemory(),
			real: []eventstore.Position{0}, ideal: []eventstore.Position{0},
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append":    m.append,
			"read":      m.read,
			"backwards": m.backwards,
			"all":       m.all,
			"snapshot":  m.snapshot,
			"":          func(*rapid.T) { m.head() },
		})
	})
}

// modelled is a store and its model after the same operations.
type modelled struct {
	*rapid.T
	c     *testCase
	model *Memory
	given []eventstore.Event // all that were ever appended or tried
	// Both logs' positions, in order, Start first.
	real, ideal []eventstore.Position
}

func (m *modelled) stream(t *rapid.T) string {
	return m.c.stream(rapid.SampledFrom([]string{"a", "ab", "b", "b-1"}).Draw(t, "stream"))
}

func (m *modelled) revision(t *rapid.T) eventstore.Revision {
	if rapid.IntRange(0, 9).Draw(t, "at the end") == 0 {
		return eventstore.End
	}
	return eventstore.Revision(rapid.IntRange(-1, 12).Draw(t, "revision"))
}

// events are new ones or, often enough to repeat an append, neighbours given before.
func (m *modelled) events(t *rapid.T) []eventstore.Event {
	n := rapid.IntRange(0, 4).Draw(t, "events")
	if len(m.given) > 0 && rapid.Bool().Draw(t, "again") {
		first := rapid.IntRange(0, len(m.given)-1).Draw(t, "first")
		return m.given[first:min(first+n, len(m.given))]
	}
	events := make([]eventstore.Event, n)
	for i := range events {
		data := rapid.StringMatching(`[a-z ]{0,40}`).Draw(t, "data")
		events[i] = eventstore.Event{
			ID: uuid.New(), Type: "Drawn", Data: fmt.Appendf(nil, "%q", data),
			Metadata: []byte(`{}`), Binary: rapid.Bool().Draw(t, "binary"),
		}
	}
	m.given = append(m.given, events...)
	return events
}

func (m *modelled) append(t *rapid.T) {
	stream, events := m.stream(t), m.events(t)
	expected := eventstore.Revision(len(m.model.stream(stream))) - 1
	if rapid.IntRange(0, 3).Draw(t, "miss") == 0 {
		expected = m.revision(t)
	}
	want, wantErr := m.model.Append(m.c.ctx, stream, expected, events)
	got, err := m.c.store.Append(m.c.ctx, stream, expected, events)
	if !sameError(err, wantErr) || got.Revision != want.Revision {
		t.Fatalf("append to %s at %d: got %v, %v, want %v, %v",
			stream, expected, got, err, want, wantErr)
	}
}

func (m *modelled) read(t *rapid.T) {
	stream, from := m.stream(t), max(m.revision(t), 0)
	m.same(t, m.c.store.Read(m.c.ctx, stream, from), m.model.Read(m.c.ctx, stream, from))
}

func (m *modelled) backwards(t *rapid.T) {
	stream, from := m.stream(t), max(m.revision(t), 0)
	m.same(t, m.c.store.ReadBackwards(m.c.ctx, stream, from),
		m.model.ReadBackwards(m.c.ctx, stream, from))
}

func (m *modelled) all(t *rapid.T) {
	at := rapid.IntRange(0, len(m.ideal)-1).Draw(t, "after")
	prefix := m.c.stream(rapid.SampledFrom([]string{"", "a", "b", "b-"}).Draw(t, "prefix"))
	m.same(t, m.c.store.ReadAll(m.c.ctx, m.real[at], prefix),
		m.model.ReadAll(m.c.ctx, m.ideal[at], prefix))
}

func (m *modelled) snapshot(t *rapid.T) {
	stream, part := m.stream(t), rapid.IntRange(0, 2).Draw(t, "part")
	if rapid.Bool().Draw(t, "put") {
		parts := map[int][]byte{part: nil}
		if rapid.IntRange(0, 3).Draw(t, "remove") > 0 {
			parts[part] = rapid.SliceOfN(rapid.Byte(), 1, 30).Draw(t, "bytes")
		}
		_ = m.model.PutSnapshot(m.c.ctx, stream, parts)
		if err := m.c.store.PutSnapshot(m.c.ctx, stream, parts); err != nil {
			t.Fatalf("put: got %v, want no error", err)
		}
	}
	want, _ := m.model.Snapshot(m.c.ctx, stream, part)
	if got, err := m.c.store.Snapshot(m.c.ctx, stream, part); err != nil ||
		string(got) != string(want) {
		t.Fatalf("part %d of %s: got %q, %v, want %q", part, stream, got, err, want)
	}
}

// head compares the heads after every operation and notes the positions of what was written.
func (m *modelled) head() {
	for e := range m.model.ReadAll(m.c.ctx, m.ideal[len(m.ideal)-1]) {
		m.ideal = append(m.ideal, e.Position)
	}
	for e, err := range m.c.store.ReadAll(m.c.ctx, m.real[len(m.real)-1], m.c.prefix) {
		if err != nil {
			m.Fatalf("read: got %v, want no error", err)
		}
		m.real = append(m.real, e.Position)
	}
	head, err := m.c.store.Head(m.c.ctx, m.c.prefix)
	if err != nil || len(m.real) != len(m.ideal) || head != m.real[len(m.real)-1] {
		m.Fatalf("head: got %d, %v of %d events, want %d of %d",
			head, err, len(m.real), m.real[len(m.real)-1], len(m.ideal))
	}
}

// same compares two reads event by event.
func (m *modelled) same(t *rapid.T, got, want iter.Seq2[eventstore.Recorded, error]) {
	next, stop := iter.Pull2(want)
	defer stop()
	for g, err := range got {
		w, _, ok := next()
		if err != nil || !ok {
			t.Fatalf("read: got %v, %v, want another event: %v", g, err, ok)
		}
		if g.Stream != w.Stream || g.Revision != w.Revision || g.ID != w.ID ||
			g.Binary != w.Binary || string(g.Data) != string(w.Data) {
			t.Fatalf("read: got %v, want %v", g, w)
		}
	}
	if w, _, ok := next(); ok {
		t.Fatalf("read: got the end, want %v", w)
	}
}

// sameError compares refusals by kind and content.
func sameError(got, want error) bool {
	var g, w *eventstore.WrongRevision
	if errors.As(want, &w) {
		return errors.As(got, &g) && *g == *w
	}
	return errors.Is(got, want)
}
