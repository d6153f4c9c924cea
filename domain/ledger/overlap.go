package ledger

import "github.com/google/uuid"

// overlap runs an account's queue, from batch on. While one round is appended it decides the next, of
// what arrives meanwhile, on the state that the first will leave: so a busy account waits for the disk
// alone. The next is appended only once the first is durable, and nobody in it is answered before. It
// returns, with what waits then, when nobody does or a round failed; after one that failed the next is
// decided anew.
//
// It is not for a log that is shared: there a refusal needs to know that the state was current.
func (l *Ledger) overlap(id uuid.UUID, q *queue, batch []*waiter) []*waiter {
	ctx := l.deadline()
	s, _, err := l.current(ctx, id)
	if err != nil {
		return l.answered(id, q, batch, fail(batch, err))
	}
	r := l.newRound(ctx, s, false)
	for len(batch)+len(r.decided) > 0 {
		r.join(q, batch)
		next, err := r.appendOver(q)
		if err != nil {
			l.putBack(q, next.decided)
			return l.answered(id, q, r.decided, r.settle(id, err))
		}
		r.answer(r.decided, nil)
		release(r.decided)
		batch = l.take(id, q, len(r.decided), len(next.decided))
		r = next
	}
	return nil
}

// settle answers a round that could not be appended, and says how many it answered.
func (r *round) settle(id uuid.UUID, failure error) int {
	if isConflict(failure) { // an append whose outcome was unknown has come to be
		return r.round(id, r.decided)
	}
	r.answer(r.decided, failure)
	return len(r.decided)
}

// answered releases the first n of a batch; the others lead what waits next, which it returns.
func (l *Ledger) answered(id uuid.UUID, q *queue, batch []*waiter, n int) []*waiter {
	release(batch[:n])
	l.putBack(q, batch[n:])
	return l.take(id, q, n, 0)
}

// join decides a batch's commands as part of the round. What no longer fits leads the next one.
func (r *round) join(q *queue, batch []*waiter) {
	decided := r.decide(r.ctx, batch)
	r.decided = append(r.decided, decided...)
	r.putBack(q, batch[len(decided):])
}

// appendOver appends the round, and meanwhile decides on the next.
func (r *round) appendOver(q *queue) (next *round, err error) {
	if len(r.events) == 0 {
		return r.newRound(r.deadline(), r.base, false), nil
	}
	done := make(chan error, 1)
	go func() { done <- r.write(r.deadline()) }()
	left := r.left()
	next = r.newRound(r.deadline(), left, false)
	next.before = r
	for arrived := r.listen(q); ; {
		select {
		case <-arrived:
			batch, more := r.arrivals(q, next)
			if next.join(q, batch); !more || next.isFull() {
				arrived = nil
			}
		case err = <-done:
			if err == nil {
				r.land(left)
			}
			next.before, next.place = nil, r.place
			return next, err
		}
	}
}

// isFull says whether the round takes no further commands.
func (r *round) isFull() bool { return len(r.decided) >= roundCommands || r.bytes >= roundBytes }

// listen is a channel that is told when somebody joins the queue, or has while nobody listened.
func (l *Ledger) listen(q *queue) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if q.arrived == nil {
		q.arrived = make(chan struct{}, 1)
	}
	if len(q.waiting) > 0 {
		q.tell()
	}
	return q.arrived
}

// arrivals takes the commands that wait, up to the first read, which sees durable states only, and
// says whether later ones may be taken, too.
func (l *Ledger) arrivals(q *queue, next *round) (batch []*waiter, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, most := 0, min(len(q.waiting), roundCommands-len(next.decided))
	for n < most && q.waiting[n].read == nil {
		n++
	}
	batch = q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	return batch, len(q.waiting) == 0
}
