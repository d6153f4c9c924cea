package esdbserver

import (
	"context"
	"iter"
	"math"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/esdbserver/groups"
)

// groupLog is what groups see of a server: what its clients are shown, and its own way to write.
type groupLog struct{ *Server }

// Read is groups.Log's.
func (l groupLog) Read(ctx context.Context, source string, from int64,
	resolve bool) iter.Seq2[groups.Event, error] {
	return func(yield func(groups.Event, error) bool) {
		for it, err := range l.items(ctx, source, from) {
			event := groups.Event{Record: it.event}
			if err == nil && resolve && it.event.Type == linkType {
				event.Record, event.Link, err = l.resolve(ctx, it)
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// items are the events of a source as they stand in it.
func (l groupLog) items(ctx context.Context, source string, from int64) iter.Seq2[item, error] {
	if source == groups.All {
		return shown(l.Store.ReadAll(ctx, eventstore.Position(max(from-1, 0))))
	}
	return func(yield func(item, error) bool) {
		of := l.series(source)
		v, start, err := unhidden(ctx, of, from)
		if err != nil {
			yield(item{}, err)
			return
		}
		for it, err := range of.read(ctx, start) {
			switch {
			case err == nil && it.event.Type == tombstoneType:
				yield(item{}, streamDeleted(ctx, source))
				return
			case err == nil && v.expired(it):
				continue
			case !yield(it, err):
				return
			}
		}
	}
}

// unhidden finds where to begin in a series, so as to show from a number on what a reader may see.
// A view may be older than the event that woke a group, so it hides nothing behind its last one.
func unhidden(ctx context.Context, of series, from int64) (v view, start int64, err error) {
	if v, err = of.view(ctx); err != nil {
		return v, from, err
	}
	start = max(from, min(v.first, v.last+1))
	if start <= v.last && !v.since.IsZero() {
		start, err = firstUnexpired(ctx, of, v, start)
	}
	return v, start, err
}

// shown is the log without what is hidden from $all.
func shown(events iter.Seq2[eventstore.Recorded, error]) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for e, err := range events {
			if err == nil && hidden(e.Stream) {
				continue
			}
			if !yield(item{event: &e}, err) {
				return
			}
		}
	}
}

// Last is groups.Log's.
func (l groupLog) Last(ctx context.Context, source string) (*groups.Event, error) {
	last := shown(l.Store.ReadAllBackwards(ctx, math.MaxUint64))
	if source != groups.All {
		r, of := reading{Server: l.Server, ctx: ctx}, l.series(source)
		v, err := of.view(ctx)
		if err != nil {
			return nil, err
		}
		last = r.downwards(of, v, v.last)
	}
	for it, err := range last {
		if err != nil {
			return nil, err
		}
		return &groups.Event{Record: it.event}, nil
	}
	return nil, nil
}

// Append is groups.Log's.
func (l groupLog) Append(ctx context.Context, stream string,
	events ...eventstore.Event) (int64, error) {
	w, err := l.appendTo(ctx, stream, expectAny, events...)
	if err != nil {
		return 0, err // w is its writer's still
	}
	return w.last, nil
}

// Watch is groups.Log's.
func (l groupLog) Watch(ctx context.Context,
	source string) (woken <-chan struct{}, leave func(), err error) {
	key := everything
	if source != groups.All {
		key = l.series(source).key()
	}
	w, err := l.tide.watch(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	return w.woken, func() { l.tide.leave(w) }, nil
}

// Filter is groups.Log's.
func (l groupLog) Filter(f groups.Filter) (func(*eventstore.Recorded) bool, error) {
	pattern, err := parsePattern(f.Regex)
	if err != nil {
		return nil, err
	}
	return (&filter{byType: f.ByType, pattern: pattern, prefixes: f.Prefixes}).passes, nil
}
