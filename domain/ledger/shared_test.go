package ledger_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// node is one of several ledgers on one log.
func node(t *testing.T, store eventstore.Store) shop {
	t.Helper()
	l := ledger.Open(store, ledger.Options{Shared: true})
	t.Cleanup(l.Close)
	if err := l.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return shop{t, l}
}

// nodes are two ledgers that both hold the account as it stands.
func nodes(t *testing.T) (here, there shop) {
	t.Helper()
	store := enginetest.Open(t)
	here, there = node(t, store), node(t, store)
	here.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	here.must("fill", topUp("100.00"))
	if got := there.available(); got != "100.00" {
		t.Fatalf("available on the other node: got %s, want 100.00", got)
	}
	return here, there
}

// TestNodesAnswerFromTheLog asks one node for what only the other one wrote.
func TestNodesAnswerFromTheLog(t *testing.T) {
	tables := map[string]struct {
		wrote func(s shop) ledger.Answer
		asks  func(s shop, a ledger.Answer) error
	}{
		"a refund finds the debit": {
			wrote: func(s shop) ledger.Answer { return s.must("debit", domain.Debit{Amount: yuan("1.00")}) },
			asks: func(s shop, a ledger.Answer) error {
				_, err := s.ask("refund", domain.Refund{
					DebitID: a.Events[0].Metadata.EventID, Amount: yuan("1.00"),
				}, domain.Context{})
				return err
			},
		},
		"a trial run finds the value": {
			wrote: func(s shop) ledger.Answer { return s.must("more", topUp("50.00")) },
			asks: func(s shop, _ ledger.Answer) error {
				_, err := s.Do(s.Context(), ledger.Request{
					Account: domain.AccountID("C-1"), Key: "trial", DryRun: true,
					Command: domain.Debit{Amount: yuan("150.00")},
					Caller:  ledger.Caller{Actor: "test", Role: domain.RoleAdmin},
				})
				return err
			},
		},
		"a balance is the one it left": {
			wrote: func(s shop) ledger.Answer { return s.must("debit", domain.Debit{Amount: yuan("1.00")}) },
			asks: func(s shop, a ledger.Answer) error {
				if got := s.available(); got != "99.00" {
					return fmt.Errorf("available: got %s, want 99.00", got)
				}
				return nil
			},
		},
		"a view is as current as its position says": {
			wrote: func(s shop) ledger.Answer { return s.must("debit", domain.Debit{Amount: yuan("1.00")}) },
			asks: func(s shop, a ledger.Answer) error {
				other, err := s.Do(s.Context(), ledger.Request{
					Account: domain.AccountID("C-2"), Command: domain.OpenAccount{CustomerRef: "C-2"},
					Key: "open", Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin},
				})
				if err != nil {
					return err
				}
				v, err := s.Ledger.Account(s.Context(), domain.AccountID("C-1"))
				if err == nil && (v.Position < other.Position || v.Revision() != a.Events[0].Revision) {
					err = fmt.Errorf("got revision %d at %d, want %d at %d or later",
						v.Revision(), v.Position, a.Events[0].Revision, other.Position)
				}
				return err
			},
		},
		"an operation is found by its id": {
			wrote: func(s shop) ledger.Answer { return s.must("debit", domain.Debit{Amount: yuan("1.00")}) },
			asks: func(s shop, a ledger.Answer) error {
				_, err := s.Operation(s.Context(), domain.AccountID("C-1"), a.Events[0].Metadata.EventID)
				return err
			},
		},
		"operations are found by their reference": {
			wrote: func(s shop) ledger.Answer {
				a, err := s.ask("debit", domain.Debit{Amount: yuan("1.00")},
					domain.Context{Store: "S1", Terminal: "T1", PosTxnID: "R-1"})
				if err != nil {
					s.Fatal(err)
				}
				return a
			},
			asks: func(s shop, _ ledger.Answer) error {
				found, err := s.Operations(s.Context(), domain.AccountID("C-1"),
					domain.Reference{Store: "S1", Terminal: "T1", PosTxnID: "R-1", Leg: "1"})
				if err == nil && len(found) != 1 {
					err = fmt.Errorf("operations: got %d, want 1", len(found))
				}
				return err
			},
		},
		"a key gets its first answer": {
			wrote: func(s shop) ledger.Answer { return s.must("K", domain.Debit{Amount: yuan("1.00")}) },
			asks: func(s shop, a ledger.Answer) error {
				again, err := s.ask("K", domain.Debit{Amount: yuan("1.00")}, domain.Context{})
				if err == nil && (!again.Replayed || again.Position != a.Position) {
					err = fmt.Errorf("got replayed %t at %d, want the answer at %d", again.Replayed,
						again.Position, a.Position)
				}
				return err
			},
		},
	}
	for name, row := range tables {
		t.Run(name, func(t *testing.T) {
			here, there := nodes(t)
			if err := row.asks(there, row.wrote(here)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNodesDebitAtOnce has three nodes take from one account: the value goes once, and a key that is
// sent to all of them is used once.
func TestNodesDebitAtOnce(t *testing.T) {
	store := enginetest.Open(t)
	all := []shop{node(t, store), node(t, store), node(t, store)}
	all[0].must("open", domain.OpenAccount{CustomerRef: "C-1"})
	all[0].must("fill", topUp("20.00"))
	var wait sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]uuid.UUID{}
	for i := range 90 {
		wait.Go(func() {
			key := fmt.Sprint("k", i%30)
			for {
				a, err := all[i/30].ask(key, domain.Debit{Amount: yuan("1.00")}, domain.Context{})
				if errors.Is(err, ledger.ErrBusy) {
					continue // as a caller does
				}
				if err != nil && !errors.Is(err, domain.ErrInsufficientFunds) {
					t.Errorf("%s: %v", key, err)
				}
				mu.Lock()
				defer mu.Unlock()
				if known, ok := ids[key]; ok && known != a.Events[0].Metadata.EventID {
					t.Errorf("%s: got events %v and %v, want one", key, known, a.Events[0].Metadata.EventID)
				}
				ids[key] = a.Events[0].Metadata.EventID
				return
			}
		})
	}
	wait.Wait()
	for i, s := range all {
		if got := s.available(); got != "0.00" {
			t.Errorf("available on node %d: got %s, want 0.00", i, got)
		}
	}
}

// TestNodesReadBesideAFailedAppend has a read share its round with a debit whose append fails: nothing
// has proven then that the state was current, so the read fails too.
func TestNodesReadBesideAFailedAppend(t *testing.T) {
	store := enginetest.Open(t)
	here := node(t, store)
	here.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	here.must("fill", topUp("100.00"))
	gone := &goneAfterOne{Store: store}
	gate := &held{Store: gone, gate: make(chan struct{}), waits: make(chan struct{}, 1)}
	there := node(t, gate)
	there.available()

	results := make(chan error, 3)
	debit := func(key string) {
		_, err := there.ask(key, domain.Debit{Amount: yuan("1.00")}, domain.Context{})
		results <- err
	}
	go debit("first")
	<-gate.waits // it is being appended, and the next two wait for it together
	go debit("second")
	go func() {
		_, err := there.Ledger.Account(t.Context(), domain.AccountID("C-1"))
		results <- err
	}()
	for there.Waiting() < 3 {
		runtime.Gosched()
	}
	close(gate.gate)
	var failed int
	for range 3 {
		if err := <-results; errors.Is(err, eventstore.ErrUnavailable) {
			failed++
		} else if err != nil {
			t.Error(err)
		}
	}
	if failed != 2 {
		t.Errorf("got %d failures, want the second debit's and the read's", failed)
	}
}

// goneAfterOne is a store that takes one append and then cannot be reached by any.
type goneAfterOne struct {
	eventstore.Store
	appends atomic.Int64
}

func (g *goneAfterOne) Append(
	ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event,
) (eventstore.Appended, error) {
	if g.appends.Add(1) > 1 {
		return eventstore.Appended{}, eventstore.ErrUnavailable
	}
	return g.Store.Append(ctx, stream, expected, events)
}

// deaf is a store whose live feed says nothing after its first look: of a node that others are ahead of.
type deaf struct{ eventstore.Store }

func (d deaf) Follow(ctx context.Context, after eventstore.Position,
	prefixes ...string) iter.Seq2[[]eventstore.Recorded, error] {
	return func(yield func([]eventstore.Recorded, error) bool) {
		for batch, err := range d.Store.Follow(ctx, after, prefixes...) {
			if !yield(batch, err) || err != nil {
				return
			}
			if len(batch) == 0 {
				<-ctx.Done()
			}
		}
	}
}

// TestNodesKnowNewStores posts on one node in a store that the other has just registered: its zone
// decides the business date for ever.
func TestNodesKnowNewStores(t *testing.T) {
	store := enginetest.Open(t)
	here, there := node(t, store), node(t, deaf{store})
	here.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	_, err := here.Register(t.Context(), ledger.Registering{Registration: domain.SetStore{
		Store: domain.Store{ID: "S9", Name: "Nine", Zone: "Asia/Shanghai", DayCut: "00:00",
			Status: "open", Entity: "E-9"}}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := there.ask("fill", topUp("5.00"), domain.Context{Store: "S9", Terminal: "T1"})
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Events[0].Metadata.Entity; got != "E-9" {
		t.Errorf("entity: got %q, want that of the store, E-9", got)
	}
}

// TestNodesKnowNewKeys uses on one node, at once, what the other has just registered, and ends it there.
func TestNodesKnowNewKeys(t *testing.T) {
	store := enginetest.Open(t)
	here, there := node(t, store), node(t, store)
	for i := range 10 {
		key := domain.APIKey{ID: uuid.New(), Name: "till", Role: domain.RolePOS,
			Hash: sha256.Sum256([]byte{byte(i)}), Last4: "last"}
		if _, err := here.Register(t.Context(), ledger.Registering{
			Registration: domain.CreateKey{APIKey: key}}); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := there.FindKey(t.Context(), key.Hash); !ok || err != nil {
			t.Errorf("key %d: got %t, %v, want it found", i, ok, err)
		}
	}
	deafNode := node(t, deaf{store})
	key := domain.APIKey{ID: uuid.New(), Name: "till", Role: domain.RolePOS,
		Hash: sha256.Sum256([]byte("late")), Last4: "last"}
	for _, r := range []struct {
		at           shop
		registration domain.Registration
	}{{here, domain.CreateKey{APIKey: key}}, {deafNode, domain.RevokeKey{ID: key.ID}}} {
		if _, err := r.at.Register(t.Context(), ledger.Registering{Registration: r.registration}); err != nil {
			t.Fatal(err)
		}
	}
	if k, ok := deafNode.KeyByHash(key.Hash); !ok || k.Name != "till" || k.RevokedAt.IsZero() {
		t.Errorf("key that another node made and this one ended: got %+v, %t, want both", k, ok)
	}
}
