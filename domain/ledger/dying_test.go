package ledger_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// caps are the budgets of the campaigns one, ten off, and two, a tenth off: enough for what a process that
// died has reserved beside what is asked for again.
var caps = map[string]domain.Budgets{
	"one": {Issues: 5, Redemptions: 4, Discount: yuan("30.00")},
	"two": {Issues: 5, Redemptions: 4, Discount: yuan("30.00")},
}

// openCapped opens two accounts, of which the first has 1000.00 and a coupon of each campaign.
func openCapped(s shop) (coupons []uuid.UUID) {
	s.Helper()
	s.openAs("C-1")
	s.openAs("C-2")
	s.must("fill", topUp("1000.00"))
	s.offer("one", caps["one"], yuanOff("10.00"))
	s.offer("two", caps["two"], tenthOff)
	return []uuid.UUID{s.couponOf("C-1", "one"), s.couponOf("C-1", "two")}
}

// posted is all that accounts have posted.
func (s shop) posted(store eventstore.Store, refs ...string) (all []domain.Posted) {
	s.Helper()
	for _, ref := range refs {
		all = append(all, s.stream(store, domain.AccountStream(domain.AccountID(ref)))...)
	}
	return all
}

// left is a campaign's budget as text, less what accounts have had of it: coupons granted and not
// recycled, uses and discounts of sales, but for those that came back.
func left(campaign string, posted []domain.Posted) string {
	b := caps[campaign]
	for _, p := range posted {
		switch e := p.Event.(type) {
		case domain.CouponGranted:
			b.Issues -= of(e.Campaign == campaign)
		case domain.CouponRecycled:
			b.Issues += of(e.Campaign == campaign)
		case domain.CouponRedeemed:
			if e.Campaign == campaign {
				b.Redemptions, b.Discount = b.Redemptions-1, b.Discount.Sub(b.Discount.With(e.Discount))
			}
		case domain.CouponRestored:
			if e.Campaign == campaign {
				b.Redemptions += of(e.Use > 0)
				b.Discount = b.Discount.Add(b.Discount.With(e.DiscountReturned))
			}
		}
	}
	return fmt.Sprint(b.Issues, b.Redemptions, b.Discount)
}

func of(so bool) int64 {
	if so {
		return 1
	}
	return 0
}

// wantExact compares what is left of every budget with what accounts have had of it. Nothing may be open:
// every reservation is committed or released, never both, and what was given back is released.
func (s shop) wantExact(store eventstore.Store, refs ...string) {
	s.Helper()
	posted := s.posted(store, refs...)
	ends := map[uuid.UUID]int{uuid.Nil: 1}
	for _, p := range posted {
		if e, ok := p.Event.(domain.Committing); ok && e.Reserved() != uuid.Nil {
			ends[e.Reserved()]++
		}
	}
	for id := range caps {
		b := s.reservedNow(store, id)
		now := b.Left()
		if got := fmt.Sprint(*now.Issues, *now.Redemptions, *now.Discount); got != left(id, posted) {
			s.Errorf("%s: got %s left, want %s", id, got, left(id, posted))
		}
		for _, p := range s.stream(store, domain.CampaignStream(id)) {
			if e, ok := p.Event.(domain.BudgetReleased); ok && e.SourceID == uuid.Nil {
				ends[e.ReservationID]++
			} else if ok {
				ends[e.SourceID]++
			}
		}
	}
	for _, u := range s.begun(store, refs...) {
		if id := u.Reservation; u.Source == uuid.Nil && ends[id] != 1 || ends[u.Source] != 1 {
			s.Errorf("%+v has %d ends and %d, want one", u, ends[id], ends[u.Source])
		}
	}
}

// begun are all reservations of the campaigns, and all that accounts gave back of them.
func (s shop) begun(store eventstore.Store, refs ...string) (all []ledger.Unsettled) {
	s.Helper()
	for id := range caps {
		for _, p := range s.stream(store, domain.CampaignStream(id)) {
			if e, ok := p.Event.(domain.BudgetReserved); ok {
				all = append(all, ledger.Unsettled{Campaign: id, Reservation: e.ReservationID,
					Account: e.AccountID, Operation: e.OperationID})
			}
		}
	}
	for _, ref := range refs {
		for _, p := range s.posted(store, ref) {
			if e, ok := p.Event.(domain.Returning); ok {
				all = append(all, ledger.Unsettled{Campaign: e.Returned().Campaign,
					Account: domain.AccountID(ref), Reservation: e.Returned().Reservation,
					Source: p.Metadata.EventID})
			}
		}
	}
	return all
}

func (s shop) settleBegun(store eventstore.Store, refs ...string) {
	s.Helper()
	for _, u := range s.begun(store, refs...) {
		if err := s.Settle(s.Context(), u); err != nil {
			s.Fatal(err)
		}
	}
}

