package storetest

import (
	"context"
	"slices"

	"github.com/tillbook/tillbook/eventstore"
)

// longStream is more events than any store reads at once.
const longStream = 1500

var readRules = []rule{
	{"finds nothing in a stream that was never written", func(c *testCase) {
		c.same(c.collect(c.store.Read(c.ctx, c.stream("a"), 0)), "a", 0)
		c.same(c.collect(c.store.Read(c.ctx, c.stream("a"), 7)), "a", 0)
		c.same(c.collect(c.store.ReadBackwards(c.ctx, c.stream("a"), eventstore.End)), "a", 0)
		c.same(c.collect(c.store.ReadBackwards(c.ctx, c.stream("a"), 7)), "a", 0)
	}},
	{"goes forwards from the middle", func(c *testCase) {
		e := someEvents(5)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		c.append(c.stream("ab"), eventstore.NoStream, someEvents(1)...)
		for from := range eventstore.Revision(7) {
			got := c.collect(c.store.Read(c.ctx, c.stream("a"), from))
			c.same(got, c.stream("a"), from, e[min(from, 5):]...)
		}
	}},
	{"goes backwards from the middle and from End", func(c *testCase) {
		e := someEvents(5)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		c.append(c.stream("ab"), eventstore.NoStream, someEvents(1)...)
		for _, from := range []eventstore.Revision{0, 1, 3, 4, 9, eventstore.End} {
			got := c.collect(c.store.ReadBackwards(c.ctx, c.stream("a"), from))
			slices.Reverse(got)
			c.same(got, c.stream("a"), 0, e[:min(from, 4)+1]...)
		}
	}},
	{"goes through a long stream both ways", func(c *testCase) {
		e := someEvents(longStream)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		c.holds(c.stream("a"), e...)
		got := c.collect(c.store.ReadBackwards(c.ctx, c.stream("a"), eventstore.End))
		slices.Reverse(got)
		c.same(got, c.stream("a"), 0, e...)
	}},
	{"may be left early", func(c *testCase) {
		e := someEvents(5)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		for got, err := range c.store.Read(c.ctx, c.stream("a"), 2) {
			if err != nil {
				c.Fatalf("read: got %v, want no error", err)
			}
			c.is(got, c.stream("a"), 2, e[2])
			break
		}
		c.holds(c.stream("a"), e...)
	}},
	{"may be read twice", func(c *testCase) {
		e := someEvents(3)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		read := c.store.Read(c.ctx, c.stream("a"), 0)
		c.same(c.collect(read), c.stream("a"), 0, e...)
		c.same(c.collect(read), c.stream("a"), 0, e...)
	}},
	{"ends with its context", func(c *testCase) {
		c.append(c.stream("a"), eventstore.NoStream, someEvents(3)...)
		ctx, cancel := context.WithCancel(c.ctx)
		cancel()
		fails(c, c.store.Read(ctx, c.stream("a"), 0), context.Canceled)
		fails(c, c.store.ReadBackwards(ctx, c.stream("a"), eventstore.End), context.Canceled)
		fails(c, c.store.ReadAll(ctx, eventstore.Start), context.Canceled)
	}},
}

