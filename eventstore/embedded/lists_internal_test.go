package embedded

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tillbook/tillbook/eventstore"
)

// TestLengthAt counts in lists that somebody else has built further.
func TestLengthAt(t *testing.T) {
	s := openInMemory(t)
	list := eventstore.List{By: eventstore.ByType, Name: "Written"}
	for n := range eventstore.Revision(5) {
		if _, err := s.Append(t.Context(), "account-1", n-1, oneEvent()); err != nil {
			t.Fatalf("append: got %v, want no error", err)
		}
	}
	if _, err := s.buildLists(t.Context()); err != nil {
		t.Fatalf("build: got %v, want no error", err)
	}
	for head := range eventstore.Position(6) {
		if got, err := s.lengthAt(t.Context(), list, head); err != nil || got != int64(head) {
			t.Errorf("length at %d: got %d, %v, want %d", head, got, err, head)
		}
	}
}

// TestWaitForBuilder waits for lists that somebody builds for ever, until the caller's patience or
// the store ends.
func TestWaitForBuilder(t *testing.T) {
	s := openInMemory(t)
	if _, err := s.Append(t.Context(), "account-1", -1, oneEvent()); err != nil {
		t.Fatalf("append: got %v, want no error", err)
	}
	<-s.lists.turn
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := s.ListLength(ctx, eventstore.List{By: eventstore.Streams})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("length: got %v, want %v", err, context.DeadlineExceeded)
	}
	answer := make(chan error)
	go func() {
		_, err := s.ListLength(context.Background(), eventstore.List{By: eventstore.Streams})
		answer <- err
	}()
	_ = s.Close()
	if err := <-answer; !errors.Is(err, eventstore.ErrClosed) {
		t.Errorf("length: got %v, want %v", err, eventstore.ErrClosed)
	}
}

func openInMemory(t *testing.T) *Store {
	t.Helper()
	s, err := Open("data", Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatalf("open: got %v, want no error", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
