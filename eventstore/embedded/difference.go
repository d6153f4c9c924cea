package embedded

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// base is the latest event of an append whose record has its metadata whole. Those of the next ones are
// mostly as long and have the same members in the same places.
type base struct {
	metadata []byte // in its record
	events   uint64 // of the append, from it on
}

// appendMetadata adds an event's metadata, whole or, where that is much shorter, as what they have other
// than the base's, and says which. A nil base has no event.
func (b *base) appendMetadata(dst, metadata []byte) (_ []byte, differs bool) {
	if b == nil {
		return append(dst, metadata...), false
	}
	b.events++
	if len(metadata) == len(b.metadata) && len(metadata) > 0 {
		differing := binary.AppendUvarint(dst, b.events-1)
		if differing, ok := appendDifference(differing, b.metadata, metadata); ok {
			return differing, true
		}
	}
	dst = append(dst, metadata...)
	*b = base{metadata: dst[len(dst)-len(metadata):], events: 1}
	return dst, false
}

// sameBytes are fewer than are worth a run of their own.
const sameBytes = 4

// appendDifference adds the runs of bytes in which metadata is other than base, which is as long: of each
// how many bytes before it are the same, its length, both uvarints, and its bytes. It gives up when
// there are too many.
func appendDifference(dst, base, metadata []byte) ([]byte, bool) {
	left := len(metadata) / 2
	for at := 0; ; {
		from := at + same(base[at:], metadata[at:])
		if from == len(metadata) {
			return dst, true
		}
		to := from + 1 // behind the last byte of the run
		for i := to; i < len(metadata) && i-to < sameBytes; i++ {
			if base[i] != metadata[i] {
				to = i + 1
			}
		}
		if left -= to - from + sameBytes; left < 0 {
			return nil, false
		}
		dst = binary.AppendUvarint(dst, uint64(from-at))
		dst = append(binary.AppendUvarint(dst, uint64(to-from)), metadata[from:to]...)
		at = to
	}
}

// same is how many bytes a and b, which is as long, begin with alike.
func same(a, b []byte) int {
	n := 0
	for ; n+8 <= len(a); n += 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
	}
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return n
}

// applyDifference is the metadata that appendDifference was given, in memory of their own.
func applyDifference(base, difference []byte) ([]byte, error) {
	metadata := bytes.Clone(base)
	for left := metadata; len(difference) > 0; {
		same, rest, ok := cutNumber(difference)
		if !ok || same > uint64(len(left)) {
			return nil, errRecord
		}
		run, rest, ok := cutBytes(rest)
		if left = left[same:]; !ok || len(run) > len(left) {
			return nil, errRecord
		}
		left, difference = left[copy(left, run):], rest
	}
	return metadata, nil
}
