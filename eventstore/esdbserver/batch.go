package esdbserver

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The bounds of one BatchAppend call. Who sends more waits, as gRPC's flow control tells him.
const (
	batchPermits    = 1024 // of the writes under way: one each, and one more for every permitBytes
	permitBytes     = 16 << 10
	batchUnfinished = 256 // writes whose last chunk has not come
)

// BatchAppend carries out many writes at once and answers each as soon as it is done, under its
// correlation id. Writes to one stream are done in the order in which their last chunks come.
func (s streamsService) BatchAppend(call streams.Streams_BatchAppendServer) error {
	b := &batch{
		Server: s.Server, call: call, ctx: call.Context(),
		permits:    make(chan struct{}, batchPermits),
		done:       make(chan *write, batchPermits),
		late:       make(chan *batchWrite),
		refused:    make(chan *streams.BatchAppendResp),
		unfinished: map[uuid.UUID]*batchWrite{},
	}
	return b.run()
}

// batch is one BatchAppend call. One goroutine receives, another, the call's own, sends. A client
// that takes no answers is received no more when its permits are used up; no line waits for it.
type batch struct {
	*Server
	call    streams.Streams_BatchAppendServer
	ctx     context.Context               // the call's
	permits chan struct{}                 // taken by the receiver, given back by the sender
	done    chan *write                   // from their lines, which never wait: permits are as many
	late    chan *batchWrite              // from their timers
	refused chan *streams.BatchAppendResp // from the receiver
	running atomic.Int64                  // writes that have their permits

	mu         sync.Mutex
	unfinished map[uuid.UUID]*batchWrite // guarded by mu, as what is in it; only the receiver adds
}

// batchWrite is a write of a batch. It is answered once: when its time is over or when it is done.
type batchWrite struct {
	write
	id          uuid.UUID
	correlation *shared.UUID
	name        *shared.StreamIdentifier
	permits     int
	timer       *time.Timer
	late        atomic.Bool // its time is over
	answered    bool        // owned by the sender
}

// run sends until the client has ended the call and has every answer.
func (b *batch) run() error {
	received := make(chan error, 1)
	b.working.Add(1)
	go func() {
		defer b.working.Done()
		received <- b.guard(b.ctx, "BatchAppend", b.receive)
	}()
	var failure error
	for closing, ended := b.open.Done(), false; !ended || b.running.Load() > 0; {
		var answer *streams.BatchAppendResp
		select {
		case w := <-b.done:
			answer = b.finish(w.batch)
		case w := <-b.late:
			answer = b.expire(w)
		case answer = <-b.refused:
		case failure = <-received:
			ended = true
		case <-closing:
			closing, ended = nil, true
			failure = status.Error(codes.Unavailable, "Server Is Not Ready")
		}
		if answer != nil {
			_ = b.call.Send(answer) // it fails when the client has gone, and then receive ends too
		}
	}
	return failure
}

// receive hands writes to their lines until the client ends the call or the server closes.
func (b *batch) receive() error {
	defer b.abandon()
	for !b.isClosing() {
		req, err := b.call.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		w, refusal := b.take(req)
		if refusal != nil {
			select {
			case b.refused <- refusal:
			case <-b.ctx.Done():
			}
		}
		if w == nil {
			continue
		}
		for range w.permits {
			select {
			case b.permits <- struct{}{}:
			case <-b.ctx.Done():
				b.release(&w.write)
				return b.ctx.Err()
			}
		}
		b.running.Add(1)
		b.submit(&w.write)
	}
	return nil
}

