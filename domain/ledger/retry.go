package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tillbook/tillbook/eventstore"
)

// retryUnknown is an append, repeated where its outcome is unknown.
func retryUnknown(
	ctx context.Context, try func() (eventstore.Appended, error),
) (eventstore.Appended, error) {
	appended, err := try()
	if !errors.Is(err, eventstore.ErrOutcomeUnknown) {
		return appended, err
	}
	return untilKnown(ctx, try)
}

// untilKnown repeats an append whose outcome is unknown until it is known or ctx ends. Once unknown,
// only success and a wrong revision tell; every other error leaves the outcome as unknown as before.
func untilKnown(
	ctx context.Context, try func() (eventstore.Appended, error),
) (eventstore.Appended, error) {
	again := func() (eventstore.Appended, error) {
		appended, err := try()
		if isConflict(err) {
			return appended, backoff.Permanent(err)
		}
		return appended, err
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 10*time.Millisecond, time.Second
	appended, err := backoff.Retry(ctx, again, backoff.WithBackOff(wait), backoff.WithMaxTries(10))
	if err != nil && !isConflict(err) {
		err = errors.Join(eventstore.ErrOutcomeUnknown, err)
	}
	return appended, err
}

func isConflict(err error) bool {
	_, ok := errors.AsType[*eventstore.WrongRevision](err)
	return ok
}
