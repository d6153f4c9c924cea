package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tillbook/tillbook/eventstore"
)

// retryUnknown repeats an append whose outcome is unknown until it is known or ctx ends. Once unknown,
// only success and a wrong revision tell; every other error leaves the outcome as unknown as before.
func retryUnknown(
	ctx context.Context, try func() (eventstore.Appended, error),
) (eventstore.Appended, error) {
	unknown := false
	attempt := func() (eventstore.Appended, error) {
		appended, err := try()
		var conflict *eventstore.WrongRevision
		switch {
		case err == nil:
			return appended, nil
		case errors.As(err, &conflict):
			return appended, backoff.Permanent(err)
		case errors.Is(err, eventstore.ErrOutcomeUnknown):
			unknown = true
			return appended, err
		case unknown:
			return appended, errors.Join(eventstore.ErrOutcomeUnknown, err)
		}
		return appended, backoff.Permanent(err)
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 10*time.Millisecond, time.Second
	appended, err := backoff.Retry(ctx, attempt, backoff.WithBackOff(wait))
	var permanent *backoff.PermanentError
	if errors.As(err, &permanent) {
		err = permanent.Unwrap()
	}
	if err != nil && unknown && !isConflict(err) {
		err = errors.Join(eventstore.ErrOutcomeUnknown, err)
	}
	return appended, err
}

func isConflict(err error) bool {
	var conflict *eventstore.WrongRevision
	return errors.As(err, &conflict)
}
