package esdb

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

func wantError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error: got %v, want %v", got, want)
	}
}

// plainStore is a store over a plain server over a Memory.
func plainStore(t *testing.T) (*plain, *Store) {
	t.Helper()
	memory := storetest.NewMemory()
	t.Cleanup(func() { _ = memory.Close() })
	p := serve(t, memory)
	return p, openAt(t, p.address(), hurried)
}

// answering answers every append with a.
func answering(a *streams.BatchAppendResp) func(*streams.BatchAppendResp) error {
	return func(to *streams.BatchAppendResp) error {
		to.Result = a.GetResult()
		return nil
	}
}

func errorAnswer(code codes.Code, message string) *streams.BatchAppendResp {
	return &streams.BatchAppendResp{Result: &streams.BatchAppendResp_Error{
		Error: &rpc.Status{Code: int32(code), Message: message}}}
}

// TestRefusals is every answer that stays the same: it comes at once, and the append is not written.
func TestRefusals(t *testing.T) {
	wrapped := func(r *streams.BatchAppendResp_Error) *streams.BatchAppendResp {
		return &streams.BatchAppendResp{Result: r}
	}
	damaged := func(err error) bool { _, ok := errors.AsType[*eventstore.Damaged](err); return ok }
	is := func(want error) func(error) bool {
		return func(err error) bool { return errors.Is(err, want) }
	}
	says := func(words string) func(error) bool {
		return func(err error) bool { return strings.Contains(err.Error(), words) }
	}
	wrong := func(err error) bool {
		w, ok := errors.AsType[*eventstore.WrongRevision](err)
		return ok && *w == eventstore.WrongRevision{Stream: "s", Expected: 7, Actual: 5}
	}
	for name, row := range map[string]struct {
		answer *streams.BatchAppendResp
		want   func(error) bool
	}{
		"wrong revision": {wrapped(refusal(codes.AlreadyExists, wrongVersion(5))), wrong},
		"deleted":        {wrapped(refusal(codes.NotFound, &shared.StreamDeleted{})), damaged},
		"too large": {wrapped(refusal(codes.InvalidArgument,
			&shared.MaximumAppendSizeExceeded{MaxAppendSize: 5})), is(eventstore.ErrTooLarge)},
		"denied": {wrapped(refusal(codes.PermissionDenied, &shared.AccessDenied{})),
			says("denies")},
		"bad": {wrapped(refusal(codes.InvalidArgument, &shared.BadRequest{})), says("not take")},
		"other revision": {&streams.BatchAppendResp{Result: &streams.BatchAppendResp_Success_{
			Success: &streams.BatchAppendResp_Success{CurrentRevisionOption: &streams.
				BatchAppendResp_Success_CurrentRevision{CurrentRevision: 20}}}}, damaged},
	} {
		t.Run(name, func(t *testing.T) {
			p, s := plainStore(t)
			p.setAfter(answering(row.answer))
			_, err := s.Append(t.Context(), "s", 7, debits(1))
			if err == nil || !row.want(err) || errors.Is(err, eventstore.ErrOutcomeUnknown) {
				t.Errorf("append: got %v, want %s", err, name)
			}
		})
	}
}

// TestUnknownOutcome is every answer after which an append may have been written: it is tried again
// until ctx ends, and then the outcome is unknown.
func TestUnknownOutcome(t *testing.T) {
	for name, after := range map[string]func(*streams.BatchAppendResp) error{
		"timeout":  answering(errorAnswer(codes.DeadlineExceeded, "Timeout")),
		"unknown":  answering(errorAnswer(codes.Unknown, "Unknown")),
		"internal": answering(errorAnswer(codes.Internal, "oh")),
		"nothing":  answering(&streams.BatchAppendResp{}),
		"silence":  func(*streams.BatchAppendResp) error { return errSay },
		"cut": func(*streams.BatchAppendResp) error {
			return status.Error(codes.Unavailable, "gone")
		},
		"cut by another's fault": func(*streams.BatchAppendResp) error {
			return status.Error(codes.InvalidArgument, "bad")
		},
		"foreign correlation": func(a *streams.BatchAppendResp) error {
			_, number := halves(a.GetCorrelationId())
			a.CorrelationId = structured(1, number)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, s := plainStore(t)
			p.setAfter(after)
			ctx, cancel := context.WithTimeout(t.Context(), 2*hurried.stall)
			defer cancel()
			stream, events := freshStream(), debits(2)
			_, err := s.Append(ctx, stream, eventstore.NoStream, events)
			wantError(t, err, eventstore.ErrOutcomeUnknown)
			wantError(t, err, context.DeadlineExceeded)

			p.setAfter(nil) // the same append finds itself
			got, err := s.Append(t.Context(), stream, eventstore.NoStream, events)
			if err != nil || got.Revision != 1 {
				t.Errorf("append again: got %v, %v, want revision 1", got, err)
			}
		})
	}
}

