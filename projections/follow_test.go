package projections

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections/placetest"
)

// TestFollow goes through a log in two parts: no event is left out or comes twice, what is no event of ours
// is told beside them, and the second part begins where the first ended.
func TestFollow(t *testing.T) {
	store := memory(t)
	s := newShop(t, store)
	anna := s.account("anna")
	s.must(anna, topUp("100.00", "20.00"), till("S1", "1"))
	strange := eventstore.Event{ID: uuid.New(), Type: "Strange", Data: []byte(`{}`)}
	_, err := store.Append(context.Background(), "account-strange", eventstore.NoStream, []eventstore.Event{strange})
	if err != nil {
		t.Fatal(err)
	}

	types, damaged, position := eventsOf(t, store, eventstore.Start)
	if want := []string{"AccountOpened", "TopUpPosted"}; !slices.Equal(types, want) {
		t.Errorf("got %v, want %v", types, want)
	}
	if len(damaged) != 1 || damaged[0].Event.ID != strange.ID || damaged[0].Reason == "" {
		t.Errorf("got %+v, want the strange event", damaged)
	}
	head, err := store.Head(context.Background(), domain.Prefixes...)
	if err != nil || position != head {
		t.Errorf("got position %d, want %d, %v", position, head, err)
	}

	s.must(anna, domain.Debit{Amount: yuan("8.00")}, till("S1", "2"))
	types, damaged, end := eventsOf(t, store, position)
	if want := []string{"DebitPosted"}; !slices.Equal(types, want) || len(damaged) > 0 {
		t.Errorf("got %v and %v damaged, want %v alone", types, damaged, want)
	}
	if types, _, at := eventsOf(t, store, end); len(types) > 0 || at != end {
		t.Errorf("got %v up to %d, want none up to %d", types, at, end)
	}
}

// eventsOf are the types of the events up to the end of the log.
func eventsOf(t *testing.T, store eventstore.Store, after eventstore.Position) (
	types []string, damaged []Damage, at eventstore.Position,
) {
	t.Helper()
	for batch, err := range Follow(context.Background(), store, after) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range batch.Events {
			types = append(types, e.Type)
		}
		damaged, at = append(damaged, batch.Damaged...), batch.Position
		if batch.CaughtUp {
			break
		}
	}
	return types, damaged, at
}

// TestFollowEnds with ctx's error as its last element.
func TestFollowEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	for _, err := range Follow(ctx, memory(t), eventstore.Start) {
		last = err
		cancel()
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("got %v, want %v", last, context.Canceled)
	}
}

// TestRead asks tables by SQL, which cannot write.
func TestRead(t *testing.T) {
	store := memory(t)
	s := newShop(t, store)
	s.must(s.account("anna"), topUp("100.00", "20.00"), till("S1", "1"))
	m := open(t, placetest.Place(t), store, Options{})
	ctx := context.Background()
	var total string
	at, err := m.Read(ctx, func(r Reader) error {
		return r.QueryRowContext(ctx, "SELECT total FROM balances WHERE unit = ?", "CNY").Scan(&total)
	})
	if err != nil || total != "120.00" || at != m.Position() {
		t.Errorf("got %s at %d, %v; want 120.00 at %d", total, at, err, m.Position())
	}
	_, err = m.Read(ctx, func(r Reader) error {
		return r.QueryRowContext(ctx, "DELETE FROM balances RETURNING total").Scan(&total)
	})
	if err == nil {
		t.Error("got a row deleted, want an error")
	}
}
