package groups

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/eventstore"
)

// TestNothingIsLost plays groups at random: whatever clients answer, when they come, go or fall
// asleep, whatever cannot be parked or checkpointed, and whenever the group dies, every event is
// delivered at least once or parked, and no checkpoint passes one that is not finished.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"":        w.invariants,
			"read":    w.read,
			"join":    w.come,
			"leave":   w.depart,
			"answer":  w.answer,
			"tick":    w.tickAt,
			"park":    w.parkSome,
			"restart": func(t *rapid.T) { w.restart() },
		})
		w.drain()
	})
}

// world is a source of events, all the clients there may be, and what became of them.
type world struct {
	*rapid.T
	settings Settings
	core     *core
	now      time.Time

	events     []Event // the source; every third place is filtered out
	next       int     // the first one not read
	checkpoint int64

	nextClient ClientID
	held       map[ClientID][]*message // what clients have and did not answer
	pending    []park
	delivered  map[int64]bool
	finished   map[int64]bool
}

func newWorld(t *rapid.T) *world {
	all := []Strategy{RoundRobin, DispatchToSingle, Pinned, PinnedByCorrelation}
	w := &world{
		T: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), checkpoint: -1,
		delivered: map[int64]bool{}, finished: map[int64]bool{},
		settings: Settings{
			Strategy:        rapid.SampledFrom(all).Draw(t, "strategy"),
			MessageTimeout:  time.Duration(rapid.IntRange(0, 3).Draw(t, "timeout")) * time.Second,
			MaxRetries:      rapid.IntRange(0, 3).Draw(t, "retries"),
			CheckpointAfter: time.Duration(rapid.IntRange(0, 3).Draw(t, "after")) * time.Second,
			MinCheckpoint:   rapid.IntRange(0, 4).Draw(t, "min"),
			MaxCheckpoint:   rapid.IntRange(0, 4).Draw(t, "max"),
			ReadBatch:       rapid.IntRange(0, 3).Draw(t, "batch"),
			HistoryBuffer:   rapid.IntRange(4, 8).Draw(t, "buffer"),
			Filter:          &Filter{Prefixes: []string{"s"}},
		},
	}
	for i := range 60 {
		e := scriptEvent(string('0' + rune(i%10)))
		e.Record.ID = id(string(rune('a' + i%50))) // some twice
		e.Record.Position = placeOf(i)
		e.Record.Stream = "s" + string(rune('a'+i%7))
		if i%3 == 2 {
			e.Record.Stream = "other"
		}
		w.events = append(w.events, e)
	}
	w.restart()
	return w
}

// restart is what a new process does with what the log knows.
func (w *world) restart() {
	w.core = newCore(All, w.settings, matcher(w.settings.Filter))
	w.held, w.pending = map[ClientID][]*message{}, nil
	w.next = 0
	for w.next < len(w.events) && w.place(w.next) <= w.checkpoint {
		w.next++
	}
}

func (w *world) place(i int) int64 { return int64(w.events[i].Record.Position) }

func (w *world) read(t *rapid.T) {
	for range min(w.core.room(), rapid.IntRange(1, 8).Draw(t, "events")) {
		if w.next < len(w.events) {
			w.core.take(w.events[w.next])
			w.next++
		}
	}
	w.core.settle(w.now)
	w.perform()
}

func (w *world) come(t *rapid.T) {
	if len(w.core.clients) == 4 {
		t.Skip("enough clients")
	}
	w.nextClient++
	w.core.join(w.nextClient, ClientInfo{Slots: rapid.IntRange(1, 4).Draw(t, "slots")}, w.now)
	w.perform()
}

// client is one of those there are.
func (w *world) client(t *rapid.T) ClientID {
	var all []ClientID
	for c := range w.core.clients {
		all = append(all, c)
	}
	if len(all) == 0 {
		t.Skip("no client")
	}
	slices.Sort(all)
	return rapid.SampledFrom(all).Draw(t, "client")
}

func (w *world) depart(t *rapid.T) {
	c := w.client(t)
	delete(w.held, c)
	w.core.leave(c, w.now)
	w.perform()
}

// answer acknowledges or not, sometimes an event that was never sent.
func (w *world) answer(t *rapid.T) {
	c := w.client(t)
	which := id(string(rune('a' + rapid.IntRange(0, 49).Draw(t, "any"))))
	if held := w.held[c]; len(held) > 0 && rapid.Bool().Draw(t, "own") {
		which = held[rapid.IntRange(0, len(held)-1).Draw(t, "which")].id
	}
	action := Action(rapid.IntRange(-1, int(Stop)).Draw(t, "action"))
	w.reply(c, which, action)
	w.perform()
}

