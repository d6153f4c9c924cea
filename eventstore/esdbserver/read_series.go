package esdbserver

import (
	"context"
	"iter"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// series is what has its events under numbers of its own: a stream, or a list shown as one.
type series interface {
	// key is what the tide calls it.
	key() string
	// view is what may be read of it now. A stream with a tombstone answers streamDeleted.
	view(ctx context.Context) (view, error)
	// read yields all of its events from a number upwards, those too that no view shows.
	read(ctx context.Context, from int64) iter.Seq2[item, error]
	// readBackwards yields them from a number downwards.
	readBackwards(ctx context.Context, from int64) iter.Seq2[item, error]
}

// view is the part of a series that may be read.
type view struct {
	found       bool
	first, last int64
	since       time.Time // what was created before is expired; zero: nothing is
}

func (v view) expired(it item) bool { return it.event.Created.Before(v.since) }

// series finds what stands behind a stream's name.
func (s *Server) series(stream string) series {
	if list, ok := listOf(stream); ok {
		return listSeries{s, stream, list}
	}
	return streamSeries{s, stream}
}

// streamSeries is a stream of the store.
type streamSeries struct {
	*Server
	stream string
}

func (s streamSeries) key() string { return s.stream }

func (s streamSeries) view(ctx context.Context) (view, error) {
	st, err := s.state(ctx, s.stream)
	if err != nil {
		return view{}, err
	}
	if st.tombstoned {
		return view{}, streamDeleted(ctx, s.stream)
	}
	v := view{found: st.last >= 0 && !st.softDeleted(), first: st.first(), last: st.last}
	if st.metadata.maxAge > 0 {
		v.since = time.Now().Add(-st.metadata.maxAge)
	}
	return v, nil
}

func (s streamSeries) read(ctx context.Context, from int64) iter.Seq2[item, error] {
	return inStream(s.Store.Read(ctx, s.stream, eventstore.Revision(from)))
}

func (s streamSeries) readBackwards(ctx context.Context, from int64) iter.Seq2[item, error] {
	return inStream(s.Store.ReadBackwards(ctx, s.stream, eventstore.Revision(from)))
}

func inStream(events iter.Seq2[eventstore.Recorded, error]) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for e, err := range events {
			if !yield(item{number: int64(e.Revision), event: &e}, err) {
				return
			}
		}
	}
}

// upwards yields what a view leaves of a series, from a number on.
func (r *reading) upwards(from series, v view, number int64) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		number = max(number, v.first)
		if number <= v.last && !v.since.IsZero() {
			var err error
			if number, err = firstUnexpired(r.ctx, from, v, number); err != nil {
				yield(item{}, err)
				return
			}
		}
		if number > v.last {
			return
		}
		for it, err := range from.read(r.ctx, number) {
			if err == nil && it.number > v.last {
				return
			}
			if err == nil && v.expired(it) {
				continue // the clock was set back
			}
			if !yield(it, err) {
				return
			}
		}
	}
}

// firstUnexpired finds the number from which on nothing is expired, by halving: events stand in the
// order of their time.
func firstUnexpired(ctx context.Context, of series, v view, from int64) (int64, error) {
	low, high := from, v.last+1
	for low < high {
		middle := low + (high-low)/2
		old := false
		for it, err := range of.read(ctx, middle) {
			if err != nil {
				return 0, err
			}
			old = v.expired(it)
			break
		}
		if old {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

// downwards yields what a view leaves of a series, from a number or its end downwards.
func (r *reading) downwards(from series, v view, number int64) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		if number = min(number, v.last); number < v.first {
			return
		}
		for it, err := range from.readBackwards(r.ctx, number) {
			if err == nil && (it.number < v.first || v.expired(it)) {
				return
			}
			if !yield(it, err) {
				return
			}
		}
	}
}
