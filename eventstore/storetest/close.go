package storetest

import (
	"errors"
	"sync"

	"github.com/tillbook/tillbook/eventstore"
)

var closeRules = []rule{
	{"is the answer of every later call", func(c *testCase) {
		c.append(c.stream("a"), eventstore.NoStream, someEvents(1)...)
		c.close()
		_, appended := c.store.Append(c.ctx, c.stream("a"), 0, someEvents(1))
		_, head := c.store.Head(c.ctx)
		put := c.store.PutSnapshot(c.ctx, c.stream("a"), map[int][]byte{0: []byte("x")})
		_, snapshot := c.store.Snapshot(c.ctx, c.stream("a"), 0)
		for _, err := range []error{appended, head, put, snapshot} {
			if !errors.Is(err, eventstore.ErrClosed) {
				c.Errorf("call after close: got %v, want %v", err, eventstore.ErrClosed)
			}
		}
		fails(c, c.store.Read(c.ctx, c.stream("a"), 0), eventstore.ErrClosed)
		fails(c, c.store.ReadBackwards(c.ctx, c.stream("a"), 0), eventstore.ErrClosed)
		fails(c, c.store.ReadAll(c.ctx, eventstore.Start), eventstore.ErrClosed)
		fails(c, c.store.Follow(c.ctx, eventstore.Start), eventstore.ErrClosed)
	}},
	{"ends every follow", func(c *testCase) {
		var wg, caughtUp sync.WaitGroup
		for range 3 {
			caughtUp.Add(1)
			wg.Go(func() { c.followUntilClosed(caughtUp.Done) })
		}
		caughtUp.Wait()
		c.close()
		wg.Wait()
	}},
	{"finishes the appends it has begun", func(c *testCase) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				stream := c.stream(someEvents(1)[0].ID.String())
				expected := eventstore.NoStream
				for {
					got, err := c.store.Append(c.ctx, stream, expected, someEvents(1))
					if errors.Is(err, eventstore.ErrClosed) {
						return
					}
					if err != nil {
						c.Errorf("append beside close: got %v, want none or %v",
							err, eventstore.ErrClosed)
						return
					}
					expected = got.Revision
				}
			})
		}
		c.follow(eventstore.Start).atLeast(20)
		c.close()
		wg.Wait()
	}},
}

func (c *testCase) close() {
	c.Helper()
	if err := c.store.Close(); err != nil {
		c.Fatalf("close: got %v, want no error", err)
	}
}

// followUntilClosed calls caughtUp once and demands ErrClosed in the end.
func (c *testCase) followUntilClosed(caughtUp func()) {
	told := false
	var last error
	for batch, err := range c.store.Follow(c.ctx, eventstore.Start, c.prefix) {
		last = err
		if len(batch) == 0 && !told {
			told = true
			caughtUp()
		}
	}
	if !errors.Is(last, eventstore.ErrClosed) {
		c.Errorf("follow: got %v, want %v", last, eventstore.ErrClosed)
	}
}