// reply answers an event; -1 acknowledges.
func (w *world) reply(c ClientID, which uuid.UUID, action Action) {
	m := w.core.answered(c, which)
	if m != nil && (action == -1 || action == Skip) {
		w.finished[m.place] = true
	}
	if m != nil && action != Stop {
		w.forget(m)
	}
	if action == -1 {
		w.core.ack(c, []uuid.UUID{which}, w.now)
	} else {
		w.core.nack(c, []uuid.UUID{which}, action, "", w.now)
	}
}

func (w *world) forget(m *message) {
	for c, held := range w.held {
		w.held[c] = slices.DeleteFunc(held, func(h *message) bool { return h == m })
	}
}

func (w *world) tickAt(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "seconds")) * time.Second)
	w.core.tick(w.now)
	w.perform()
}

func (w *world) parkSome(t *rapid.T) {
	if len(w.pending) == 0 {
		t.Skip("nothing to park")
	}
	n := rapid.IntRange(1, len(w.pending)).Draw(t, "parks")
	w.settlePark(n, rapid.Bool().Draw(t, "parked"))
}

func (w *world) settlePark(n int, ok bool) {
	parks := slices.Clone(w.pending[:n])
	w.pending = w.pending[n:]
	for _, p := range parks {
		if ok {
			w.finished[p.message.place] = true
		}
	}
	w.core.parked(parks, ok, w.now)
	w.perform()
}

// perform takes the effects as a group does, and holds checkpoints to the promise.
func (w *world) perform() {
	for out := w.core.effects(); out.any(); out = w.core.effects() {
		for _, s := range out.withdrawn {
			w.forget(s.message)
		}
		for _, s := range out.sends {
			w.held[s.to] = append(w.held[s.to], s.message)
			w.delivered[s.message.place] = true
		}
		w.pending = append(w.pending, out.parks...)
		if out.checkpoint == nil {
			continue
		}
		w.checkpoint = out.checkpoint.to.place
		for i, e := range w.events {
			if w.place(i) <= w.checkpoint && e.Record.Stream != "other" && !w.finished[w.place(i)] {
				w.Fatalf("checkpoint: got %d, want less than the unfinished %d", w.checkpoint, w.place(i))
			}
		}
	}
}

func (w *world) invariants(t *rapid.T) {
	waiting, unfinished := 0, w.core.events.open.Len()
	for at := w.core.events.open.Front(); at != nil; at = at.Next() {
		if m := at.Value.(*message); m.holder == nil {
			waiting += m.size
		}
	}
	if w.core.waiting != waiting {
		t.Fatalf("bytes that wait: got %d, want %d", w.core.waiting, waiting)
	}
	places := w.core.buffer.Len() + w.core.retry.Len() + w.core.sent.Len() + w.core.parking
	if places != unfinished {
		t.Fatalf("messages in queues: got %d, want the %d unfinished", places, unfinished)
	}
	for id, c := range w.core.clients {
		if c.held != len(w.held[id]) || c.free() < 0 {
			t.Fatalf("held by %d: got %d of %d slots, want %d", id, c.held, c.Slots, len(w.held[id]))
		}
	}
}

// drain lets one client do the rest, and then everything must be finished.
func (w *world) drain() {
	for c := range w.core.clients {
		delete(w.held, c)
		w.core.leave(c, w.now)
	}
	w.nextClient++
	w.core.join(w.nextClient, ClientInfo{Slots: 2}, w.now)
	w.perform()
	for w.next < len(w.events) || w.core.events.open.Len() > 0 {
		for range w.core.room() {
			if w.next < len(w.events) {
				w.core.take(w.events[w.next])
				w.next++
			}
		}
		w.core.settle(w.now)
		w.perform()
		for _, m := range slices.Clone(w.held[w.nextClient]) {
			w.reply(w.nextClient, m.id, -1)
		}
		w.perform()
		w.settlePark(len(w.pending), true)
	}
	for i, e := range w.events {
		place := w.place(i)
		if wanted := e.Record.Stream != "other"; w.finished[place] != wanted || w.delivered[place] != wanted {
			w.Fatalf("%d: got delivered %v, finished %v, want %v", place,
				w.delivered[place], w.finished[place], wanted)
		}
	}
}

// placeOf leaves gaps, as positions do.
func placeOf(i int) eventstore.Position { return eventstore.Position(7 + 3*i) }
