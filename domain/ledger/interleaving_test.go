package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// TestIndependentAccounts asks the same of several accounts: of one account after the other, and of all
// of them at once. Each account tells the same history, whatever its neighbours do meanwhile.
func TestIndependentAccounts(t *testing.T) {
	const accounts, commands = 12, 40
	one, all := open(t, enginetest.Open(t)), open(t, enginetest.Open(t))
	for n := range accounts {
		one.live(n, commands)
	}
	var wait sync.WaitGroup
	for n := range accounts {
		wait.Go(func() { all.live(n, commands) })
	}
	wait.Wait()
	for n := range accounts {
		if got, want := all.history(n), one.history(n); got != want {
			t.Errorf("account %d among others: got\n%s\nwant\n%s", n, got, want)
		}
	}
}

func nth(n int) string { return fmt.Sprint("C-", n) }

// live asks an account the commands that belong to its number. What it may name stands in its own history.
func (s shop) live(n, commands int) {
	chance := rand.New(rand.NewPCG(uint64(n), 7))
	ids := []uuid.UUID{{}}
	ask := func(i int, c domain.Command) {
		a, err := s.Do(s.Context(), ledger.Request{
			Account: domain.AccountID(nth(n)), Command: c, Key: fmt.Sprint(n, "-", i),
			Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin},
		})
		if _, refused := errors.AsType[*domain.Refusal](err); err != nil && !refused {
			s.Errorf("account %d, %#v: %v", n, c, err)
		}
		if err == nil {
			ids = append(ids, a.First().Metadata.OperationID)
		}
	}
	ask(0, domain.OpenAccount{CustomerRef: nth(n)})
	for i := range commands {
		amount := yuan(fmt.Sprintf("%d.%02d", chance.IntN(60)+1, chance.IntN(100)))
		id := ids[chance.IntN(len(ids))]
		ask(i+1, []domain.Command{
			domain.TopUp{Amount: amount, TopUpTerms: domain.DefaultTerms()},
			domain.Debit{Amount: amount},
			domain.Debit{Amount: amount, AcceptPartial: true},
			domain.PlaceHold{Amount: amount, TTLSeconds: 600},
			domain.CaptureHold{HoldID: id, Amount: yuan("1.00"), Final: true},
			domain.VoidHold{HoldID: id},
			domain.Refund{DebitID: id, Amount: yuan("0.70")},
			domain.ReverseTopUp{TopUpID: id, Cause: domain.CauseChargeback},
		}[chance.IntN(8)])
	}
}

// history is an account's events, what each moved, and the balance it left.
func (s shop) history(n int) string {
	entries, err := s.History(s.Context(), domain.AccountID(nth(n)), eventstore.End, 1000)
	if err != nil || len(entries) < 10 {
		s.Fatalf("account %d: got %d events, %v", n, len(entries), err)
	}
	var all strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&all, "%d %s", e.Posted.Revision, domain.TypeOf(e.Event))
		if v, ok := e.Event.(domain.Valued); ok {
			w := v.Worth()
			fmt.Fprint(&all, " ", w.Amount, " leaves ", w.Balance.Total, " ", w.Balance.Available)
			for _, m := range w.Moves {
				opened, _ := domain.RevisionOf(m.Lot)
				fmt.Fprint(&all, " ", opened, m.Class, m.Amount, m.Held, m.Cost)
			}
		}
		all.WriteByte('\n')
	}
	return all.String()
}
