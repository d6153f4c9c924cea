package domain

import (
	"encoding/binary"

	"github.com/google/uuid"
)

// Seed is the randomness of one append. The shell draws it; ids differ by it between two nodes that
// write at the same revision.
type Seed [10]byte

// newID makes a UUIDv8 (RFC 9562) that carries its event's revision:
//
//	48 bits revision | 4 bits version | 12 random | 2 variant | 54 random | 8 bits part
//
// part is 0 for the event itself and for the operation named after it, 1 to 255 for what the event
// opens (its lots).
func newID(revision int64, s Seed, part byte) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(revision)<<16)
	copy(id[6:15], s[:9])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	id[15] = part
	return id
}

// partOf is the id of the n-th thing, from 1, that the event with that id opened.
func partOf(id uuid.UUID, n int) uuid.UUID {
	id[15] = byte(n)
	return id
}

// RevisionOf is the revision that a UUIDv8 of newID carries. It is false for any other id, which
// names no operation of an account.
func RevisionOf(id uuid.UUID) (int64, bool) {
	if id[6]>>4 != 8 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(id[:8]) >> 16), true
}

// accounts is the name space of member accounts' ids.
var accounts = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://tillbook.dev/accounts"))

// AccountID is the id of the member account with that customer_ref: a UUIDv5 (RFC 9562), so that
// the stream itself keeps the reference unique.
func AccountID(customerRef string) uuid.UUID {
	return uuid.NewSHA1(accounts, []byte(customerRef))
}

// AccountStream is the name of an account's stream.
func AccountStream(id uuid.UUID) string { return "account-" + id.String() }
