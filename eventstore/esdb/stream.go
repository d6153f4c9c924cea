package esdb

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// stream is one BatchAppend call. Its lane sends, its own goroutine receives until the call ends; then
// every flight aboard has landed.
type stream struct {
	ctx    context.Context // of the call
	cancel context.CancelCauseFunc
	calls  streams.Streams_BatchAppendClient
	stall  time.Duration
	watch  *time.Timer
	window chan struct{} // holds a word for every flight aboard
	high   int64         // of every correlation id here; the low half is a number

	mu     sync.Mutex
	aboard map[int64]*flight
	number int64
	ended  bool
	heard  time.Time // when the server last answered, or was first given something to answer
}

func newStream(ctx context.Context, cancel context.CancelCauseFunc,
	calls streams.Streams_BatchAppendClient, stall time.Duration) *stream {
	high, _ := bits(uuid.New())
	s := &stream{
		ctx: ctx, cancel: cancel, calls: calls, stall: stall,
		window: make(chan struct{}, laneWindow), aboard: map[int64]*flight{},
		high: high,
	}
	s.mu.Lock() // check must find watch set
	s.watch = time.AfterFunc(stall, s.check)
	s.mu.Unlock()
	return s
}

// send sends f unless the stream is broken; then f may go on another one. It waits for room.
func (s *stream) send(f *flight) bool {
	select {
	case s.window <- struct{}{}:
	case <-s.ctx.Done():
		return false
	}
	number, ok := s.board(f)
	if !ok {
		return false
	}
	if !f.depart() {
		s.disembark(number)
		return true
	}
	correlation, _ := proto.Marshal(&streams.BatchAppendReq{ // two numbers always encode
		CorrelationId: structured(s.high, number)})
	for _, chunk := range f.chunks {
		if s.calls.SendMsg(&frame{correlation, chunk}) != nil {
			break // the call has ended: receive gets the reason, and lands f
		}
	}
	return true
}

// board gives f a number.
func (s *stream) board(f *flight) (number int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return 0, false
	}
	if len(s.aboard) == 0 {
		s.heard = time.Now()
	}
	s.number++
	s.aboard[s.number] = f
	return s.number, true
}

// disembark is the flight of that number, nil if it is not aboard.
func (s *stream) disembark(number int64) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.aboard[number]
	if !ok {
		return nil
	}
	delete(s.aboard, number)
	s.heard = time.Now()
	<-s.window
	return f
}

// receive lands flights until the call ends.
func (s *stream) receive() {
	for {
		answer, err := s.calls.Recv()
		if err != nil {
			s.end(err)
			return
		}
		high, low := halves(answer.GetCorrelationId())
		if high != s.high {
			continue
		}
		if f := s.disembark(low); f != nil {
			f.landed <- landing{answer: answer}
		}
	}
}

// end lands all that are aboard: nobody knows what became of them.
func (s *stream) end(err error) {
	if cause := context.Cause(s.ctx); cause == errSilent {
		err = cause
	}
	s.cancel(nil)
	s.watch.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, f := range s.aboard {
		f.landed <- landing{err: streamFailure(err, s.calls.Trailer(), false)}
	}
	clear(s.aboard)
}

// check ends a call on which the server is silent though it has been given appends. It comes again.
func (s *stream) check() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.aboard) > 0 && time.Since(s.heard) >= s.stall {
		s.cancel(errSilent)
		return
	}
	if !s.ended {
		s.watch.Reset(s.stall)
	}
}

// streamFailure is what the end of a BatchAppend call means to each append on it. Only an answer that
// the server gives before it looks at any append holds for all of them.
func streamFailure(err error, trailer metadata.MD, idle bool) error {
	switch status.Code(err) {
	case codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented:
		return sorted(status.Convert(err), "")
	}
	l := &lost{err: err, idle: idle}
	if asLost, ok := failure(context.Background(), err, trailer, "").(*lost); ok {
		l.leader = asLost.leader
	}
	return l
}

// frame is a BatchAppendReq in two encoded pieces: the correlation id of this sending, and the rest,
// which stays the same however often it is sent.
type frame struct{ correlation, rest []byte }

// codec encodes frames, and decodes messages as gRPC's own codec does.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(*frame)
	if !ok {
		return nil, fmt.Errorf("cannot encode %T", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(f.correlation), mem.SliceBuffer(f.rest)}, nil
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	message, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("cannot decode %T", v)
	}
	bytes := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer bytes.Free()
	return proto.Unmarshal(bytes.ReadOnlyData(), message)
}
