package domain

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// kinds is an active campaign with a coupon of each kind that counts on the order, all of which stack.
func kinds(edits ...func(*Definition)) *Campaign {
	c := &Campaign{ID: "shop", Status: CampaignIsActive}
	for _, d := range []Definition{
		{ID: "threshold", Kind: ThresholdOff, Value: CouponValue{Amount: cny("3")},
			Restrictions: Restrictions{MinSpend: cny("12")}},
		{ID: "amount", Kind: AmountOff, Value: CouponValue{Amount: cny("2")}},
		{ID: "percent", Kind: PercentOff, Value: CouponValue{Percent: percent("10")}},
		{ID: "cake", Kind: Exchange, Value: CouponValue{Get: 1, Products: []string{"cake"}}},
	} {
		d.Version, d.Unit, d.Uses, d.Stacking = 1, "CNY", 1, Stacking{Group: StackCommon}
		d.Consideration = ConsiderFree
		d.OnReturn = OnReturn{Restore: RestoreFullOnly, Expired: "forfeit", MinSpend: ReturnKeeps}
		for _, edit := range edits {
			edit(&d)
		}
		c.Definitions = append(c.Definitions, &d)
	}
	return c
}

func shops(edits ...func(*Definition)) step {
	return func(b *book) {
		c := kinds(edits...)
		b.offers = map[string]*Campaign{c.ID: c}
	}
}

// granted grants a coupon, a second after what was before.
func granted(definition string) step {
	return func(b *book) {
		later(time.Second)(b)
		did(GrantCoupon{Campaign: "shop", Definition: definition, Cause: CouponByAPI})(b)
	}
}

// using is a checkout with the coupons of the book's n-th operations, else of the best.
func using(c Checkout, coupons ...int) ask {
	return func(b *book) Command {
		c.Best = len(coupons) == 0
		for _, n := range coupons {
			c.Coupons = append(c.Coupons, b.ids[n])
		}
		return c
	}
}

