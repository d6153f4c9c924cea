package embedded

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errRecord = errors.New("the record's bytes have changed")

// sizes of a record's fixed fields, in bytes
const (
	crcSize     = 4
	idSize      = 16
	createdSize = 8
	headSize    = crcSize + idSize + createdSize
)

// appendRecord adds the record of one event to dst; the package comment draws it. Its metadata may differ
// from the base's.
func appendRecord(dst []byte, stream string, revision eventstore.Revision, created time.Time,
	e *eventstore.Event, b *base) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = append(dst, e.ID[:]...)
	dst = binary.BigEndian.AppendUint64(dst, createdField(created, e.Binary))
	dst = binary.AppendUvarint(dst, uint64(revision))
	dst = append(binary.AppendUvarint(dst, uint64(len(stream))), stream...)
	dst = append(binary.AppendUvarint(dst, uint64(len(e.Type))), e.Type...)
	dst = append(binary.AppendUvarint(dst, uint64(len(e.Data))), e.Data...)
	dst, differs := b.appendMetadata(dst, e.Metadata)
	if differs {
		dst[start+crcSize+idSize] |= differsBit >> 56
	}
	sum(dst[start:])
	return dst
}

// The highest bits of a record's created.
const (
	binaryBit  = 1 << 63 // the event's data is not said to be JSON
	differsBit = 1 << 62 // its metadata is a difference
)

// createdField holds no time before 1970 or after 2116, which only a broken clock tells.
func createdField(created time.Time, binary bool) uint64 {
	field := min(uint64(max(created.UnixNano(), 0)), differsBit-1)
	if binary {
		field |= binaryBit
	}
	return field
}

// sum writes a record's checksum into it.
func sum(record []byte) {
	binary.LittleEndian.PutUint32(record, crc32.Checksum(record[crcSize:], castagnoli))
}

// recordBound is at least the size of an event's record.
func recordBound(stream string, e *eventstore.Event) int {
	return headSize + 5*binary.MaxVarintLen64 +
		len(stream) + len(e.Type) + len(e.Data) + len(e.Metadata)
}

// recordID is the event's id. The record must be one that appendRecord made.
func recordID(record []byte) uuid.UUID {
	return uuid.UUID(record[crcSize : crcSize+idSize])
}

// recordPlace is the event's stream, nil where record is damaged, and its revision there. It checks
// no checksum: it spares the filters of a scan the records that they drop, and names damaged ones.
func recordPlace(record []byte) (stream []byte, revision eventstore.Revision) {
	if len(record) < headSize {
		return nil, 0
	}
	number, rest, _ := cutNumber(record[headSize:])
	stream, _, _ = cutBytes(rest)
	return stream, eventstore.Revision(number)
}

// decodeRecord reads a record back. Data and metadata point into it. Where back is not 0 its metadata is
// the difference from those of the event so many before it. Any change of its bytes is errRecord.
func decodeRecord(record []byte) (e eventstore.Recorded, back uint64, err error) {
	if len(record) < headSize ||
		binary.LittleEndian.Uint32(record) != crc32.Checksum(record[crcSize:], castagnoli) {
		return e, 0, errRecord
	}
	created := binary.BigEndian.Uint64(record[crcSize+idSize:])
	revision, rest, ok1 := cutNumber(record[headSize:])
	stream, rest, ok2 := cutBytes(rest)
	kind, rest, ok3 := cutBytes(rest)
	data, rest, ok4 := cutBytes(rest)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return e, 0, errRecord
	}
	if created&differsBit != 0 {
		if back, rest, ok1 = cutNumber(rest); !ok1 || back == 0 {
			return e, 0, errRecord
		}
	}
	return eventstore.Recorded{
		Event: eventstore.Event{
			ID: recordID(record), Type: string(kind), Data: data, Metadata: slices.Clip(rest),
			Binary: created&binaryBit != 0,
		},
		Stream:   string(stream),
		Revision: eventstore.Revision(revision),
		Created:  time.Unix(0, int64(created&^(binaryBit|differsBit))).UTC(),
	}, back, nil
}

// cutNumber splits a uvarint from the front of b.
func cutNumber(b []byte) (n uint64, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return 0, nil, false
	}
	return n, b[size:], true
}

// cutBytes splits bytes behind their uvarint length from the front of b.
func cutBytes(b []byte) (front, rest []byte, ok bool) {
	n, b, ok := cutNumber(b)
	if !ok || n > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}
