package esdb

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/tillbook/tillbook/eventstore"
)

// plain is as much of EventStoreDB as a Store needs, over a Store, and misbehaves where it is told
// to. What it does by itself it does as EventStoreDB 23.10 does: CaughtUp comes once.
type plain struct {
	streams.UnimplementedStreamsServer
	store    eventstore.Store
	hostPort string
	grpc     *grpc.Server
	served   sync.WaitGroup

	mu sync.Mutex
	// before is asked before a call, or an append of a BatchAppend, is answered.
	before func(ctx context.Context, method string) error
	// after is asked when an append is committed and before its answer is sent.
	after   func(a *streams.BatchAppendResp) error
	members []*gossip.MemberInfo
	got     func(*streams.BatchAppendReq)   // is shown every append
	odd     *streams.ReadResp               // all that reads are answered, if any
	hold    func(eventstore.Recorded) error // is asked before a read or subscription sends an event
	end     func()                          // is told when a read of the log is at its end
}

// serve is a server on a free port over store, which ends with the test.
func serve(t testing.TB, store eventstore.Store, opts ...grpc.ServerOption) *plain {
	t.Helper()
	return serveAt(t, store, "127.0.0.1:0", opts...)
}

func serveAt(
	t testing.TB, store eventstore.Store, hostPort string, opts ...grpc.ServerOption,
) *plain {
	t.Helper()
	ln, err := net.Listen("tcp", hostPort)
	if err != nil {
		t.Fatalf("listen: got %v, want no error", err)
	}
	opts = append(opts, grpc.MaxRecvMsgSize(16<<20),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{PermitWithoutStream: true}))
	p := &plain{store: store, hostPort: ln.Addr().String(), grpc: grpc.NewServer(opts...)}
	streams.RegisterStreamsServer(p.grpc, p)
	gossip.RegisterGossipServer(p.grpc, neighbours{plain: p})
	p.served.Go(func() { _ = p.grpc.Serve(ln) })
	t.Cleanup(p.stop)
	return p
}

func (p *plain) stop() {
	p.grpc.Stop()
	p.served.Wait()
}

// address is the server's connection string.
func (p *plain) address() string { return "esdb://" + p.hostPort + "?tls=false" }

func (p *plain) set(before func(context.Context, string) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before = before
}

func (p *plain) setAfter(after func(*streams.BatchAppendResp) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after = after
}

func (p *plain) ask(ctx context.Context, method string) error {
	p.mu.Lock()
	before := p.before
	p.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(ctx, method)
}

// notLeader sends a caller to another node.
func notLeader(ctx context.Context, leader string) error {
	host, port, _ := net.SplitHostPort(leader)
	trailer := metadata.Pairs("exception", "not-leader",
		"leader-endpoint-host", host, "leader-endpoint-port", port)
	_ = grpc.SetTrailer(ctx, trailer)
	return status.Error(codes.NotFound, "Leader info available")
}

// neighbours is the Gossip of a plain server.
type neighbours struct {
	gossip.UnimplementedGossipServer
	plain *plain
}

func (n neighbours) Read(ctx context.Context, _ *shared.Empty) (*gossip.ClusterInfo, error) {
	n.plain.mu.Lock()
	defer n.plain.mu.Unlock()
	return &gossip.ClusterInfo{Members: n.plain.members}, nil
}

func (p *plain) BatchAppend(call streams.Streams_BatchAppendServer) error {
	if err := p.ask(call.Context(), "BatchAppend"); err != nil {
		return err
	}
	var sending sync.Mutex
	var writing sync.WaitGroup
	defer writing.Wait()
	failed := make(chan error, 1)
	requests := make(chan *streams.BatchAppendReq)
	go func() {
		defer close(requests)
		for {
			r, err := call.Recv()
			if err != nil {
				return
			}
			select {
			case requests <- r:
			case <-call.Context().Done():
				return
			}
		}
	}()
	parts := map[string]*streams.BatchAppendReq{}
	for {
		select {
		case err := <-failed:
			return err
		case r, ok := <-requests:
			if !ok {
				return nil
			}
			key := r.GetCorrelationId().String()
			whole := parts[key]
			if whole == nil {
				whole = r
			} else {
				whole.ProposedMessages = append(whole.ProposedMessages, r.ProposedMessages...)
			}
			parts[key] = whole
			if !r.GetIsFinal() {
				continue
			}
			delete(parts, key)
			writing.Go(func() {
				answer, err := p.write(call.Context(), whole)
				if err == nil && answer != nil {
					sending.Lock()
					_ = call.Send(answer)
					sending.Unlock()
				}
				if err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			})
		}
	}
}

