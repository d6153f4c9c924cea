package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// away is a store that takes no snapshot, and once it is gone no event: each waits until its ctx ends,
// as one does whose server is gone.
type away struct {
	eventstore.Store
	gone *atomic.Bool
}

func (a away) Append(
	ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event,
) (eventstore.Appended, error) {
	if a.gone.Load() {
		<-ctx.Done()
		return eventstore.Appended{}, ctx.Err()
	}
	return a.Store.Append(ctx, stream, expected, events)
}

func (away) PutSnapshot(ctx context.Context, _ string, _ map[int][]byte) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestCloseWithoutServer closes a ledger whose snapshots, an account's and the registries', and whose
// commands, far more than one round takes, find no server.
func TestCloseWithoutServer(t *testing.T) {
	store := away{enginetest.Open(t), new(atomic.Bool)}
	l := ledger.Open(store, ledger.Options{
		Shared: true, SnapshotEvery: 1, Timeout: 2 * time.Second,
	})
	s := shop{t, l}
	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	s.must("fill", topUp("10.00"))
	store.gone.Store(true)
	for i := range 2000 {
		_, err := l.Begin(ledger.Request{Account: domain.AccountID("C-1"), Key: fmt.Sprint(i),
			Command: domain.Debit{Amount: yuan("0.01")}, Caller: ledger.Caller{Actor: "test"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		l.Close()
	}()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("Close does not return")
	}
}

// lost is a store that cannot be reached any more, and counts who tries to read.
type lost struct {
	eventstore.Store
	gone  atomic.Bool
	reads atomic.Int64
}

func (s *lost) Read(
	ctx context.Context, stream string, from eventstore.Revision,
) iter.Seq2[eventstore.Recorded, error] {
	if !s.gone.Load() {
		return s.Store.Read(ctx, stream, from)
	}
	s.reads.Add(1)
	return func(yield func(eventstore.Recorded, error) bool) {
		yield(eventstore.Recorded{}, eventstore.ErrUnavailable)
	}
}

// TestWorksWithoutServer has sweeps, what resumes transfers and what runs jobs find a log that cannot be
// reached: they say so once and wait for their next turn, however many accounts there are.
func TestWorksWithoutServer(t *testing.T) {
	store := &lost{Store: enginetest.Open(t)}
	var told bytes.Buffer
	l := ledger.Open(store, ledger.Options{Shared: true, Logger: slog.New(slog.NewTextHandler(&told, nil))})
	t.Cleanup(l.Close)
	if err := l.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	store.gone.Store(true)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	turns := 0
	turn := func() int { // what it asks for; the third time nothing, and it ends
		if turns++; turns < 3 {
			return 1000
		}
		stop()
		return 0
	}
	l.RunSweeper(ctx, time.Nanosecond, func(context.Context, time.Time) iter.Seq2[uuid.UUID, error] {
		n := turn()
		return func(yield func(uuid.UUID, error) bool) {
			for i := 0; i < n && yield(domain.AccountID(fmt.Sprint(i)), nil); i++ {
			}
		}
	})
	if got := store.reads.Load(); got > 2*32 || bytes.Count(told.Bytes(), []byte("\n")) != 2 {
		t.Errorf("sweeps: got %d reads in two turns, and told\n%s", got, &told)
	}
	told.Reset()
	store.reads.Store(0)
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	turns = 0
	l.RunTransfers(ctx, time.Nanosecond, func(context.Context) iter.Seq2[ledger.InFlight, error] {
		n := turn()
		return func(yield func(ledger.InFlight, error) bool) {
			for i := 0; i < n && yield(ledger.InFlight{Account: domain.AccountID(fmt.Sprint(i))}, nil); i++ {
			}
		}
	})
	if got := store.reads.Load(); got != 2 || bytes.Count(told.Bytes(), []byte("\n")) != 2 {
		t.Errorf("transfers: got %d reads in two turns, and told\n%s", got, &told)
	}
	told.Reset()
	store.reads.Store(0)
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	turns = 0
	l.RunJobs(ctx, time.Nanosecond, func(context.Context) ([]uuid.UUID, error) {
		return make([]uuid.UUID, turn()), nil
	}, nil)
	if got := store.reads.Load(); got != 2 || bytes.Count(told.Bytes(), []byte("\n")) != 2 {
		t.Errorf("jobs: got %d reads in two turns, and told\n%s", got, &told)
	}
}
