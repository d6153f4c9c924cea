package esdbserver

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sort"
	"sync"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// everything is the key of watchers of the whole log.
const everything = ""

// The bounds of what a tide keeps of the log's end, and how long it rests after a failure.
const (
	recentEvents = 2 * behind
	recentBytes  = 4 << 20
	recentPage   = 64
	tideRest     = time.Second
)

// tide tells subscriptions that the log has grown. One Follow serves them all, and runs only while
// somebody watches: an idle subscription costs a look into a map for each event, and the memory of
// its goroutine. Waking never waits for who is woken. All methods may be called at once.
type tide struct {
	store   eventstore.Store
	logger  *slog.Logger
	closing chan struct{} // closed by close
	running sync.WaitGroup

	mu       sync.Mutex
	stop     context.CancelFunc // of the Follow; nil while there is none
	watchers map[string]map[*watcher]struct{}
	lists    int                   // watchers of lists
	recent   []eventstore.Recorded // the log's events after base
	bytes    int                   // of recent's data and metadata
	base     eventstore.Position
}

// watcher is one subscription's place in a tide.
type watcher struct {
	key   string
	list  bool
	woken chan struct{} // holds one token when there may be something new
}

func newTide(store eventstore.Store, logger *slog.Logger) *tide {
	return &tide{
		store: store, logger: logger, closing: make(chan struct{}),
		watchers: map[string]map[*watcher]struct{}{},
	}
}

// close ends the Follow and waits for that; nobody is woken any more. It is called once.
func (t *tide) close() {
	close(t.closing)
	t.mu.Lock()
	if t.stop != nil {
		t.stop()
	}
	t.mu.Unlock()
	t.running.Wait()
}

// watch adds a watcher of a stream, of a list by its stream's name, or of everything. It is woken
// for whatever is written after watch returns, and sometimes for nothing. The caller must leave.
func (t *tide) watch(ctx context.Context, key string) (*watcher, error) {
	_, list := listOf(key)
	w := &watcher{key: key, list: list, woken: make(chan struct{}, 1)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stop == nil {
		if err := t.start(ctx); err != nil {
			return nil, err
		}
	}
	if t.watchers[key] == nil {
		t.watchers[key] = map[*watcher]struct{}{}
	}
	t.watchers[key][w] = struct{}{}
	if list {
		t.lists++
	}
	return w, nil
}

// leave removes a watcher.
func (t *tide) leave(w *watcher) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.watchers[w.key], w)
	if len(t.watchers[w.key]) == 0 {
		delete(t.watchers, w.key)
	}
	if w.list {
		t.lists--
	}
	if len(t.watchers) == 0 && t.stop != nil {
		t.stop()
		t.stop = nil
		t.forget(0)
	}
}

// start begins to follow from the head as it is now. The caller holds mu.
func (t *tide) start(ctx context.Context) error {
	head, err := t.store.Head(ctx)
	if err != nil {
		return err
	}
	select {
	case <-t.closing:
		return eventstore.ErrClosed
	default:
	}
	t.forget(head)
	var following context.Context
	following, t.stop = context.WithCancel(context.Background())
	t.running.Go(func() { t.follow(following, head) })
	return nil
}

// follow brings the log's growth to the watchers until ctx ends or the store is closed. After a
// failure it goes on at the head, and all look for themselves what they have missed.
func (t *tide) follow(ctx context.Context, after eventstore.Position) {
	for {
		for batch, err := range t.store.Follow(ctx, after) {
			if err != nil && ctx.Err() == nil {
				t.logger.Error("the log cannot be followed", "error", err)
			}
			t.rise(ctx, batch)
		}
		for lost := true; lost; {
			head, err := t.store.Head(ctx)
			if lost = err != nil; lost {
				head = math.MaxUint64 // nobody is served from memory
			}
			after = head
			t.flood(ctx, head)
			if errors.Is(err, eventstore.ErrClosed) || !t.rest(ctx) {
				return
			}
		}
	}
}

// rest says, after a while, whether to go on.
func (t *tide) rest(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(tideRest):
		return true
	}
}

// rise keeps new events and wakes who watches them.
func (t *tide) rise(ctx context.Context, batch []eventstore.Recorded) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil || len(batch) == 0 {
		return
	}
	t.keep(batch)
	t.wake(everything)
	for i := range batch {
		e := &batch[i]
		t.wake(e.Stream)
		if t.lists == 0 {
			continue
		}
		for _, list := range eventstore.ListsOf(e.Stream, e.Revision, e.Type) {
			t.wake(listName(list))
		}
	}
}

// flood wakes everybody, who must read again from the store.
func (t *tide) flood(ctx context.Context, head eventstore.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	t.forget(head)
	for key := range t.watchers {
		t.wake(key)
	}
}

// wake puts a token where there is none. The caller holds mu.
func (t *tide) wake(key string) {
	for w := range t.watchers[key] {
		select {
		case w.woken <- struct{}{}:
		default:
		}
	}
}

// forget lets go of recent events; those after base will be kept. The caller holds mu.
func (t *tide) forget(base eventstore.Position) { t.recent, t.bytes, t.base = nil, 0, base }

// keep adds the newest events, and lets the oldest go. The caller holds mu.
func (t *tide) keep(batch []eventstore.Recorded) {
	for i := range batch {
		t.bytes += len(batch[i].Data) + len(batch[i].Metadata)
	}
	t.recent = append(t.recent, batch...)
	drop := 0
	for ; len(t.recent)-drop > recentEvents || t.bytes > recentBytes; drop++ {
		t.bytes -= len(t.recent[drop].Data) + len(t.recent[drop].Metadata)
	}
	if drop > 0 {
		t.base = t.recent[drop-1].Position
		clear(t.recent[:drop])
		t.recent = t.recent[drop:]
	}
}

// after are the next events after a position, at most recentPage of them and none where there is
// nothing new. It is not ok where the position is too far behind to be served from memory.
func (t *tide) after(position eventstore.Position) (events []eventstore.Recorded, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if position < t.base {
		return nil, false
	}
	first := sort.Search(len(t.recent), func(i int) bool {
		return t.recent[i].Position > position
	})
	waiting := t.recent[first:]
	if len(waiting) > behind {
		return nil, false
	}
	waiting = waiting[:min(len(waiting), recentPage)]
	return append([]eventstore.Recorded(nil), waiting...), true
}
