package ledger

import (
	"context"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// OpenShift opens the next shift of a terminal, or answers a repeat of the key. known is the number
// of a shift of the terminal before which none was opened under the key, 0 for none: a hint that
// saves reading the shifts before it.
//
// The shifts are read from there on until there is no next one. It can be opened once the last is
// closed, and of two who open it at once one wins, on its stream.
func (l *Ledger) OpenShift(
	ctx context.Context, q Registering, o domain.OpenShift, known int,
) (Answer, error) {
	for o.Number = max(known, 1); ; o.Number++ {
		before, _, err := l.past(ctx, o.Stream())
		if err != nil {
			return Answer{}, err
		}
		q.Registration = o
		if len(before) == 0 || used(before, q.Key) {
			return l.Register(ctx, q)
		}
		last, err := domain.ReadShift(posted(before))
		if err != nil {
			return Answer{}, err
		}
		if last.Closed == nil {
			return l.Register(ctx, q) // which refuses it
		}
		o.After = last.Through()
	}
}

// used reports that one of the events was posted under a key.
func used(before []located, key string) bool {
	for _, e := range before {
		if key != "" && e.Metadata.IdempotencyKey == key {
			return true
		}
	}
	return false
}

// Shift is a shift as its stream tells of it. It is domain.ErrNotFound where there is none.
func (l *Ledger) Shift(ctx context.Context, id uuid.UUID) (domain.Shift, error) {
	before, _, err := l.past(ctx, domain.ShiftStream(id))
	if err != nil {
		return domain.Shift{}, err
	}
	return domain.ReadShift(posted(before))
}

// Exception is an exception as it was raised. It is domain.ErrNotFound where there is none.
func (l *Ledger) Exception(ctx context.Context, id uuid.UUID) (domain.Exception, error) {
	before, _, err := l.past(ctx, domain.BatchStream(id))
	if err != nil {
		return domain.Exception{}, err
	}
	return domain.ReadException(posted(before))
}
