package storetest

import (
	"bytes"
	"context"
	"errors"

	"github.com/tillbook/tillbook/eventstore"
)

var snapshotRules = []rule{
	{"is nil where there is none", func(c *testCase) {
		c.part("a", 0, nil)
		c.append(c.stream("a"), eventstore.NoStream, someEvents(1)...)
		c.part("a", 0, nil)
	}},
	{"keeps parts under their numbers", func(c *testCase) {
		c.put("a", map[int][]byte{0: []byte("zero"), 1: []byte("one"), 7000: []byte("far")})
		c.put("ab", map[int][]byte{0: []byte("other")})
		c.part("a", 0, []byte("zero"))
		c.part("a", 1, []byte("one"))
		c.part("a", 7000, []byte("far"))
		c.part("a", 2, nil)
		c.part("ab", 0, []byte("other"))
	}},
	{"replaces a part and leaves the others", func(c *testCase) {
		c.put("a", map[int][]byte{0: []byte("old"), 1: []byte("stays")})
		c.put("a", map[int][]byte{0: []byte("new")})
		c.part("a", 0, []byte("new"))
		c.part("a", 1, []byte("stays"))
	}},
	{"removes a part that is nil", func(c *testCase) {
		c.put("a", map[int][]byte{0: []byte("zero"), 1: []byte("one")})
		c.put("a", map[int][]byte{0: nil})
		c.part("a", 0, nil)
		c.part("a", 1, []byte("one"))
	}},
	{"takes exactly MaxSnapshotPart and no byte more", func(c *testCase) {
		most := bytes.Repeat([]byte("x"), eventstore.MaxSnapshotPart)
		c.put("a", map[int][]byte{0: most})
		c.part("a", 0, most)
		parts := map[int][]byte{0: []byte("small"), 1: append(most, 'x')}
		err := c.store.PutSnapshot(c.ctx, c.stream("a"), parts)
		if !errors.Is(err, eventstore.ErrTooLarge) {
			c.Fatalf("put: got %v, want %v", err, eventstore.ErrTooLarge)
		}
		c.part("a", 0, most)
	}},
	{"is no event", func(c *testCase) {
		c.put("a", map[int][]byte{0: []byte("zero")})
		c.holds(c.stream("a"))
		c.head(eventstore.Start, "")
		c.inLog(c.collect(c.store.ReadAll(c.ctx, eventstore.Start, c.prefix)))
		c.append(c.stream("a"), eventstore.NoStream, someEvents(1)...)
	}},
	{"keeps nothing of the caller's memory", func(c *testCase) {
		given := []byte("given")
		c.put("a", map[int][]byte{0: given})
		clear(given)
		c.part("a", 0, []byte("given"))
	}},
	{"ends with its context", func(c *testCase) {
		ctx, cancel := context.WithCancel(c.ctx)
		cancel()
		if _, err := c.store.Snapshot(ctx, c.stream("a"), 0); !errors.Is(err, context.Canceled) {
			c.Fatalf("snapshot: got %v, want %v", err, context.Canceled)
		}
	}},
}

func (c *testCase) put(stream string, parts map[int][]byte) {
	c.Helper()
	if err := c.store.PutSnapshot(c.ctx, c.stream(stream), parts); err != nil {
		c.Fatalf("put a snapshot of %s: got %v, want no error", stream, err)
	}
}

func (c *testCase) part(stream string, number int, want []byte) {
	c.Helper()
	got, err := c.store.Snapshot(c.ctx, c.stream(stream), number)
	if err != nil || !bytes.Equal(got, want) || (got == nil) != (want == nil) {
		c.Fatalf("part %d of %s: got %.99q, %v, want %.99q", number, stream, got, err, want)
	}
}
