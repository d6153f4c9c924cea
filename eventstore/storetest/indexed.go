package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
)

// RunIndexed holds a store to what eventstore.Indexed promises beyond Store. open is Run's.
func RunIndexed(t *testing.T, open func(t *testing.T) eventstore.Indexed) {
	groups := []struct {
		name  string
		rules []indexedRule
	}{
		{"ReadAllBackwards", backwardsRules},
		{"ReadList", listRules},
		{"ListsAtOnce", listsAtOnceRules},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, r := range g.rules {
				t.Run(r.name, func(t *testing.T) {
					store := open(t)
					r.holds(&indexedCase{newCase(t, store), store})
				})
			}
		})
	}
	t.Run("ListsModel", func(t *testing.T) { equalsListsModel(t, open(t)) })
}

// indexedRule is one sentence of the contract.
type indexedRule struct {
	name  string
	holds func(*indexedCase)
}

// indexedCase is a testCase whose store is Indexed.
type indexedCase struct {
	*testCase
	indexed eventstore.Indexed
}

// afterAll is behind every position.
const afterAll = ^eventstore.Position(0)

var backwardsRules = []indexedRule{
	{"yields the latest first", func(c *indexedCase) {
		e := someEvents(6)
		c.append(c.stream("a"), eventstore.NoStream, e[:3]...)
		c.append(c.stream("b"), eventstore.NoStream, e[3])
		c.append(c.stream("a"), 2, e[4:]...)
		c.backwards(afterAll, []string{c.prefix}, e...)
	}},
	{"begins before a position", func(c *indexedCase) {
		e := someEvents(6)
		c.append(c.stream("a"), eventstore.NoStream, e[:3]...)
		c.append(c.stream("b"), eventstore.NoStream, e[3:]...)
		all := c.collect(c.store.ReadAll(c.ctx, eventstore.Start, c.prefix))
		for i, from := range all {
			c.backwards(from.Position, []string{c.prefix}, e[:i]...)
			c.backwards(from.Position+1, []string{c.prefix}, e[:i+1]...)
		}
		c.backwards(eventstore.Start, []string{c.prefix})
		c.backwards(eventstore.Start, nil)
	}},
	{"keeps the streams that begin with a prefix", func(c *indexedCase) {
		e := someEvents(4)
		for i, name := range []string{"account-1", "voucher-1", "account-2", "unit-1"} {
			c.append(c.stream(name), eventstore.NoStream, e[i])
		}
		c.backwards(afterAll, []string{c.stream("account-")}, e[0], e[2])
		c.backwards(afterAll, []string{c.stream("unit-"), c.stream("voucher-")}, e[1], e[3])
		c.backwards(afterAll, []string{c.stream("none-")})
	}},
	{"is ReadAll turned round", func(c *indexedCase) {
		c.append(c.stream("a"), eventstore.NoStream, someEvents(longStream)...)
		c.append(c.stream("b"), eventstore.NoStream, someEvents(2)...)
		want := c.collect(c.store.ReadAll(c.ctx, eventstore.Start))
		got := c.collect(c.indexed.ReadAllBackwards(c.ctx, want[len(want)-1].Position+1))
		slices.Reverse(got)
		c.equal(got, want)
	}},
	{"does not see what comes while it reads", func(c *indexedCase) {
		e := someEvents(3)
		next := c.append(c.stream("a"), eventstore.NoStream, e...).Revision
		var got []eventstore.Recorded
		for r, err := range c.indexed.ReadAllBackwards(c.ctx, afterAll, c.prefix) {
			if err != nil {
				c.Fatalf("read: got %v, want no error", err)
			}
			got = append(got, r)
			next = c.append(c.stream("a"), next, someEvents(1)...).Revision
		}
		slices.Reverse(got)
		c.inLog(got, e...)
	}},
	{"may be left early, and ends with its context", func(c *indexedCase) {
		c.append(c.stream("a"), eventstore.NoStream, someEvents(40)...)
		ctx, cancel := context.WithCancel(c.ctx)
		fails(c.testCase, seq(func(yield func(eventstore.Recorded, error) bool) {
			for e, err := range c.indexed.ReadAllBackwards(ctx, afterAll) {
				cancel()
				if !yield(e, err) {
					return
				}
			}
		}), context.Canceled)
		for range c.indexed.ReadAllBackwards(c.ctx, afterAll) {
			break
		}
	}},
	{"ends with its store", func(c *indexedCase) {
		list := eventstore.List{By: eventstore.Streams}
		c.close()
		fails(c.testCase, c.indexed.ReadAllBackwards(c.ctx, afterAll), eventstore.ErrClosed)
		fails(c.testCase, c.indexed.ReadList(c.ctx, list, 0), eventstore.ErrClosed)
		fails(c.testCase, c.indexed.ReadListBackwards(c.ctx, list, 0), eventstore.ErrClosed)
		if _, err := c.indexed.ListLength(c.ctx, list); !errors.Is(err, eventstore.ErrClosed) {
			c.Errorf("length: got %v, want %v", err, eventstore.ErrClosed)
		}
	}},
}

// seq spells a sequence's type out.
func seq(each func(yield func(eventstore.Recorded, error) bool)) func(
	func(eventstore.Recorded, error) bool) {
	return each
}

// backwards reads the log from its end, which must be want turned round.
func (c *indexedCase) backwards(before eventstore.Position, prefixes []string,
	want ...eventstore.Event) {
	c.Helper()
	got := c.collect(c.indexed.ReadAllBackwards(c.ctx, before, prefixes...))
	slices.Reverse(got)
	c.inLog(got, want...)
}

// equal compares events in full.
func (c *testCase) equal(got, want []eventstore.Recorded) {
	c.Helper()
	if len(got) != len(want) {
		c.Fatalf("events: got %d, want %d", len(got), len(want))
	}
	for i, w := range want {
		c.is(got[i], w.Stream, w.Revision, w.Event)
		if got[i].Position != w.Position || !got[i].Created.Equal(w.Created) {
			c.Fatalf("event %d: got %v, want %v", i, got[i], w)
		}
	}
}
