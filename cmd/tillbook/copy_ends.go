package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
)

type iterEvents = iter.Seq2[eventstore.Recorded, error]

func openSource(ctx context.Context, in io.Reader, at location) (copySource, error) {
	if at.isFile() {
		return openEventFile(ctx, in, at)
	}
	return openStoreEnd(ctx, at, false)
}

func openTarget(ctx context.Context, out io.Writer, at location) (copyTarget, error) {
	if at.isFile() {
		return createEventFile(out, at)
	}
	return openStoreEnd(ctx, at, true)
}

// storeEnd is a store as one end of a copy.
type storeEnd struct {
	store    eventstore.Store
	prefixes []string
	loader   *embedded.Loader // nil where the store has none
	closing  func() error
}

func openStoreEnd(ctx context.Context, at location, toWrite bool) (*storeEnd, error) {
	store, closing, err := at.open(ctx, toWrite)
	if err != nil {
		return nil, err
	}
	s := &storeEnd{store: store, prefixes: at.prefixes(), closing: closing}
	if folder, ok := store.(*embedded.Store); ok {
		s.loader = folder.Load()
	}
	return s, nil
}

func (s *storeEnd) events(ctx context.Context) iterEvents {
	return s.store.ReadAll(ctx, eventstore.Start, s.prefixes...)
}

func (s *storeEnd) end(ctx context.Context) (eventstore.Position, error) {
	return s.store.Head(ctx, s.prefixes...)
}

func (s *storeEnd) Close() error { return s.closing() }

// add keeps the order of the log. A Loader does so with many appends under way. Of other stores one
// append is: two of different streams may overtake each other.
func (s *storeEnd) add(ctx context.Context, events []eventstore.Recorded) error {
	if s.loader != nil {
		return s.loader.Add(ctx, events)
	}
	plain := make([]eventstore.Event, len(events))
	for i, e := range events {
		plain[i] = e.Event
	}
	first := events[0]
	try := func() (eventstore.Appended, error) {
		appended, err := s.store.Append(ctx, first.Stream, first.Revision-1, plain)
		if err != nil && !errors.Is(err, eventstore.ErrOutcomeUnknown) {
			err = backoff.Permanent(err)
		}
		return appended, err
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 10*time.Millisecond, time.Second
	_, err := backoff.Retry(ctx, try, backoff.WithBackOff(wait), backoff.WithMaxTries(10))
	return err
}

func (s *storeEnd) flush(ctx context.Context) error {
	if s.loader == nil {
		return nil
	}
	return s.loader.Flush(ctx)
}
