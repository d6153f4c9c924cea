package esdbserver

import (
	"iter"
	"math"
	"strings"

	"github.com/tillbook/tillbook/eventstore"
)

// hidden says whether a stream is left out of $all: EventStoreDB does not show its own bookkeeping
// of $all in $all.
func hidden(stream string) bool {
	if stream == "" || stream[0] != '$' {
		return false
	}
	const group = "$persistentsubscription-$all::"
	return stream == "$epoch-information" || strings.HasPrefix(stream, group) &&
		(strings.HasSuffix(stream[len(group):], "-checkpoint") ||
			strings.HasSuffix(stream[len(group):], "-parked"))
}

func invalidPosition() error { return invalid("Trying to read from an invalid position.") }

// readAll answers the log once: forwards with the event at the position, backwards without it.
func (r *reading) readAll() error {
	if !r.start && !r.end {
		head, err := r.Store.Head(r.ctx)
		if err != nil {
			return err
		}
		if r.position() > head {
			return invalidPosition()
		}
	}
	return r.sendEach(r.wanted(r.log()))
}

// log yields the log from where it was asked for, without what the filter can tell by a stream's
// name alone.
func (r *reading) log() iter.Seq2[eventstore.Recorded, error] {
	from, prefixes := r.position(), r.filter.streams()
	switch {
	case r.backwards:
		return r.Store.ReadAllBackwards(r.ctx, from, prefixes...)
	case from > 0:
		from--
	}
	if r.end {
		from = math.MaxUint64
	}
	return r.Store.ReadAll(r.ctx, from, prefixes...)
}

// wanted yields what is shown in $all and passes the filter.
func (r *reading) wanted(events iter.Seq2[eventstore.Recorded, error]) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for e, err := range events {
			if err == nil && !r.filter.passes(&e) {
				continue
			}
			if !yield(item{event: &e}, err) {
				return
			}
		}
	}
}
