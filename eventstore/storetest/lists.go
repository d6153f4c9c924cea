package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// word is a fresh name without a dash, for categories and types.
func word() string { return "w" + strings.ReplaceAll(uuid.NewString(), "-", "") }

func byCategory(name string) eventstore.List {
	return eventstore.List{By: eventstore.ByCategory, Name: name}
}

func byType(name string) eventstore.List {
	return eventstore.List{By: eventstore.ByType, Name: name}
}

// typed are n new events of one type.
func typed(kind string, n int) []eventstore.Event {
	events := someEvents(n)
	for i := range events {
		events[i].Type = kind
	}
	return events
}

var listRules = []indexedRule{
	{"of a category has the events of its streams in log order", func(c *indexedCase) {
		e, category := someEvents(7), word()
		c.append(category+"-1", eventstore.NoStream, e[:2]...)
		c.append(category+"-2-3", eventstore.NoStream, e[2])
		c.append(category+"-1", 1, e[3:5]...)
		c.append(category+"-", eventstore.NoStream, e[5])
		for _, other := range []string{category, category + "x-1", "$" + category + "-1",
			"$$" + category + "-1", "-" + category} {
			c.append(other, eventstore.NoStream, someEvents(1)...)
		}
		c.append(category+"-2-3", 0, e[6])
		c.list(byCategory(category), e...)
	}},
	{"of a type has its events in log order", func(c *indexedCase) {
		kind := word()
		e := typed(kind, 5)
		c.append(c.stream("a"), eventstore.NoStream, e[0], someEvents(1)[0], e[1])
		c.append("$$"+c.stream("a"), eventstore.NoStream, e[2])
		for _, system := range []string{"$" + c.stream("a"), "$$$" + c.stream("a")} {
			c.append(system, eventstore.NoStream, typed(kind, 1)...)
		}
		c.append(c.stream("b"), eventstore.NoStream, e[3:]...)
		c.append(c.stream("b"), 1, typed(kind+"x", 1)...)
		c.list(byType(kind), e...)
	}},
	{"of streams has the first event of each", func(c *indexedCase) {
		e := someEvents(6)
		c.append(c.stream("a"), eventstore.NoStream, e[:2]...)
		c.append("$"+c.stream("a"), eventstore.NoStream, e[2])
		c.append("$$"+c.stream("a"), eventstore.NoStream, e[3])
		c.append(c.stream("b"), eventstore.NoStream, e[4:]...)
		var got []eventstore.Recorded
		for _, r := range c.collect(c.indexed.ReadList(c.ctx,
			eventstore.List{By: eventstore.Streams}, 0)) {
			if strings.Contains(r.Stream, c.prefix) {
				got = append(got, r)
			}
		}
		c.inLog(got, e[0], e[4])
	}},
	{"that nothing belongs to is empty", func(c *indexedCase) {
		c.append(c.stream("a"), eventstore.NoStream, someEvents(1)...)
		c.list(byType(word()))
		c.list(byCategory(word()))
		c.list(byCategory(""))
		c.list(eventstore.List{By: eventstore.Streams, Name: word()})
		c.list(eventstore.List{By: '?', Name: "Tested0"})
	}},
	{"begins at a number, both ways", func(c *indexedCase) {
		kind := word()
		e := typed(kind, 5)
		c.append(c.stream("a"), eventstore.NoStream, e...)
		for from := int64(-1); from < 8; from++ {
			up := c.collect(c.indexed.ReadList(c.ctx, byType(kind), from))
			c.inLog(up, e[min(max(from, 0), 5):]...)
			down := c.collect(c.indexed.ReadListBackwards(c.ctx, byType(kind), from))
			slices.Reverse(down)
			c.inLog(down, e[:min(from, 4)+1]...)
		}
		last := c.collect(c.indexed.ReadListBackwards(c.ctx, byType(kind), 1<<63-1))
		slices.Reverse(last)
		c.inLog(last, e...)
		c.inLog(c.collect(c.indexed.ReadList(c.ctx, byType(kind), 1<<63-1)))
	}},
	{"yields events as they were recorded", func(c *indexedCase) {
		category := word()
		c.append(category+"-1", eventstore.NoStream, someEvents(longStream)...)
		want := c.collect(c.store.Read(c.ctx, category+"-1", 0))
		c.equal(c.collect(c.indexed.ReadList(c.ctx, byCategory(category), 0)), want)
		got := c.collect(c.indexed.ReadListBackwards(c.ctx, byCategory(category), longStream))
		slices.Reverse(got)
		c.equal(got, want)
	}},
	{"keeps every number while it grows", func(c *indexedCase) {
		kind := word()
		var e []eventstore.Event
		for i := range 30 {
			e = append(e, typed(kind, 1)...)
			c.append(c.stream("a"), eventstore.Revision(i)-1, e[i])
			if i%3 == 0 {
				c.append(c.stream(word()), eventstore.NoStream, someEvents(1)...)
				c.list(byType(kind), e...)
			}
		}
		c.list(byType(kind), e...)
	}},
	{"ends at the head as it was", func(c *indexedCase) {
		kind := word()
		e := typed(kind, 3)
		next := c.append(c.stream("a"), eventstore.NoStream, e...).Revision
		var got []eventstore.Recorded
		for r, err := range c.indexed.ReadList(c.ctx, byType(kind), 0) {
			if err != nil {
				c.Fatalf("read: got %v, want no error", err)
			}
			got = append(got, r)
			next = c.append(c.stream("a"), next, typed(kind, 1)...).Revision
			c.length(byType(kind), int64(next)+1)
		}
		c.inLog(got, e...)
	}},
	{"may be read twice and left early", func(c *indexedCase) {
		kind := word()
		e := typed(kind, 3)
		c.append(c.stream("a"), eventstore.NoStream, e[:2]...)
		read := c.indexed.ReadList(c.ctx, byType(kind), 0)
		back := c.indexed.ReadListBackwards(c.ctx, byType(kind), 9)
		for range read {
			break
		}
		c.inLog(c.collect(read), e[:2]...)
		c.collect(back)
		c.append(c.stream("a"), 1, e[2])
		c.inLog(c.collect(read), e...)
		if got := c.collect(back); len(got) != 3 || got[0].ID != e[2].ID {
			c.Fatalf("read backwards again: got %d events, want 3 from the new end", len(got))
		}
	}},
	{"ends with its context", func(c *indexedCase) {
		c.append(c.stream("a"), eventstore.NoStream, typed("T", 3)...)
		ctx, cancel := context.WithCancel(c.ctx)
		cancel()
		fails(c.testCase, c.indexed.ReadList(ctx, byType("T"), 0), context.Canceled)
		fails(c.testCase, c.indexed.ReadListBackwards(ctx, byType("T"), 0), context.Canceled)
		if _, err := c.indexed.ListLength(ctx, byType("T")); !errors.Is(err, context.Canceled) {
			c.Fatalf("length: got %v, want %v", err, context.Canceled)
		}
	}},
}

