package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// faulty is a store whose appends go wrong as told: the fault may come before or after the events
// were stored, and one that is none lets the append pass.
type faulty struct {
	eventstore.Store
	mu     sync.Mutex
	faults []fault
}

type fault struct {
	stored bool // the events were stored all the same
	err    error
}

func (f *faulty) next() (fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.faults) == 0 {
		return fault{}, false
	}
	next := f.faults[0]
	f.faults = f.faults[1:]
	return next, true
}

func (f *faulty) plan(faults ...fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults
}

func (f *faulty) Append(
	ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event,
) (eventstore.Appended, error) {
	bad, ok := f.next()
	if !ok || bad == (fault{}) {
		return f.Store.Append(ctx, stream, expected, events)
	}
	if bad.stored {
		if _, err := f.Store.Append(ctx, stream, expected, events); err != nil {
			return eventstore.Appended{}, err
		}
	}
	return eventstore.Appended{}, bad.err
}

// TestAppendFaults has an append go wrong in every way; the caller retries with its key, and the debit
// happens once.
func TestAppendFaults(t *testing.T) {
	unknown, broken := eventstore.ErrOutcomeUnknown, errors.New("disk is full")
	for _, row := range []struct {
		name    string
		faults  []fault
		want    error // of the first try
		retries bool  // the retry finds the first try's debit
	}{
		{"unknown, stored, then known", []fault{{true, unknown}}, nil, true},
		{"unknown, not stored, then known", []fault{{false, unknown}}, nil, true},
		{"refused, not stored", []fault{{false, broken}}, broken, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := &faulty{Store: enginetest.Open(t)}
			s := open(t, store)
			s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
			s.must("fill", topUp("10.00"))
			store.plan(row.faults...)
			_, err := s.ask("k", domain.Debit{Amount: yuan("1.00")}, domain.Context{})
			if !errors.Is(err, row.want) {
				t.Fatalf("got %v, want %v", err, row.want)
			}
			a := s.must("k", domain.Debit{Amount: yuan("1.00")})
			if a.Replayed != row.retries || s.available() != "9.00" {
				t.Errorf("retry: got replayed %t and %s left, want %t and 9.00",
					a.Replayed, s.available(), row.retries)
			}
		})
	}
}

// TestConflict has two ledgers write the same account of one store at once, as two nodes do.
func TestConflict(t *testing.T) {
	store := enginetest.Open(t)
	a, b := open(t, store), open(t, store)
	a.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	a.must("fill", topUp("50.00"))
	var wait sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for n, s := range []shop{a, b} {
		for i := range 60 {
			wait.Go(func() {
				_, err := s.ask(fmt.Sprint(n, "-", i), domain.Debit{Amount: yuan("1.00")}, domain.Context{})
				for errors.Is(err, ledger.ErrBusy) {
					_, err = s.ask(fmt.Sprint(n, "-", i), domain.Debit{Amount: yuan("1.00")}, domain.Context{})
				}
				if err != nil && !errors.Is(err, domain.ErrInsufficientFunds) {
					t.Error(err)
				}
				if err == nil {
					mu.Lock()
					taken++
					mu.Unlock()
				}
			})
		}
	}
	wait.Wait()
	if taken != 50 {
		t.Errorf("got %d debits of 1.00 from 50.00, want 50", taken)
	}
	if _, err := a.ask("0-1", domain.Debit{Amount: yuan("2.00")}, domain.Context{}); !errors.Is(
		err, domain.ErrKeyReused) {
		t.Errorf("other request under a used key: got %v, want key_reused", err)
	}
}

// TestSameKeyAtOnce sends one request many times at once: one effect, one answer.
func TestSameKeyAtOnce(t *testing.T) {
	s := open(t, enginetest.Open(t))
	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	s.must("fill", topUp("10.00"))
	var wait sync.WaitGroup
	ids := make([]string, 50)
	for i := range ids {
		wait.Go(func() {
			a, err := s.ask("once", domain.Debit{Amount: yuan("1.00")}, domain.Context{})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = a.First().Metadata.OperationID.String()
		})
	}
	wait.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("got debits %s and %s under one key", ids[0], id)
		}
	}
	if s.available() != "9.00" {
		t.Errorf("got %s left, want 9.00", s.available())
	}
}

