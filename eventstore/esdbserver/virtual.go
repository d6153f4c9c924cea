package esdbserver

import (
	"context"
	"iter"
	"strings"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// The names of lists shown as streams.
const (
	categoryPrefix = "$ce-"
	typePrefix     = "$et-"
	streamsName    = "$streams"
)

// listOf finds the list that a stream's name stands for. Such streams are not written: EventStoreDB
// fills them by system projections.
func listOf(stream string) (eventstore.List, bool) {
	if stream == streamsName {
		return eventstore.List{By: eventstore.Streams}, true
	}
	if category, ok := strings.CutPrefix(stream, categoryPrefix); ok && category != "" {
		return eventstore.List{By: eventstore.ByCategory, Name: category}, true
	}
	if kind, ok := strings.CutPrefix(stream, typePrefix); ok && kind != "" {
		return eventstore.List{By: eventstore.ByType, Name: kind}, true
	}
	return eventstore.List{}, false
}

// listName is the stream that a list is shown as.
func listName(list eventstore.List) string {
	switch list.By {
	case eventstore.ByCategory:
		return categoryPrefix + list.Name
	case eventstore.ByType:
		return typePrefix + list.Name
	}
	return streamsName
}

// listSeries shows a list as a stream of links to its events.
type listSeries struct {
	*Server
	name string
	list eventstore.List
}

func (s listSeries) key() string { return s.name }

func (s listSeries) view(ctx context.Context) (view, error) {
	n, err := s.Store.ListLength(ctx, s.list)
	return view{found: n > 0, last: n - 1}, err
}

func (s listSeries) read(ctx context.Context, from int64) iter.Seq2[item, error] {
	return s.links(s.Store.ReadList(ctx, s.list, from), from, 1)
}

// readBackwards begins within the list: its reader has cut from to the view.
func (s listSeries) readBackwards(ctx context.Context, from int64) iter.Seq2[item, error] {
	return s.links(s.Store.ReadListBackwards(ctx, s.list, from), from, -1)
}

// at is the link at a number, nil where there is none.
func (s listSeries) at(ctx context.Context, number int64) (*eventstore.Recorded, error) {
	if number < 0 {
		return nil, nil
	}
	for it, err := range s.read(ctx, number) {
		return it.event, err
	}
	return nil, nil
}

func (s listSeries) links(events iter.Seq2[eventstore.Recorded, error], number,
	step int64) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for e, err := range events {
			if err != nil {
				yield(item{}, err)
				return
			}
			link := s.link(number, &e)
			if !yield(item{number: number, event: link, target: &e}, nil) {
				return
			}
			number += step
		}
	}
}

// listIDs is the namespace of the ids of links in lists.
var listIDs = uuid.MustParse("6b0ec0de-3c5f-5d1e-9d57-2f8a3c9f7a11")

// link is the event at a number of the list. It is made when it is read, alike each time: its id is
// the UUIDv5 of the bytes "number@name" in listIDs, and it has the position and time of its target.
func (s listSeries) link(number int64, target *eventstore.Recorded) *eventstore.Recorded {
	return &eventstore.Recorded{
		Event: eventstore.Event{
			ID:     uuid.NewSHA1(listIDs, linkData(number, s.name)),
			Type:   linkType,
			Data:   linkData(numberOf(target), target.Stream),
			Binary: true,
		},
		Stream:   s.name,
		Revision: eventstore.Revision(number),
		Position: target.Position,
		Created:  target.Created,
	}
}
