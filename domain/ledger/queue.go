package ledger

import (
	"context"
	"slices"

	"github.com/google/uuid"
)

// The bounds of one round.
const (
	roundCommands = 256
	roundBytes    = 512 << 10
)

// queue are the commands of one account. It exists while there are any; one goroutine runs it.
type queue struct {
	waiting []*waiter     // guarded by Ledger.mu
	arrived chan struct{} // guarded by Ledger.mu: told when somebody joins; nil while nobody listens
	first   [1]*waiter    // where waiting begins: most often nobody joins
}

// tell tells whoever listens that somebody waits.
func (q *queue) tell() {
	select {
	case q.arrived <- struct{}{}:
	default:
	}
}

// waiter is a command that waits for its answer. Its runner sets the verdict, then closes done.
type waiter struct {
	request Request
	read    func(context.Context, *round) error // instead of a command: looks, changes nothing
	verdict
	done chan struct{} // nil where who asks runs the queue
}

// verdict is what a round says to one waiter.
type verdict struct {
	answer Answer
	err    error
	stands bool // true whatever becomes of the round's append
}

// enqueue puts w into its account's queue. Who finds the account idle gets the queue, and must run it;
// who does not gets w.done.
func (l *Ledger) enqueue(w *waiter) (*queue, error) {
	id := w.request.Account
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[id]
	switch {
	case l.stopping:
		return nil, ErrStopping
	case l.waiting >= l.opts.MaxWaiting:
		return nil, ErrBusy
	case q != nil && len(q.waiting) >= l.opts.MaxPerAccount:
		return nil, ErrBusy
	}
	l.waiting++
	if q != nil {
		if w.done == nil {
			w.done = make(chan struct{})
		}
		q.waiting = append(q.waiting, w)
		q.tell()
		return nil, nil
	}
	q = &queue{}
	q.waiting = append(q.first[:0], w)
	l.queues[id] = q
	return q, nil
}

// runHere runs the queue, where it is the caller's to run, until w is answered; what waits then is run
// by a goroutine of its own.
func (l *Ledger) runHere(q *queue, w *waiter) {
	if q == nil {
		return
	}
	id := w.request.Account
	if batch := l.rounds(id, q, l.take(id, q, 0, 0), w); len(batch) > 0 {
		go l.run(id, q, batch)
	}
}

// run runs the queue until nobody waits.
func (l *Ledger) run(id uuid.UUID, q *queue, batch []*waiter) {
	for len(batch) > 0 {
		if l.opts.Shared {
			batch = l.rounds(id, q, batch, nil)
		} else {
			batch = l.overlap(id, q, batch)
		}
	}
}

// rounds decides round after round, beginning with batch, until nobody waits or mine is answered; the
// batch that is next then is for another goroutine.
func (l *Ledger) rounds(id uuid.UUID, q *queue, batch []*waiter, mine *waiter) []*waiter {
	for len(batch) > 0 {
		n := l.round(id, batch)
		done := slices.Contains(batch[:n], mine)
		if batch = l.answered(id, q, batch, n); done {
			break
		}
	}
	return batch
}

// release lets waiters go that have their verdict.
func release(batch []*waiter) {
	for _, w := range batch {
		if w.done != nil {
			close(w.done)
		}
	}
}

// take is the next round's commands; done is how many of the last round's have their answer, ahead how
// many of the next are decided. When nobody waits the queue goes, under the same lock under which the
// next one would join it.
func (l *Ledger) take(id uuid.UUID, q *queue, done, ahead int) []*waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting -= done
	if len(q.waiting)+ahead == 0 {
		delete(l.queues, id)
		l.idle.Broadcast()
		return nil
	}
	n := min(len(q.waiting), roundCommands-ahead)
	batch := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	return batch
}

// putBack lets commands that no longer fitted into a round lead the next one.
func (l *Ledger) putBack(q *queue, batch []*waiter) {
	if len(batch) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	q.waiting = slices.Concat(batch, q.waiting)
}
