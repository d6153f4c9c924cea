package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// offer makes an active campaign with budgets and one coupon, off, which all stack.
func (s shop) offer(id string, budgets domain.Budgets, off domain.Definition) {
	s.Helper()
	off.ID, off.Unit = "off", "CNY"
	if off.Stacking.Group == "" {
		off.Stacking.Group = domain.StackCommon
	}
	for i, r := range []domain.Registration{
		domain.DraftCampaign{ID: id, CampaignTerms: domain.CampaignTerms{Name: id, Budgets: budgets}},
		domain.DefineCoupon{CampaignID: id, Definition: off},
		domain.ApproveCampaign{ID: id}, domain.ActivateCampaign{ID: id},
	} {
		if err := s.register([]string{"maker", "maker", "checker", "maker"}[i], r); err != nil {
			s.Fatalf("%s: %v", id, err)
		}
	}
}

func yuanOff(amount string) domain.Definition {
	return domain.Definition{Kind: domain.AmountOff, Value: domain.CouponValue{Amount: yuan(amount)}}
}

// couponOf grants an account the coupon of a campaign, and answers its id.
func (s shop) couponOf(ref, campaign string) uuid.UUID {
	s.Helper()
	return s.mustOf(ref, "coupon of "+campaign, domain.GrantCoupon{Campaign: campaign, Definition: "off",
		Cause: domain.CouponByAPI}).First().Metadata.EventID
}

var tenthOff = domain.Definition{Kind: domain.PercentOff,
	Value: domain.CouponValue{Percent: domain.MustMoney("10.00", cny).Quantity}}

// sale is of two pieces at 50.00 that stored value pays, with coupons by name, or the best.
func sale(coupons ...uuid.UUID) domain.Checkout {
	return domain.Checkout{Rest: true, Wanted: domain.Wanted{Coupons: coupons, Best: len(coupons) == 0},
		Lines: []domain.CartLine{{N: 1, Product: "tea", Qty: 2, UnitPrice: yuan("50.00")}}}
}

// reservedNow is what a campaign's stream says is reserved, from the beginning; the ledger must know it,
// too.
func (s shop) reservedNow(store eventstore.Store, campaign string) domain.Budget {
	s.Helper()
	b := domain.NewBudget()
	for _, p := range s.stream(store, domain.CampaignStream(campaign)) {
		if err := b.Apply(p); err != nil {
			s.Fatal(err)
		}
	}
	known, err := s.Budget(campaign)
	if err != nil {
		s.Fatal(err)
	}
	if counted(known) != counted(b) {
		s.Errorf("%s: got %s, want %s", campaign, counted(known), counted(b))
	}
	return b
}

