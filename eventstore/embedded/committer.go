package embedded

import (
	"fmt"
	"runtime"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tillbook/tillbook/eventstore"
)

// The bounds of one commit. As many appends again may wait in the queue.
const (
	roundAppends = 1024
	roundBytes   = 4 << 20
)

// roundsAtOnce bounds the rounds under way: while one is synced the next is made and written.
const roundsAtOnce = 2

// committer is the one goroutine that writes events. It takes the appends that wait, checks them,
// and hands them to Pebble together, as a round; then it goes on with the next ones, while the
// answerer waits for the round's sync.
//
// So it decides on what is not yet durable. It may: rounds are synced in their order, answers are
// given in their order, and when one round fails, so does every later one (see round.fail).
type committer struct {
	store  *Store
	heads  heads               // with the rounds under way
	last   eventstore.Position // of the last event of the rounds under way
	look   lookup
	number uint64 // of the round that is being made, from 1
	ahead  int    // appends of the round before it
}

// commitRounds ends when the queue is closed and empty.
func (s *Store) commitRounds() {
	defer close(s.applied)
	c := committer{store: s, last: s.tide.position(), look: lookup{store: s}}
	for first := range s.queue {
		r := <-s.idle
		c.gather(r, first)
		c.commit(r)
		s.applied <- r
	}
}

// answerRounds answers the appends of each round in turn, and ends after the committer.
func (s *Store) answerRounds() {
	defer close(s.answered)
	for r := range s.applied {
		s.finish(r)
		for _, p := range r.appends {
			p.done <- struct{}{} // p is its caller's from here on
		}
		r.clear()
		s.idle <- r
	}
}

// gather takes the appends that wait, up to a round's bounds. The callers of the last round have
// just been answered: it lets them run until no more come, so that they share this round.
//
// While a round is synced only a far larger one may follow it at once. Else callers fall into two
// rounds that take turns, and a disk that takes a millisecond for each does half as much.
func (c *committer) gather(r *round, first *pending) {
	r.add(first)
	for open := true; open && !r.full(); {
		if c.takeWaiting(r); r.full() || c.isNext() || len(r.appends) >= 2*c.ahead {
			return
		}
		select {
		case p, more := <-c.store.queue:
			if open = more; more {
				r.add(p)
			}
		case done := <-c.store.idle:
			c.store.idle <- done
		}
	}
}

// isNext says whether no other round is under way. Rounds become idle at any moment, and only the
// committer makes them busy.
func (c *committer) isNext() bool { return len(c.store.idle) == roundsAtOnce-1 }

// takeWaiting returns when no more appends come, though their callers were let run.
func (c *committer) takeWaiting(r *round) {
	for waited := false; !r.full(); {
		select {
		case p, open := <-c.store.queue:
			if !open {
				return
			}
			r.add(p)
			waited = false
		default:
			if waited {
				return
			}
			waited = true
			runtime.Gosched()
		}
	}
}

// round is the appends of one commit.
type round struct {
	appends []*pending
	index   []place
	batch   *pebble.Batch       // nil where nothing is to be written
	last    eventstore.Position // of the log, with this round
	bytes   int                 // of appends
	events  int                 // in batch
	written int                 // bytes of events
	began   time.Time
	err     error // of the way into Pebble
}

// place is an append's entry in the index.
type place struct {
	id streamID
	run
}

func (r *round) add(p *pending) {
	r.appends, r.bytes = append(r.appends, p), r.bytes+len(p.buffer)
}

func (r *round) full() bool { return len(r.appends) >= roundAppends || r.bytes >= roundBytes }

// clear makes r ready for other appends.
func (r *round) clear() {
	clear(r.appends)
	*r = round{appends: r.appends[:0], index: r.index[:0]}
}

// commit decides on a round's appends and hands what they write to Pebble. Refusals and repeats are
// answered after the sync too: they may rest on events of this round or the one before it.
func (c *committer) commit(r *round) {
	r.began = time.Now()
	c.number++
	stopped := c.store.medium.stopped()
	for _, p := range r.appends {
		if p.err = stopped; stopped == nil {
			p.answer, p.err = c.decide(r, p)
		}
	}
	c.look.close()
	if r.last = c.last; r.events > 0 {
		r.err = c.apply(r)
	}
	c.ahead = len(r.appends)
}

// apply returns when the batch is on its way to the disk and in Pebble's memory.
func (c *committer) apply(r *round) error {
	if err := r.setIndex(); err != nil {
		return err
	}
	if err := c.store.db.ApplyNoSyncWait(r.batch, pebble.Sync); err != nil {
		return err
	}
	return c.store.medium.failure() // which may be that the batch never got into the WAL
}

// finish waits until a round is durable, then makes it visible.
func (s *Store) finish(r *round) {
	if r.err == nil && r.events > 0 {
		r.err = r.batch.SyncWait()
		_ = r.batch.Close() // it only gives memory back
	}
	if r.err != nil {
		s.medium.freeze(r.err)
	}
	if err := s.medium.failure(); err != nil {
		r.fail(err, s.medium.stopped())
		return
	}
	if r.events == 0 {
		return
	}
	// At this point the events are on disk.
	s.tide.rise(r.last)
	if s.onCommit != nil {
		s.onCommit(len(r.appends), r.events, r.written, time.Since(r.began))
	}
}

// fail turns the answers of a round that is not known to be durable, or rests on one that is not.
// What was to be written may be found when the folder is opened again; what was refused is not
// written, but why may no longer be true.
func (r *round) fail(cause, stopped error) {
	for _, p := range r.appends {
		if p.err == nil {
			p.err = fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, cause)
		} else {
			p.err = stopped
		}
		p.answer = eventstore.Appended{}
	}
}
