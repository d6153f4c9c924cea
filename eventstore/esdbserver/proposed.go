package esdbserver

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// What the metadata of a proposed event must name.
const (
	typeProperty        = "type"
	contentTypeProperty = "content-type"
)

// nameMost bounds a stream's name, in bytes.
const nameMost = 4096

// proposed is an event as any of the append calls carries it.
type proposed interface {
	GetId() *shared.UUID
	GetMetadata() map[string]string
	GetCustomMetadata() []byte
	GetData() []byte
}

// eventOf is the event that a client proposes, or *missingProperty or *malformed.
func eventOf(p proposed) (eventstore.Event, error) {
	properties := p.GetMetadata()
	kind, ok := properties[typeProperty]
	if !ok {
		return eventstore.Event{}, &missingProperty{typeProperty}
	}
	content, ok := properties[contentTypeProperty]
	if !ok {
		return eventstore.Event{}, &missingProperty{contentTypeProperty}
	}
	id, err := idOf(p.GetId())
	if err != nil {
		return eventstore.Event{}, err
	}
	switch kind {
	case "":
		return eventstore.Event{}, &malformed{"Empty eventType provided."}
	case tombstoneType:
		return eventstore.Event{}, &malformed{
			"Only a tombstone writes " + tombstoneType + " events."}
	}
	return eventstore.Event{
		ID: id, Type: kind, Data: p.GetData(), Metadata: p.GetCustomMetadata(),
		Binary: content != contentJSON,
	}, nil
}

// idOf is an event's id, or *malformed.
func idOf(id *shared.UUID) (uuid.UUID, error) {
	parsed, err := parseUUID(id)
	if err == nil && parsed == uuid.Nil {
		err = &malformed{"Empty eventId provided."}
	}
	return parsed, err
}

// parseUUID is a UUID in either of its forms, or *malformed.
func parseUUID(id *shared.UUID) (uuid.UUID, error) {
	var parsed uuid.UUID
	switch value := id.GetValue().(type) {
	case *shared.UUID_Structured_:
		binary.BigEndian.PutUint64(parsed[:8], uint64(value.Structured.GetMostSignificantBits()))
		binary.BigEndian.PutUint64(parsed[8:], uint64(value.Structured.GetLeastSignificantBits()))
		return parsed, nil
	case *shared.UUID_String_:
		parsed, err := uuid.Parse(value.String_)
		if err != nil {
			return uuid.Nil, &malformed{fmt.Sprintf("'%s' is not a valid UUID", value.String_)}
		}
		return parsed, nil
	}
	return uuid.Nil, &malformed{"Required field UUID not set."}
}

// writable is the name of a stream that a client may write to or delete, or errDenied or *malformed.
func (s *Server) writable(id *shared.StreamIdentifier) (string, error) {
	name := id.GetStreamName()
	switch {
	case len(name) == 0:
		return "", &malformed{"Required field StreamIdentifier not set."}
	case len(name) > nameMost:
		return "", &malformed{fmt.Sprintf("The stream's name is longer than %d bytes.", nameMost)}
	case !utf8.Valid(name):
		return "", &malformed{"The stream's name is not UTF-8."}
	}
	stream := string(name)
	original := originalOf(stream)
	switch {
	case original == "" || isMetastream(original):
		return "", &malformed{fmt.Sprintf("'%s' is not a stream that can be written.", stream)}
	case isVirtual(original) || s.Owned(original):
		return "", errDenied
	}
	return stream, nil
}

// isVirtual says whether nobody writes a stream: what it holds is found in others.
func isVirtual(stream string) bool {
	return stream == "$all" || stream == streamsName ||
		strings.HasPrefix(stream, categoryPrefix) || strings.HasPrefix(stream, typePrefix)
}
