package esdb

import (
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// recorded is an event as it was read. Its bytes are the message's own.
func recorded(r *streams.ReadResp_ReadEvent) (eventstore.Recorded, error) {
	e := r.GetEvent()
	if e == nil {
		return eventstore.Recorded{}, errors.New("the server sent an event without content")
	}
	high, low := halves(e.GetId())
	return eventstore.Recorded{
		Event: eventstore.Event{
			ID:       id(high, low),
			Type:     e.GetMetadata()[typeKey],
			Data:     e.GetData(),
			Metadata: e.GetCustomMetadata(),
			Binary:   e.GetMetadata()[contentTypeKey] != isJSON,
		},
		Stream:   string(e.GetStreamIdentifier().GetStreamName()),
		Revision: eventstore.Revision(e.GetStreamRevision()),
		Position: eventstore.Position(e.GetCommitPosition()),
		Created:  created(e.GetMetadata()[createdKey]),
	}, nil
}

// created understands ticks of 100 ns since 1970. A time that cannot be read is none.
func created(ticks string) time.Time {
	n, err := strconv.ParseInt(ticks, 10, 64)
	if err != nil {
		return time.Time{}
	}
	const perSecond = 10_000_000
	return time.Unix(n/perSecond, n%perSecond*100).UTC()
}

// bits are the two halves of an id, as EventStoreDB writes them.
func bits(id uuid.UUID) (high, low int64) {
	return int64(binary.BigEndian.Uint64(id[:8])), int64(binary.BigEndian.Uint64(id[8:]))
}

func id(high, low int64) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:8], uint64(high))
	binary.BigEndian.PutUint64(id[8:], uint64(low))
	return id
}

func structured(high, low int64) *shared.UUID {
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits: high, LeastSignificantBits: low}}}
}

// halves are a UUID's bits, whichever way it is written; zeroes where it is none.
func halves(id *shared.UUID) (high, low int64) {
	if s := id.GetStructured(); s != nil {
		return s.GetMostSignificantBits(), s.GetLeastSignificantBits()
	}
	parsed, err := uuid.Parse(id.GetString_())
	if err != nil {
		return 0, 0
	}
	return bits(parsed)
}
