// Package groups is EventStoreDB's persistent subscriptions without their protocol: named groups of
// subscribers that share the events of a stream or of the whole log, answer for each of them, and
// find what they left when they come back.
//
// Every event is delivered at least once or parked. A checkpoint says that everything up to it is
// finished, so a restart delivers again what was not, and what was since the last checkpoint. What
// groups keep is in ordinary streams, under EventStoreDB's names:
//
//	$persistentSubscriptionConfig                        which groups there are
//	$persistentsubscription-<source>::<group>-checkpoint  "5", or "C:5/P:5" of $all
//	$persistentsubscription-<source>::<group>-parked      links to events nobody could handle
//
// A group pulls its events from the log at its own pace: no writer ever waits for a subscriber.
package groups

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Groups are the groups of one log. All methods may be called at once; one Groups alone writes to
// the streams named above.
type Groups struct {
	opts Options

	mu      sync.Mutex // also held while the configuration is written
	entries []configEntry
	groups  map[string]*group // by ID
	started bool
	closed  bool
	broken  error // why the configuration cannot be read; nil: all groups work
}

// New is groups that are not started.
func New(opts Options) *Groups { return &Groups{opts: opts.filled()} }

// Start lets the groups work that the log knows of; before, all methods answer ErrNotReady. Where
// their configuration cannot be read they answer *Refused, until Restart finds it better. It may be
// called again, which does nothing, and after Close, too.
func (g *Groups) Start(ctx context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.started && !g.closed {
		g.started = true
		g.start(ctx)
	}
}

// start reads the configuration. A group that cannot work is left as it is written there.
func (g *Groups) start(ctx context.Context) {
	g.groups = map[string]*group{}
	if g.entries, g.broken = readConfig(ctx, g.opts.Log); g.broken != nil {
		g.opts.Logger.Error("groups are not started", "error", g.broken)
		return
	}
	for _, c := range g.entries {
		e, err := c.entry()
		if err == nil && g.groups[e.ID()] == nil {
			err = g.run(e)
		}
		if err != nil {
			g.opts.Logger.Error("group is not started", "source", c.Stream, "group", c.Group,
				"error", err)
		}
	}
}

func (g *Groups) run(e entry) error {
	started, err := startGroup(e, g.opts)
	if err == nil {
		g.groups[e.ID()] = started
	}
	return err
}

// halt ends a group, telling its subscribers why.
func (g *Groups) halt(id string, why error) {
	if running := g.groups[id]; running != nil {
		delete(g.groups, id)
		running.end(why)
	}
}

// Close ends all groups; their subscribers hear ErrNotReady. It may be called again.
func (g *Groups) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for id := range g.groups {
		g.halt(id, ErrNotReady)
	}
}

// Restart drops all subscribers and starts all groups from what the log knows of them.
func (g *Groups) Restart(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || !g.started {
		return ErrNotReady
	}
	for id := range g.groups {
		g.halt(id, ErrDropped)
	}
	g.start(ctx)
	return g.usable()
}

// usable says why groups cannot be asked for. The caller holds mu.
func (g *Groups) usable() error {
	switch {
	case g.closed || !g.started:
		return ErrNotReady
	case g.broken != nil:
		return &Refused{"the configuration of persistent subscriptions cannot be read"}
	}
	return nil
}

// find is a group that works; ErrNotFound. The caller holds mu.
func (g *Groups) find(key Key) (*group, error) {
	if err := g.usable(); err != nil {
		return nil, err
	}
	if found := g.groups[key.ID()]; found != nil && found.Key == key {
		return found, nil
	}
	return nil, ErrNotFound
}

// lookup is find for who does not hold mu.
func (g *Groups) lookup(key Key) (*group, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.find(key)
}

// Create makes a group, which gathers events from then on whether or not anybody subscribes to it.
// by is who wanted it. ErrExists, *Refused.
func (g *Groups) Create(ctx context.Context, key Key, settings Settings, by string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.usable(); err != nil {
		return err
	}
	e, err := g.entry(ctx, key, settings)
	if err != nil {
		return err
	}
	taken := func(c configEntry) bool { return Key{c.Stream, c.Group}.ID() == key.ID() }
	if slices.ContainsFunc(g.entries, taken) {
		return ErrExists
	}
	if err := g.save(ctx, by, append(slices.Clone(g.entries), e.config())); err != nil {
		return err
	}
	return g.run(e)
}

// entry checks what is asked for, and finds the end where the group is to start there.
func (g *Groups) entry(ctx context.Context, key Key, settings Settings) (entry, error) {
	if key.Source == "" || key.Group == "" {
		return entry{}, &Refused{"Bad stream or group name."}
	}
	if err := settings.check(key.Source); err != nil {
		return entry{}, err
	}
	if settings.Filter != nil {
		if _, err := g.opts.Log.Filter(*settings.Filter); err != nil {
			return entry{}, err
		}
	}
	e := entry{key, settings, settings.Start}
	if settings.Start != FromEnd && key.Source != All {
		return e, nil
	}
	end := int64(-1)
	last, err := g.opts.Log.Last(ctx, key.Source)
	if err != nil {
		return entry{}, fmt.Errorf("find the end of %s: %w", key.Source, err)
	}
	if last != nil {
		end = last.placeIn(key.Source)
	}
	if settings.Start > max(end, 0) {
		return entry{}, &Refused{"Invalid Start From position: it is beyond the end of the log."}
	}
	if settings.Start == FromEnd {
		e.from = end + 1
	}
	return e, nil
}

func (g *Groups) save(ctx context.Context, by string, entries []configEntry) error {
	if err := writeConfig(ctx, g.opts, by, entries); err != nil {
		return err
	}
	g.entries = entries
	return nil
}

// Update gives a group other settings; its filter stays. It drops all subscribers and goes on after
// its checkpoint, or at the new start where it has none. ErrNotFound, *Refused.
func (g *Groups) Update(ctx context.Context, key Key, settings Settings, by string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	old, err := g.find(key)
	if err != nil {
		return err
	}
	settings.Filter = old.Settings.Filter
	e, err := g.entry(ctx, key, settings)
	if err != nil {
		return err
	}
	if settings.Start == old.Settings.Start {
		e.from = old.from // the end is where it was at the group's creation
	}
	entries := slices.Clone(g.entries)
	for i, c := range entries {
		if c.Stream == key.Source && c.Group == key.Group {
			entries[i] = e.config()
		}
	}
	if err := g.save(ctx, by, entries); err != nil {
		return err
	}
	g.halt(key.ID(), ErrDropped)
	return g.run(e)
}

// Delete ends a group and removes what it keeps. ErrNotFound.
func (g *Groups) Delete(ctx context.Context, key Key, by string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	old, err := g.find(key)
	if err != nil {
		return err
	}
	g.halt(key.ID(), ErrDropped)
	err = errors.Join(
		softDelete(ctx, g.opts.Log, old.checkpointStream()),
		softDelete(ctx, g.opts.Log, old.parkedStream()))
	if err == nil {
		err = g.save(ctx, by, slices.DeleteFunc(slices.Clone(g.entries), func(c configEntry) bool {
			return c.Stream == key.Source && c.Group == key.Group
		}))
	}
	if err != nil { // so the group is there still
		err = errors.Join(err, g.run(old.entry))
	}
	return err
}
