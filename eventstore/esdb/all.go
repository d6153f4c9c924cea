package esdb

import (
	"context"
	"iter"
	"math"
	"slices"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/tillbook/tillbook/eventstore"
)

const (
	// searchWindow is how many events a server considers for a filter before it answers with those
	// it found and goes on.
	searchWindow = 1000
	// checkpointEvery is how many of those windows pass until it says how far it is.
	checkpointEvery = 1
)

// ReadAll is eventstore.Store's.
func (s *Store) ReadAll(
	ctx context.Context, after eventstore.Position, prefixes ...string,
) iter.Seq2[eventstore.Recorded, error] {
	prefixes = slices.Clone(prefixes) // the sequence may be read later
	return s.sequence(ctx, func(ctx context.Context, yield func(eventstore.Recorded) bool) error {
		head, err := s.head(ctx, true)
		if err != nil || head <= after {
			return err
		}
		at := after
		return s.readLog(ctx, func() *streams.ReadReq {
			return logRequest(at, math.MaxUint64, prefixes)
		}, true, func(e eventstore.Recorded) (bool, error) {
			if e.Position <= at {
				return true, nil // the server begins with the event at that position
			}
			if e.Position > head {
				return false, nil
			}
			at = e.Position
			return yield(e), nil
		})
	})
}

// Head is eventstore.Store's. With prefixes the server looks back from its log's end for the first
// event that fits, which takes the longer the further away it is.
func (s *Store) Head(ctx context.Context, prefixes ...string) (eventstore.Position, error) {
	ctx, end, err := s.beginRead(ctx, nil)
	if err != nil {
		return eventstore.Start, err
	}
	defer end()
	return s.head(ctx, true, prefixes...)
}

// head is Head of a store that is open, tried again or not.
func (s *Store) head(
	ctx context.Context, again bool, prefixes ...string,
) (position eventstore.Position, err error) {
	err = s.readLog(ctx, func() *streams.ReadReq {
		r := backwards(logRequest(eventstore.Start, 1, prefixes))
		r.Options.GetAll().AllOption = &streams.ReadReq_Options_AllOptions_End{End: &shared.Empty{}}
		return r
	}, again, func(e eventstore.Recorded) (bool, error) {
		position = e.Position
		return false, nil
	})
	return position, err
}

// next is the position of the first event after a position, Start if there is none.
func (s *Store) next(
	ctx context.Context, after eventstore.Position, prefixes []string,
) (position eventstore.Position, err error) {
	err = s.readLog(ctx, func() *streams.ReadReq {
		return logRequest(after, 2, prefixes) // the first may be the one at after
	}, false, func(e eventstore.Recorded) (bool, error) {
		if e.Position <= after {
			return true, nil
		}
		position = e.Position
		return false, nil
	})
	return position, err
}

// readLog reads events of the log, for a decision.
func (s *Store) readLog(ctx context.Context, request func() *streams.ReadReq, again bool,
	take func(eventstore.Recorded) (bool, error)) error {
	r := reading{cluster: s.leader, decides: true, request: request, take: events(take)}
	if again {
		return r.run(ctx, s.pace)
	}
	_, err := r.try(ctx)
	return err
}

// logRequest reads the log forwards from the event at a position, at most count events.
func logRequest(
	from eventstore.Position, count uint64, prefixes []string,
) *streams.ReadReq {
	return request(filtered(&streams.ReadReq_Options{
		StreamOption: &streams.ReadReq_Options_All{All: logFrom(from)},
		CountOption:  &streams.ReadReq_Options_Count{Count: count},
	}, prefixes))
}

func logFrom(from eventstore.Position) *streams.ReadReq_Options_AllOptions {
	if from == eventstore.Start {
		return &streams.ReadReq_Options_AllOptions{
			AllOption: &streams.ReadReq_Options_AllOptions_Start{Start: &shared.Empty{}}}
	}
	return &streams.ReadReq_Options_AllOptions{
		AllOption: &streams.ReadReq_Options_AllOptions_Position{
			Position: &streams.ReadReq_Options_Position{
				CommitPosition: uint64(from), PreparePosition: uint64(from)}}}
}

// filtered keeps streams that begin with one of prefixes, all where there are none.
func filtered(o *streams.ReadReq_Options, prefixes []string) *streams.ReadReq_Options {
	if len(prefixes) == 0 {
		o.FilterOption = &streams.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}}
		return o
	}
	o.FilterOption = &streams.ReadReq_Options_Filter{Filter: &streams.ReadReq_Options_FilterOptions{
		Filter: &streams.ReadReq_Options_FilterOptions_StreamIdentifier{
			StreamIdentifier: &streams.ReadReq_Options_FilterOptions_Expression{Prefix: prefixes}},
		Window:                       &streams.ReadReq_Options_FilterOptions_Max{Max: searchWindow},
		CheckpointIntervalMultiplier: checkpointEvery,
	}}
	return o
}
