package esdbserver

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// write is one request to change a stream. Its caller owns it until submit and after done, the
// stream's line between; of a caller who gave up nobody does.
type write struct {
	ctx      context.Context // the caller's: what ends before the write is decided undoes it
	expired  *atomic.Bool    // or its deadline passed; nil: it has none of its own
	stream   string          // the one whose state decides
	target   string          // the one that gets events: stream, or its metastream
	expected int64           // the number of the stream's last event, or one of expectAny and its like
	events   []eventstore.Event
	bytes    int         // of events, as Event.Size counts them
	held     int64       // what it takes of the server's waiting
	batch    *batchWrite // what it is part of, nil for a call of its own
	done     chan *write // gets the write when it is answered; always has room for it

	err      error
	repeat   *spot               // its events were in the stream already
	last     int64               // the number of its last event, else of the stream's
	position eventstore.Position // of that event; 0 where it cannot be told
}

// writeTimeout is how long a caller without a deadline waits.
const writeTimeout = 10 * time.Second

// newDeletion is a write that deletes a stream; it may be written again, and goes on counting.
func newDeletion(stream string, expected int64) *write {
	e := newMetadata(fmt.Appendf(nil, `{"%s":%d}`, truncateKey, int64(softDeleted)))
	return &write{
		stream: stream, target: metastreamOf(stream), expected: expected,
		events: []eventstore.Event{e}, bytes: e.Size(),
	}
}

// newTombstone is a write that deletes a stream for ever.
func newTombstone(stream string, expected int64) *write {
	e := eventstore.Event{ID: uuid.New(), Type: tombstoneType, Data: []byte("{}")}
	return &write{
		stream: stream, target: stream, expected: expected,
		events: []eventstore.Event{e}, bytes: e.Size(),
	}
}

func (w *write) isDeletion() bool { return w.target != w.stream }

func (w *write) isTombstone() bool {
	return len(w.events) == 1 && w.events[0].Type == tombstoneType
}

// gone says why nobody waits for the write any more.
func (w *write) gone() error {
	if w.expired != nil && w.expired.Load() {
		return context.DeadlineExceeded
	}
	return w.ctx.Err()
}

// do carries out a write and returns why it was not. Of a write whose caller's ctx ended nobody
// knows whether it was.
func (s *Server) do(ctx context.Context, w *write) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, writeTimeout)
		defer cancel()
	}
	w.ctx, w.done = ctx, make(chan *write, 1)
	s.submit(w)
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// appendTo appends events for this server itself, as a client's append does.
func (s *Server) appendTo(ctx context.Context, stream string, expected int64,
	events ...eventstore.Event) (*write, error) {
	w := &write{stream: stream, target: stream, expected: expected, events: events}
	for i := range events {
		w.bytes += events[i].Size()
	}
	return w, s.do(ctx, w)
}

// line is the writes that wait for one stream or its metastream, first come first served. It lives
// while there are any: one goroutine takes all that wait and does them together.
type line struct {
	waiting []*write // guarded by the shelf's mu
	taken   []*write // the goroutine's, as the round is
	round   round
}

// lines are spare, each with its memory.
var lines = sync.Pool{New: func() any { return new(line) }}

// sparePending bounds the memory that a spare line keeps, in events.
const sparePending = 1024

// submit puts a write into its stream's line and returns at once.
func (s *Server) submit(w *write) {
	stream := originalOf(w.stream)
	h := s.shelf(stream)
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.lines[stream]; l != nil {
		l.waiting = append(l.waiting, w)
		return
	}
	l := lines.Get().(*line)
	l.waiting = append(l.waiting, w)
	l.round.Server, l.round.shelf, l.round.stream = s, h, stream
	h.lines[stream] = l
	s.working.Add(1)
	go s.work(l)
}

// work ends when nobody waits in the line, which is then no more.
func (s *Server) work(l *line) {
	defer s.working.Done()
	for l.take() {
		l.round.do(l.taken)
		clear(l.taken)
	}
	pending := l.round.pending
	clear(pending)
	if cap(pending) > sparePending {
		pending = nil
	}
	*l = line{waiting: l.waiting, taken: l.taken, round: round{pending: pending[:0]}}
	lines.Put(l)
}

// take moves those who wait to taken. Where there are none the line has left its shelf.
func (l *line) take() bool {
	h := l.round.shelf
	h.mu.Lock()
	defer h.mu.Unlock()
	l.waiting, l.taken = l.taken[:0], l.waiting
	if len(l.taken) == 0 {
		delete(h.lines, l.round.stream)
	}
	return len(l.taken) > 0
}

// do answers all writes, also if one of them makes this program panic.
func (r *round) do(writes []*write) {
	defer func() {
		if cause := recover(); cause != nil {
			r.Logger.Error("a write panicked", "stream", r.stream, "panic", cause,
				"stack", string(debug.Stack()))
			r.forget()
			r.answer(writes, errPanicked)
		}
	}()
	for tries := 1; len(writes) > 0; {
		n, err := r.segment(writes)
		if isConflict(err) && tries < conflictsMost {
			tries++
			continue
		}
		// At this point the events of the first n writes are durable, or err says why not.
		done := writes[:n]
		writes, tries = writes[n:], 1
		r.answer(done, err)
	}
}

// answer gives writes back to their callers; what happened to all of them is err, if not nil.
func (s *Server) answer(writes []*write, err error) {
	for _, w := range writes {
		if err != nil {
			w.err = err
		}
		s.release(w)
		w.done <- w
	}
}
