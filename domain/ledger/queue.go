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
	waiting []*waiter // guarded by Ledger.mu
}

// waiter is a command that waits for its answer. Its runner sets answer and err, then closes done.
type waiter struct {
	request Request
	read    func(context.Context, *round) error // instead of a command: looks, changes nothing
	answer  Answer
	err     error
	done    chan struct{}
}

// enqueue puts w into its account's queue. Who finds the account idle starts its runner.
func (l *Ledger) enqueue(w *waiter) error {
	id := w.request.Account
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[id]
	switch {
	case l.stopping:
		return ErrStopping
	case l.waiting >= l.opts.MaxWaiting:
		return ErrBusy
	case q != nil && len(q.waiting) >= l.opts.MaxPerAccount:
		return ErrBusy
	}
	l.waiting++
	if q != nil {
		q.waiting = append(q.waiting, w)
		return nil
	}
	q = &queue{waiting: []*waiter{w}}
	l.queues[id] = q
	go l.run(id, q)
	return nil
}

// run decides rounds until nobody waits.
func (l *Ledger) run(id uuid.UUID, q *queue) {
	for batch := l.take(id, q, 0); len(batch) > 0; {
		answered := l.round(id, batch)
		for _, w := range batch[:answered] {
			close(w.done)
		}
		l.putBack(q, batch[answered:])
		batch = l.take(id, q, answered)
	}
}

// take is the next round's commands; done is how many of the last round's have their answer. When
// nobody waits the queue goes, under the same lock under which the next one would join it.
func (l *Ledger) take(id uuid.UUID, q *queue, done int) []*waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting -= done
	if len(q.waiting) == 0 {
		delete(l.queues, id)
		l.idle.Broadcast()
		return nil
	}
	n := min(len(q.waiting), roundCommands)
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
