package esdbserver

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tillbook/tillbook/eventstore"
)

// The content types of events.
const (
	contentJSON   = "application/json"
	contentBinary = "application/octet-stream"
)

// eventAnswer is a ReadResp with an event in it, encoded. Nearly all that a server sends are such
// messages, and built field by field they took a quarter of a subscription's time; this is
// streams.proto's
//
//	ReadResp      { 1 ReadEvent event }
//	ReadEvent     { 1 RecordedEvent event, 2 RecordedEvent link, 3 uint64 commit_position }
//	RecordedEvent { 1 UUID id, 2 StreamIdentifier stream_identifier, 3 uint64 stream_revision,
//	                4 uint64 prepare_position, 5 uint64 commit_position,
//	                6 map<string, string> metadata, 7 bytes custom_metadata, 8 bytes data }
//	UUID          { 1 { 1 int64 most_significant_bits, 2 int64 least_significant_bits }, 2 string }
type eventAnswer struct{ encoded []byte }

// codec encodes protocol buffers as gRPC does, and takes what is encoded already.
type codec struct{ encoding.CodecV2 }

// Marshal is encoding.CodecV2's.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if answer, ok := v.(*eventAnswer); ok {
		return mem.BufferSlice{mem.SliceBuffer(answer.encoded)}, nil
	}
	return c.CodecV2.Marshal(v)
}

// encodeEvent answers an event, found directly or by a link. event is nil where the link leads
// nowhere.
func encodeEvent(event, link *eventstore.Recorded, textIDs bool) *eventAnswer {
	b := make([]byte, 0, roomFor(event)+roomFor(link))
	b, answer := open(b, 1)
	return &eventAnswer{shut(appendEvent(b, event, link, textIDs), answer)}
}

// appendEvent adds the fields of a ReadEvent, of streams.proto or of persistent.proto.
func appendEvent(b []byte, event, link *eventstore.Recorded, textIDs bool) []byte {
	original := event
	if link != nil {
		original = link
	}
	if event != nil {
		b = appendRecorded(b, 1, event, textIDs)
	}
	if link != nil {
		b = appendRecorded(b, 2, link, textIDs)
	}
	b = protowire.AppendTag(b, 3, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(original.Position))
}

// roomFor is at least what an event takes encoded.
func roomFor(e *eventstore.Recorded) int {
	if e == nil {
		return 0
	}
	return len(e.Stream) + len(e.Type) + len(e.Metadata) + len(e.Data) + 256
}

func appendRecorded(b []byte, field protowire.Number, e *eventstore.Recorded,
	textIDs bool) []byte {
	b, recorded := open(b, field)
	b = appendID(b, e.ID, textIDs)
	b, name := open(b, 2)
	b = shut(appendBytes(b, 3, e.Stream), name)
	b = appendNumber(b, 3, uint64(numberOf(e)))
	b = appendNumber(b, 4, uint64(e.Position))
	b = appendNumber(b, 5, uint64(e.Position))
	// Clients end their process over a created that is no number.
	var digits [20]byte
	created := strconv.AppendInt(digits[:0], ticks(e.Created), 10)
	content := contentJSON
	if e.Binary {
		content = contentBinary
	}
	b = appendEntry(b, "type", e.Type)
	b = appendEntry(b, "created", created)
	b = appendEntry(b, "content-type", content)
	b = appendBytes(b, 7, e.Metadata)
	b = appendBytes(b, 8, e.Data)
	return shut(b, recorded)
}

func appendID(b []byte, id uuid.UUID, text bool) []byte {
	b, outer := open(b, 1)
	if text {
		return shut(appendBytes(b, 2, id.String()), outer)
	}
	b, inner := open(b, 1)
	b = appendNumber(b, 1, binary.BigEndian.Uint64(id[:8]))
	b = appendNumber(b, 2, binary.BigEndian.Uint64(id[8:]))
	return shut(shut(b, inner), outer)
}

// appendEntry adds an entry of RecordedEvent's metadata.
func appendEntry[T string | []byte](b []byte, key string, value T) []byte {
	b, entry := open(b, 6)
	b = appendBytes(b, 1, key)
	b = appendBytes(b, 2, value)
	return shut(b, entry)
}

// appendBytes adds a field of text or bytes; empty ones are left out, as protobuf does.
func appendBytes[T string | []byte](b []byte, field protowire.Number, value T) []byte {
	if len(value) == 0 {
		return b
	}
	b = protowire.AppendTag(b, field, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(value)))
	return append(b, value...)
}

// appendNumber adds a field; 0 is left out, as protobuf does.
func appendNumber(b []byte, field protowire.Number, n uint64) []byte {
	if n == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), n)
}

// lengthRoom is the most that the length of a message takes.
const lengthRoom = 5

// open begins a message within a message, whose fields follow; shut ends it.
func open(b []byte, field protowire.Number) (begun []byte, at int) {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return append(b, make([]byte, lengthRoom)...), len(b)
}

// shut puts the length before the message that was opened at, and moves the message up to it.
func shut(b []byte, at int) []byte {
	message := b[at+lengthRoom:]
	return append(protowire.AppendVarint(b[:at], uint64(len(message))), message...)
}

// numberOf is the number under which clients know an event: a tombstone is the last there can be.
func numberOf(e *eventstore.Recorded) int64 {
	if e.Type == tombstoneType {
		return math.MaxInt64
	}
	return int64(e.Revision)
}

// ticks are the steps of 100 ns from the start of 1970 to t.
func ticks(t time.Time) int64 { return t.Unix()*1e7 + int64(t.Nanosecond())/100 }