// take adds a request's chunk to its write, and returns that once it is complete. A chunk of a
// write that was answered already is nothing.
func (b *batch) take(req *streams.BatchAppendReq) (*batchWrite, *streams.BatchAppendResp) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id, err := parseUUID(req.GetCorrelationId())
	w := b.unfinished[id]
	if err == nil && w == nil {
		if req.GetOptions() == nil {
			return nil, nil
		}
		w, err = b.begin(id, req)
	}
	for i := 0; err == nil && i < len(req.GetProposedMessages()); i++ {
		err = b.propose(&w.write, req.GetProposedMessages()[i])
	}
	if err != nil {
		if w != nil {
			b.discard(w)
		}
		return nil, b.refuse(req.GetCorrelationId(), req.GetOptions().GetStreamIdentifier(), w, err)
	}
	if !req.GetIsFinal() {
		return nil, nil
	}
	delete(b.unfinished, id)
	w.permits = 1 + w.bytes/permitBytes
	return w, nil
}

// begin opens a write with its first chunk's options. The caller holds mu.
func (b *batch) begin(id uuid.UUID, req *streams.BatchAppendReq) (*batchWrite, error) {
	options := req.GetOptions()
	stream, err := b.writable(options.GetStreamIdentifier())
	if err != nil {
		return nil, err
	}
	if len(b.unfinished) >= batchUnfinished {
		return nil, errTooBusy
	}
	w := &batchWrite{
		id: id, correlation: req.GetCorrelationId(), name: options.GetStreamIdentifier(),
	}
	w.write = write{
		ctx: b.ctx, expired: &w.late, stream: stream, target: stream, done: b.done, batch: w,
	}
	switch expected := options.GetExpectedStreamPosition().(type) {
	case *streams.BatchAppendReq_Options_StreamPosition:
		w.expected, err = revisionOf(expected.StreamPosition)
	case *streams.BatchAppendReq_Options_NoStream:
		w.expected = expectNone
	case *streams.BatchAppendReq_Options_Any:
		w.expected = expectAny
	case *streams.BatchAppendReq_Options_StreamExists:
		w.expected = expectExists
	default:
		err = errNoRevision
	}
	if err != nil {
		return nil, err
	}
	timeout := timeoutOf(options)
	if timeout <= 0 {
		return nil, context.DeadlineExceeded
	}
	w.timer = time.AfterFunc(timeout, func() {
		w.late.Store(true)
		select {
		case b.late <- w:
		case <-b.ctx.Done():
		}
	})
	b.unfinished[id] = w
	return w, nil
}

// timeoutOf is how long the client waits, but writeTimeout at most: clients without patience of
// their own send durations longer, and times later, than protobuf allows.
func timeoutOf(options *streams.BatchAppendReq_Options) time.Duration {
	switch deadline := options.GetDeadlineOption().(type) {
	case *streams.BatchAppendReq_Options_Deadline:
		return min(writeTimeout, deadline.Deadline.AsDuration())
	case *streams.BatchAppendReq_Options_Deadline_21_10_0:
		return min(writeTimeout, time.Until(deadline.Deadline_21_10_0.AsTime()))
	}
	return writeTimeout
}

// discard ends an unfinished write. The caller holds mu.
func (b *batch) discard(w *batchWrite) {
	w.timer.Stop()
	b.release(&w.write)
	delete(b.unfinished, w.id)
}

// abandon discards what will never be finished.
func (b *batch) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.unfinished {
		b.discard(w)
	}
}

// finish answers a write that comes back from its line, unless its time was over before.
func (b *batch) finish(w *batchWrite) *streams.BatchAppendResp {
	for range w.permits {
		<-b.permits
	}
	b.running.Add(-1)
	w.timer.Stop()
	if w.answered {
		return nil
	}
	w.answered = true
	if w.err != nil {
		return b.refuse(w.correlation, w.name, w, w.err)
	}
	return batchAppended(w)
}

// expire answers a write whose time is over. If it is in its line it comes back from there; if it
// is decided there already, it may still be done.
func (b *batch) expire(w *batchWrite) *streams.BatchAppendResp {
	b.mu.Lock()
	if b.unfinished[w.id] == w {
		b.discard(w)
	}
	b.mu.Unlock()
	if w.answered {
		return nil
	}
	w.answered = true
	return b.refuse(w.correlation, w.name, w, context.DeadlineExceeded)
}
