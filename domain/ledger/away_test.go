package ledger_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

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