var listsAtOnceRules = []indexedRule{
	{"sees what was appended before it was asked", func(c *indexedCase) {
		category := word()
		var wg sync.WaitGroup
		for range 6 {
			kind, stream := word(), category+"-"+word()
			wg.Go(func() {
				for n := range int64(25) {
					_, err := c.store.Append(c.ctx, stream, eventstore.Revision(n)-1, typed(kind, 1))
					got, lengthErr := c.indexed.ListLength(c.ctx, byType(kind))
					if err != nil || lengthErr != nil || got != n+1 {
						c.Errorf("length: got %d, %v, %v, want %d", got, err, lengthErr, n+1)
						return
					}
				}
			})
		}
		wg.Wait()
		c.length(byCategory(category), 6*25)
		var want []eventstore.Recorded
		for e, err := range c.store.ReadAll(c.ctx, eventstore.Start, category+"-") {
			if err != nil {
				c.Fatalf("read: got %v, want no error", err)
			}
			want = append(want, e)
		}
		c.equal(c.collect(c.indexed.ReadList(c.ctx, byCategory(category), 0)), want)
	}},
}

// list must hold want and nothing else, both ways.
func (c *indexedCase) list(list eventstore.List, want ...eventstore.Event) {
	c.Helper()
	c.length(list, int64(len(want)))
	c.inLog(c.collect(c.indexed.ReadList(c.ctx, list, 0)), want...)
	got := c.collect(c.indexed.ReadListBackwards(c.ctx, list, 1<<62))
	slices.Reverse(got)
	c.inLog(got, want...)
}

func (c *indexedCase) length(list eventstore.List, want int64) {
	c.Helper()
	if got, err := c.indexed.ListLength(c.ctx, list); err != nil || got != want {
		c.Fatalf("length of %v: got %d, %v, want %d", list, got, err, want)
	}
}
