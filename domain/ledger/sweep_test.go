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

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// TestSweep lets a hold lapse and a lot expire while nobody looks; two nodes sweep at once, again and
// again, and each is written once, as of when it happened.
func TestSweep(t *testing.T) {
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
	bonus := topUp("100.00")
	bonus.Bonus, bonus.BonusExpiresAt = yuan("30.00"), began.AddDate(0, 0, 7)
	s.must("fill", bonus)
	s.must("hold", domain.PlaceHold{Amount: yuan("13.00"), TTLSeconds: 600})
	watch.pass(8 * 24 * time.Hour)

	var sweepers sync.WaitGroup
	for _, l := range nodes {
		ctx, cancel := context.WithCancel(t.Context())
		rounds := 0
		sweepers.Go(func() {
			l.RunSweeper(ctx, time.Nanosecond, func(context.Context, time.Time) iter.Seq2[uuid.UUID, error] {
				if rounds++; rounds == 20 {
					cancel()
				}
				return maps.All(map[uuid.UUID]error{domain.AccountID("C-1"): nil})
			})
		})
	}
	sweepers.Wait()

	var lapsed, expired []domain.Metadata
	entries, err := nodes[0].History(t.Context(), domain.AccountID("C-1"), eventstore.End, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch e.Event.(type) {
		case domain.HoldReleased:
			lapsed = append(lapsed, e.Metadata)
		case domain.LotExpired:
			expired = append(expired, e.Metadata)
		}
	}
	if len(lapsed) != 1 || len(expired) != 1 {
		t.Fatalf("got %d lapsed holds and %d expired lots, want 1 and 1", len(lapsed), len(expired))
	}
	if got, want := lapsed[0].OccurredAt, began.Add(10*time.Minute); !got.Equal(want) {
		t.Errorf("the hold lapsed at %s, want %s", got, want)
	}
	if got, want := expired[0].OccurredAt, began.AddDate(0, 0, 7); !got.Equal(want) {
		t.Errorf("the lot expired at %s, want %s", got, want)
	}
	if got := s.available(); got != "100.00" {
		t.Errorf("got %s left, want 100.00", got)
	}
}