// TestRefusedAfterUnknown: once the outcome is unknown, a refusal that says nothing of it leaves it so;
// a wrong revision says that the append was not written and never will be.
func TestRefusedAfterUnknown(t *testing.T) {
	for name, row := range map[string]struct {
		answer  *streams.BatchAppendResp_Error
		unknown bool
	}{
		"denied":         {refusal(codes.PermissionDenied, &shared.AccessDenied{}), true},
		"deleted":        {refusal(codes.NotFound, &shared.StreamDeleted{}), true},
		"wrong revision": {refusal(codes.AlreadyExists, wrongVersion(5)), false},
	} {
		t.Run(name, func(t *testing.T) {
			p, s := plainStore(t)
			var once sync.Once
			p.setAfter(func(a *streams.BatchAppendResp) error {
				a.Result = row.answer
				once.Do(func() { a.Result = errorAnswer(codes.Unknown, "Unknown").Result })
				return nil
			})
			_, err := s.Append(t.Context(), freshStream(), eventstore.NoStream, debits(1))
			if err == nil || errors.Is(err, eventstore.ErrOutcomeUnknown) != row.unknown {
				t.Errorf("append: got %v, want the outcome unknown: %v", err, row.unknown)
			}
		})
	}
}

// TestNoPosition: a repeat that the server cannot place is looked up.
func TestNoPosition(t *testing.T) {
	p, s := plainStore(t)
	p.setAfter(func(a *streams.BatchAppendResp) error {
		a.GetSuccess().PositionOption = &streams.BatchAppendResp_Success_NoPosition{}
		return nil
	})
	got, err := s.Append(t.Context(), "s", eventstore.NoStream, debits(3))
	head, headErr := s.Head(t.Context())
	if err != nil || headErr != nil || got.Position != head || head == eventstore.Start {
		t.Errorf("append: got %v, %v, want position %d, %v", got, err, head, headErr)
	}
	p.set(func(_ context.Context, method string) error {
		if method == "read" {
			return status.Error(codes.PermissionDenied, "no")
		}
		return nil
	})
	_, err = s.Append(t.Context(), "s", 2, debits(1))
	wantError(t, err, eventstore.ErrOutcomeUnknown)
}

// TestNotWritten: what the server did not look at has not been written.
func TestNotWritten(t *testing.T) {
	p, s := plainStore(t)
	p.setAfter(answering(errorAnswer(codes.OK, "Server Is Not Ready")))
	ctx, cancel := context.WithTimeout(t.Context(), hurried.stall)
	defer cancel()
	_, err := s.Append(ctx, freshStream(), eventstore.NoStream, debits(1))
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, eventstore.ErrOutcomeUnknown) {
		t.Errorf("append: got %v, want only %v", err, context.DeadlineExceeded)
	}
}

// TestRetrySendsTheSame compares what was sent after a loss with what was sent before it.
func TestRetrySendsTheSame(t *testing.T) {
	p, s := plainStore(t)
	var mu sync.Mutex
	var sent []*streams.BatchAppendReq
	p.mu.Lock()
	p.got = func(r *streams.BatchAppendReq) {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, r)
	}
	p.mu.Unlock()
	tries := 0
	p.setAfter(func(*streams.BatchAppendResp) error {
		if tries++; tries < 3 {
			return status.Error(codes.Unavailable, "gone")
		}
		return nil
	})
	if _, err := s.Append(t.Context(), "s", eventstore.NoStream, debits(3)); err != nil {
		t.Fatalf("append: got %v, want no error", err)
	}
	if len(sent) != 3 {
		t.Fatalf("tries: got %d, want 3", len(sent))
	}
	for _, r := range sent {
		r.CorrelationId = nil
		if r.String() != sent[0].String() {
			t.Errorf("sent: got %v, want %v", r, sent[0])
		}
	}
}

// TestManyEvents sends an append that is too long for one message.
func TestManyEvents(t *testing.T) {
	_, s := plainStore(t)
	events := make([]eventstore.Event, 2*eventsPerChunk+1)
	for i := range events {
		events[i] = eventstore.Event{ID: debits(1)[0].ID, Type: "T"}
	}
	got, err := s.Append(t.Context(), "s", eventstore.NoStream, events)
	if want := eventstore.Revision(len(events) - 1); err != nil || got.Revision != want {
		t.Fatalf("append: got %v, %v, want revision %d", got, err, want)
	}
}