// stream is all of a stream.
func (s shop) stream(store eventstore.Store, name string) (all []domain.Posted) {
	s.Helper()
	for e, err := range store.Read(s.Context(), name, 0) {
		if err != nil {
			s.Fatal(err)
		}
		p, err := domain.Decode(e.Type, e.Data, e.Metadata, int64(e.Revision))
		if err != nil {
			s.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// counted is a budget as text: what is issued, redeemed and given.
func counted(b domain.Budget) string {
	return fmt.Sprintf("%d issued, %d redeemed, %s given", b.Issued, b.Redeemed, b.Discount.Quantity)
}

// TestTierCouponIsCommitted: a coupon of a capped campaign that comes with the end of a tier's period is
// no answer to the sale which finds that due. Its reservation stands all the same.
func TestTierCouponIsCommitted(t *testing.T) {
	watch, store := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, enginetest.Open(t)
	s := shop{t, ledger.Open(store, ledger.Options{Now: watch.Now})}
	t.Cleanup(s.Close)
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.offer("gifts", domain.Budgets{Issues: 9}, yuanOff("1.00"))
	s.publish(domain.PublishProgram{ID: "default", Terms: domain.Terms{Tiers: &domain.TierRules{
		Metric: domain.MetricSpend, Unit: "CNY", Downgrade: domain.DowngradeReassess,
		Window: domain.TierWindow{Kind: domain.WindowCalendar, Of: "year"},
		Tiers: []domain.TierTerms{{Name: "base"}, {Name: "silver", From: yuan("100.00").Quantity,
			Benefits: domain.Benefits{Coupons: []domain.TierCoupon{{Campaign: "gifts", Definition: "off",
				Each: "period"}}}}}}}})
	s.must("open", domain.OpenAccount{CustomerRef: "C-1"})
	s.must("fill", topUp("500.00"))
	for year := range 2 {
		s.must(fmt.Sprint("spend ", year), domain.Debit{Amount: yuan("150.00")})
		if n, b := s.coupons("C-1"), s.reservedNow(store, "gifts"); n != year+1 || b.Issued != int64(n) {
			t.Errorf("got %d coupons and %d issued, want %d", n, b.Issued, year+1)
		}
		watch.pass(365 * 24 * time.Hour)
	}
}

// TestBestOfExhausted: the best coupons are those whose campaigns have something left, however many of
// the others have not, and whatever is left then takes off.
func TestBestOfExhausted(t *testing.T) {
	once := domain.Budgets{Redemptions: 1, Discount: yuan("50.00")}
	exclusive := func(amount string) domain.Definition {
		d := yuanOff(amount)
		d.Stacking.Group = domain.StackExclusive
		return d
	}
	for _, row := range []struct {
		name   string
		offers []domain.Definition // of which the last campaign alone has something left
		net    string
	}{
		{"what others left out change", []domain.Definition{yuanOff("5.00"), tenthOff}, "90.00"},
		{"one after the other", []domain.Definition{exclusive("9.00"), exclusive("8.00"), exclusive("7.00"),
			exclusive("6.00"), exclusive("5.00"), exclusive("4.00"), exclusive("3.00")}, "97.00"},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := enginetest.Open(t)
			s := node(t, store)
			for _, ref := range []string{"C-1", "C-2"} {
				s.mustOf(ref, "open", domain.OpenAccount{CustomerRef: ref})
				s.mustOf(ref, "fill", topUp("1000.00"))
			}
			for i, off := range row.offers {
				id := fmt.Sprint("campaign-", i)
				s.offer(id, once, off)
				s.couponOf("C-1", id)
				if other := s.couponOf("C-2", id); i < len(row.offers)-1 {
					s.mustOf("C-2", "sale with "+id, sale(other))
				}
			}
			posted := s.must("best", sale()).First().Event.(domain.CheckoutPosted)
			if posted.Net.String() != row.net {
				t.Errorf("got a sale of %s, want %s", posted.Net, row.net)
			}
			for i := range row.offers {
				if b := s.reservedNow(store, fmt.Sprint("campaign-", i)); b.Redeemed != 1 {
					t.Errorf("campaign %d: got %s, want 1", i, counted(b))
				}
			}
		})
	}
}

// TestReservedForWhoeverCommits: where an account is absorbed between reservation and commit, its
// survivor reserves anew: a reservation is resolved on the account that it was made for.
func TestReservedForWhoeverCommits(t *testing.T) {
	store := enginetest.Open(t)
	there := node(t, store)
	pairOf(there, false)
	spring(there, domain.Budgets{Issues: 1})
	here := node(t, &late{store, func() { there.mustOf("C-1", "merge", intoC2) }})
	here.mustOf("C-1", "k", five)
	for _, ref := range []string{"C-1", "C-2"} {
		there.settle(store, ref)
	}
	if n := there.issued(store); n != 1 || there.coupons("C-2") != 1 {
		t.Errorf("got %d issued and %d held, want 1", n, there.coupons("C-2"))
	}
}

// dies has a ledger that takes some appends and then none do something.
func dies(t *testing.T, store eventstore.Store, steps int, stored bool, do func(shop)) {
	t.Helper()
	dying := shop{t, ledger.Open(&mortal{Store: store, left: steps, stored: stored}, ledger.Options{})}
	if err := dying.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	do(dying)
	dying.Close()
}

// TestSettledOnEndedAccounts: what an account had begun before it ended is settled as if it had not.
func TestSettledOnEndedAccounts(t *testing.T) {
	grant := func(s shop) { _, _ = s.askOf("C-1", "k", five) }
	closes := func(s shop) { s.must("close", domain.CloseAccount{Reason: "x"}) }
	merges := func(s shop) { s.must("merge", intoC2) }
	for _, row := range []struct {
		name   string
		stored bool // the grant is
		ends   func(shop)
		held   int // by the survivor
	}{
		{"reserved, then closed", false, closes, 0},
		{"reserved, then absorbed", false, merges, 0},
		{"granted, then absorbed", true, merges, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := enginetest.Open(t)
			s := open(t, store)
			s.openAs("C-1")
			s.openAs("C-2")
			spring(s, domain.Budgets{Issues: 9})
			dies(t, store, 1, row.stored, grant)
			row.ends(node(t, store))
			for range 2 {
				there := node(t, store)
				there.settle(store, "C-1")
				if n := there.issued(store); n != int64(row.held) || there.coupons("C-2") != row.held {
					t.Errorf("got %d issued and %d held, want %d", n, there.coupons("C-2"), row.held)
				}
			}
		})
	}
}

// TestOccasionOfAbsorbedAccount: what was granted on an occasion is not granted to the survivor again.
func TestOccasionOfAbsorbedAccount(t *testing.T) {
	store := enginetest.Open(t)
	s := open(t, store)
	s.openAs("C-1")
	s.openAs("C-2")
	spring(s, domain.Budgets{Issues: 9})
	c, err := s.Campaign(t.Context(), "spring")
	if err != nil {
		t.Fatal(err)
	}
	birthday := []ledger.Occasion{{Account: domain.AccountID("C-1"), Name: "birthday"}}
	for range 2 {
		if n, err := s.GrantOn(t.Context(), c, c.Definitions[0], birthday); n != 1 || err != nil {
			t.Errorf("got %d done, %v", n, err)
		}
		s.must("merge", intoC2)
	}
	if n := s.issued(store); n != 1 || s.coupons("C-2") != 1 {
		t.Errorf("got %d issued and %d held, want 1", n, s.coupons("C-2"))
	}
}

// TestClaimOfClosedAccount: an account that was closed before it got its coupon leaves the code to others.
func TestClaimOfClosedAccount(t *testing.T) {
	store := enginetest.Open(t)
	s := open(t, store)
	s.campaign(domain.CampaignTerms{})
	s.openAs("C-1")
	s.openAs("C-2")
	dies(t, store, 1, false, func(s shop) { _, _ = s.claims("C-1", "claim") })
	s = node(t, store)
	s.must("close", domain.CloseAccount{Reason: "x"})
	for range 2 {
		if err := s.ResumeClaim(t.Context(), aCode.CodeRef); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.claims("C-2", "claim"); err != nil || s.coupons("C-2") != 1 {
		t.Errorf("got %v and %d coupons, want one", err, s.coupons("C-2"))
	}
}