// TestDamaged puts an event that is not ours into an account's stream: that account stops with stream
// and revision, others go on.
func TestDamaged(t *testing.T) {
	store := enginetest.Open(t)
	id := domain.AccountID("C-1")
	first := open(t, store)
	first.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	foreign := []eventstore.Event{{ID: [16]byte{1}, Type: "Foreign", Data: []byte("{}"),
		Metadata: []byte("{}")}}
	if _, err := store.Append(t.Context(), domain.AccountStream(id), 0, foreign); err != nil {
		t.Fatal(err)
	}
	s := open(t, store)
	_, err := s.ask("fill", topUp("10.00"), domain.Context{})
	var damaged *ledger.Damaged
	if !errors.As(err, &damaged) || damaged.Revision != 1 ||
		damaged.Stream != domain.AccountStream(id) {
		t.Fatalf("got %v, want *ledger.Damaged at revision 1", err)
	}
	_, err = s.Do(t.Context(), ledger.Request{Account: domain.AccountID("C-2"), Key: "other",
		Command: domain.OpenAccount{CustomerRef: "C-2"}})
	if err != nil {
		t.Errorf("another account: got %v, want none", err)
	}
}

// TestStop closes a ledger under load: what was accepted is answered, what comes later is refused.
func TestStop(t *testing.T) {
	store := enginetest.Open(t)
	l := ledger.Open(store, ledger.Options{})
	s := shop{t, l}
	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	s.must("fill", topUp("1000.00"))
	var wait sync.WaitGroup
	var mu sync.Mutex
	answered := 0
	for i := range 200 {
		wait.Go(func() {
			_, err := s.ask(fmt.Sprint(i), domain.Debit{Amount: yuan("1.00")}, domain.Context{})
			switch {
			case err == nil:
				mu.Lock()
				answered++
				mu.Unlock()
			case !errors.Is(err, ledger.ErrStopping):
				t.Error(err)
			}
		})
	}
	l.Close()
	wait.Wait()
	again := open(t, store)
	if want := fmt.Sprintf("%d.00", 1000-answered); again.available() != want {
		t.Errorf("got %s left after %d answers, want %s", again.available(), answered, want)
	}
}

// TestBusy fills the queue of an account beyond its bound.
func TestBusy(t *testing.T) {
	store := &held{Store: enginetest.Open(t), gate: make(chan struct{}), waits: make(chan struct{}, 1)}
	l := ledger.Open(store, ledger.Options{MaxPerAccount: 2})
	t.Cleanup(l.Close)
	s := shop{t, l}
	results := make(chan error, 4)
	ask := func(i int) {
		_, err := s.ask(fmt.Sprint(i), domain.OpenAccount{CustomerRef: "C-1"}, domain.Context{})
		results <- err
	}
	go ask(0)
	<-store.waits // the first is being appended
	for i := 1; l.Waiting() < 3; i++ {
		before := l.Waiting()
		go ask(i)
		for l.Waiting() == before { // two more fit, and they do wait
			runtime.Gosched()
		}
	}
	if _, err := s.ask("late", domain.OpenAccount{CustomerRef: "C-1"}, domain.Context{}); !errors.Is(
		err, ledger.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	close(store.gate)
	for range 3 {
		if err := <-results; err != nil && !errors.Is(err, domain.ErrAccountExists) {
			t.Error(err)
		}
	}
}

// held is a store whose appends wait for its gate.
type held struct {
	eventstore.Store
	gate, waits chan struct{}
}

func (h *held) Append(
	ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event,
) (eventstore.Appended, error) {
	select {
	case h.waits <- struct{}{}:
	default:
	}
	<-h.gate
	return h.Store.Append(ctx, stream, expected, events)
}
