package esdb

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/tillbook/tillbook/eventstore"
)

// TestCaughtUpIsTrue holds back an event that was answered: no empty batch may come before it, however
// live the subscription is. The log is asked once, not over and over.
func TestCaughtUpIsTrue(t *testing.T) {
	p, s := plainStore(t)
	var asked atomic.Int32
	ask, gate := make(chan struct{}, 100), make(chan struct{})
	p.set(func(_ context.Context, method string) error {
		if method == "read" {
			asked.Add(1)
			ask <- struct{}{}
		}
		return nil
	})
	p.mu.Lock()
	p.hold = func(e eventstore.Recorded) error {
		if e.Stream == "account-2" {
			<-gate
		}
		return nil
	}
	p.mu.Unlock()
	next, stop := iter.Pull2(s.Follow(t.Context(), eventstore.Start, "account-"))
	defer stop()
	batch := func() []eventstore.Recorded {
		batch, err, _ := next()
		wantError(t, err, nil)
		return batch
	}
	if got := batch(); len(got) != 0 {
		t.Fatalf("batch of an empty log: got %v, want none", got)
	}
	for _, stream := range []string{"account-1", "account-2"} {
		if _, err := s.Append(t.Context(), stream, eventstore.NoStream, debits(1)); err != nil {
			t.Fatalf("append: got %v, want no error", err)
		}
	}
	if got := batch(); len(got) != 1 || got[0].Stream != "account-1" {
		t.Fatalf("batch: got %v, want account-1", got)
	}
	for len(ask) > 0 {
		<-ask
	}
	asked.Store(0)
	go func() {
		<-ask
		for i := range eventstore.Revision(5) {
			_, _ = s.Append(t.Context(), "other", i-1, debits(1))
		}
		close(gate)
	}()
	if got := batch(); len(got) != 1 || got[0].Stream != "account-2" || asked.Load() != 1 {
		t.Fatalf("batch: got %v after %d questions, want account-2 after 1", got, asked.Load())
	}
	if got := batch(); len(got) != 0 {
		t.Fatalf("batch at the end: got %v, want none", got)
	}
}

// TestSubscriptionIsBounded lets a server send to a follower who takes nothing.
func TestSubscriptionIsBounded(t *testing.T) {
	for name, row := range map[string]struct{ bytes, want int }{
		"events": {1, mostHeld},
		"bytes":  {eventstore.MaxAppendBytes, mostHeldBytes / eventstore.MaxAppendBytes},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				s := &subscription{arrived: make(chan struct{}, 1), room: make(chan struct{}, 1)}
				go func() {
					for i := 1; ; i++ {
						e := eventstore.Recorded{Position: eventstore.Position(i)}
						e.Data = make([]byte, row.bytes)
						if s.put(ctx, readEvent(e)) != nil {
							return
						}
					}
				}()
				last := eventstore.Start
				for range 3 {
					synctest.Wait()
					batch, at, _, err := s.take()
					if len(batch) != row.want || err != nil || at != last+eventstore.Position(row.want) {
						t.Fatalf("held: got %d events to %d, %v, want %d", len(batch), at, err, row.want)
					}
					for _, e := range batch {
						if last++; e.Position != last {
							t.Fatalf("position: got %d, want %d", e.Position, last)
						}
					}
				}
				cancel()
			})
		})
	}
}

// TestCheckpoint: a subscription goes on from where the server said it was, but for the end of all
// positions, which a server may say of an empty log.
func TestCheckpoint(t *testing.T) {
	s := &subscription{arrived: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	for _, row := range []struct {
		at   uint64
		want eventstore.Position
	}{{1<<64 - 1, 0}, {0, 0}, {7, 7}, {5, 7}, {1<<64 - 1, 7}, {9, 9}} {
		err := s.put(t.Context(), &streams.ReadResp{Content: &streams.ReadResp_Checkpoint_{
			Checkpoint: &streams.ReadResp_Checkpoint{CommitPosition: row.at}}})
		_, got, _, _ := s.take()
		asks := eventstore.Position(s.request().GetOptions().GetAll().GetPosition().GetCommitPosition())
		if err != nil || got != row.want || asks != row.want {
			t.Errorf("after checkpoint %d: got %d, asks from %d, %v, want %d",
				row.at, got, asks, err, row.want)
		}
	}
	for at, want := range map[eventstore.Position]int{8: 0, 9: 0, 10: 1} {
		if err := s.put(t.Context(), readEvent(eventstore.Recorded{Position: at})); err != nil {
			t.Fatalf("put: got %v, want no error", err)
		}
		if batch, _, _, _ := s.take(); len(batch) != want {
			t.Errorf("event at %d, behind 9: got %d, want %d", at, len(batch), want)
		}
	}
}
