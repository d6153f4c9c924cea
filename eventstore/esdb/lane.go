package esdb

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// laneWindow bounds the appends of one lane that wait for their answers.
const laneWindow = 256

var (
	errSilent = errors.New("the server does not answer")
	errGone   = errors.New("the stream of appends ended")
)

// flight is one append on its way: sent once, answered once. Retrying takes a new one.
type flight struct {
	chunks [][]byte // encoded BatchAppendReqs without correlation id, the last one final
	state  atomic.Int32
	landed chan landing // holds one
}

// The states of a flight. The lane takes it off the ground, or its caller calls it off, not both.
const (
	waiting int32 = iota
	departed
	calledOff
)

// landing is how a flight ended: the server's answer, or why there is none.
type landing struct {
	answer *streams.BatchAppendResp
	err    error
}

func newFlight(chunks [][]byte) *flight {
	return &flight{chunks: chunks, landed: make(chan landing, 1)}
}

// depart says whether f is to be sent; from then on it may be written.
func (f *flight) depart() bool { return f.state.CompareAndSwap(waiting, departed) }

// callOff says whether f will never be sent.
func (f *flight) callOff() bool {
	return f.state.CompareAndSwap(waiting, calledOff) || f.state.Load() == calledOff
}

// lane sends appends over one connection, many at once over one BatchAppend stream. When the stream
// breaks, every flight on it ends as lost, and the next flight opens another stream.
type lane struct {
	conn  *grpc.ClientConn
	stall time.Duration
	queue chan *flight
	stop  context.CancelFunc
	done  sync.WaitGroup
}

func newLane(conn *grpc.ClientConn, stall time.Duration) *lane {
	ctx, stop := context.WithCancel(context.Background())
	l := &lane{conn: conn, stall: stall, queue: make(chan *flight), stop: stop}
	l.done.Go(func() { l.run(ctx) })
	return l
}

// close ends the lane; nobody must use it any more.
func (l *lane) close() {
	l.stop()
	_ = l.conn.Close() // it fails only when closed already
	l.done.Wait()
}

// run sends what is queued. It alone sends.
func (l *lane) run(ctx context.Context) {
	var s *stream
	for {
		select {
		case f := <-l.queue:
			s = l.send(ctx, s, f)
		case <-ctx.Done():
			return
		}
	}
}

// send puts f on s, or on a new stream where s is none or broken, and answers the stream it used.
func (l *lane) send(ctx context.Context, s *stream, f *flight) *stream {
	if s != nil && s.send(f) {
		return s
	}
	s, err := l.open(ctx)
	if err != nil {
		f.landed <- landing{err: streamFailure(err, nil, true)}
		return nil
	}
	if !s.send(f) {
		f.landed <- landing{err: &lost{err: errGone, idle: true}}
	}
	return s
}

// open begins a stream and the goroutine that receives on it.
func (l *lane) open(ctx context.Context) (*stream, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(l.stall, func() { cancel(errSilent) })
	calls, err := streams.NewStreamsClient(l.conn).BatchAppend(
		metadata.AppendToOutgoingContext(ctx, "requires-leader", "true"),
		grpc.ForceCodecV2(codec{}))
	if err != nil || !late.Stop() {
		cancel(nil)
		return nil, errors.Join(err, context.Cause(ctx))
	}
	s := newStream(ctx, cancel, calls, l.stall)
	l.done.Go(s.receive)
	return s, nil
}
