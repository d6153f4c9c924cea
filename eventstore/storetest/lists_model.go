package storetest

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/eventstore"
)

// equalsListsModel draws appends between reads of lists and of the log backwards, and demands the
// same of the store as of a Memory, which looks through its whole log each time.
func equalsListsModel(t *testing.T, store eventstore.Indexed) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &modelledLists{
			modelled: &modelled{
				T: rt, c: newCase(t, store), model: NewMemory(),
				real: []eventstore.Position{0}, ideal: []eventstore.Position{0},
			},
			store: store, word: word(),
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append":    m.append,
			"list":      m.list,
			"down":      m.down,
			"length":    m.length,
			"backwards": m.backwards,
		})
	})
}

// modelledLists is a store and its model after the same appends.
type modelledLists struct {
	*modelled
	store eventstore.Indexed
	word  string // of every type and every stream's name
}

func (m *modelledLists) stream(t *rapid.T) string {
	before := rapid.SampledFrom([]string{"", "$", "$$", "$$$", "-"}).Draw(t, "before")
	after := rapid.SampledFrom([]string{"", "-", "-1", "-1-2", "x-1"}).Draw(t, "after")
	return before + m.word + after
}

func (m *modelledLists) kind(t *rapid.T) string {
	return m.word + rapid.SampledFrom([]string{"", "A", "-B", "$C"}).Draw(t, "type")
}

func (m *modelledLists) anyList(t *rapid.T) eventstore.List {
	if rapid.Bool().Draw(t, "by type") {
		return byType(m.kind(t))
	}
	return byCategory(m.word + rapid.SampledFrom([]string{"", "x", "-1"}).Draw(t, "category"))
}

func (m *modelledLists) append(t *rapid.T) {
	stream := m.stream(t)
	events := someEvents(rapid.IntRange(1, 4).Draw(t, "events"))
	for i := range events {
		events[i].Type = m.kind(t)
	}
	expected := eventstore.Revision(len(m.model.stream(stream))) - 1
	_, wantErr := m.model.Append(m.c.ctx, stream, expected, events)
	if _, err := m.store.Append(m.c.ctx, stream, expected, events); err != nil || wantErr != nil {
		t.Fatalf("append to %s: got %v, model %v, want no error", stream, err, wantErr)
	}
}

func (m *modelledLists) list(t *rapid.T) {
	list, from := m.anyList(t), rapid.Int64Range(-1, 9).Draw(t, "from")
	m.same(t, m.store.ReadList(m.c.ctx, list, from), m.model.ReadList(m.c.ctx, list, from))
}

func (m *modelledLists) down(t *rapid.T) {
	list, from := m.anyList(t), rapid.Int64Range(-1, 9).Draw(t, "from")
	m.same(t, m.store.ReadListBackwards(m.c.ctx, list, from),
		m.model.ReadListBackwards(m.c.ctx, list, from))
}

func (m *modelledLists) length(t *rapid.T) {
	list := m.anyList(t)
	want, _ := m.model.ListLength(m.c.ctx, list)
	if got, err := m.store.ListLength(m.c.ctx, list); err != nil || got != want {
		t.Fatalf("length of %v: got %d, %v, want %d", list, got, err, want)
	}
}

func (m *modelledLists) backwards(t *rapid.T) {
	prefix := rapid.SampledFrom([]string{"", "$", "$$"}).Draw(t, "prefix") + m.word
	m.same(t, m.store.ReadAllBackwards(m.c.ctx, afterAll, prefix),
		m.model.ReadAllBackwards(m.c.ctx, afterAll, prefix))
}
