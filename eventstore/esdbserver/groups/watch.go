package groups

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// watch tells groups that the log grew. While there are groups, one goroutine follows the log for all
// of them; it looks at names alone, so that a thousand quiet groups cost as much as one.
type watch struct {
	log    Log
	logger *slog.Logger

	mu     sync.Mutex
	groups map[string]map[*group]bool // by the stream that wakes them
	count  int
	stop   context.CancelFunc
	done   chan struct{}
}

// anyStream wakes groups whose source is made of other streams: $all, and what a server derives
// from them.
const anyStream = ""

func wokenBy(source string) string {
	if strings.HasPrefix(source, "$") {
		return anyStream
	}
	return source
}

// add wakes g whenever its source may have grown from now on.
func (w *watch) add(ctx context.Context, g *group) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count == 0 {
		if err := w.start(ctx); err != nil {
			return err
		}
	}
	by := wokenBy(g.Source)
	if w.groups[by] == nil {
		w.groups[by] = map[*group]bool{}
	}
	w.groups[by][g] = true
	w.count++
	g.rouse() // it may have read while nobody watched
	return nil
}

// start follows the log from its end. The caller holds mu.
func (w *watch) start(ctx context.Context) error {
	last, err := w.log.Last(ctx, All)
	if err != nil {
		return err
	}
	end := eventstore.Start
	if last != nil {
		end = last.Original().Position
	}
	w.groups = map[string]map[*group]bool{}
	following, stop := context.WithCancel(context.Background())
	w.stop, w.done = stop, make(chan struct{})
	go func() {
		defer close(w.done)
		w.follow(following, end)
	}()
	return nil
}

// remove forgets g, and stops following with the last one. No goroutine calls add or remove at the
// same time as another.
func (w *watch) remove(g *group) {
	w.mu.Lock()
	delete(w.groups[wokenBy(g.Source)], g)
	w.count--
	idle := w.count == 0
	w.mu.Unlock()
	if idle {
		w.stop()
		<-w.done
	}
}

// again is how long a broken follow waits before it is tried again.
const again = time.Second

func (w *watch) follow(ctx context.Context, after eventstore.Position) {
	for {
		var err error
		after, err = w.pass(ctx, after)
		if ctx.Err() != nil || errors.Is(err, eventstore.ErrClosed) {
			return
		}
		w.logger.Error("groups cannot follow the log", "after", after, "error", err)
		select {
		case <-time.After(again):
		case <-ctx.Done():
		}
	}
}

// pass wakes groups until the log cannot be read on, and says up to where it could.
func (w *watch) pass(ctx context.Context, after eventstore.Position) (eventstore.Position, error) {
	for batch, err := range w.log.Follow(ctx, after) {
		if len(batch) > 0 {
			after = batch[len(batch)-1].Position
			w.rouse(batch)
		}
		if err != nil {
			return after, err
		}
	}
	return after, ctx.Err()
}

func (w *watch) rouse(batch []eventstore.Recorded) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for g := range w.groups[anyStream] {
		g.rouse()
	}
	for _, e := range batch {
		for g := range w.groups[e.Stream] {
			g.rouse()
		}
	}
}

// rouse lets a group look for new events.
func (g *group) rouse() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}
