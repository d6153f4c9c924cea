package groups

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// The names that EventStoreDB gives to what groups keep.
const (
	linkType       = "$>"
	metadataType   = "$metadata"
	metastream     = "$$" // and the name of the stream
	checkpointType = "SubscriptionCheckpoint"
	stateStream    = "$persistentsubscription-" // and the group's ID
)

// The bounds of what is parked in one append.
const (
	parksAtOnce = 64
	reasonBytes = 4 << 10
)

func (g *group) checkpointStream() string { return stateStream + g.ID() + "-checkpoint" }

func (g *group) parkedStream() string { return stateStream + g.ID() + "-parked" }

// load watches the source and finds the checkpoint and the parked messages, once.
func (g *group) load(ctx context.Context) (err error) {
	if g.loaded {
		return nil
	}
	if g.woken == nil { // before the first read: what comes after that wakes the group
		if g.woken, g.leave, err = g.Log.Watch(ctx, g.Source); err != nil {
			g.woken, g.leave = nil, func() {}
			return fmt.Errorf("watch %s: %w", g.Source, err)
		}
	}
	last, err := g.Log.Last(ctx, g.checkpointStream())
	if err != nil {
		return fmt.Errorf("read the checkpoint of %s: %w", g.ID(), err)
	}
	if last != nil && last.Record.Type == checkpointType {
		place, err := parseCheckpoint(g.Source, last.Record.Data)
		if err != nil {
			return fmt.Errorf("read the checkpoint of %s: %w", g.ID(), err)
		}
		g.cursor, g.checkpoint = place+1, formatPlace(g.Source, place)
	}
	for first, err := range g.Log.Read(ctx, g.parkedStream(), 0, false) {
		if err != nil {
			return fmt.Errorf("read what %s parked: %w", g.ID(), err)
		}
		g.parkedNext = int64(first.Original().Revision)
		break
	}
	if err := g.findParkedEnd(ctx); err != nil {
		return err
	}
	g.loaded = true
	return nil
}

func (g *group) findParkedEnd(ctx context.Context) error {
	last, err := g.Log.Last(ctx, g.parkedStream())
	if err != nil {
		return fmt.Errorf("read what %s parked: %w", g.ID(), err)
	}
	if last != nil {
		g.parkedEnd = int64(last.Original().Revision) + 1
	}
	return nil
}

func parseCheckpoint(source string, data []byte) (int64, error) {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return 0, err
	}
	return parsePlace(source, text)
}

// saveCheckpoint writes down up to where everything is finished. Where it cannot, more will be
// delivered again after a restart.
func (g *group) saveCheckpoint(ctx context.Context, s *save) {
	text := formatPlace(g.Source, s.to.place)
	data, err := json.Marshal(text)
	if err == nil && g.checkpoint == "" {
		err = keepTwo(ctx, g.Log, g.checkpointStream())
	}
	if err == nil {
		_, err = g.Log.Append(ctx, g.checkpointStream(), systemEvent(checkpointType, data, nil))
	}
	if err != nil {
		s.failed()
		g.Logger.Warn("group cannot write its checkpoint", "group", g.ID(), "error", err)
		return
	}
	g.checkpoint = text
}

// keepTwo sets $maxCount to 2 on a stream where there is none. What else its metadata say stays:
// that events of a group of the same name, deleted before, are hidden.
func keepTwo(ctx context.Context, log Log, stream string) error {
	last, err := log.Last(ctx, metastream+stream)
	if err != nil {
		return err
	}
	metadata := map[string]json.RawMessage{}
	if last != nil && json.Unmarshal(last.Record.Data, &metadata) != nil {
		metadata = map[string]json.RawMessage{} // what nobody understands hides nothing
	}
	if metadata["$maxCount"] != nil {
		return nil
	}
	metadata["$maxCount"] = json.RawMessage("2")
	data, err := json.Marshal(metadata)
	if err == nil {
		_, err = log.Append(ctx, metastream+stream, systemEvent(metadataType, data, nil))
	}
	return err
}

