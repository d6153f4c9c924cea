package ledger_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// named are the ids of events of a type on an account's stream.
func named(t *testing.T, store eventstore.Store, ref, kind string) (ids []uuid.UUID) {
	for e, err := range store.Read(t.Context(), domain.AccountStream(domain.AccountID(ref)), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == kind {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// TestReturnOnAbsorbedDies ends the process at every step of a refund on an absorbed account: whoever
// finds what it left tells the survivor, once.
func TestReturnOnAbsorbedDies(t *testing.T) {
	for steps := range 4 {
		t.Run(fmt.Sprint(steps), func(t *testing.T) {
			store := enginetest.Open(t)
			first := open(t, store)
			pairOf(first, false)
			debit := first.mustOf("C-1", "debit", domain.Debit{Amount: yuan("10.00")}).First().Metadata.EventID
			first.mustOf("C-1", "merge", intoC2)
			refund := domain.Refund{DebitID: debit, Amount: yuan("4.00")}
			dies(t, store, steps, false, func(s shop) { _, _ = s.askOf("C-1", "refund", refund) })
			s := node(t, store)
			for range 2 {
				for _, kind := range []string{"TransferSent", "MergeAdjusted"} {
					for _, id := range named(t, store, "C-1", kind) {
						if err := s.Resume(t.Context(), domain.AccountID("C-1"), id); err != nil {
							t.Error(err)
						}
					}
				}
				if n := len(named(t, store, "C-2", "MergeAdjusted")); steps > 0 && n != 1 {
					t.Errorf("the survivor was told %d times, want once", n)
				}
				s.mustOf("C-1", "refund", refund)
			}
			if n := len(named(t, store, "C-2", "MergeAdjusted")); n != 1 {
				t.Errorf("the survivor was told %d times in the end, want once", n)
			}
			if got, want := s.totals("C-1", "C-2"), "C-1 merged 0.00, C-2 open 94.00, "; got != want {
				t.Errorf("got %s want %s", got, want)
			}
		})
	}
}

// TestReturnWhileMergeInFlight: a refund waits for the end of a merge, and tells the survivor of one
// that took the account in alone.
func TestReturnWhileMergeInFlight(t *testing.T) {
	for _, frozen := range []bool{false, true} {
		store := enginetest.Open(t)
		first := open(t, store)
		pairOf(first, frozen)
		debit := first.mustOf("C-1", "debit", domain.Debit{Amount: yuan("10.00")}).First().Metadata.EventID
		dies(t, store, 1, false, func(s shop) { _, _ = s.askOf("C-1", "k", intoC2) })
		s := node(t, store)
		s.mustOf("C-1", "refund", domain.Refund{DebitID: debit, Amount: yuan("10.00")})
		told, want := 1, "C-1 merged 0.00, C-2 open 100.00, "
		if frozen {
			told, want = 0, "C-1 open 100.00, C-2 frozen 0.00, "
		}
		if got := s.totals("C-1", "C-2"); got != want {
			t.Errorf("got %s want %s", got, want)
		}
		if n := len(named(t, store, "C-2", "MergeAdjusted")); n != told {
			t.Errorf("the survivor was told %d times, want %d", n, told)
		}
	}
}

// TestReturnOnTwiceAbsorbed: what came back of an account that was absorbed goes on to the survivor of
// its survivor.
func TestReturnOnTwiceAbsorbed(t *testing.T) {
	store := enginetest.Open(t)
	s := open(t, store)
	pairOf(s, false)
	s.mustOf("C-3", "open", domain.OpenAccount{CustomerRef: "C-3"})
	debit := s.mustOf("C-1", "debit", domain.Debit{Amount: yuan("10.00")}).First().Metadata.EventID
	s.mustOf("C-1", "merge", intoC2)
	s.mustOf("C-2", "merge", domain.MergeAccount{Into: domain.AccountID("C-3")})
	s.mustOf("C-1", "refund", domain.Refund{DebitID: debit, Amount: yuan("10.00")})
	if n := len(named(t, store, "C-3", "MergeAdjusted")); n != 1 {
		t.Errorf("the last survivor was told %d times, want once", n)
	}
	if got, want := s.totals("C-2", "C-3"), "C-2 merged 0.00, C-3 open 100.00, "; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

// owing is what an account owes, as the ledger has it.
func owing(s shop, ref string) string {
	v, err := s.Account(s.Context(), domain.AccountID(ref))
	if err != nil {
		s.Fatal(err)
	}
	var all []string
	for _, r := range v.Receivables() {
		all = append(all, r.Outstanding.String())
	}
	return strings.Join(all, ", ")
}

// TestChargebackOnAbsorbedDies ends the process at every step of a chargeback on an account that was absorbed
// twice: whoever finds what it left has the last survivor owe it, once.
func TestChargebackOnAbsorbedDies(t *testing.T) {
	for steps := range 5 {
		t.Run(fmt.Sprint(steps), func(t *testing.T) {
			store := enginetest.Open(t)
			first := open(t, store)
			pairOf(first, false)
			first.mustOf("C-3", "open", domain.OpenAccount{CustomerRef: "C-3"})
			sold := named(t, store, "C-1", "TopUpPosted")[0]
			first.mustOf("C-1", "debit", domain.Debit{Amount: yuan("10.00")})
			first.mustOf("C-1", "merge", intoC2)
			first.mustOf("C-2", "debit", domain.Debit{Amount: yuan("5.00")})
			first.mustOf("C-2", "merge", domain.MergeAccount{Into: domain.AccountID("C-3")})
			chargeback := domain.ReverseTopUp{TopUpID: sold, Cause: domain.CauseChargeback}
			dies(t, store, steps, false, func(s shop) { _, _ = s.askOf("C-1", "chargeback", chargeback) })
			s := node(t, store)
			for range 2 {
				for _, ref := range []string{"C-1", "C-2"} {
					for _, id := range named(t, store, ref, "MergeAdjusted") {
						if err := s.Resume(t.Context(), domain.AccountID(ref), id); err != nil {
							t.Error(err)
						}
					}
				}
				s.mustOf("C-1", "chargeback", chargeback)
			}
			if n := len(named(t, store, "C-3", "ReceivableOpened")); n != 1 {
				t.Errorf("%d receivables were opened, want one", n)
			}
			const want = "C-1 merged 0.00, C-2 merged 0.00, C-3 open 0.00, "
			if got := s.totals("C-1", "C-2", "C-3"); got != want {
				t.Errorf("got %s want %s", got, want)
			}
			for ref, want := range map[string]string{"C-1": "", "C-2": "", "C-3": "15.00 CNY"} {
				if got := owing(s, ref); got != want {
					t.Errorf("%s: got %q owed, want %q", ref, got, want)
				}
			}
		})
	}
}

// TestChargebackWhileMergeInFlight: a chargeback waits for the end of a merge, and what is owed is owed by
// whoever answers for the account then.
func TestChargebackWhileMergeInFlight(t *testing.T) {
	for _, frozen := range []bool{false, true} {
		store := enginetest.Open(t)
		first := open(t, store)
		pairOf(first, frozen)
		sold := named(t, store, "C-1", "TopUpPosted")[0]
		first.mustOf("C-1", "debit", domain.Debit{Amount: yuan("10.00")})
		dies(t, store, 1, false, func(s shop) { _, _ = s.askOf("C-1", "k", intoC2) })
		s := node(t, store)
		s.mustOf("C-1", "chargeback", domain.ReverseTopUp{TopUpID: sold, Cause: domain.CauseChargeback})
		debtor, other := "C-2", "C-1"
		if frozen {
			debtor, other = other, debtor
		}
		if got, none := owing(s, debtor), owing(s, other); got != "10.00 CNY" || none != "" {
			t.Errorf("%s owes %q, %s %q, want 10.00 and nothing", debtor, got, other, none)
		}
	}
}
