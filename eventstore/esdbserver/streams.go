package esdbserver

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"

	"github.com/tillbook/tillbook/eventstore"
)

// streamsService is EventStoreDB's Streams: its writes here and in batch.go, Read in read.go.
type streamsService struct {
	streams.UnimplementedStreamsServer
	*Server
}

// Append writes a client's events to one stream, all or none.
func (s streamsService) Append(call streams.Streams_AppendServer) error {
	ctx := call.Context()
	w, err := s.receive(call)
	if err == nil {
		err = s.do(ctx, w)
	} else {
		s.release(w)
	}
	var wrong *wrongVersion
	switch {
	case errors.As(err, &wrong):
		return call.SendAndClose(&streams.AppendResp{Result: wrongAppend(wrong)})
	case err != nil:
		drain(call)
		return s.refusal(ctx, "Append", w.stream, err)
	}
	return call.SendAndClose(&streams.AppendResp{Result: appended(w)})
}

// receive reads a write from the call, whose first message says to which stream. It never returns
// nil for the write.
func (s *Server) receive(call streams.Streams_AppendServer) (*write, error) {
	w := &write{}
	first, err := call.Recv()
	if err != nil {
		return w, received(err)
	}
	options := first.GetOptions()
	if w.stream, err = s.writable(options.GetStreamIdentifier()); err != nil {
		return w, err
	}
	w.target = w.stream
	switch expected := options.GetExpectedStreamRevision().(type) {
	case *streams.AppendReq_Options_Revision:
		w.expected, err = revisionOf(expected.Revision)
	case *streams.AppendReq_Options_NoStream:
		w.expected = expectNone
	case *streams.AppendReq_Options_Any:
		w.expected = expectAny
	case *streams.AppendReq_Options_StreamExists:
		w.expected = expectExists
	default:
		err = errNoRevision
	}
	for err == nil {
		var next *streams.AppendReq
		if next, err = call.Recv(); err == io.EOF {
			return w, nil
		} else if err != nil {
			return w, received(err)
		}
		message, ok := next.GetContent().(*streams.AppendReq_ProposedMessage_)
		if !ok {
			return w, &malformed{"Only proposed messages may follow an append's options."}
		}
		err = s.propose(w, message.ProposedMessage)
	}
	return w, err
}

var errNoRevision = &malformed{"Required field ExpectedStreamRevision not set."}

// received is what an error of Recv says of the request.
func received(err error) error {
	if errors.Is(err, io.EOF) {
		return &malformed{"Required field Options not set."}
	}
	return context.Canceled // the caller has gone; nobody reads this
}

// revisionOf is the number of an event as a client sends it. Some send the largest number there is
// for no stream.
func revisionOf(n uint64) (int64, error) {
	switch {
	case n == math.MaxUint64:
		return expectNone, nil
	case n > math.MaxInt64:
		return 0, &malformed{"The expected revision is beyond what a stream can have."}
	}
	return int64(n), nil
}

// eventOverhead is about what an event costs beside its bytes while it waits.
const eventOverhead = 256

// waitingMost bounds the bytes of all writes that a server has received and not answered.
const waitingMost = 256 << 20

// propose adds an event to a write, or says why it cannot be.
func (s *Server) propose(w *write, p proposed) error {
	e, err := eventOf(p)
	if err != nil {
		return err
	}
	if w.bytes += e.Size(); w.bytes > eventstore.MaxAppendBytes {
		return errTooLarge
	}
	held := int64(e.Size() + eventOverhead)
	w.held += held
	if s.waiting.Add(held) > waitingMost {
		return errTooBusy
	}
	w.events = append(w.events, e)
	return nil
}

// release lets others have the room that a write took, once it is answered or given up.
func (s *Server) release(w *write) {
	s.waiting.Add(-w.held)
	w.held = 0
}

// drainMost bounds the messages that are read of a call that has failed already.
const drainMost = 1 << 16

// drain reads an append to its end. A client that is still sending would lose the answer else.
func drain(call grpc.ServerStream) {
	for range drainMost {
		if err := call.RecvMsg(new(streams.AppendReq)); err != nil {
			return
		}
	}
}

// appended is the answer to an append that was done, now or before.
func appended(w *write) *streams.AppendResp_Success_ {
	success := &streams.AppendResp_Success{}
	if w.last < 0 {
		success.CurrentRevisionOption = &streams.AppendResp_Success_NoStream{
			NoStream: &shared.Empty{}}
	} else {
		success.CurrentRevisionOption = &streams.AppendResp_Success_CurrentRevision{
			CurrentRevision: uint64(w.last)}
	}
	if w.position == 0 {
		success.PositionOption = &streams.AppendResp_Success_NoPosition{NoPosition: &shared.Empty{}}
	} else {
		success.PositionOption = &streams.AppendResp_Success_Position{
			Position: &streams.AppendResp_Position{
				CommitPosition: uint64(w.position), PreparePosition: uint64(w.position)}}
	}
	return &streams.AppendResp_Success_{Success: success}
}

// wrongAppend is the answer to an append that expected something else, in the fields that clients
// since 20.6 and those before look at.
func wrongAppend(e *wrongVersion) *streams.AppendResp_WrongExpectedVersion_ {
	empty := &shared.Empty{}
	wrong := &streams.AppendResp_WrongExpectedVersion{
		CurrentRevisionOption: &streams.AppendResp_WrongExpectedVersion_CurrentRevision{
			CurrentRevision: uint64(e.current)},
		CurrentRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{
			CurrentRevision_20_6_0: uint64(e.current)},
		ExpectedRevisionOption: &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{
			ExpectedRevision: uint64(e.expected)},
		ExpectedRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{
			ExpectedRevision_20_6_0: uint64(e.expected)}, // of expectNone, all ones
	}
	if e.current < 0 {
		wrong.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{
			CurrentNoStream: empty}
		wrong.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_NoStream_20_6_0{
			NoStream_20_6_0: empty}
	}
	switch e.expected {
	case expectNone:
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{
			ExpectedNoStream: empty}
	case expectAny:
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedAny{
			ExpectedAny: empty}
		wrong.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_Any_20_6_0{
			Any_20_6_0: empty}
	case expectExists:
		wrong.ExpectedRevisionOption =
			&streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: empty}
		wrong.ExpectedRevisionOption_20_6_0 =
			&streams.AppendResp_WrongExpectedVersion_StreamExists_20_6_0{StreamExists_20_6_0: empty}
	}
	return &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: wrong}
}