func TestCheckoutCoupons(t *testing.T) {
	repricing := func(d *Definition) { d.OnReturn.MinSpend = ReturnReprices }
	tenPercent := func(r *TierRules) {
		for i := range r.Tiers {
			r.Tiers[i].Benefits.Discount = fromSteps(10, 0)
		}
	}
	never := func(d *Definition) { d.OnReturn.Restore = RestoreNever }
	two := sells([]CartLine{line(1, 2, "5"), line(2, 1, "3")})
	given := func(edits ...func(*Definition)) []step {
		return []step{opened, shops(edits...), did(topUp("100", "")), granted("threshold"),
			granted("amount")}
	}
	bought := func(edits ...func(*Definition)) []step {
		return append(given(edits...), didAs(using(two, 2, 3)))
	}
	after := func(steps []step, more ...step) []step { return append(steps[:len(steps):len(steps)], more...) }
	capped := func(b *book) { b.offers["shop"].Terms.Budgets.Redemptions = 9 }
	exhausted := func(b *book) { b.exhausted = true }
	const both = `
CheckoutPosted 13.00 - 5.00 = 8.00, stored 8.00, qualifying 8.00
  1: 6.15, stored_value 6.15
  2: 1.85, stored_value 1.85
CouponRedeemed 1 of 1, 3.00
CouponRedeemed 1 of 1, 2.00
DebitPosted 8.00, principal@1 -8.00/-8.00`
	run(t, []row{
		{"by name", given(), using(two, 2, 3), both},
		{"by name, in another order", given(), using(two, 3, 2), both},
		{"the best", given(), using(two), both},
		{"the best, of which one gives nothing here", given(),
			using(sells([]CartLine{line(1, 1, "5")})), `
CheckoutPosted 5.00 - 2.00 = 3.00, stored 3.00, qualifying 3.00
  1: 3.00, stored_value 3.00
CouponRedeemed 1 of 1, 2.00
DebitPosted 3.00, principal@1 -3.00/-3.00`},
		{"all of it", []step{opened, shops(), granted("amount")},
			using(sells([]CartLine{line(1, 1, "2")}), 1), `
CheckoutPosted 2.00 - 2.00 = 0.00, stored 0.00, qualifying 0.00
  1: 0.00
CouponRedeemed 1 of 1, 2.00`},
		{"kept for the order", after(given(), didAs(func(b *book) Command {
			return ReserveCoupon{CouponID: b.ids[2], OrderRef: "O-1"}
		})), using(sells(two.Lines, func(c *Checkout) { c.OrderRef = "O-1" }), 2, 3), both},
		{"whose reservation lapsed", after(given(), didAs(func(b *book) Command {
			return ReserveCoupon{CouponID: b.ids[2], OrderRef: "O-1"}
		}), later(time.Hour)), using(two, 2, 3), "CouponReleased O-1, lapsed" + both},

		{"of a budget with nothing left, by name", after(given(), capped, exhausted), using(two, 2, 3),
			"budget_exhausted coupons.0"},
		{"of a budget with nothing left, the best", after(given(), capped, exhausted), using(two), `
CheckoutPosted 13.00 - 0.00 = 13.00, stored 13.00, qualifying 13.00
  1: 10.00, stored_value 10.00
  2: 3.00, stored_value 3.00
DebitPosted 13.00, principal@1 -13.00/-13.00`},

		{"best and by name", nil, asks(sells(two.Lines, func(c *Checkout) {
			c.Wanted = Wanted{Best: true, Coupons: []uuid.UUID{AccountID("x")}}
		})), "malformed coupons"},
		{"coupons before tenders", given(), using(sells([]CartLine{line(1, 1, "5")}, tendering("1")), 2),
			"coupon_min_spend coupons.0\nOperationDeclined coupon_min_spend"},
		{"no such coupon", given(), using(two, 2, 1), "not_found coupons.1"},
		{"used before", bought(), using(two, 2), "coupon_used coupons.0\nOperationDeclined coupon_used"},
		{"kept for another order", after(given(), didAs(func(b *book) Command {
			return ReserveCoupon{CouponID: b.ids[2], OrderRef: "O-1"}
		})), using(two, 3, 2), "coupon_reserved coupons.1\nOperationDeclined coupon_reserved"},
		{"of a campaign that is paused", after(given(), func(b *book) {
			b.offers["shop"].Status = CampaignIsPaused
		}), using(two, 2), "campaign_not_active coupons.0\nOperationDeclined campaign_not_active"},

		{"a piece returns", bought(), bringing(4, 1, 1), `
CheckoutReturned 1×1: 3.08, stored_value 3.08, qualifying -3.08, keep
CouponRestored use 0, 1.16 back
CouponRestored use 0, 0.77 back
DebitRefunded 3.08, principal@1 3.08/3.08, total 3.08`},
		{"the rest returns", after(bought(), didAs(bringing(4, 1, 1))), bringing(4, 1, 1, 2, 1), `
CheckoutReturned 1×1: 3.07, 1×2: 1.85, stored_value 4.92, qualifying -4.92, full, keep
CouponRestored use 1, 1.84 back, live again until never
CouponRestored use 1, 1.23 back, live again until never
DebitRefunded 4.92, principal@1 4.92/4.92, total 8.00`},
		{"all returns, and no coupon", bought(never), bringing(4, 1, 2, 2, 1), `
CheckoutReturned 2×1: 6.15, 1×2: 1.85, stored_value 8.00, qualifying -8.00, full, keep
CouponRestored use 0, 3.00 back
CouponRestored use 0, 2.00 back
DebitRefunded 8.00, principal@1 8.00/8.00, total 8.00`},
		{"what stays is dearer", bought(repricing), bringing(4, 1, 1), `
CheckoutReturned 1×1: 2.00, stored_value 2.00, qualifying -2.00, reprice
CouponRestored use 0, 1.16 back
CouponRestored use 0, 0.77 back
DebitRefunded 2.00, principal@1 2.00/2.00, total 2.00`},
		{"what stays has the tier's discount", after([]step{opened, shops(repricing), did(topUp("200", "")),
			granted("threshold"), tiered(metals(yearly, tenPercent)), did(debit("100"))}, didAs(using(two, 2))),
			bringing(4, 1, 1), `
CheckoutReturned 1×1: 1.80, stored_value 1.80, qualifying -1.80, reprice
CouponRestored use 0, 1.16 back
DebitRefunded 1.80, principal@1 1.80/1.80, total 1.80`},
		{"what stays costs more than was paid", bought(repricing), bringing(4, 2, 1), `
CheckoutReturned 1×2: 0.00, qualifying 0.00, reprice
CouponRestored use 0, 0.69 back
CouponRestored use 0, 0.46 back`},
		{"what stays costs more than all that was paid", after(given(repricing), didAs(using(
			sells([]CartLine{line(1, 2, "5"), line(2, 1, "2.50")}), 2))), bringing(4, 2, 1), `
CheckoutReturned 1×2: 0.00, qualifying 0.00, reprice
CouponRestored use 0, 0.60 back`},
		{"the first of two uses", after(given(func(d *Definition) { d.Uses = 2 }),
			didAs(using(sells([]CartLine{line(1, 1, "5")}), 3)),
			didAs(using(sells([]CartLine{line(1, 1, "7")}), 3))), bringing(4, 1, 1), `
CheckoutReturned 1×1: 3.00, stored_value 3.00, qualifying -3.00, full, keep
CouponRestored use 1, 2.00 back, live again until never
DebitRefunded 3.00, principal@1 3.00/3.00, total 3.00`},
		{"all of it all the same", after(bought(repricing), didAs(bringing(4, 2, 1))),
			bringing(4, 1, 2), `
CheckoutReturned 2×1: 8.00, stored_value 8.00, qualifying -8.00, full, reprice
CouponRestored use 1, 2.31 back, live again until never
CouponRestored use 1, 1.54 back, live again until never
DebitRefunded 8.00, principal@1 8.00/8.00, total 8.00`},
	})
}

