package groups

import "errors"

var (
	// ErrNotFound: there is no such group.
	ErrNotFound = errors.New("group does not exist")
	// ErrExists: a group of that name is there already.
	ErrExists = errors.New("group exists")
	// ErrFull: the group has as many subscribers as its settings allow.
	ErrFull = errors.New("group has its maximum of subscribers")
	// ErrDropped: the group was updated, deleted or restarted, or its source cannot be read; who
	// wants its events subscribes again.
	ErrDropped = errors.New("subscription was dropped")
	// ErrNotReady: groups are not started, or have stopped.
	ErrNotReady = errors.New("groups are not running")
)

// Refused says why settings or a request make no sense.
type Refused struct{ Reason string }

func (e *Refused) Error() string { return e.Reason }
