package groups

import "context"

// Subscribe joins a group. The caller closes the Subscriber. ErrNotFound, ErrFull, *Refused without
// slots, and ErrDropped where the source cannot be read now.
func (g *Groups) Subscribe(ctx context.Context, key Key, info ClientInfo) (*Subscriber, error) {
	found, err := g.lookup(key)
	if err != nil {
		return nil, err
	}
	if info.Slots < 1 {
		return nil, &Refused{"a subscriber needs room for at least one event"}
	}
	return found.subscribe(ctx, info)
}

// Replay delivers the parked messages of a group again, up to but without the number stopAt of the
// parked stream; nil: all that are there now. It does not wait for them. ErrNotFound, *Refused.
func (g *Groups) Replay(ctx context.Context, key Key, stopAt *int64) error {
	if stopAt != nil && *stopAt < 0 {
		return &Refused{"Cannot stop replaying parked message at a negative version."}
	}
	found, err := g.lookup(key)
	if err != nil {
		return err
	}
	var failed error
	if err := found.do(ctx, func() { failed = found.replay(ctx, stopAt) }); err != nil {
		return err
	}
	return failed
}

// Info is a group as it is now. ErrNotFound.
func (g *Groups) Info(ctx context.Context, key Key) (Info, error) {
	found, err := g.lookup(key)
	if err != nil {
		return Info{}, err
	}
	return found.info(ctx)
}

// List is the groups of a source, of all sources where that is "", in the order of their creation.
// ErrNotFound where a source has none.
func (g *Groups) List(ctx context.Context, source string) ([]Info, error) {
	some, err := g.of(source)
	if err != nil {
		return nil, err
	}
	var infos []Info
	for _, found := range some {
		i, err := found.info(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil { // else it was deleted meanwhile
			infos = append(infos, i)
		}
	}
	return infos, nil
}

func (g *Groups) of(source string) ([]*group, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.usable(); err != nil {
		return nil, err
	}
	var some []*group
	for _, c := range g.entries {
		if found := g.groups[Key{c.Stream, c.Group}.ID()]; found != nil &&
			(source == "" || c.Stream == source) {
			some = append(some, found)
		}
	}
	if source != "" && some == nil {
		return nil, ErrNotFound
	}
	return some, nil
}

// info adds to the rules' what the group's own work knows.
func (g *group) info(ctx context.Context) (Info, error) {
	known := ""
	last, err := g.Log.Last(ctx, g.Source)
	if err == nil && last != nil {
		known = formatPlace(g.Source, last.placeIn(g.Source))
	}
	var i Info
	err = g.do(ctx, func() {
		i = g.core.info(g.Now())
		i.Group = g.Group
		i.Settings = g.Settings
		i.StartFrom = formatPlace(g.Source, g.Settings.Start)
		i.Status = g.status()
		i.LastCheckpoint = g.checkpoint
		i.LastKnown = known
		i.Parked = max(g.parkedEnd-g.parkedNext, 0)
	})
	return i, err
}

// status is the group's state in EventStoreDB's words.
func (g *group) status() string {
	switch {
	case !g.loaded:
		return "NotReady"
	case g.replaying():
		return "Behind, ReplayingParkedMessages"
	case g.behind:
		return "Behind"
	}
	return "Live"
}
