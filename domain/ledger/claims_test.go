package ledger_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// campaign makes spring, an active campaign with ten off, whose code anybody claims once.
func (s shop) campaign(terms domain.CampaignTerms) {
	s.Helper()
	terms.Name = "Spring"
	for i, r := range []domain.Registration{
		domain.DraftCampaign{ID: "spring", CampaignTerms: terms},
		domain.DefineCoupon{CampaignID: "spring", Definition: domain.Definition{ID: "ten",
			Kind: domain.AmountOff, Unit: "CNY", Value: domain.CouponValue{Amount: yuan("10.00")},
			PromoCode: &domain.PromoCode{Hash: "spring", Last4: "RING"}}},
		domain.ApproveCampaign{ID: "spring"},
		domain.ActivateCampaign{ID: "spring"},
	} {
		_, err := s.Register(s.Context(), ledger.Registering{Registration: r, Key: fmt.Sprint("spring-", i),
			Caller: ledger.Caller{Actor: []string{"maker", "checker"}[i/2], Role: domain.RoleAdmin}})
		if err != nil {
			s.Fatal(err)
		}
	}
}

var aCode = domain.RedeemCode{CodeRef: domain.CodeRef{BatchID: uuid.UUID{1}, Serial: 7},
	Campaign: "spring", Definition: "ten@1", Last4: "RJ2N"}

// claims asks for the coupon of aCode.
func (s shop) claims(ref, key string) (ledger.Answer, error) {
	return s.ClaimCode(s.Context(), ledger.Request{Account: domain.AccountID(ref), Key: key,
		Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin}}, aCode)
}

func (s shop) openAs(ref string) {
	s.Helper()
	_, err := s.Do(s.Context(), ledger.Request{Account: domain.AccountID(ref),
		Command: domain.OpenAccount{CustomerRef: ref}, Key: "open"})
	if err != nil {
		s.Fatal(err)
	}
}

// coupons is how many an account has.
func (s shop) coupons(ref string) int {
	s.Helper()
	v, err := s.Account(s.Context(), domain.AccountID(ref))
	if err != nil {
		s.Fatal(err)
	}
	return len(v.Coupons())
}

func TestClaimCode(t *testing.T) {
	s := open(t, enginetest.Open(t))
	s.campaign(domain.CampaignTerms{})
	s.openAs("C-1")
	s.openAs("C-2")
	first, err := s.claims("C-1", "claim")
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.claims("C-1", "claim")
	if err != nil || !again.Replayed || again.First().Metadata.EventID != first.First().Metadata.EventID {
		t.Errorf("got %v, %v, want the answer again", again, err)
	}
	for ref, key := range map[string]string{"C-1": "other", "C-2": "claim"} {
		if _, err := s.claims(ref, key); !errors.Is(err, domain.ErrCodeNotUsable) {
			t.Errorf("%s with key %s: got %v", ref, key, err)
		}
	}
	if got := s.coupons("C-1") + s.coupons("C-2"); got != 1 {
		t.Errorf("got %d coupons, want 1", got)
	}
}

// An account that does not take the coupon leaves the code to others.
func TestClaimRefused(t *testing.T) {
	s := open(t, enginetest.Open(t))
	s.campaign(domain.CampaignTerms{})
	s.openAs("C-1")
	s.openAs("C-2")
	s.must("freeze", domain.FreezeAccount{Modes: []domain.FreezeMode{domain.FreezeAll}, Reason: "x"})
	if _, err := s.claims("C-1", "claim"); !errors.Is(err, domain.ErrAccountFrozen) {
		t.Fatalf("got %v", err)
	}
	s.must("unfreeze", domain.UnfreezeAccount{Reason: "x"})
	if _, err := s.claims("C-2", "claim"); err != nil {
		t.Fatal(err)
	}
	if got := [2]int{s.coupons("C-1"), s.coupons("C-2")}; got != [2]int{0, 1} {
		t.Errorf("got %v coupons", got)
	}
}

// cut is how a claim ends before its time.
type cut struct {
	frozen  bool // the account takes no coupon
	at      int  // this append fails
	stored  bool // all the same
	resumed bool // by the service; else whoever claims asks again
}

// TestClaimCutOff ends a claim at each of its appends, before it is stored and after, and has it brought
// to its end on another node. It ends once: with the coupon, or with a free code.
func TestClaimCutOff(t *testing.T) {
	for _, frozen := range []bool{false, true} {
		for at := range map[bool]int{false: 2, true: 3}[frozen] {
			for i := range 4 {
				c := cut{frozen, at, i%2 == 1, i/2 == 1}
				t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) { c.run(t) })
			}
		}
	}
}

