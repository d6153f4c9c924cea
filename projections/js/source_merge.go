package js

import (
	"iter"
	"slices"

	"github.com/tillbook/tillbook/eventstore"
)

// merge yields the events of several sequences in the order of the log, each once.
func merge(all []iter.Seq2[*Event, error]) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		var heads []head
		for _, events := range all {
			next, stop := iter.Pull2(events)
			defer stop()
			heads = append(heads, head{next: next})
		}
		for i := range heads {
			heads[i].advance()
		}
		last := eventstore.Start
		for {
			heads = slices.DeleteFunc(heads, func(h head) bool { return h.event == nil && h.err == nil })
			if len(heads) == 0 {
				return
			}
			i := first(heads)
			if heads[i].err != nil {
				yield(nil, heads[i].err)
				return
			}
			if e := heads[i].event; e.Position != last {
				if last = e.Position; !yield(e, nil) {
					return
				}
			}
			heads[i].advance()
		}
	}
}

// head is a sequence and its next event.
type head struct {
	next  func() (*Event, error, bool)
	event *Event
	err   error
}

func (h *head) advance() { h.event, h.err, _ = h.next() }

// first is the index of the head with an error, or else of the earliest.
func first(heads []head) int {
	least := 0
	for i, h := range heads {
		if h.err != nil {
			return i
		}
		if h.event.Position < heads[least].event.Position {
			least = i
		}
	}
	return least
}