// softDelete hides all events of a stream, as EventStoreDB does.
func softDelete(ctx context.Context, log Log, stream string) error {
	last, err := log.Last(ctx, stream)
	if err != nil || last == nil {
		return err
	}
	data := fmt.Appendf(nil, `{"$tb":%d}`, int64(math.MaxInt64))
	_, err = log.Append(ctx, metastream+stream, systemEvent(metadataType, data, nil))
	return err
}

// systemEvent draws the event's id.
func systemEvent(kind string, data, metadata []byte) eventstore.Event {
	return eventstore.Event{ID: uuid.New(), Type: kind, Data: data, Metadata: metadata}
}

// park puts messages into the parked stream, and what it cannot put there back to be delivered.
func (g *group) park(ctx context.Context, parks []park) {
	for len(parks) > 0 {
		some := parks[:min(len(parks), parksAtOnce)]
		parks = parks[len(some):]
		links := make([]eventstore.Event, len(some))
		for i, p := range some {
			links[i] = parkedLink(p, g.Now())
		}
		last, err := g.Log.Append(ctx, g.parkedStream(), links...)
		if err != nil {
			g.Logger.Warn("group cannot park", "group", g.ID(), "events", len(some), "error", err)
		} else {
			if g.parkedNext == g.parkedEnd {
				g.parkedNext = last + 1 - int64(len(some))
			}
			g.parkedEnd = last + 1
		}
		g.core.parked(some, err == nil, g.Now())
	}
}

// parkedLink leads to the event itself, where there was a link too. One that led nowhere is kept as
// it was.
func parkedLink(p park, now time.Time) eventstore.Event {
	to := p.message.Original().Data
	if r := p.message.Record; r != nil {
		to = fmt.Appendf(nil, "%d@%s", r.Revision, r.Stream)
	}
	metadata, _ := json.Marshal(struct { // plain values always can be marshalled
		Added  time.Time `json:"added"`
		Reason string    `json:"reason"`
		Number int64     `json:"subscriptionEventNumber"`
	}{now, cut(p.reason), int64(p.message.Original().Revision)})
	e := systemEvent(linkType, to, metadata)
	e.Binary = true
	return e
}

func cut(reason string) string {
	if len(reason) <= reasonBytes {
		return reason
	}
	return strings.ToValidUTF8(reason[:reasonBytes], "")
}

// replay lets the group deliver what it parked, up to but without the number stopAt; nil: all.
func (g *group) replay(ctx context.Context, stopAt *int64) error {
	if err := g.load(ctx); err != nil {
		return err
	}
	if err := g.findParkedEnd(ctx); err != nil {
		return err
	}
	end := g.parkedEnd
	if stopAt != nil {
		end = min(end, *stopAt)
	}
	g.replayEnd = max(g.replayEnd, end)
	return nil
}

func (g *group) replaying() bool { return g.parkedNext < g.replayEnd }

// readParked goes on with a replay.
func (g *group) readParked(ctx context.Context) error {
	page := page{room: g.core.room()}
	for e, err := range g.Log.Read(ctx, g.parkedStream(), g.parkedNext, true) {
		if err != nil {
			return fmt.Errorf("replay what %s parked: %w", g.ID(), err)
		}
		number := int64(e.Original().Revision)
		if number >= g.replayEnd {
			break
		}
		g.core.takeReplay(e)
		g.parkedNext = number + 1
		if page.add(true, e) {
			g.core.settle(g.Now())
			return nil
		}
	}
	g.parkedNext = g.replayEnd
	g.core.settle(g.Now())
	return nil
}

// truncateParked hides the parked messages that were replayed and then finished. Those that were
// not are parked still, should the group stop now.
func (g *group) truncateParked(ctx context.Context, s *save) {
	data := fmt.Appendf(nil, `{"$tb":%d}`, s.to.place+1)
	_, err := g.Log.Append(ctx, metastream+g.parkedStream(), systemEvent(metadataType, data, nil))
	if err != nil {
		s.failed()
		g.Logger.Warn("group cannot truncate what it parked", "group", g.ID(), "error", err)
	}
}
