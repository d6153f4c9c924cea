package domain

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"
)

// Hash is a SHA-256; in JSON 64 hexadecimal digits. The zero Hash stands before a stream's first
// event.
type Hash [sha256.Size]byte

// String is h in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText is String.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 hexadecimal digits.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return fmt.Errorf("a hash has %d digits, got %d", 2*len(h), len(text))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// Link hashes one stored event: stream, revision, id, type, data and metadata, each with its length
// before it (64 bits, big endian). It is the next event's prev_hash, so no event of a stream can be
// changed, removed or moved without every later one telling.
func Link(stream string, revision int64, id uuid.UUID, kind string, data, metadata []byte) Hash {
	h := sha256.New()
	var n [8]byte
	part := func(b []byte) {
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	part([]byte(stream))
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], uint64(revision))
	part(number[:])
	part(id[:])
	part([]byte(kind))
	part(data)
	part(metadata)
	return Hash(h.Sum(nil))
}
