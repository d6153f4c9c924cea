package ledger_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

var cny, _ = domain.ISOUnit("CNY")

func yuan(amount string) domain.Money { return domain.MustMoney(amount, cny) }

// shop is a ledger on a store, with what tests ask of it.
type shop struct {
	*testing.T
	*ledger.Ledger
}

func open(t *testing.T, store eventstore.Store) shop {
	t.Helper()
	l := ledger.Open(store, ledger.Options{})
	t.Cleanup(l.Close)
	if err := l.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return shop{t, l}
}

func (s shop) ask(key string, c domain.Command, context domain.Context) (ledger.Answer, error) {
	return s.Do(s.Context(), ledger.Request{
		Account: domain.AccountID("C-1"), Command: c, Key: key, Context: context,
		Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin},
	})
}

func (s shop) must(key string, c domain.Command) ledger.Answer {
	s.Helper()
	a, err := s.ask(key, c, domain.Context{})
	if err != nil {
		s.Fatalf("%s: %v", key, err)
	}
	return a
}

func (s shop) available() string {
	s.Helper()
	v, err := s.Ledger.Account(s.Context(), domain.AccountID("C-1"))
	if err != nil {
		s.Fatal(err)
	}
	return v.Balance("CNY", 2, v.At).Available.String()
}

func topUp(amount string) domain.TopUp {
	return domain.TopUp{Amount: yuan(amount), TopUpTerms: domain.DefaultTerms()}
}

// TestDebitsAtOnce has many callers debit one account: the value goes once, to whoever was in time.
func TestDebitsAtOnce(t *testing.T) {
	s := open(t, enginetest.Open(t))
	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	s.must("fill", topUp("100.00"))

	var wait sync.WaitGroup
	taken := make([]bool, 300)
	for i := range taken {
		wait.Go(func() {
			_, err := s.ask(fmt.Sprint("k", i), domain.Debit{Amount: yuan("1.00")}, domain.Context{})
			taken[i] = err == nil
			if err != nil && !errors.Is(err, domain.ErrInsufficientFunds) {
				t.Errorf("debit %d: %v", i, err)
			}
		})
	}
	wait.Wait()
	sum := 0
	for _, ok := range taken {
		if ok {
			sum++
		}
	}
	if sum != 100 || s.available() != "0.00" {
		t.Fatalf("got %d debits and %s left, want 100 and 0.00", sum, s.available())
	}
	for i, ok := range taken { // every key keeps its answer, a decline too
		a, err := s.ask(fmt.Sprint("k", i), domain.Debit{Amount: yuan("1.00")}, domain.Context{})
		if !a.Replayed || (err == nil) != ok {
			t.Fatalf("debit %d: got replayed %t, err %v, want the first answer", i, a.Replayed, err)
		}
	}
}
