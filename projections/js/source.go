package js

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/tillbook/tillbook/eventstore"
)

// Events are the events that a definition reads, from behind after to the log's head as it is when
// the reading begins, in the order of the log. Links are resolved: an event that one leads to stands
// at the link's place, and keeps its own stream and revision.
//
//	fromAll       all streams whose names do not begin with $ or snapshot-, and their metastreams
//	fromStream    the stream; $ce-x and $et-x stand for events of a category or type
//	fromCategory  the streams of the category
//
// Where the store lists its events by category and type (eventstore.Indexed) only those are read;
// otherwise the log is, once for all lists, and the rest is left out. An error ends the sequence and
// is its last element.
func Events(ctx context.Context, store Reader, def *Definition, after eventstore.Position,
) iter.Seq2[*Event, error] {
	s := source{store, def}
	if _, ok := store.(eventstore.Indexed); !ok && s.manyLists() {
		return Scan(ctx, store, def, after)
	}
	var all []iter.Seq2[*Event, error]
	if !def.All {
		for _, category := range def.Categories {
			all = append(all, s.list(ctx, eventstore.List{By: eventstore.ByCategory, Name: category}, after))
		}
		for _, stream := range def.Streams {
			all = append(all, s.stream(ctx, stream, after))
		}
	} else {
		all = append(all, s.log(ctx, after, s.open))
	}
	if len(all) == 1 {
		return all[0]
	}
	return merge(all)
}

// Scan yields what Events does, in one pass over the log: for what cannot find a stream without one,
// such as a file.
func Scan(ctx context.Context, log Reader, def *Definition, after eventstore.Position,
) iter.Seq2[*Event, error] {
	s := source{log, def}
	return s.log(ctx, after, s.follows, s.prefixes()...)
}

// Reader is what of an eventstore.Store is needed to read events.
type Reader interface {
	// Read is eventstore.Store's.
	Read(ctx context.Context, stream string, from eventstore.Revision,
	) iter.Seq2[eventstore.Recorded, error]
	// ReadAll is eventstore.Store's.
	ReadAll(ctx context.Context, after eventstore.Position, prefixes ...string,
	) iter.Seq2[eventstore.Recorded, error]
}

// source reads for one definition.
type source struct {
	store Reader
	def   *Definition
}

// manyLists reports whether more than one of the definition's sources is a list of events.
func (s source) manyLists() bool {
	n := len(s.def.Categories)
	for _, stream := range s.def.Streams {
		if _, ok := listOf(stream); ok {
			n++
		}
	}
	return n > 1
}

// prefixes narrow a reading of the log where a definition has streams of few names.
func (s source) prefixes() []string {
	if s.def.All {
		return nil
	}
	var all []string
	for _, category := range s.def.Categories {
		all = append(all, category+"-")
	}
	for _, stream := range s.def.Streams {
		list, ok := listOf(stream)
		switch {
		case !ok:
			all = append(all, stream)
		case list.By == eventstore.ByCategory:
			all = append(all, list.Name+"-")
		default:
			return nil
		}
	}
	return all
}

// follows reports whether the definition reads the event.
func (s source) follows(e *eventstore.Recorded) bool {
	if s.def.All {
		return s.open(e)
	}
	return slices.ContainsFunc(eventstore.ListsOf(e.Stream, e.Revision, e.Type), s.lists) ||
		slices.Contains(s.def.Streams, e.Stream)
}

// lists reports whether the definition reads the events of a list.
func (s source) lists(list eventstore.List) bool {
	switch list.By {
	case eventstore.ByCategory:
		return slices.Contains(s.def.Categories, list.Name) || slices.Contains(s.def.Streams, "$ce-"+list.Name)
	case eventstore.ByType:
		return slices.Contains(s.def.Streams, "$et-"+list.Name)
	}
	return false
}

// open is the rule of fromAll. What an EventStoreDB keeps in streams snapshot-… are states of the
// ledger's, and no events of anybody.
func (s source) open(e *eventstore.Recorded) bool {
	if e.Type == "$>" && !s.def.IncludeLinks {
		return false
	}
	name := strings.TrimPrefix(e.Stream, "$$")
	return !strings.HasPrefix(name, "$") && !strings.HasPrefix(name, "snapshot-")
}

// listOf is the list that a stream's name stands for.
func listOf(stream string) (eventstore.List, bool) {
	for prefix, by := range map[string]eventstore.ListKind{
		"$ce-": eventstore.ByCategory, "$et-": eventstore.ByType} {
		if name, ok := strings.CutPrefix(stream, prefix); ok && name != "" {
			return eventstore.List{By: by, Name: name}, true
		}
	}
	return eventstore.List{}, false
}

// log reads the log, as far as wants wants it.
func (s source) log(ctx context.Context, after eventstore.Position,
	wants func(*eventstore.Recorded) bool, prefixes ...string) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for e, err := range s.store.ReadAll(ctx, after, prefixes...) {
			if err != nil {
				yield(nil, err)
				return
			}
			if wants(&e) && !s.yield(ctx, &e, yield) {
				return
			}
		}
	}
}

// yield resolves e and hands it on; false if the caller is to stop.
func (s source) yield(ctx context.Context, e *eventstore.Recorded, yield func(*Event, error) bool) bool {
	resolved, err := s.resolve(ctx, e)
	if err != nil {
		yield(nil, err)
		return false
	}
	return resolved == nil || yield(resolved, nil)
}

// stream reads one stream, or the list that its name stands for.
func (s source) stream(ctx context.Context, name string, after eventstore.Position) iter.Seq2[*Event, error] {
	if list, ok := listOf(name); ok {
		return s.list(ctx, list, after)
	}
	return s.past(ctx, s.store.Read(ctx, name, 0), after)
}

// list reads the events of a list, by the store's index or else out of the log.
func (s source) list(ctx context.Context, list eventstore.List, after eventstore.Position,
) iter.Seq2[*Event, error] {
	indexed, ok := s.store.(eventstore.Indexed)
	if ok && after == eventstore.Start {
		return s.past(ctx, indexed.ReadList(ctx, list, 0), after)
	}
	var prefixes []string
	if list.By == eventstore.ByCategory {
		prefixes = []string{list.Name + "-"}
	}
	return s.log(ctx, after, func(e *eventstore.Recorded) bool {
		return slices.Contains(eventstore.ListsOf(e.Stream, e.Revision, e.Type), list)
	}, prefixes...)
}

// past leaves out what does not stand behind after.
func (s source) past(ctx context.Context, events iter.Seq2[eventstore.Recorded, error],
	after eventstore.Position) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for e, err := range events {
			if err != nil {
				yield(nil, err)
				return
			}
			if e.Position > after && !s.yield(ctx, &e, yield) {
				return
			}
		}
	}
}

// resolve is the event that a link leads to, or e where it is none; nil where the target is gone.
func (s source) resolve(ctx context.Context, e *eventstore.Recorded) (*Event, error) {
	number, stream, ok := strings.Cut(string(e.Data), "@")
	revision, err := strconv.ParseInt(number, 10, 64)
	if e.Type != "$>" || s.def.All || !ok || err != nil || revision < 0 {
		return &Event{Recorded: *e}, nil
	}
	for target, err := range s.store.Read(ctx, stream, eventstore.Revision(revision)) {
		if err != nil {
			return nil, fmt.Errorf("follow the link %d@%s: %w", e.Revision, e.Stream, err)
		}
		resolved := &Event{Recorded: target, LinkMetadata: e.Metadata}
		resolved.Position = e.Position
		return resolved, nil
	}
	return nil, nil
}