var readAllRules = []rule{
	{"yields streams in the order of their appends", func(c *testCase) {
		e := someEvents(6)
		c.append(c.stream("a"), eventstore.NoStream, e[:2]...)
		c.append(c.stream("b"), eventstore.NoStream, e[2])
		c.append(c.stream("a"), 1, e[3:5]...)
		c.append(c.stream("b"), 0, e[5])
		c.inLog(c.collect(c.store.ReadAll(c.ctx, eventstore.Start, c.prefix)), e...)
	}},
	{"begins after a position", func(c *testCase) {
		e := someEvents(6)
		c.append(c.stream("a"), eventstore.NoStream, e[:3]...)
		c.append(c.stream("b"), eventstore.NoStream, e[3:]...)
		all := c.collect(c.store.ReadAll(c.ctx, eventstore.Start, c.prefix))
		for i, from := range all {
			c.inLog(c.collect(c.store.ReadAll(c.ctx, from.Position, c.prefix)), e[i+1:]...)
		}
	}},
	{"yields everything when there is no prefix", func(c *testCase) {
		before, err := c.store.Head(c.ctx)
		if err != nil {
			c.Fatalf("head: got %v, want no error", err)
		}
		e := someEvents(4)
		c.append(c.stream("a"), eventstore.NoStream, e[:2]...)
		c.append(c.stream("b"), eventstore.NoStream, e[2:]...)
		all := c.collect(c.store.ReadAll(c.ctx, before))
		mine := slices.DeleteFunc(all, func(r eventstore.Recorded) bool {
			return !begins(r.Stream, []string{c.prefix})
		})
		c.inLog(mine, e...)
	}},
	{"keeps the streams that begin with a prefix", func(c *testCase) {
		e := someEvents(5)
		for i, name := range []string{"account-1", "voucher-1", "account-2", "acc", "unit-1"} {
			c.append(c.stream(name), eventstore.NoStream, e[i])
		}
		read := func(prefixes ...string) []eventstore.Recorded {
			for i := range prefixes {
				prefixes[i] = c.stream(prefixes[i])
			}
			return c.collect(c.store.ReadAll(c.ctx, eventstore.Start, prefixes...))
		}
		c.inLog(read("account-"), e[0], e[2])
		c.inLog(read("acc"), e[0], e[2], e[3])
		c.inLog(read("unit-", "voucher-"), e[1], e[4])
		c.inLog(read("account-", "account-1"), e[0], e[2])
		c.inLog(read("none-"))
	}},
	{"ends at the head as it was", func(c *testCase) {
		e := someEvents(2)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		var got []eventstore.Recorded
		next := eventstore.Revision(1)
		for r, err := range c.store.ReadAll(c.ctx, eventstore.Start, c.prefix) {
			if err != nil {
				c.Fatalf("read: got %v, want no error", err)
			}
			got = append(got, r)
			next = c.append(c.stream("a"), next, someEvents(1)...).Revision
		}
		c.inLog(got, e...)
	}},
	{"agrees with the reads of the streams", func(c *testCase) {
		c.append(c.stream("a"), eventstore.NoStream, someEvents(longStream)...)
		c.append(c.stream("b"), eventstore.NoStream, someEvents(2)...)
		log := c.collect(c.store.ReadAll(c.ctx, eventstore.Start, c.prefix))
		want := append(c.collect(c.store.Read(c.ctx, c.stream("a"), 0)),
			c.collect(c.store.Read(c.ctx, c.stream("b"), 0))...)
		if len(log) != len(want) {
			c.Fatalf("events: got %d, want %d", len(log), len(want))
		}
		for i, got := range log {
			c.is(got, want[i].Stream, want[i].Revision, want[i].Event)
			if got.Position != want[i].Position || !got.Created.Equal(want[i].Created) {
				c.Fatalf("event %d: got %v, want %v", i, got, want[i])
			}
		}
	}},
	{"has a head", func(c *testCase) {
		c.head(eventstore.Start, "a")
		a := c.append(c.stream("a-1"), eventstore.NoStream, someEvents(2)...)
		b := c.append(c.stream("b-1"), eventstore.NoStream, someEvents(1)...)
		c.head(a.Position, "a")
		c.head(b.Position, "b")
		c.head(b.Position, "")
		c.head(b.Position, "a", "b")
		c.head(a.Position, "a", "none")
		c.head(eventstore.Start, "none")
		all, err := c.store.Head(c.ctx)
		if err != nil || all < b.Position {
			c.Fatalf("head of all: got %d, %v, want at least %d", all, err, b.Position)
		}
	}},
}

// head must be want for streams of this case that begin so.
func (c *testCase) head(want eventstore.Position, prefixes ...string) {
	c.Helper()
	for i := range prefixes {
		prefixes[i] = c.stream(prefixes[i])
	}
	if got, err := c.store.Head(c.ctx, prefixes...); err != nil || got != want {
		c.Fatalf("head of %v: got %d, %v, want %d", prefixes, got, err, want)
	}
}

// inLog compares events with want by their ids, and demands positions that only grow.
func (c *testCase) inLog(got []eventstore.Recorded, want ...eventstore.Event) {
	c.Helper()
	if len(got) != len(want) {
		c.Fatalf("events in the log: got %d, want %d", len(got), len(want))
	}
	last := eventstore.Start
	for i, e := range got {
		if e.ID != want[i].ID {
			c.Fatalf("event %d of the log: got %v, want %v", i, e.ID, want[i].ID)
		}
		if e.Position <= last {
			c.Fatalf("event %d of the log: got position %d, want more than %d",
				i, e.Position, last)
		}
		last = e.Position
	}
}
