package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// pairs are accounts that each have two coupons of one campaign with budgets: a tenth off, and 5.00.
func (s shop) pairs(budgets domain.Budgets, refs ...string) (coupons map[string][]uuid.UUID) {
	s.Helper()
	tenth, five := tenthOff, yuanOff("5.00")
	tenth.ID, five.ID = "tenth", "five"
	steps := []domain.Registration{domain.DraftCampaign{ID: "one",
		CampaignTerms: domain.CampaignTerms{Name: "One", Budgets: budgets}}}
	for _, d := range []domain.Definition{tenth, five} {
		d.Unit, d.Stacking.Group = "CNY", domain.StackCommon
		steps = append(steps, domain.DefineCoupon{CampaignID: "one", Definition: d})
	}
	steps = append(steps, domain.ApproveCampaign{ID: "one"}, domain.ActivateCampaign{ID: "one"})
	for i, r := range steps {
		if err := s.register([]string{"maker", "checker"}[i/3%2], r); err != nil {
			s.Fatal(err)
		}
	}
	coupons = map[string][]uuid.UUID{}
	for _, ref := range refs {
		s.openAs(ref)
		s.mustOf(ref, "fill", topUp("1000.00"))
		for _, definition := range []string{"tenth", "five"} {
			coupons[ref] = append(coupons[ref], s.mustOf(ref, definition, domain.GrantCoupon{Campaign: "one",
				Definition: definition, Cause: domain.CouponByAPI}).First().Metadata.EventID)
		}
	}
	return coupons
}

func (s shop) quote(ref string, w domain.Wanted) domain.Quoted {
	s.Helper()
	q := domain.Quote{Cart: domain.Cart{Unit: "CNY", Lines: sale().Lines}, Wanted: w}
	quoted, _, err := s.Quote(s.Context(), ledger.Request{Account: domain.AccountID(ref)}, q)
	if err != nil {
		s.Fatal(err)
	}
	return quoted
}

// TestTwoCouponsOfOneCampaign: a sale with both takes them out of one budget at once. Where there is room
// for one alone, both by name are refused, and the best is the better of those that fit; so says its
// quote, which takes nothing, and the other node.
func TestTwoCouponsOfOneCampaign(t *testing.T) {
	for _, row := range []struct {
		name    string
		budgets domain.Budgets
		left    string          // of 1000.00, once both were asked for by name
		best    string          // net of the best, where both by name were refused
		why     *domain.Refusal // the other was left out
	}{
		{"for both", domain.Budgets{Redemptions: 2, Discount: yuan("14.50")}, "914.50", "", nil},
		{"a use for one", domain.Budgets{Redemptions: 1}, "1000.00", "90.00", domain.ErrCouponNotChosen},
		{"a discount for one", domain.Budgets{Discount: yuan("14.49")}, "1000.00", "90.00",
			domain.ErrCouponNotChosen},
		{"a discount for the lesser one", domain.Budgets{Discount: yuan("9.00")}, "1000.00", "95.00",
			domain.ErrBudgetExhausted},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := enginetest.Open(t)
			here, there := node(t, store), node(t, store)
			both := here.pairs(row.budgets, "C-1")["C-1"]
			if err := there.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			refused := func(q domain.Quoted, why *domain.Refusal) bool {
				return slices.ContainsFunc(q.Verdicts, func(v domain.Verdict) bool { return v.Code == why.Code })
			}
			quoted := there.quote("C-1", domain.Wanted{Coupons: both})
			if got := refused(quoted, domain.ErrBudgetExhausted); got != (row.best != "") {
				t.Errorf("both are quoted: got %t", got)
			}
			_, err := here.ask("both", sale(both...), domain.Context{})
			if (row.best != "") != errors.Is(err, domain.ErrBudgetExhausted) || there.available() != row.left {
				t.Errorf("both: got %v, %s left", err, there.available())
			}
			if row.best == "" {
				here.wantRoom(store, "one", 2, "14.50")
				return
			}
			here.wantRoom(store, "one", 0, "0.00")
			best := there.quote("C-1", domain.Wanted{Best: true})
			if best.Net.Quantity.String() != row.best || best.Search != domain.SearchExact || !refused(best, row.why) {
				t.Errorf("the best is quoted for %s: %+v", best.Net, best.Verdicts)
			}
			posted := there.must("best", sale()).First().Event.(domain.CheckoutPosted)
			if posted.Net.String() != best.Net.Quantity.String() {
				t.Errorf("the best costs %s, want %s", posted.Net, best.Net)
			}
			here.wantRoom(store, "one", 1, posted.Discount.String())
		})
	}
}

// wantRoom wants so many uses with so much discount to be reserved, at both ends.
func (s shop) wantRoom(store eventstore.Store, campaign string, uses int64, discount string) {
	s.Helper()
	b := s.reservedNow(store, campaign)
	if given := b.Discount.Quantity.String(); b.Redeemed != uses || given != discount && b.Discount.Unit() != "" {
		s.Errorf("got %s, want %d uses and %s", counted(b), uses, discount)
	}
}

// TestPairsAtTwoNodes: ten accounts buy the best at two nodes at once, of a budget for seven coupons. No
// more are used, none is lost, and each sale has what it has paid for.
func TestPairsAtTwoNodes(t *testing.T) {
	store := enginetest.Open(t)
	nodes := []shop{node(t, store), node(t, store)}
	var refs []string
	for i := range 10 {
		refs = append(refs, fmt.Sprint("P-", i))
	}
	nodes[0].pairs(domain.Budgets{Redemptions: 7}, refs...)
	if err := nodes[1].CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		var wait sync.WaitGroup
		for i, ref := range refs {
			wait.Go(func() {
				if _, err := nodes[(i+round)%2].patient(ref, fmt.Sprint("sale ", round), sale()); err != nil {
					t.Errorf("%s: %v", ref, err)
				}
			})
		}
		wait.Wait()
	}
	used, want := int64(0), int64(7)
	for _, ref := range refs {
		used += int64(2 - nodes[0].coupons(ref))
	}
	if b := nodes[1].reservedNow(store, "one"); used != want || b.Redeemed != want {
		t.Errorf("got %d used and %s, want %d", used, counted(b), want)
	}
}
