package js

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// cause says in an emitted event's metadata what brought it about: the events of one projection stand
// in each stream in the order of their causes, so the last of them tells which are there.
type cause struct {
	Projection string `json:"projection"`
	Version    int    `json:"version"`
	Position   string `json:"position"` // of the event that was handled
	Index      int    `json:"index"`    // among those that this event brought about
	Depth      int    `json:"depth"`    // how many emitted events led to it, itself among them
}

// causeKey is where metadata has the cause. Beside it $causedBy is the id of the event, as in
// EventStoreDB.
const causeKey = "$tillbook"

// longestChain bounds how long a chain of events may be of which each brought about the next: projections
// that answer each other's events would never end.
const longestChain = 8

// causeOf is the cause of an event that a projection has emitted, if it was.
func causeOf(stream string, metadata []byte) (c cause, ok bool) {
	if !strings.HasPrefix(stream, AnalystsPrefix) && !strings.HasPrefix(stream, "$projections-") {
		return c, false
	}
	var m struct {
		Cause *cause `json:"$tillbook"`
	}
	if json.Unmarshal(metadata, &m) != nil || m.Cause == nil {
		return c, false
	}
	return *m.Cause, true
}

// place orders what a projection emits.
type place struct {
	position eventstore.Position
	index    int
}

func (p place) before(q place) bool {
	return p.position < q.position || p.position == q.position && p.index < q.index
}

// posting is an event on its way to a stream.
type posting struct {
	stream string
	at     place
	event  eventstore.Event
}

// emissions are namespaced by this in the ids of what is emitted.
var emissions = uuid.MustParse("6f1f7b8e-2a52-5c2b-9d0a-6b7d6c1f0e55")

// newPosting is an emitted event as it is appended: the same wherever and however often it is made.
func newPosting(name string, version int, about *Event, depth, index int, e Emitted) (posting, error) {
	position := strconv.FormatUint(uint64(about.Position), 10)
	metadata := map[string]json.RawMessage{}
	if e.Metadata != nil {
		if err := json.Unmarshal(e.Metadata, &metadata); err != nil {
			return posting{}, fmt.Errorf("%w: metadata is no object", ErrKind)
		}
	}
	for key, value := range map[string]any{"$causedBy": about.ID,
		causeKey: cause{name, version, position, index, depth}} {
		text, err := json.Marshal(value)
		if err != nil {
			return posting{}, err
		}
		metadata[key] = text
	}
	text, err := json.Marshal(metadata)
	if err != nil {
		return posting{}, err
	}
	id := uuid.NewSHA1(emissions, fmt.Appendf(nil, "%s %d %s %d", name, version, position, index))
	p := posting{e.Stream, place{about.Position, index},
		eventstore.Event{ID: id, Type: e.Type, Data: e.Data, Metadata: text, Binary: !e.JSON}}
	if p.event.Size() > eventstore.MaxAppendBytes {
		return p, fmt.Errorf("%w: an emitted event of more than 1 MiB", ErrMemory)
	}
	return p, nil
}

// tip is the end of a stream as a poster knows it.
type tip struct {
	revision eventstore.Revision
	last     place // of the last event in it that the projection has emitted
}

// poster appends what one projection emits, each event once.
type poster struct {
	store eventstore.Store
	name  string
	first int // causes of an older version were another projection's
	tips  map[string]tip
}

// The bounds of a poster: streams whose ends it remembers, events of one append, and tries against
// others who write to the same stream.
const (
	mostTips   = 10_000
	mostPosted = 200
	postTries  = 16
)

// post appends what is not there yet. It answers how many that were.
func (p *poster) post(ctx context.Context, all []posting) (n int64, err error) {
	byStream := map[string][]posting{}
	var order []string
	for _, e := range all {
		if byStream[e.stream] == nil {
			order = append(order, e.stream)
		}
		byStream[e.stream] = append(byStream[e.stream], e)
	}
	for _, stream := range order {
		posted, err := p.postTo(ctx, stream, byStream[stream])
		if n += posted; err != nil {
			return n, fmt.Errorf("emit to %s: %w", stream, err)
		}
	}
	return n, nil
}

func (p *poster) postTo(ctx context.Context, stream string, all []posting) (n int64, err error) {
	for tries := 0; ; {
		end, err := p.tip(ctx, stream, all[0].at)
		if err != nil {
			return n, err
		}
		for len(all) > 0 && !end.last.before(all[0].at) {
			all = all[1:] // it is there
		}
		if len(all) == 0 {
			return n, nil
		}
		some := chunk(all)
		appended, err := p.append(ctx, stream, end.revision, some)
		var wrong *eventstore.WrongRevision
		switch {
		case errors.As(err, &wrong) && tries < postTries:
			delete(p.tips, stream)
			tries++
			continue
		case err != nil:
			return n, err
		}
		p.tips[stream] = tip{appended.Revision, some[len(some)-1].at}
		all, n = all[len(some):], n+int64(len(some))
		if len(all) == 0 {
			return n, nil
		}
	}
}

// append sends the same bytes again while nobody knows whether they are there.
func (p *poster) append(ctx context.Context, stream string, expected eventstore.Revision, some []posting) (
	appended eventstore.Appended, err error,
) {
	events := make([]eventstore.Event, len(some))
	for i := range some {
		events[i] = some[i].event
	}
	for range postTries {
		appended, err = p.store.Append(ctx, stream, expected, events)
		if !errors.Is(err, eventstore.ErrOutcomeUnknown) || ctx.Err() != nil {
			break
		}
	}
	return appended, err
}

// chunk is as much of all as goes into one append.
func chunk(all []posting) []posting {
	size := 0
	for i := range all {
		size += all[i].event.Size()
		if i > 0 && (size > eventstore.MaxAppendBytes || i == mostPosted) {
			return all[:i]
		}
	}
	return all
}

// tip is the end of a stream. What led to an event stands before it, so nothing that is as early as
// from need be looked at.
func (p *poster) tip(ctx context.Context, stream string, from place) (tip, error) {
	if known, ok := p.tips[stream]; ok {
		return known, nil
	}
	if len(p.tips) >= mostTips || p.tips == nil {
		p.tips = map[string]tip{}
	}
	end := tip{revision: eventstore.NoStream}
	for e, err := range p.store.ReadBackwards(ctx, stream, eventstore.End) {
		if err != nil {
			return end, err
		}
		if end.revision == eventstore.NoStream {
			end.revision = e.Revision
		}
		c, ok := causeOf(stream, e.Metadata)
		if ok && c.Projection == p.name && c.Version >= p.first {
			position, err := strconv.ParseUint(c.Position, 10, 64)
			if err != nil {
				return end, fmt.Errorf("cause of %d@%s: %w", e.Revision, stream, err)
			}
			end.last = place{eventstore.Position(position), c.Index}
			break
		}
		if e.Position <= from.position {
			break
		}
	}
	p.tips[stream] = end
	return end, nil
}
