package esdb

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// pace is how long the store waits for what.
type pace struct {
	// stall is how long a server may leave appends unanswered; then the stream is given up and they
	// are sent again. EventStoreDB itself gives up an append after 2 s.
	stall time.Duration
	// patience bounds how long a read is tried again without any progress.
	patience time.Duration
	// drain bounds what Close waits for appends.
	drain time.Duration
	// opening bounds what Open waits for a first answer.
	opening time.Duration
	// The pauses between two tries grow from first to last.
	first, last time.Duration
}

var usualPace = pace{
	stall: 5 * time.Second, patience: 5 * time.Second, drain: 10 * time.Second,
	opening: 5 * time.Second, first: 5 * time.Millisecond, last: time.Second,
}

// pauses are the pauses between tries, each longer than the one before it.
type pauses struct{ *backoff.ExponentialBackOff }

func (p pace) pauses() pauses {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = p.first, p.last
	b.Reset()
	return pauses{b}
}

// wait makes one pause, and answers ctx's cause if it ends first.
func (p pauses) wait(ctx context.Context) error {
	timer := time.NewTimer(p.NextBackOff())
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}
