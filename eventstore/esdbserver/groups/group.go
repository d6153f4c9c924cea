package groups

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// The bounds of one page, after which a group looks into its mailbox.
const (
	pageEvents = 1000
	pageBytes  = 4 << 20
)

// group is one group at work. Its goroutine owns all fields but the channels; others reach them
// through do.
type group struct {
	entry
	Options
	core *core

	loaded     bool   // the checkpoint was read, or there is none
	cursor     int64  // the place from which the source is read on
	behind     bool   // the source may hold more
	fault      error  // why the source cannot be read, until the next tick tries again
	reported   string // the fault that was logged last
	checkpoint string

	parkedNext, parkedEnd int64 // numbers of the parked messages that were not replayed
	replayEnd             int64 // below it they are to be

	subscribers map[ClientID]*Subscriber
	lastID      ClientID

	woken <-chan struct{} // holds one when the source grew; nil until it is watched
	leave func()          // stops watching

	mailbox chan func()
	stop    context.CancelCauseFunc
	done    chan struct{}
	ended   error // why, once done is closed
}

// startGroup lets a group work until its end is called.
func startGroup(e entry, opts Options) (*group, error) {
	match := func(*eventstore.Recorded) bool { return true }
	if f := e.Settings.Filter; f != nil {
		var err error
		if match, err = opts.Log.Filter(*f); err != nil {
			return nil, err
		}
	}
	ctx, stop := context.WithCancelCause(context.Background())
	g := &group{
		entry: e, Options: opts,
		core:   newCore(e.Source, e.Settings, match),
		cursor: e.from, behind: true,
		subscribers: map[ClientID]*Subscriber{},
		mailbox:     make(chan func()),
		leave:       func() {},
		stop:        stop,
		done:        make(chan struct{}),
	}
	go g.run(ctx)
	return g, nil
}

// end stops the group, tells its subscribers why, and waits until it has.
func (g *group) end(why error) {
	g.stop(why)
	<-g.done
}

func (g *group) run(ctx context.Context) {
	defer close(g.done)
	defer g.stop(ErrDropped) // only after a panic was it not called before
	defer func() {
		if r := recover(); r != nil {
			g.Logger.Error("group panicked", "group", g.ID(), "panic", r,
				"stack", string(debug.Stack()))
			g.stop(ErrDropped)
		}
		g.ended = context.Cause(ctx)
		for _, s := range g.subscribers {
			s.end(g.ended)
		}
		g.leave()
	}()
	ticks, stop := g.Ticks()
	defer stop()
	more := make(chan struct{})
	close(more)
	for ctx.Err() == nil {
		again := more
		if !g.work(ctx) {
			again = nil
		}
		select {
		case <-ctx.Done():
		case do := <-g.mailbox:
			do()
		case <-g.woken:
			g.behind = true
		case <-ticks:
			g.fault = nil
			g.core.tick(g.Now())
		case <-again:
		}
	}
}

// do runs f on the group's goroutine. It returns why the group ended, if it did, or the context's
// error, and then f was not and will not be run.
func (g *group) do(ctx context.Context, f func()) error {
	ran := make(chan struct{})
	select {
	case g.mailbox <- func() { defer close(ran); f() }:
		<-ran
		return nil
	case <-g.done:
		return g.ended
	case <-ctx.Done():
		return ctx.Err()
	}
}

// work carries out what the rules ask for and reads a page. It says whether there is more to do
// now.
func (g *group) work(ctx context.Context) bool {
	g.perform(ctx)
	if g.fault == nil && (g.behind || g.replaying()) && g.core.room() > 0 {
		if err := g.read(ctx); err != nil && ctx.Err() == nil {
			g.failed(err)
		}
		g.perform(ctx)
	}
	return g.fault == nil && (g.behind || g.replaying()) && g.core.room() > 0
}

