package ledger_test

import (
	"context"
	"iter"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// TestCharges stands still for three periods of a mandate; then two nodes charge at once, again and
// again, and each period is charged once, as of when it fell due.
func TestCharges(t *testing.T) {
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	watch := &clock{now: began}
	store := enginetest.Open(t)
	nodes := make([]*ledger.Ledger, 2)
	for i := range nodes {
		nodes[i] = ledger.Open(store, ledger.Options{Now: watch.Now, Shared: true})
		t.Cleanup(nodes[i].Close)
	}
	s := shop{t, nodes[0]}
	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	s.must("fill", topUp("100.00"))
	s.must("fee", domain.SetMandate{Amount: yuan("30.00"), Cap: yuan("30.00"),
		Calendar: domain.Calendar{Every: "month", Day: 31, At: "09:00", Zone: "Asia/Shanghai"}})
	watch.pass(92 * 24 * time.Hour)

	var sweepers sync.WaitGroup
	for _, l := range nodes {
		ctx, cancel := context.WithCancel(t.Context())
		rounds := 0
		sweepers.Go(func() {
			l.RunCharges(ctx, time.Nanosecond, func(context.Context, time.Time) iter.Seq2[uuid.UUID, error] {
				if rounds++; rounds == 5 {
					cancel()
				}
				return maps.All(map[uuid.UUID]error{domain.AccountID("C-1"): nil})
			})
		})
	}
	sweepers.Wait()

	entries, err := nodes[0].History(t.Context(), domain.AccountID("C-1"), eventstore.End, 100)
	if err != nil {
		t.Fatal(err)
	}
	var due []string
	for _, e := range entries {
		if debit, ok := e.Event.(domain.DebitPosted); ok && e.Metadata.EventID == e.Metadata.OperationID {
			due = append(due, e.Metadata.OccurredAt.Format("01-02 15:04"))
			if !debit.Charge.Period.Equal(e.Metadata.OccurredAt) {
				t.Errorf("got a charge of %s at %s", debit.Charge.Period, e.Metadata.OccurredAt)
			}
		}
	}
	want := []string{"05-31 01:00", "04-30 01:00", "03-31 01:00"} // the newest first
	if len(due) != len(want) {
		t.Fatalf("got charges of %v, want %v", due, want)
	}
	for i := range want {
		if due[i] != want[i] {
			t.Errorf("got a charge of %s, want %s", due[i], want[i])
		}
	}
}
