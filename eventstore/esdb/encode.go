package esdb

import (
	"fmt"
	"slices"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/tillbook/tillbook/eventstore"
)

// The keys and values of an event's system metadata.
const (
	typeKey        = "type"
	contentTypeKey = "content-type"
	createdKey     = "created"
	isJSON         = "application/json"
	isBinary       = "application/octet-stream"
)

// eventsPerChunk bounds the events of one message, so that an append of many tiny events does not
// make a message that no server takes.
const eventsPerChunk = 1000

// encode is an append as the messages that carry it, but for their correlation id, and the bytes
// that count against MaxAppendBytes.
func encode(
	options *streams.BatchAppendReq_Options, events []eventstore.Event,
) (chunks [][]byte, size int, err error) {
	for i := range events {
		size += events[i].Size()
	}
	if len(events) == 0 || size > eventstore.MaxAppendBytes {
		return nil, size, eventstore.ErrTooLarge
	}
	sent := 0
	for chunk := range slices.Chunk(events, eventsPerChunk) {
		sent += len(chunk)
		request := &streams.BatchAppendReq{Options: options, IsFinal: sent == len(events)}
		for i := range chunk {
			request.ProposedMessages = append(request.ProposedMessages, proposed(&chunk[i]))
		}
		bytes, err := proto.Marshal(request)
		if err != nil {
			return nil, size, fmt.Errorf("encode events: %w", err)
		}
		chunks, options = append(chunks, bytes), nil
	}
	return chunks, size, nil
}

// at expects exactly that revision of a stream.
func at(stream string, expected eventstore.Revision) (*streams.BatchAppendReq_Options, error) {
	o := &streams.BatchAppendReq_Options{StreamIdentifier: identifier(stream)}
	switch {
	case expected == eventstore.NoStream:
		o.ExpectedStreamPosition = &streams.BatchAppendReq_Options_NoStream{NoStream: &emptypb.Empty{}}
	case expected < 0:
		return nil, fmt.Errorf("no event has revision %d", expected)
	default:
		o.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamPosition{
			StreamPosition: uint64(expected)}
	}
	return o, nil
}

// anywhere expects nothing of a stream.
func anywhere(stream string) *streams.BatchAppendReq_Options {
	return &streams.BatchAppendReq_Options{
		StreamIdentifier:       identifier(stream),
		ExpectedStreamPosition: &streams.BatchAppendReq_Options_Any{Any: &emptypb.Empty{}},
	}
}

func proposed(e *eventstore.Event) *streams.BatchAppendReq_ProposedMessage {
	content := isJSON
	if e.Binary {
		content = isBinary
	}
	high, low := bits(e.ID)
	return &streams.BatchAppendReq_ProposedMessage{
		Id:             structured(high, low),
		Metadata:       map[string]string{typeKey: e.Type, contentTypeKey: content},
		CustomMetadata: e.Metadata,
		Data:           e.Data,
	}
}

func identifier(stream string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(stream)}
}
