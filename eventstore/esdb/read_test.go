package esdb

import (
	"context"
	"iter"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tillbook/tillbook/eventstore"
)

// TestReadGoesOn breaks a read off before its first event and at every few events: it yields each event
// once all the same.
func TestReadGoesOn(t *testing.T) {
	p, s := plainStore(t)
	const n = 40
	if _, err := s.Append(t.Context(), "s", eventstore.NoStream, debits(n)); err != nil {
		t.Fatalf("append: got %v, want no error", err)
	}
	calls, sent := 0, 0
	p.mu.Lock()
	p.hold = func(eventstore.Recorded) error {
		if sent++; sent%7 == 0 {
			return status.Error(codes.Unavailable, "gone")
		}
		return nil
	}
	p.mu.Unlock()
	p.set(func(context.Context, string) error {
		if calls++; calls == 1 {
			return status.Error(codes.Aborted, "Operation timed out")
		}
		return nil
	})
	for name, read := range map[string]iter.Seq2[eventstore.Recorded, error]{
		"forwards":  s.Read(t.Context(), "s", 0),
		"backwards": s.ReadBackwards(t.Context(), "s", eventstore.End),
	} {
		calls = 0
		var got []eventstore.Revision
		for e, err := range read {
			wantError(t, err, nil)
			got = append(got, e.Revision)
		}
		for i, r := range got {
			if name == "forwards" && r != eventstore.Revision(i) ||
				name == "backwards" && r != eventstore.Revision(n-1-i) {
				t.Fatalf("%s, event %d: got revision %d, want the next", name, i, r)
			}
		}
		if len(got) != n {
			t.Errorf("%s: got %d events, want %d", name, len(got), n)
		}
	}
}

// TestReadGivesUp: a read of a caller who has all the time is not tried for ever.
func TestReadGivesUp(t *testing.T) {
	p, _ := plainStore(t)
	short := hurried
	short.patience = short.stall
	s := openAt(t, p.address(), short)
	p.set(func(context.Context, string) error { return status.Error(codes.Unavailable, "gone") })
	if _, err := s.Head(t.Context()); !isLost(err) {
		t.Errorf("head: got %v, want the server's words", err)
	}
}

// TestReadAllEnds: a server reads to the end of the log as it is when it gets there; ReadAll ends where
// the log ended when it began.
func TestReadAllEnds(t *testing.T) {
	p, s := plainStore(t)
	if _, err := s.Append(t.Context(), "s", eventstore.NoStream, debits(2)); err != nil {
		t.Fatalf("append: got %v, want no error", err)
	}
	p.mu.Lock()
	late := debits(1)
	p.end = func() { _, _ = p.store.Append(t.Context(), "s", 1, late) }
	p.mu.Unlock()
	n := 0
	for _, err := range s.ReadAll(t.Context(), eventstore.Start) {
		wantError(t, err, nil)
		n++
	}
	if n != 2 {
		t.Errorf("events: got %d, want 2", n)
	}
}
