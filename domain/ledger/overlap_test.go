package ledger_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// slow is a store whose next append, once it is told so, begins and waits to be let go on.
type slow struct {
	faulty
	armed     atomic.Bool
	begun, on chan struct{}
}

func (s *slow) Append(
	ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event,
) (eventstore.Appended, error) {
	if s.armed.CompareAndSwap(true, false) {
		s.begun <- struct{}{}
		<-s.on
	}
	return s.faulty.Append(ctx, stream, expected, events)
}

// TestDecidedAhead has a round appended while the next is decided on it. What rests on a round that
// fails was never true: it is decided anew, and nobody has been told of it.
func TestDecidedAhead(t *testing.T) {
	broken := errors.New("disk is full")
	for _, row := range []struct {
		name      string
		fault     fault
		wantTopUp error
		wantDebit error
		replayed  bool // the top-up under its key, once more
		left      string
	}{
		{"appended", fault{}, nil, nil, true, "4.00"},
		{"unknown, and stored", fault{true, eventstore.ErrOutcomeUnknown}, nil, nil, true, "4.00"},
		{"not at that revision", fault{false, &eventstore.WrongRevision{}}, nil, nil, true, "4.00"},
		{"not stored", fault{false, broken}, broken, domain.ErrInsufficientFunds, false, "10.00"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, store, decisions := openSlow(t)
			store.plan(row.fault)
			first := s.begin("fill", topUp("10.00"))
			<-store.begun
			before := decisions.Load()
			debit, again := s.begin("k", domain.Debit{Amount: yuan("6.00")}), s.begin("fill", topUp("10.00"))
			other := s.begin("fill", topUp("7.00"))
			for decisions.Load() == before {
				runtime.Gosched()
			}
			store.on <- struct{}{}
			paid, err := first(t.Context())
			if !errors.Is(err, row.wantTopUp) {
				t.Errorf("top-up: got %v, want %v", err, row.wantTopUp)
			}
			if _, err := debit(t.Context()); !errors.Is(err, row.wantDebit) {
				t.Errorf("debit: got %v, want %v", err, row.wantDebit)
			}
			a, err := again(t.Context())
			if err != nil || a.Replayed != row.replayed || a.Position == eventstore.Start {
				t.Errorf("again: got replayed %t at %d, %v, want %t", a.Replayed, a.Position, err, row.replayed)
			}
			if err == nil && row.replayed && a.Last().Metadata.EventID != paid.Last().Metadata.EventID {
				t.Error("again: got another top-up")
			}
			if _, err := other(t.Context()); !errors.Is(err, domain.ErrKeyReused) {
				t.Errorf("other: got %v, want key_reused", err)
			}
			if got := s.available(); got != row.left {
				t.Errorf("got %s left, want %s", got, row.left)
			}
		})
	}
}

// TestJoinedWhileDecided has a command join while the one before it is decided: nobody is told of it, and
// it is decided ahead all the same.
func TestJoinedWhileDecided(t *testing.T) {
	var s shop
	var join func()
	var debit func(context.Context) (ledger.Answer, error)
	store := &slow{faulty: faulty{Store: enginetest.Open(t)}, begun: make(chan struct{}),
		on: make(chan struct{})}
	decided := make(chan struct{}, 99)
	s = shop{t, ledger.Open(store, ledger.Options{Now: func() time.Time {
		if join != nil {
			join()
		}
		decided <- struct{}{}
		return time.Now()
	}})}
	t.Cleanup(s.Close)
	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	for len(decided) > 0 {
		<-decided
	}
	store.armed.Store(true)
	join = func() {
		join = nil
		debit = s.begin("k", domain.Debit{Amount: yuan("6.00")})
	}
	first := s.begin("fill", topUp("10.00"))
	<-store.begun
	<-decided
	<-decided // while the first is appended
	store.on <- struct{}{}
	_, err := first(t.Context())
	_, failure := debit(t.Context())
	if err != nil || failure != nil || s.available() != "4.00" {
		t.Errorf("got %v, %v and %s left, want 4.00", err, failure, s.available())
	}
}

// TestRepeatedAhead repeats a request while its events are appended: the answer says where they are.
func TestRepeatedAhead(t *testing.T) {
	s, store, decisions := openSlow(t)
	first := s.begin("fill", topUp("10.00"))
	<-store.begun
	before := decisions.Load()
	again := s.begin("fill", topUp("10.00"))
	refused := s.begin("k", domain.Debit{Amount: yuan("0.00")})
	for decisions.Load() == before {
		runtime.Gosched()
	}
	store.on <- struct{}{}
	want, err := first(t.Context())
	got, failure := again(t.Context())
	if err != nil || failure != nil || !got.Replayed || got.Position != want.Position {
		t.Errorf("got replayed %t at %d, %v, %v, want the first at %d", got.Replayed, got.Position, err,
			failure, want.Position)
	}
	if _, err := refused(t.Context()); !errors.Is(err, domain.ErrAmountNotPositive) {
		t.Errorf("got %v, want amount_not_positive", err)
	}
}

// openSlow is a shop with an empty account, whose next append is held, and how many decisions it has made.
func openSlow(t *testing.T) (shop, *slow, *atomic.Int64) {
	t.Helper()
	store := &slow{faulty: faulty{Store: enginetest.Open(t)}, begun: make(chan struct{}),
		on: make(chan struct{})}
	decisions := new(atomic.Int64)
	s := shop{t, ledger.Open(store, ledger.Options{Now: func() time.Time {
		decisions.Add(1)
		return time.Now()
	}})}
	t.Cleanup(s.Close)
	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	store.armed.Store(true)
	return s, store, decisions
}

// begin puts a command into the queue of C-1.
func (s shop) begin(key string, c domain.Command) func(context.Context) (ledger.Answer, error) {
	s.Helper()
	wait, err := s.Begin(ledger.Request{Account: domain.AccountID("C-1"), Command: c, Key: key,
		Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin}})
	if err != nil {
		s.Fatal(err)
	}
	return wait
}