// TestRequiresLeader looks for the header on every call that decides, and on no other.
func TestRequiresLeader(t *testing.T) {
	p, s := plainStore(t)
	var mu sync.Mutex
	asked := map[string][]string{}
	p.set(func(ctx context.Context, method string) error {
		header, _ := metadata.FromIncomingContext(ctx)
		mu.Lock()
		defer mu.Unlock()
		asked[method] = append(asked[method], strings.Join(header.Get("requires-leader"), ","))
		return nil
	})
	ctx := t.Context()
	_, appended := s.Append(ctx, "s", eventstore.NoStream, debits(1))
	_, head := s.Head(ctx)
	put := s.PutSnapshot(ctx, "s", map[int][]byte{0: nil})
	wantError(t, errors.Join(appended, head, put), nil)
	for range s.Read(ctx, "s", 0) {
	}
	for range s.ReadBackwards(ctx, "s", 0) {
	}
	for range s.ReadAll(ctx, eventstore.Start) {
	}
	for range s.Follow(ctx, eventstore.Start) {
		break
	}
	mu.Lock()
	defer mu.Unlock()
	if got := slices.Concat(asked["BatchAppend"], asked["read"]); slices.Contains(got, "") {
		t.Errorf("requires-leader: got %v, want true everywhere", asked)
	}
	if got := asked["subscribe"]; !slices.Equal(got, []string{""}) {
		t.Errorf("requires-leader of a follow: got %v, want none", got)
	}
}

// TestOldServer names what is missing.
func TestOldServer(t *testing.T) {
	p, s := plainStore(t)
	p.set(func(context.Context, string) error { return status.Error(codes.Unimplemented, "what?") })
	_, err := s.Append(t.Context(), "s", eventstore.NoStream, debits(1))
	if err == nil || !strings.Contains(err.Error(), "23.10") {
		t.Errorf("append: got %v, want the version that is needed", err)
	}
}

// TestSlowServer: no call outlives its context, however long the server takes.
func TestSlowServer(t *testing.T) {
	p, s := plainStore(t)
	p.set(func(ctx context.Context, _ string) error { <-ctx.Done(); return errSay })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var asked sync.WaitGroup
	for range 20 {
		asked.Go(func() {
			_, err := s.Append(ctx, freshStream(), eventstore.NoStream, debits(1))
			wantError(t, err, context.DeadlineExceeded)
			wantError(t, err, eventstore.ErrOutcomeUnknown)
			_, err = s.Head(ctx)
			wantError(t, err, context.DeadlineExceeded)
			for _, err := range s.Follow(ctx, eventstore.Start) {
				wantError(t, err, context.DeadlineExceeded)
			}
		})
	}
	asked.Wait()
}

// TestCloseBesideSilence: Close waits for appends, but not for ever.
func TestCloseBesideSilence(t *testing.T) {
	p, s := plainStore(t)
	p.setAfter(func(*streams.BatchAppendResp) error { return errSay })
	answered := make(chan error)
	began := make(chan struct{}, 100)
	p.set(func(context.Context, string) error { began <- struct{}{}; return nil })
	go func() {
		_, err := s.Append(t.Context(), "s", eventstore.NoStream, debits(1))
		answered <- err
	}()
	<-began
	if err := s.Close(); err != nil {
		t.Errorf("close: got %v, want no error", err)
	}
	err := <-answered
	wantError(t, err, eventstore.ErrClosed)
	wantError(t, err, eventstore.ErrOutcomeUnknown)
}

// TestCloseFinishesAppends: what was begun before Close is answered as if there were none.
func TestCloseFinishesAppends(t *testing.T) {
	p, s := plainStore(t)
	began, gate := make(chan struct{}), make(chan struct{})
	p.setAfter(func(*streams.BatchAppendResp) error {
		close(began)
		<-gate
		return nil
	})
	answered, closed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := s.Append(t.Context(), "s", eventstore.NoStream, debits(1))
		answered <- err
	}()
	<-began
	go func() { closed <- s.Close() }()
	for _, err := range s.Follow(t.Context(), eventstore.Start) { // until Close has begun
		if err != nil {
			wantError(t, err, eventstore.ErrClosed)
		}
	}
	close(gate)
	wantError(t, <-answered, nil)
	wantError(t, <-closed, nil)
}

// TestCloseBesideReader: a reader who pauses between two elements does not hold up Close.
func TestCloseBesideReader(t *testing.T) {
	_, s := plainStore(t)
	const most = 500
	for i := range 4 * windowBytes / (most * 1000) { // more than a server sends ahead
		at := eventstore.Revision(i*most) - 1
		if _, err := s.Append(t.Context(), "s", at, debits(most)); err != nil {
			t.Fatalf("append: got %v, want no error", err)
		}
	}
	var last error
	n := 0
	for _, err := range s.Read(t.Context(), "s", 0) {
		if n++; n == 1 {
			_ = s.Close()
		}
		last = err
	}
	wantError(t, last, eventstore.ErrClosed)
}
