package domain

import (
	"fmt"

	"github.com/google/uuid"
)

// ExceptionKind says why people must look at an item of a till's batch.
type ExceptionKind string

// The kinds.
const (
	ExceptionOverdraft ExceptionKind = "overdraft" // the account did not hold as much: the rest is owed
	ExceptionFrozen    ExceptionKind = "frozen"    // the account is frozen for debits: all of it is owed
	ExceptionSkewed    ExceptionKind = "skewed"    // it happened too long ago: it is posted as of now
	ExceptionRefused   ExceptionKind = "refused"   // it happened, and the ledger has nothing of it
)

// Exception is an item of a batch that happened at the till and is not in the books as it happened.
type Exception struct {
	ID          uuid.UUID     `json:"exception_id"`
	BatchID     uuid.UUID     `json:"batch_id"` // that raised it first
	Store       string        `json:"store"`
	Terminal    string        `json:"terminal"`
	Seq         int64         `json:"seq"`
	Kind        ExceptionKind `json:"kind"`
	Operation   Operation     `json:"operation,omitempty"` // what the item asked for
	AccountID   uuid.UUID     `json:"account_id,omitzero"`
	OperationID uuid.UUID     `json:"operation_id,omitzero"` // none where it was refused
	Amount      Money         `json:"amount,omitzero"`       // owed, or of the item
	Code        Code          `json:"code,omitempty"`        // why it was refused
}

// exceptions is the name space of exceptions' ids.
var exceptions = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://tillbook.dev/exceptions"))

// ExceptionID is the id of the exception of a kind about a till's item: a UUIDv5 (RFC 9562). Each
// has a stream of its own under that name, so that batches that overlap, or are sent again in other
// pieces, raise it once.
func ExceptionID(store, terminal string, seq int64, kind ExceptionKind) uuid.UUID {
	return uuid.NewSHA1(exceptions,
		fmt.Appendf(nil, "%s\x1f%s\x1f%d\x1f%s", store, terminal, seq, kind))
}

// RaiseException records an exception, once.
type RaiseException struct{ Exception }

// ResolveException says how people settled one.
type ResolveException struct {
	ID  uuid.UUID `json:"exception_id"`
	How string    `json:"how"` // 1 to 200 bytes
}

// ExceptionRaised records that people must look at an item.
type ExceptionRaised struct{ Exception }

// ExceptionResolved records that they did, and how.
type ExceptionResolved struct {
	ID  uuid.UUID `json:"exception_id"`
	How string    `json:"how"`
}

func (ExceptionRaised) event()   {}
func (ExceptionResolved) event() {}

// BatchStream is the stream of a batch, or of an exception.
func BatchStream(id uuid.UUID) string { return "batch-" + id.String() }

// Stream is batch-<id>.
func (r RaiseException) Stream() string { return BatchStream(r.ID) }

// Stream is batch-<id>.
func (r ResolveException) Stream() string { return BatchStream(r.ID) }

// Operation is raise_exception.
func (RaiseException) Operation() Operation { return "raise_exception" }

// Operation is resolve_exception.
func (ResolveException) Operation() Operation { return "resolve_exception" }

// Decide never refuses. To raise it again is Done.
func (r RaiseException) Decide(before []Posted, _ Moment) ([]Event, error) {
	if len(before) > 0 {
		return nil, &Done{before[0]}
	}
	return []Event{ExceptionRaised(r)}, nil
}

// Decide checks the text, then that there is an exception that nobody has resolved.
func (r ResolveException) Decide(before []Posted, _ Moment) ([]Event, error) {
	if r.How == "" || len(r.How) > 200 || !printable(r.How) {
		return nil, ErrMalformed.Field("how", "want 1 to 200 bytes")
	}
	if _, err := ReadException(before); err != nil {
		return nil, err
	}
	if len(before) > 1 {
		return nil, ErrExceptionNotOpen.By(before[1])
	}
	return []Event{ExceptionResolved(r)}, nil
}

// ReadException is the exception of a stream's events. It is ErrNotFound where there is none.
func ReadException(events []Posted) (Exception, error) {
	if len(events) > 0 {
		if e, ok := events[0].Event.(ExceptionRaised); ok {
			return e.Exception, nil
		}
	}
	return Exception{}, ErrNotFound.Because("there is no such exception")
}

func (e ExceptionRaised) command() any   { return RaiseException(e) }
func (e ExceptionResolved) command() any { return ResolveException(e) }