// Whatever coupons a sale has, and in whatever order its goods return, repriced or not: it never gives
// back more than was paid, and in the end all of it, with all of the discounts and uses.
func TestCouponsReturn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBook(t)
		mode := rapid.SampledFrom([]string{ReturnKeeps, ReturnReprices}).Draw(rt, "mode")
		for _, s := range []step{opened, shops(func(d *Definition) { d.OnReturn.MinSpend = mode }),
			did(topUp("700", "100")), granted("threshold"), granted("amount"), granted("percent"),
			granted("cake")} {
			s(b)
		}
		cart := randomCart(rt)
		for i := range cart {
			cart[i].Product = rapid.SampledFrom([]string{"tea", "cake"}).Draw(rt, "product")
		}
		c := sells(cart, func(c *Checkout) { c.Best = true })
		if !c.gross().IsPositive() {
			return
		}
		lots, coupons := b.account.Balances(b.now), fmt.Sprint(b.account.Coupons())
		did(c)(b)
		of, left := b.checkouts()[0], map[int]int{}
		for _, l := range of.Lines {
			left[l.N] = l.Qty
		}
		for len(left) > 0 {
			back := ReturnCheckout{CheckoutID: of.CheckoutID}
			for _, l := range of.Lines {
				if n := rapid.IntRange(0, left[l.N]).Draw(rt, "back"); n > 0 {
					back.Lines = append(back.Lines, ReturnLine{l.N, n})
					if left[l.N] -= n; left[l.N] == 0 {
						delete(left, l.N)
					}
				}
			}
			if len(back.Lines) > 0 {
				did(back)(b)
			}
			if got, most := b.givenBack(), of.Net; most.Less(got) {
				rt.Fatalf("%s came back of %s", got, most)
			}
		}
		if got := b.givenBack(); !got.Equal(of.Net) {
			rt.Fatalf("%s came back of %s", got, of.Net)
		}
		if got := b.account.Balances(b.now); fmt.Sprint(got) != fmt.Sprint(lots) {
			rt.Fatalf("got %v, want %v", got, lots)
		}
		if got := fmt.Sprint(b.account.Coupons()); got != coupons {
			rt.Fatalf("got coupons %s, want %s", got, coupons)
		}
		if sum := b.qualifying(); !sum.IsZero() {
			rt.Fatalf("%s still counts", sum)
		}
		if sum := b.discounts(); !sum.IsZero() {
			rt.Fatalf("%s is still off", sum)
		}
	})
}

func (b *book) checkouts() (all []CheckoutPosted) {
	for _, p := range b.log {
		if e, ok := p.Event.(CheckoutPosted); ok {
			all = append(all, e)
		}
	}
	return all
}

// givenBack is what came back of the book's checkouts.
func (b *book) givenBack() Quantity {
	sum := zero(2)
	for _, p := range b.log {
		if e, ok := p.Event.(CheckoutReturned); ok {
			sum = sum.Add(e.Net)
		}
	}
	return sum
}

// discounts are what coupons took off, less what came back of it.
func (b *book) discounts() Quantity {
	sum := zero(2)
	for _, p := range b.log {
		switch e := p.Event.(type) {
		case CouponRedeemed:
			sum = sum.Add(e.Discount)
		case CouponRestored:
			sum = sum.Sub(e.DiscountReturned)
		}
	}
	return sum
}

// Of a campaign with a cap every use records its reservation, and gives it back with the goods.
func TestCappedCheckout(t *testing.T) {
	b := newBook(t)
	for _, s := range []step{opened, shops(), did(topUp("100", "")), granted("amount"),
		func(b *book) { b.offers["shop"].Terms.Budgets.Discount = cny("50") },
		didAs(using(sells([]CartLine{line(1, 2, "5")}), 2)), didAs(bringing(3, 1, 1)),
		didAs(bringing(3, 1, 1))} {
		s(b)
	}
	var used uuid.UUID
	var back []Return
	for _, p := range b.log {
		switch e := p.Event.(type) {
		case CouponRedeemed:
			used = e.Reserved()
		case CouponRestored:
			back = append(back, e.Returned())
		}
	}
	if used == noID || len(b.names[ReservationName(used)]) != 1 || len(back) != 2 {
		t.Fatalf("got reservation %s, and %v back", used, back)
	}
	for i, want := range []BudgetPart{
		{Campaign: "shop", Kind: BudgetDiscount, Amount: cny("1")},
		{Campaign: "shop", Kind: BudgetRedemption, Count: 1, Amount: cny("1")},
	} {
		if r := back[i]; r.Reservation != used || !r.BudgetPart.equal(want) {
			t.Errorf("got %v, want %v", r, want)
		}
	}
}
