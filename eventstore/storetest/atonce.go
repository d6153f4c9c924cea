package storetest

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/tillbook/tillbook/eventstore"
)

var atOnceRules = []rule{
	{"lets exactly one append win a revision", func(c *testCase) {
		const racers, rounds = 8, 20
		for round := range rounds {
			expected := eventstore.Revision(round) - 1
			var won atomic.Int32
			var wg sync.WaitGroup
			for range racers {
				wg.Go(func() {
					if c.race(c.stream("a"), expected) {
						won.Add(1)
					}
				})
			}
			wg.Wait()
			if got := won.Load(); got != 1 {
				c.Fatalf("winners at %d: got %d, want 1", expected, got)
			}
		}
		c.dense(rounds)
	}},
	{"keeps revisions dense and positions growing", func(c *testCase) {
		const racers, each = 8, 20
		var wg sync.WaitGroup
		for range racers {
			wg.Go(func() {
				expected := eventstore.NoStream
				for won := 0; won < each; {
					_, err := c.store.Append(c.ctx, c.stream("a"), expected, someEvents(1))
					var wrong *eventstore.WrongRevision
					switch {
					case errors.As(err, &wrong):
						expected = wrong.Actual
					case err != nil:
						c.Errorf("append: got %v, want none or WrongRevision", err)
						return
					default:
						won++
						expected++
					}
				}
			})
		}
		wg.Wait()
		c.dense(racers * each)
	}},
	{"answers a repeat beside the first alike", func(c *testCase) {
		for range 20 {
			events := someEvents(2)
			stream := c.stream(events[0].ID.String())
			answers := make([]eventstore.Appended, 4)
			var wg sync.WaitGroup
			for i := range answers {
				wg.Go(func() {
					var err error
					answers[i], err = c.store.Append(c.ctx, stream, eventstore.NoStream, events)
					if err != nil {
						c.Errorf("append: got %v, want no error", err)
					}
				})
			}
			wg.Wait()
			c.holds(stream, events...)
			for _, got := range answers {
				if got != answers[0] {
					c.Fatalf("answer: got %v, want %v", got, answers[0])
				}
			}
		}
	}},
	{"lets a read see every append before it", func(c *testCase) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				e := someEvents(20)
				stream := c.stream(e[0].ID.String())
				for i := range e {
					at, err := c.store.Append(c.ctx, stream, eventstore.Revision(i)-1, e[i:i+1])
					head, headErr := c.store.Head(c.ctx, stream)
					if err != nil || headErr != nil || head != at.Position {
						c.Errorf("head: got %d, %v, %v, want %d", head, err, headErr, at.Position)
						return
					}
				}
			})
		}
		wg.Wait()
	}},
}

// race appends one event and says whether it was written. The losers' refusals name the winner's
// revision or a later one.
func (c *testCase) race(stream string, expected eventstore.Revision) bool {
	_, err := c.store.Append(c.ctx, stream, expected, someEvents(1))
	var wrong *eventstore.WrongRevision
	if err != nil && (!errors.As(err, &wrong) || wrong.Actual <= expected) {
		c.Errorf("append at %d: got %v, want none or WrongRevision", expected, err)
	}
	return err == nil
}

// dense demands n events in stream a, with revisions from 0 and positions that only grow.
func (c *testCase) dense(n int) {
	c.Helper()
	all := c.collect(c.store.Read(c.ctx, c.stream("a"), 0))
	if len(all) != n {
		c.Fatalf("events: got %d, want %d", len(all), n)
	}
	last := eventstore.Start
	for i, e := range all {
		if e.Revision != eventstore.Revision(i) || e.Position <= last {
			c.Fatalf("event %d: got revision %d at %d, want %d after %d",
				i, e.Revision, e.Position, i, last)
		}
		last = e.Position
	}
}