// failed drops all subscribers, as they would wait for events in vain.
func (g *group) failed(err error) {
	if text := err.Error(); text != g.reported {
		g.Logger.Error("group cannot read its source", "group", g.ID(), "error", err)
		g.reported = text
	}
	g.fault = err
	g.dropAll(ErrDropped)
}

// read goes on in the parked stream or in the source, by at most a page.
func (g *group) read(ctx context.Context) error {
	if err := g.load(ctx); err != nil {
		return err
	}
	if g.replaying() {
		return g.readParked(ctx)
	}
	page := page{room: g.core.room()}
	for e, err := range g.Log.Read(ctx, g.Source, g.cursor, g.Settings.ResolveLinks) {
		if err != nil {
			return fmt.Errorf("read %s from %d: %w", g.Source, g.cursor, err)
		}
		g.cursor = e.placeIn(g.Source) + 1
		if page.add(g.core.take(e), e) {
			g.core.settle(g.Now())
			return nil
		}
	}
	g.behind, g.reported = false, "" // whatever is written from now on wakes the group
	g.core.settle(g.Now())
	return nil
}

// page counts what one read has brought.
type page struct{ room, events, bytes int }

// add says whether the page is full with this event.
func (p *page) add(wanted bool, e Event) bool {
	p.events++
	p.bytes += e.size()
	if wanted {
		p.room--
	}
	return p.room == 0 || p.events >= pageEvents || p.bytes >= pageBytes
}

// perform does what the rules want done, and tells them how it went, until they want nothing.
func (g *group) perform(ctx context.Context) {
	for out := g.core.effects(); out.any() && ctx.Err() == nil; out = g.core.effects() {
		for _, s := range out.withdrawn {
			if to := g.subscribers[s.to]; to != nil {
				to.takeBack(s.message)
			}
		}
		for _, s := range out.sends {
			to := g.subscribers[s.to]
			d := Delivery{Event: s.message.Event, Retries: s.retries, message: s.message}
			if to != nil && !to.give(d) {
				g.drop(s.to, ErrDropped)
			}
		}
		if out.checkpoint != nil {
			g.saveCheckpoint(ctx, out.checkpoint)
		}
		if out.truncate != nil {
			g.truncateParked(ctx, out.truncate)
		}
		g.park(ctx, out.parks)
	}
}

// subscribe adds a subscriber; ErrFull, ErrDropped where the source cannot be read.
func (g *group) subscribe(ctx context.Context, info ClientInfo) (*Subscriber, error) {
	var s *Subscriber
	var refused error
	err := g.do(ctx, func() {
		switch {
		case g.fault != nil:
			refused = ErrDropped
		case g.core.full():
			refused = ErrFull
		default:
			g.lastID++
			s = &Subscriber{
				group: g, id: g.lastID, slots: info.Slots, ready: make(chan struct{}, 1),
			}
			g.subscribers[s.id] = s
			g.core.join(s.id, info, g.Now())
		}
	})
	if err == nil {
		err = refused
	}
	return s, err
}

// drop ends a subscriber and gives away what it had.
func (g *group) drop(id ClientID, why error) {
	if s := g.subscribers[id]; s != nil {
		delete(g.subscribers, id)
		g.core.leave(id, g.Now())
		s.end(why)
	}
}

func (g *group) dropAll(why error) {
	for id := range g.subscribers {
		g.drop(id, why)
	}
}

// realTicks comes once a second.
func realTicks() (<-chan time.Time, func()) {
	t := time.NewTicker(time.Second)
	return t.C, t.Stop
}

// Options say how groups work.
type Options struct {
	Log    Log
	Logger *slog.Logger                             // nil drops what is logged
	Now    func() time.Time                         // nil: time.Now
	Ticks  func() (c <-chan time.Time, stop func()) // timeouts and checkpoints; nil: every second
}

// filled puts the real things in for what is nil.
func (o Options) filled() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Ticks == nil {
		o.Ticks = realTicks
	}
	return o
}
