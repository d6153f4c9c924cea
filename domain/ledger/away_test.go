package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// away is a store that takes no snapshot: each waits until its ctx ends, as one does whose server is
// gone.
type away struct{ eventstore.Store }

func (away) PutSnapshot(ctx context.Context, _ string, _ map[int][]byte) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestCloseWithoutServer closes a ledger whose snapshots, an account's and the registries', find no
// server.
func TestCloseWithoutServer(t *testing.T) {
	l := ledger.Open(away{enginetest.Open(t)}, ledger.Options{Shared: true, SnapshotEvery: 1})
	s := shop{t, l}
	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	s.must("fill", topUp("10.00"))
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		l.Close()
	}()
	select {
	case <-closed:
	case <-time.After(15 * time.Second):
		t.Error("Close does not return")
	}
}
