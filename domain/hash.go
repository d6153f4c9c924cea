package domain

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"sync"

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
	l := linkers.Get().(*linker)
	defer linkers.Put(l)
	head := append(length(l.text[:0], len(stream)), stream...)
	head = binary.BigEndian.AppendUint64(length(head, 8), uint64(revision))
	head = append(length(head, len(id)), id[:]...)
	head = append(length(head, len(kind)), kind...)
	l.hash.Reset()
	l.hash.Write(length(head, len(data)))
	l.hash.Write(data)
	l.hash.Write(length(l.text[:0], len(metadata)))
	l.hash.Write(metadata)
	return Hash(l.hash.Sum(l.text[:0]))
}

// VerificationCode is what the receipt of a checkout shows: the first 60 bits of the hash of its event, the
// first of an operation's, as Link makes it, in base 32 (RFC 4648), four by four. Who has the log computes
// it again, so a receipt with another code is not of this event.
func VerificationCode(account uuid.UUID, operation []Posted) (string, error) {
	p := operation[0]
	if len(operation) > 1 { // the next event has it already, unless this is a dry run
		next := &operation[1]
		if next.Revision == p.Revision+1 && next.Metadata.PrevHash != (Hash{}) {
			return verificationCode(next.Metadata.PrevHash), nil
		}
	}
	kind, data, metadata, err := Encode(p)
	if err != nil {
		return "", err
	}
	stream := AccountStream(account)
	return verificationCode(Link(stream, p.Revision, p.Metadata.EventID, kind, data, metadata)), nil
}

func verificationCode(h Hash) string {
	text := base32.StdEncoding.EncodeToString(h[:10])
	return text[:4] + "-" + text[4:8] + "-" + text[8:12]
}

// linker is what Link computes with. Every event needs one, so used ones are kept in linkers.
type linker struct {
	hash hash.Hash
	text [256]byte
}

var linkers = sync.Pool{New: func() any { return &linker{hash: sha256.New()} }}

// length appends the length of the part that follows.
func length(to []byte, n int) []byte { return binary.BigEndian.AppendUint64(to, uint64(n)) }
