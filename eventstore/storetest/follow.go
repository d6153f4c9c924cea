package storetest

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/tillbook/tillbook/eventstore"
)

var followRules = []rule{
	{"catches up, says so, and goes on live", func(c *testCase) {
		e := someEvents(4)
		c.append(c.stream("a"), eventstore.NoStream, e[:2]...)
		f := c.follow(eventstore.Start)
		c.inLog(f.untilCaughtUp(), e[:2]...)
		c.append(c.stream("b"), eventstore.NoStream, e[2])
		c.inLog(f.atLeast(1), e[2])
		c.append(c.stream("a"), 1, e[3])
		c.inLog(f.atLeast(1), e[3])
	}},
	{"says caught up in an empty log too", func(c *testCase) {
		c.inLog(c.follow(eventstore.Start).untilCaughtUp())
	}},
	{"says caught up each time", func(c *testCase) {
		f := c.follow(eventstore.Start)
		f.untilCaughtUp()
		for range 3 {
			e := someEvents(2)
			c.append(c.stream(e[0].ID.String()), eventstore.NoStream, e...)
			got := f.atLeast(2)
			c.inLog(append(got, f.untilCaughtUp()...), e...)
		}
	}},
	{"begins after a position", func(c *testCase) {
		e := someEvents(5)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		all := c.collect(c.store.Read(c.ctx, c.stream("a"), 0))
		for i, from := range all {
			c.inLog(c.follow(from.Position).untilCaughtUp(), e[i+1:]...)
		}
	}},
	{"yields a long log in order", func(c *testCase) {
		e := someEvents(longStream)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		c.inLog(c.follow(eventstore.Start).untilCaughtUp(), e...)
	}},
	{"keeps the streams that begin with a prefix", func(c *testCase) {
		e := someEvents(4)
		c.append(c.stream("a-1"), eventstore.NoStream, e[0])
		c.append(c.stream("b-1"), eventstore.NoStream, e[1])
		f := c.follow(eventstore.Start, "b-", "c-")
		c.inLog(f.untilCaughtUp(), e[1])
		c.append(c.stream("a-2"), eventstore.NoStream, e[2])
		c.append(c.stream("c-1"), eventstore.NoStream, e[3])
		c.inLog(f.atLeast(1), e[3])
	}},
	{"ends with its context, whose error is the last element", func(c *testCase) {
		ctx, cancel := context.WithCancel(c.ctx)
		defer cancel()
		caughtUp := false
		var last error
		for batch, err := range c.store.Follow(ctx, eventstore.Start, c.prefix) {
			if last != nil {
				c.Fatalf("follow: got an element after %v, want none", last)
			}
			last = err
			if err == nil && len(batch) == 0 && !caughtUp {
				caughtUp = true
				cancel()
			}
		}
		if !errors.Is(last, context.Canceled) {
			c.Fatalf("last element: got %v, want %v", last, context.Canceled)
		}
	}},
	{"may be left early", func(c *testCase) {
		e := someEvents(3)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		for range c.store.Follow(c.ctx, eventstore.Start, c.prefix) {
			break
		}
		c.inLog(c.follow(eventstore.Start).untilCaughtUp(), e...)
	}},
	{"loses and repeats nothing beside appenders", followsAppenders},
}

// followsAppenders lets two followers run beside appenders: both must see every event once, in
// one order.
func followsAppenders(c *testCase) {
	const appenders, rounds = 4, 50
	var wg sync.WaitGroup
	for a := range appenders {
		wg.Go(func() {
			expected := eventstore.NoStream
			for round := range rounds {
				events := someEvents(1 + round%3)
				got, err := c.store.Append(c.ctx, c.stream(string(rune('a'+a))), expected, events)
				if err != nil {
					c.Errorf("append: got %v, want no error", err)
					return
				}
				expected = got.Revision
			}
		})
	}
	want := 0
	for round := range rounds {
		want += appenders * (1 + round%3)
	}
	first, second := c.follow(eventstore.Start), c.follow(eventstore.Start)
	one, two := first.atLeast(want), second.atLeast(want)
	wg.Wait()
	one, two = append(one, first.untilCaughtUp()...), append(two, second.untilCaughtUp()...)
	log := c.collect(c.store.ReadAll(c.ctx, eventstore.Start, c.prefix))
	var events []eventstore.Event
	for _, e := range log {
		events = append(events, e.Event)
	}
	if len(log) != want {
		c.Fatalf("events in the log: got %d, want %d", len(log), want)
	}
	c.inLog(one, events...)
	c.inLog(two, events...)
}

// follower pulls batches from a Follow.
type follower struct {
	*testCase
	next func() ([]eventstore.Recorded, error, bool)
}

// follow begins to follow streams of this case that begin so.
func (c *testCase) follow(after eventstore.Position, prefixes ...string) follower {
	for i := range prefixes {
		prefixes[i] = c.stream(prefixes[i])
	}
	if len(prefixes) == 0 {
		prefixes = []string{c.prefix}
	}
	next, stop := iter.Pull2(c.store.Follow(c.ctx, after, prefixes...))
	c.Cleanup(stop)
	return follower{c, next}
}

// batch is the next one.
func (f follower) batch() []eventstore.Recorded {
	f.Helper()
	batch, err, ok := f.next()
	if err != nil || !ok {
		f.Fatalf("follow: got %v, %v, want a batch", err, ok)
	}
	return batch
}

// atLeast pulls batches until there are n events.
func (f follower) atLeast(n int) []eventstore.Recorded {
	f.Helper()
	var events []eventstore.Recorded
	for len(events) < n {
		events = append(events, f.batch()...)
	}
	return events
}

// untilCaughtUp pulls batches up to the first empty one.
func (f follower) untilCaughtUp() []eventstore.Recorded {
	f.Helper()
	var events []eventstore.Recorded
	for {
		batch := f.batch()
		if len(batch) == 0 {
			return events
		}
		events = append(events, batch...)
	}
}
