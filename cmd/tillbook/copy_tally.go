package main

import (
	"crypto/sha256"
	"fmt"
	"hash"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// logTally sums up a log: two are the same when their sums are. The zero value is that of an empty
// log.
type logTally struct {
	events, streams int64
	digest          hash.Hash
}

// add counts the log's next event. The digest is a SHA-256 over, for each event in the order of the
// log, the 32 bytes of its domain.Link and a byte that is 1 where its data are binary, 0 elsewhere.
func (t *logTally) add(e eventstore.Recorded) {
	if t.digest == nil {
		t.digest = sha256.New()
	}
	t.events++
	if e.Revision == 0 {
		t.streams++
	}
	link := linkOf(&e)
	t.digest.Write(link[:])
	t.digest.Write([]byte{binaryByte(e.Binary)})
}

func linkOf(e *eventstore.Recorded) domain.Hash {
	return domain.Link(e.Stream, int64(e.Revision), e.ID, e.Type, e.Data, e.Metadata)
}

func binaryByte(binary bool) byte {
	if binary {
		return 1
	}
	return 0
}

func (t *logTally) sum() domain.Hash {
	if t.digest == nil {
		return sha256.Sum256(nil)
	}
	return domain.Hash(t.digest.Sum(nil))
}

// String is the logTally in words.
func (t *logTally) String() string {
	return fmt.Sprintf("%d events in %d streams, digest %v", t.events, t.streams, t.sum())
}
