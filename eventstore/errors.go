package eventstore

import (
	"errors"
	"fmt"
)

var (
	// ErrOutcomeUnknown: an append may or may not be in the log.
	ErrOutcomeUnknown = errors.New("outcome of the append is unknown")
	// ErrUnavailable: the store is elsewhere and cannot be reached now. An append that returns it,
	// and not ErrOutcomeUnknown with it, has not written.
	ErrUnavailable = errors.New("store cannot be reached")
	// ErrTooLarge: an append of no events, of more than MaxAppendBytes, or a snapshot part of more
	// than MaxSnapshotPart.
	ErrTooLarge = errors.New("append is empty or too large")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store is closed")
)

// WrongRevision says that a stream does not stand where an append expected it.
type WrongRevision struct {
	Stream   string
	Expected Revision
	Actual   Revision
}

func (e *WrongRevision) Error() string {
	return fmt.Sprintf("stream %s is at revision %d, expected %d", e.Stream, e.Actual, e.Expected)
}

// InUse says that another process owns a store's folder.
type InUse struct{ Folder string }

func (e *InUse) Error() string {
	return fmt.Sprintf("folder %s is in use by another process", e.Folder)
}

// Damaged says that stored bytes cannot be read back as they were written.
type Damaged struct {
	Stream   string // empty where the damage is not in one stream
	Revision Revision
	Reason   string
}

func (e *Damaged) Error() string {
	if e.Stream == "" {
		return "the log is damaged: " + e.Reason
	}
	return fmt.Sprintf("stream %q is damaged at revision %d: %s", e.Stream, e.Revision, e.Reason)
}