func (c cut) run(t *testing.T) {
	down, store := errors.New("power cut"), &faulty{Store: enginetest.Open(t)}
	s := open(t, store)
	s.campaign(domain.CampaignTerms{})
	s.openAs("C-1")
	if c.frozen {
		s.must("freeze", domain.FreezeAccount{Modes: []domain.FreezeMode{domain.FreezeAll}, Reason: "x"})
	}
	store.cutAt(c.at, c.stored, down)
	if _, err := s.claims("C-1", "claim"); !errors.Is(err, down) {
		t.Fatalf("got %v, want %v", err, down)
	}
	other := open(t, store.Store)
	var err error
	if c.resumed {
		err = other.ResumeClaim(t.Context(), aCode.CodeRef)
	} else {
		_, err = other.claims("C-1", "claim")
	}
	if _, refused := errors.AsType[*domain.Refusal](err); err != nil && (!c.frozen || !refused) {
		t.Fatal(err)
	}
	want := 1
	if c.frozen || c.resumed && c.at == 0 && !c.stored {
		want = 0
	}
	if got := other.coupons("C-1"); got != want {
		t.Errorf("got %d coupons, want %d", got, want)
	}
	other.openAs("C-2")
	if _, err := other.claims("C-2", "claim"); (err == nil) != (want == 0) {
		t.Errorf("the next one is answered %v", err)
	}
}

// cutAt lets n appends pass, and has the next one fail.
func (f *faulty) cutAt(n int, stored bool, err error) {
	f.plan(append(make([]fault, n), fault{stored, err})...)
}

// 64 ask for one code, at two nodes: one account gets its coupon.
func TestClaimRace(t *testing.T) {
	store := enginetest.Open(t)
	nodes := []shop{node(t, store), node(t, store)}
	nodes[0].campaign(domain.CampaignTerms{})
	for i := range 64 {
		nodes[0].openAs(fmt.Sprint("C-", i))
	}
	if err := nodes[1].CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			_, err := nodes[i%2].claims(fmt.Sprint("C-", i), "claim")
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, domain.ErrCodeNotUsable) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	coupons := 0
	for i := range 64 {
		coupons += nodes[0].coupons(fmt.Sprint("C-", i))
	}
	if won.Load() != 1 || coupons != 1 {
		t.Errorf("got %d answers and %d coupons, want one", won.Load(), coupons)
	}
}

func TestPromoCode(t *testing.T) {
	s := open(t, enginetest.Open(t))
	if _, _, ok := s.PromoCode("spring"); ok {
		t.Error("a code of no campaign is found")
	}
	s.campaign(domain.CampaignTerms{})
	campaign, definition, ok := s.PromoCode("other", "spring")
	if !ok || campaign != "spring" || definition != "ten" {
		t.Errorf("got %s, %s, %t", campaign, definition, ok)
	}
	s.openAs("C-1")
	claim := domain.GrantCoupon{Campaign: campaign, Definition: definition, Cause: domain.CouponByClaim,
		CodeLast4: "RING"}
	s.must("claim", claim)
	if a := s.must("claim", claim); !a.Replayed {
		t.Error("a repeat is another claim")
	}
	if _, err := s.ask("again", claim, domain.Context{}); !errors.Is(err, domain.ErrCouponLimit) {
		t.Errorf("got %v, want one for each account", err)
	}
}

// TestPromoCodeBudget: thousands claim a promo code at two nodes, and as many get a coupon as its budget
// has.
func TestPromoCodeBudget(t *testing.T) {
	const budget, asked = 1000, 3000
	store := enginetest.Open(t)
	nodes := []shop{node(t, store), node(t, store)}
	nodes[0].campaign(domain.CampaignTerms{Budgets: domain.Budgets{Issues: budget}})
	for i := range asked {
		nodes[0].openAs(fmt.Sprint("C-", i))
	}
	if err := nodes[1].CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	claim := domain.GrantCoupon{Campaign: "spring", Definition: "ten", Cause: domain.CouponByClaim,
		CodeLast4: "RING"}
	var won atomic.Int32
	var all sync.WaitGroup
	next := make(chan int)
	for i := range 256 {
		all.Go(func() {
			for n := range next {
				ask := ledger.Request{Account: domain.AccountID(fmt.Sprint("C-", n)),
					Command: claim, Key: "claim", Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin}}
				_, err := nodes[i%2].Do(t.Context(), ask)
				for errors.Is(err, ledger.ErrBusy) { // it lost every race for the campaign: a client asks again
					_, err = nodes[i%2].Do(t.Context(), ask)
				}
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, domain.ErrBudgetExhausted) {
					t.Error(err)
				}
			}
		})
	}
	for n := range asked {
		next <- n
	}
	close(next)
	all.Wait()
	coupons := 0
	for n := range asked {
		coupons += nodes[0].coupons(fmt.Sprint("C-", n))
	}
	if won.Load() != budget || coupons != budget {
		t.Errorf("got %d answers and %d coupons, want %d", won.Load(), coupons, budget)
	}
}
