package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tillbook/tillbook/eventstore"
)

var appendRules = []rule{
	{"opens a stream with NoStream", func(c *testCase) {
		e := someEvents(3)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		c.holds(c.stream("a"), e...)
	}},
	{"goes on at the last revision", func(c *testCase) {
		e := someEvents(6)
		c.append(c.stream("a"), eventstore.NoStream, e[0])
		c.append(c.stream("a"), 0, e[1:4]...)
		c.append(c.stream("a"), 3, e[4:]...)
		c.holds(c.stream("a"), e...)
	}},
	{"answers the position of the last event", func(c *testCase) {
		got := c.append(c.stream("a"), eventstore.NoStream, someEvents(3)...)
		all := c.collect(c.store.Read(c.ctx, c.stream("a"), 2))
		if len(all) != 1 || all[0].Position != got.Position {
			c.Fatalf("events at the answer: got %v, want one at %d", all, got.Position)
		}
	}},
	{"refuses NoStream for a stream that is there", func(c *testCase) {
		e := someEvents(2)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		c.wrong(c.stream("a"), eventstore.NoStream, 1, someEvents(1)...)
		c.holds(c.stream("a"), e...)
	}},
	{"refuses a revision that is past", func(c *testCase) {
		e := someEvents(3)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		c.wrong(c.stream("a"), 1, 2, someEvents(1)...)
		c.holds(c.stream("a"), e...)
	}},
	{"refuses a revision that is yet to come", func(c *testCase) {
		c.append(c.stream("a"), eventstore.NoStream, someEvents(2)...)
		c.wrong(c.stream("a"), 2, 1, someEvents(1)...)
	}},
	{"refuses a revision of a stream that is not there", func(c *testCase) {
		c.wrong(c.stream("a"), 0, eventstore.NoStream, someEvents(1)...)
		c.holds(c.stream("a"))
	}},
	{"keeps streams apart", func(c *testCase) {
		e := someEvents(4)
		c.append(c.stream("a"), eventstore.NoStream, e[:2]...)
		c.append(c.stream("ab"), eventstore.NoStream, e[2])
		c.append(c.stream("b"), eventstore.NoStream, e[3])
		c.holds(c.stream("a"), e[:2]...)
		c.holds(c.stream("ab"), e[2])
		c.holds(c.stream("b"), e[3])
	}},
	{"refuses an append of nothing", func(c *testCase) {
		c.tooLarge()
		c.holds(c.stream("a"))
	}},
	{"takes exactly MaxAppendBytes", func(c *testCase) {
		e := sized(eventstore.MaxAppendBytes)
		c.append(c.stream("a"), eventstore.NoStream, e)
		c.holds(c.stream("a"), e)
	}},
	{"refuses a byte more than MaxAppendBytes", func(c *testCase) {
		c.tooLarge(sized(eventstore.MaxAppendBytes + 1))
		c.tooLarge(sized(eventstore.MaxAppendBytes-50), sized(51))
		c.holds(c.stream("a"))
	}},
	{"keeps nothing of the caller's memory", func(c *testCase) {
		given, want := someEvents(1), someEvents(1)
		want[0].ID, want[0].Type = given[0].ID, given[0].Type
		want[0].Data = append([]byte(nil), given[0].Data...)
		want[0].Metadata = append([]byte(nil), given[0].Metadata...)
		c.append(c.stream("a"), eventstore.NoStream, given...)
		clear(given[0].Data)
		clear(given[0].Metadata)
		c.holds(c.stream("a"), want...)
	}},
	{"keeps metadata that events have nearly in common", func(c *testCase) {
		e := someEvents(12)
		for i := range e {
			e[i].Metadata = fmt.Appendf(nil, `{"id":%q,"store":%q,"n":%d}`, e[i].ID,
				strings.Repeat("same", 50), i)
		}
		c.append(c.stream("a"), eventstore.NoStream, e[:5]...)
		c.append(c.stream("b"), eventstore.NoStream, someEvents(1)...)
		c.append(c.stream("a"), 4, e[5:]...)
		for i := range e {
			from := eventstore.Revision(i)
			up := c.collect(c.store.Read(c.ctx, c.stream("a"), from))
			c.same(up, c.stream("a"), from, e[i:]...)
			all := c.collect(c.store.ReadAll(c.ctx, up[0].Position, c.stream("a")))
			c.same(all, c.stream("a"), from+1, e[i+1:]...)
			down := c.collect(c.store.ReadBackwards(c.ctx, c.stream("a"), from))
			slices.Reverse(down)
			c.same(down, c.stream("a"), 0, e[:i+1]...)
		}
	}},
	{"keeps empty bytes and long names", func(c *testCase) {
		e := someEvents(2)
		e[0].Metadata = nil
		e[1].Type = strings.Repeat("T", 200)
		name := c.stream(strings.Repeat("long", 40) + "-é:/ ")
		c.append(name, eventstore.NoStream, e...)
		c.holds(name, e...)
	}},
	{"keeps bytes that are not JSON, and which were said to be", func(c *testCase) {
		e := someEvents(4)
		e[0].Binary, e[2].Binary = true, true
		e[0].Data, e[1].Metadata = []byte{0, 0xff, '"', '{'}, []byte{0xfe, '\n', 0}
		c.append(c.stream("a"), eventstore.NoStream, e...)
		c.holds(c.stream("a"), e...)
		for i, got := range c.collect(c.store.ReadAll(c.ctx, eventstore.Start, c.prefix)) {
			c.is(got, c.stream("a"), eventstore.Revision(i), e[i])
		}
	}},
	{"ends with its context", func(c *testCase) {
		ctx, cancel := context.WithCancel(c.ctx)
		cancel()
		_, err := c.store.Append(ctx, c.stream("a"), eventstore.NoStream, someEvents(1))
		if !errors.Is(err, context.Canceled) {
			c.Fatalf("append: got %v, want %v", err, context.Canceled)
		}
	}},
}

