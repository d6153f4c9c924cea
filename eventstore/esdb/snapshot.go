package esdb

import (
	"context"
	"fmt"
	"slices"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// Each part of a snapshot is the only event that is kept of a stream of its own. A part that was
// removed is an empty event.
const (
	partType    = "SnapshotPart"
	removedType = "SnapshotPartRemoved"
	// keepOne is the metadata of a part's stream.
	keepOne = `{"$maxCount":1}`
	// metadataType and metadataPrefix are where a stream's metadata lies.
	metadataType, metadataPrefix = "$metadata", "$$"
	// metadataEvery is after how many parts the metadata is written again: the first time may have
	// been lost.
	metadataEvery = 32
)

func partStream(stream string, part int) string {
	return fmt.Sprintf("snapshot-%s-%d", stream, part)
}

// PutSnapshot is eventstore.Store's. Parts are written one after the other, from the highest number to
// the lowest, and then those are removed that are nil: a reader who finds part 0 finds the parts
// it was written with, unless a later call is under way. The metadata of their events hold an id
// that the parts of one call share.
func (s *Store) PutSnapshot(ctx context.Context, stream string, parts map[int][]byte) error {
	var numbers, removed []int
	for number, part := range parts {
		switch {
		case len(part) > eventstore.MaxSnapshotPart:
			return fmt.Errorf("part %d: %w", number, eventstore.ErrTooLarge)
		case part == nil:
			removed = append(removed, number)
		default:
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	metadata := fmt.Appendf(nil, `{"snapshot":"%v"}`, uuid.New())
	for _, number := range append(numbers, removed...) {
		e := eventstore.Event{
			Type: partType, Data: parts[number], Metadata: metadata, Binary: true}
		if e.Data == nil {
			e.Type = removedType
		}
		if err := s.putPart(ctx, partStream(stream, number), e); err != nil {
			return fmt.Errorf("part %d: %w", number, err)
		}
	}
	return nil
}

// putPart makes e the only event of a part's stream.
func (s *Store) putPart(ctx context.Context, stream string, e eventstore.Event) error {
	appended, err := s.put(ctx, stream, e)
	if err != nil || appended.Revision%metadataEvery != 0 {
		return err
	}
	_, err = s.put(ctx, metadataPrefix+stream,
		eventstore.Event{Type: metadataType, Data: []byte(keepOne)})
	return err
}

// put writes an event at the end of a stream, wherever that is.
func (s *Store) put(
	ctx context.Context, stream string, e eventstore.Event,
) (eventstore.Appended, error) {
	e.ID = uuid.New()
	d := &delivery{store: s, lane: func(n *node) *lane { return n.snapshot }, stream: stream}
	appended, _, err := d.run(ctx, anywhere(stream), []eventstore.Event{e})
	return appended, err
}

// Snapshot is eventstore.Store's.
func (s *Store) Snapshot(ctx context.Context, stream string, part int) (bytes []byte, err error) {
	ctx, end, err := s.beginRead(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer end()
	name := partStream(stream, part)
	err = reading{
		cluster: s.leader, stream: name,
		request: func() *streams.ReadReq {
			return backwards(streamRequest(name, eventstore.End, 1))
		},
		take: events(func(e eventstore.Recorded) (bool, error) {
			if e.Type == removedType {
				return false, nil
			}
			if bytes = e.Data; bytes == nil {
				bytes = []byte{} // a part of no bytes is a part
			}
			return false, nil
		}),
	}.run(ctx, s.pace)
	return bytes, err
}