// a process is something of several appends that can be asked for again and again.
type process struct {
	name    string
	appends int
	replies int                     // after so many of them it is answered
	given   func(shop, []uuid.UUID) // before it; nil: nothing
	ask     func(shop, []uuid.UUID) error
	end     string // the balance, and the coupons of both accounts
}

func keyed(key string, c domain.Command) func(shop) error {
	return func(s shop) error { _, err := s.ask(key, c, domain.Context{}); return err }
}

func buys(s shop, coupons []uuid.UUID) error { return keyed("sale", sale(coupons...))(s) }

// brings brings pieces of the sale back.
func brings(qty int) func(shop, []uuid.UUID) error {
	return func(s shop, coupons []uuid.UUID) error {
		sold, err := s.ask("sale", sale(coupons...), domain.Context{})
		if err != nil {
			return err
		}
		return keyed("return", domain.ReturnCheckout{CheckoutID: sold.First().Metadata.EventID,
			Lines: []domain.ReturnLine{{N: 1, Qty: qty}}})(s)
	}
}

func sold(s shop, coupons []uuid.UUID) {
	if err := buys(s, coupons); err != nil {
		s.Fatal(err)
	}
}

var aJob = domain.StartJob{ID: domain.JobID("test", "k"), Accounts: []uuid.UUID{domain.AccountID("C-1"),
	domain.AccountID("C-2")}, JobTask: domain.JobTask{Kind: domain.JobCoupon, Campaign: "one",
	Definition: "off", Reason: "spring"}}

var processes = []process{
	{"a sale", 3, 3, nil, buys, "919.00, 0 and 0"},
	{"a sale with the best", 3, 3, nil, func(s shop, _ []uuid.UUID) error { return keyed("best", sale())(s) },
		"919.00, 0 and 0"},
	{"a return", 3, 1, sold, brings(2), "1000.00, 2 and 0"},
	{"a part of a return", 3, 1, sold, brings(1), "959.50, 0 and 0"},
	{"an occasion", 2, 2, nil, func(s shop, _ []uuid.UUID) error {
		c, err := s.Campaign(s.Context(), "one")
		if err == nil {
			_, err = s.GrantOn(s.Context(), c, c.Definitions[0],
				[]ledger.Occasion{{Account: domain.AccountID("C-2"), Name: "birthday"}})
		}
		return err
	}, "1000.00, 2 and 1"},
	{"a job", 5, 5, func(s shop, _ []uuid.UUID) {
		if err := s.register("maker", aJob); err != nil {
			s.Fatal(err)
		}
	}, func(s shop, _ []uuid.UUID) error { return s.RunJob(s.Context(), aJob.ID, nil) }, "1000.00, 3 and 1"},
	{"a claim", 3, 3, nil, func(s shop, _ []uuid.UUID) error {
		_, err := s.ClaimCode(s.Context(), ledger.Request{Account: domain.AccountID("C-2"), Key: "claim",
			Caller: ledger.Caller{Actor: "test", Role: domain.RoleAdmin}}, domain.RedeemCode{
			CodeRef: aCode.CodeRef, Campaign: "one", Definition: "off@1", Last4: "RJ2N"})
		return err
	}, "1000.00, 2 and 1"},
}

// TestProcessDies ends the process at every append of what takes from capped campaigns or gives back to
// them. Two others settle what it left, or are asked for it again first: it happens once, and the budgets
// are exact.
func TestProcessDies(t *testing.T) {
	for _, p := range processes {
		for cut := range 4 * (p.appends + 1) {
			steps, stored, settled := cut/4, cut&1 != 0, cut&2 != 0
			t.Run(fmt.Sprint(p.name, " after ", steps, stored, settled), func(t *testing.T) {
				p.diesAfter(t, steps, stored, settled)
			})
		}
	}
}

func (p process) diesAfter(t *testing.T, steps int, stored, settled bool) {
	store := enginetest.Open(t)
	coupons := openCapped(open(t, store))
	if p.given != nil {
		p.given(open(t, store), coupons)
	}
	both := []string{"C-1", "C-2"}
	dies(t, store, steps, stored, func(s shop) {
		if err := p.ask(s, coupons); (err == nil) != (steps >= p.replies) {
			t.Fatalf("got %v after %d appends of %d", err, steps, p.replies)
		}
	})
	here, there := node(t, store), node(t, store)
	if settled {
		here.settleBegun(store, both...)
		there.wantExact(store, both...)
	}
	for _, s := range []shop{there, here} {
		if err := p.ask(s, coupons); err != nil {
			t.Fatalf("asked again: %v", err)
		}
	}
	for _, s := range []shop{here, there} {
		s.settleBegun(store, both...)
		s.wantExact(store, both...)
	}
	end := fmt.Sprintf("%s, %d and %d", here.available(), here.coupons("C-1"), here.coupons("C-2"))
	if end != p.end {
		t.Errorf("got %s, want %s", end, p.end)
	}
}