// write answers nothing where it is told to be silent.
func (p *plain) write(
	ctx context.Context, r *streams.BatchAppendReq,
) (*streams.BatchAppendResp, error) {
	if err := p.ask(ctx, "append"); err != nil {
		return nil, ignoring(err)
	}
	p.mu.Lock()
	if p.got != nil {
		p.got(r)
	}
	p.mu.Unlock()
	stream := string(r.GetOptions().GetStreamIdentifier().GetStreamName())
	var events []eventstore.Event
	for _, m := range r.GetProposedMessages() {
		events = append(events, eventstore.Event{
			ID: id(halves(m.GetId())), Type: m.GetMetadata()["type"], Data: m.GetData(),
			Metadata: m.GetCustomMetadata(), Binary: m.GetMetadata()["content-type"] != isJSON,
		})
	}
	appended, err := p.append(ctx, stream, r.GetOptions(), events)
	answer := &streams.BatchAppendResp{CorrelationId: r.GetCorrelationId()}
	var wrong *eventstore.WrongRevision
	switch {
	case errors.As(err, &wrong):
		answer.Result = refusal(codes.AlreadyExists, wrongVersion(wrong.Actual))
	case err != nil:
		return nil, status.Error(codes.Unavailable, err.Error())
	default:
		answer.Result = &streams.BatchAppendResp_Success_{Success: &streams.BatchAppendResp_Success{
			CurrentRevisionOption: &streams.BatchAppendResp_Success_CurrentRevision{
				CurrentRevision: uint64(appended.Revision)},
			PositionOption: &streams.BatchAppendResp_Success_Position{
				Position: &shared.AllStreamPosition{
					CommitPosition:  uint64(appended.Position),
					PreparePosition: uint64(appended.Position)}},
		}}
	}
	p.mu.Lock()
	after := p.after
	p.mu.Unlock()
	if after != nil {
		if err := after(answer); err != nil {
			return nil, ignoring(err)
		}
	}
	return answer, nil
}

// errSay nothing: a call is never answered.
var errSay = errors.New("say nothing")

func ignoring(err error) error {
	if errors.Is(err, errSay) {
		return nil
	}
	return err
}

func refusal(code codes.Code, details proto.Message) *streams.BatchAppendResp_Error {
	packed, _ := anypb.New(details)
	return &streams.BatchAppendResp_Error{Error: &rpc.Status{
		Code: int32(code), Message: string(details.ProtoReflect().Descriptor().Name()),
		Details: []*anypb.Any{packed}}}
}

func wrongVersion(actual eventstore.Revision) *shared.WrongExpectedVersion {
	if actual == eventstore.NoStream {
		return &shared.WrongExpectedVersion{CurrentStreamRevisionOption: &shared.
			WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &emptypb.Empty{}}}
	}
	return &shared.WrongExpectedVersion{CurrentStreamRevisionOption: &shared.
		WrongExpectedVersion_CurrentStreamRevision{CurrentStreamRevision: uint64(actual)}}
}

func (p *plain) append(ctx context.Context, stream string, o *streams.BatchAppendReq_Options,
	events []eventstore.Event) (eventstore.Appended, error) {
	expected := eventstore.NoStream
	if at, ok := o.GetExpectedStreamPosition().(*streams.BatchAppendReq_Options_StreamPosition); ok {
		expected = eventstore.Revision(at.StreamPosition)
	}
	for {
		appended, err := p.store.Append(ctx, stream, expected, events)
		var wrong *eventstore.WrongRevision
		if !errors.As(err, &wrong) || o.GetAny() == nil {
			return appended, err
		}
		expected = wrong.Actual
	}
}

// hurried is a pace for tests that provoke what takes long otherwise.
var hurried = pace{
	stall: usualPace.stall / 50, patience: usualPace.patience, drain: usualPace.drain / 50,
	opening: usualPace.opening, first: usualPace.first, last: usualPace.last / 50,
}

// openAt opens a store that is closed with the test.
func openAt(t testing.TB, address string, p pace) *Store {
	t.Helper()
	s, err := open(t.Context(), Options{Address: address}, p)
	if err != nil {
		t.Fatalf("open: got %v, want no error", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