// tooLarge must be refused for its size.
func (c *testCase) tooLarge(events ...eventstore.Event) {
	c.Helper()
	_, err := c.store.Append(c.ctx, c.stream("a"), eventstore.NoStream, events)
	if !errors.Is(err, eventstore.ErrTooLarge) {
		c.Fatalf("append: got %v, want %v", err, eventstore.ErrTooLarge)
	}
}

var repeatRules = []rule{
	{"writes once and answers as the first time", func(c *testCase) {
		e := someEvents(3)
		first := c.append(c.stream("a"), eventstore.NoStream, e...)
		if again := c.append(c.stream("a"), eventstore.NoStream, e...); again != first {
			c.Fatalf("repeat: got %v, want %v", again, first)
		}
		c.holds(c.stream("a"), e...)
	}},
	{"finds a batch that the stream has left behind", func(c *testCase) {
		e := someEvents(9)
		c.append(c.stream("a"), eventstore.NoStream, e[:2]...)
		first := c.append(c.stream("a"), 1, e[2:5]...)
		c.append(c.stream("a"), 4, e[5:]...)
		if again := c.append(c.stream("a"), 1, e[2:5]...); again != first {
			c.Fatalf("repeat: got %v, want %v", again, first)
		}
		c.holds(c.stream("a"), e...)
	}},
	{"finds the first events of a longer batch", func(c *testCase) {
		e := someEvents(3)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		c.append(c.stream("a"), eventstore.NoStream, e[:2]...)
		c.holds(c.stream("a"), e...)
	}},
	{"refuses a batch that only begins alike", func(c *testCase) {
		e := someEvents(4)
		c.append(c.stream("a"), eventstore.NoStream, e[:3]...)
		c.wrong(c.stream("a"), eventstore.NoStream, 2, e[0], e[3])
		c.holds(c.stream("a"), e[:3]...)
	}},
	{"refuses a batch in another order", func(c *testCase) {
		e := someEvents(2)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		c.wrong(c.stream("a"), eventstore.NoStream, 1, e[1], e[0])
	}},
	{"refuses a batch at another revision", func(c *testCase) {
		e := someEvents(3)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		c.wrong(c.stream("a"), 0, 2, e[0])
	}},
	{"refuses a batch that runs past the end", func(c *testCase) {
		e := someEvents(4)
		c.append(c.stream("a"), eventstore.NoStream, e[:3]...)
		c.wrong(c.stream("a"), 0, 2, e[1:]...)
		c.holds(c.stream("a"), e[:3]...)
	}},
	{"refuses the ids of another stream", func(c *testCase) {
		e := someEvents(2)
		c.append(c.stream("a"), eventstore.NoStream, e[0])
		c.append(c.stream("b"), eventstore.NoStream, e[1])
		c.wrong(c.stream("a"), eventstore.NoStream, 0, e[1])
	}},
	{"is none at the head: the same ids are written again", func(c *testCase) {
		e := someEvents(2)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		c.append(c.stream("a"), 1, e...)
		c.append(c.stream("b"), eventstore.NoStream, e...)
		c.holds(c.stream("a"), e[0], e[1], e[0], e[1])
		c.holds(c.stream("b"), e...)
	}},
}
