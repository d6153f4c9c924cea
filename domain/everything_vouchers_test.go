package domain

import (
	"math/big"
	"slices"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// vouchers are terms of points and tiers, and a campaign, for a machine that can be asked anything.
var (
	vouchers = Terms{
		Points: []PointsRule{{ID: "one", Points: pts("1"), Per: cny("1"), Expiry: Expiry{Days: 25},
			Categories: map[string]Quantity{"food": percent("2.5")},
			Tiers:      map[string]Quantity{"gold": percent("1.5")},
			Limits:     PointsLimits{Sale: pts("90"), Day: pts("150")},
			Spend:      &PointsSpend{Points: pts("10"), Worth: cny("0.10")},
			Conversions: []Conversion{
				{ID: "cash", Into: IntoCredit, Points: pts("10"), Credit: cny("0.10")},
				{ID: "ten", Into: IntoCoupon, Points: pts("30"), Campaign: "shop", Definition: "amount"}}},
			{ID: "growth", Points: miles("0.5"), Per: cny("10"), PendingDays: 3}},
		Tiers: &TierRules{Metric: MetricSpend, Unit: "CNY",
			Window: TierWindow{Kind: WindowRolling, Days: 30}, Downgrade: DowngradeReassess,
			GraceDays: 5, Tiers: []TierTerms{{Name: "plain"},
				{Name: "gold", From: percent("60"), Keep: percent("30"), Benefits: Benefits{
					Discount: percent("5"),
					Coupons:  []TierCoupon{{Campaign: "shop", Definition: "percent"}}}}}},
	}
	twice = func(d *Definition) {
		d.Uses, d.Validity = 2, Validity{Days: 15}
		d.OnReturn.Expired, d.OnReturn.Days = "grace_days", 3
		if d.Kind == ThresholdOff {
			d.OnReturn.MinSpend = ReturnReprices
		}
	}
)

// drawVoucher asks for something of coupons, points, tiers or whole sales.
func (e *everything) drawVoucher(r *rapid.T) Command {
	shops(twice)(e.book)
	points := pts("1").With(fromMinor(big.NewInt(rapid.Int64Range(1, 60).Draw(r, "points")), 0))
	switch rapid.SampledFrom([]string{"grant", "grant", "reserve", "release", "extend", "take back",
		"checkout", "checkout", "checkout", "checkout", "goods back", "goods back", "earn", "convert",
		"override"}).Draw(r, "voucher") {
	case "reserve":
		return ReserveCoupon{CouponID: e.aCoupon(r), OrderRef: e.order(r)}
	case "release":
		release := ReleaseCoupon{CouponID: e.aCoupon(r), OrderRef: e.order(r)}
		e.step(r, ReserveCoupon{CouponID: release.CouponID, OrderRef: release.OrderRef})
		return release
	case "extend":
		return ExtendCoupon{CouponID: e.aCoupon(r), ValidUntil: e.now.Add(20 * day), Reason: "x"}
	case "take back":
		if rapid.Bool().Draw(r, "recycle") {
			return RecycleCoupon{CouponID: e.aCoupon(r), Reason: "x"}
		}
		return RevokeCoupon{CouponID: e.aCoupon(r), Reason: "x"}
	case "checkout":
		e.prepare(r)
		return e.drawSale(r)
	case "goods back":
		if rapid.IntRange(0, 2).Draw(r, "of an earlier sale") > 0 {
			e.prepare(r)
			e.step(r, e.drawSale(r))
		}
		return e.goodsBack(r)
	case "earn":
		return EarnPoints{Amount: points, Reason: "prize", ExpiresAt: e.expiry(r)}
	case "convert":
		e.step(r, EarnPoints{Amount: points, Reason: "prize"})
		return ConvertPoints{Amount: pts("30"), Into: rapid.SampledFrom([]Into{IntoCredit, IntoCoupon}).
			Draw(r, "into")}
	case "override":
		if rapid.Bool().Draw(r, "end") {
			return EndTierOverride{Reason: "x"}
		}
		return OverrideTier{Tier: "gold", Reason: "x", Until: e.now.Add(7 * day)}
	}
	return GrantCoupon{Campaign: "shop", Cause: CouponByAPI, Definition: rapid.SampledFrom([]string{
		"threshold", "amount", "percent", "cake"}).Draw(r, "definition")}
}

// prepare lets the account have what a sale may use.
func (e *everything) prepare(r *rapid.T) {
	e.program, e.context = programs[1], Context{}
	e.step(r, UnfreezeAccount{Reason: "x"})
	e.step(r, topUp("150", "20"))
	e.step(r, EarnPoints{Amount: pts("40"), Reason: "prize"})
	e.step(r, GrantCoupon{Campaign: "shop", Cause: CouponByAPI, Definition: rapid.SampledFrom(
		[]string{"threshold", "amount", "percent", "cake"}).Draw(r, "granted")})
}

func (e *everything) order(r *rapid.T) string {
	return rapid.SampledFrom([]string{"o-1", "o-2"}).Draw(r, "order")
}

func (e *everything) aCoupon(r *rapid.T) uuid.UUID {
	if len(e.account.coupons) == 0 || rapid.IntRange(0, 9).Draw(r, "stray coupon") == 0 {
		return e.drawID(r, "CouponGranted")
	}
	return rapid.SampledFrom(e.account.coupons).Draw(r, "coupon").ID
}

// drawSale is a sale of a few lines, paid by points, stored value and cash.
func (e *everything) drawSale(r *rapid.T) Command {
	c := Checkout{Rest: true, OrderRef: rapid.SampledFrom([]string{"", "o-1", "o-2"}).Draw(r, "order")}
	for n := range rapid.IntRange(1, 3).Draw(r, "lines") {
		c.Lines = append(c.Lines, CartLine{N: n + 1, Qty: rapid.IntRange(1, 4).Draw(r, "qty"),
			Product:  rapid.SampledFrom([]string{"cake", "tea", "cup"}).Draw(r, "product"),
			Category: rapid.SampledFrom([]string{"", "food"}).Draw(r, "category"),
			UnitPrice: cny("1").With(fromMinor(big.NewInt(rapid.Int64Range(0, 2000).Draw(r, "price")),
				2))})
	}
	switch rapid.SampledFrom([]string{"best", "some", "none"}).Draw(r, "coupons") {
	case "best":
		c.Best = true
	case "some":
		c.Coupons = []uuid.UUID{e.aCoupon(r)}
	}
	if rapid.Bool().Draw(r, "with points") {
		c.Points = pts(rapid.SampledFrom([]string{"10", "20", "30"}).Draw(r, "points"))
	}
	if rapid.IntRange(0, 2).Draw(r, "cash") == 0 {
		c.External = []Payment{{Method: "cash", Amount: cny("1.23")}}
	}
	return c
}

// goodsBack returns pieces of a sale there was, all of them or fewer.
func (e *everything) goodsBack(r *rapid.T) Command {
	back := ReturnCheckout{CheckoutID: e.drawID(r, "CheckoutPosted"), Reason: "x"}
	found := e.names[EventName(back.CheckoutID)]
	if len(found) == 0 {
		return back
	}
	sold, ok := found[0].Event.(CheckoutPosted)
	if !ok {
		return back
	}
	for _, l := range sold.Lines {
		if qty := rapid.IntRange(0, l.Qty).Draw(r, "back"); qty > 0 {
			back.Lines = append(back.Lines, ReturnLine{l.N, qty})
		}
	}
	return back
}

// couponsKept holds what is true of coupons and sales: nothing is used more often than it may be, and no
// sale gives back more than was paid.
func (e *everything) couponsKept(r *rapid.T) {
	uses, net := map[uuid.UUID]int{}, map[uuid.UUID]Quantity{}
	granted := map[uuid.UUID]int{}
	for _, p := range e.log {
		switch x := p.Event.(type) {
		case CouponGranted:
			granted[x.CouponID] = x.Uses
		case CouponRedeemed:
			uses[x.CouponID]++
		case CouponRestored:
			if x.Use > 0 {
				uses[x.CouponID]--
			}
		case CheckoutPosted:
			net[x.CheckoutID] = x.Net
		case CheckoutReturned:
			net[x.CheckoutID] = net[x.CheckoutID].Sub(x.Net)
		}
	}
	for id, n := range uses {
		if n < 0 || n > granted[id] {
			r.Fatalf("coupon %s is used %d times of %d", id, n, granted[id])
		}
		live := slices.IndexFunc(e.account.coupons, func(c Coupon) bool { return c.ID == id })
		if live >= 0 && e.account.coupons[live].Used < n { // what expired does not come back
			r.Fatalf("coupon %s says %d uses, there were %d", id, e.account.coupons[live].Used, n)
		}
	}
	for id, left := range net {
		if left.IsNegative() {
			r.Fatalf("sale %s gave back %s more than was paid", id, left.Neg())
		}
	}
}
