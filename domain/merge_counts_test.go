package domain

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// absorbingAs has C-1 merged, as these steps leave it, into the account of a book at its time.
func absorbingAs(steps ...step) ask {
	return func(b *book) Command {
		from := bookOf(b, "C-1")
		for _, s := range steps {
			s(from)
		}
		from.now = b.now
		merge := into2
		merge.Campaigns = slices.Collect(maps.Values(from.offers))
		posted, err := from.do(merge)
		if err != nil {
			b.Fatal(err)
		}
		c := AbsorbAccount{}
		for _, p := range posted {
			switch e := p.Event.(type) {
			case AccountsMerged:
				c.Merged = e
			case TransferSent:
				c.Parts = append(c.Parts, e)
			}
		}
		return c
	}
}

// A merge starts no day, no cap and no list price anew.
func TestMergedCounts(t *testing.T) {
	daily := earningBy(earning(func(r *PointsRule) { r.Limits = PointsLimits{Day: pts("100")} }))
	monthly := earningBy(earning(func(r *PointsRule) { r.Limits = PointsLimits{Month: pts("100")} }))
	spends := ruledBy(limited(Limits{MaxDebitDay: cny("100")}))
	twice := ruledBy(limited(Limits{Velocity: Velocity{Count: 2, Seconds: 60}}))
	capped := offering(func(c *Campaign, d *Definition) { c.Terms.Budgets.PerAccount = 2 })
	promo := offering(func(_ *Campaign, d *Definition) { d.PromoCode = &PromoCode{Hash: "h", PerAccount: 2} })
	claim := fiveWith(func(g *GrantCoupon) { g.Cause = CouponByClaim })
	filled, bonus := did(topUp("1000", "")), did(topUp("1000.00", "200.00"))
	type steps = []step
	for _, r := range []struct {
		name        string
		from, given steps
		asked       ask
		then        string
	}{
		{"points of a day", steps{filled, daily, did(debit("60"))}, steps{daily}, asks(debit("60")),
			"PointsEarned 40, earned@5 40 of 60.00 one, limited per_day"},
		{"and the survivor's own", steps{filled, daily, did(debit("30"))},
			steps{filled, daily, did(debit("30"))}, asks(debit("60")),
			"PointsEarned 40, earned@3 40 of 60.00 one, limited per_day, added"},
		{"points of a month", steps{filled, monthly, did(debit("60"))}, steps{monthly, later(day)},
			asks(debit("60")), "PointsEarned 40, earned@5 40 of 60.00 one, limited per_month"},
		{"what was spent in a day", steps{filled, spends, did(debit("60"))}, steps{spends},
			asks(debit("41")), "OperationDeclined limit_exceeded"},
		{"how often", steps{filled, twice, did(debit("1"))}, steps{filled, twice, did(debit("1"))},
			asks(debit("1")), "OperationDeclined limit_exceeded"},
		{"coupons that were used", steps{capped, did(five), didAs(redeemCoupon(1, "")), did(five)},
			steps{capped}, asks(five), "coupon_limit"},
		{"claims", steps{promo, did(claim), didAs(redeemCoupon(1, ""))}, steps{promo, did(claim)},
			asks(claim), "coupon_limit"},
		{"what was sold at list price", steps{bonus, did(atPrice("480.00", "480.00"))}, nil,
			asks(withdraw(WithdrawalByCustomer)), "ratio 600.00, list_price 520.00, list_price"},
		{"without", steps{bonus, did(debit("480.00"))}, nil, asks(withdraw(WithdrawalByCustomer)),
			"ratio 600.00, list_price unknown, ratio"},
		{"beside the survivor's own", steps{bonus, did(atPrice("480.00", "480.00"))},
			steps{did(topUp("500.00", "")), did(atPrice("100.00", "130.00"))},
			asks(withdraw(WithdrawalByCustomer)), "ratio 1000.00, list_price 890.00, list_price"},
		{"where all was fulfilled", steps{bonus, did(atPrice("480.00", "480.00"))},
			steps{did(topUp("500.00", "")), did(debit("500.00"))},
			asks(withdraw(WithdrawalByCustomer)), "ratio 600.00, list_price 520.00, list_price"},
	} {
		t.Run(r.name, func(t *testing.T) {
			b := bookOf(t, "C-2")
			for _, s := range r.given {
				s(b)
			}
			didAs(absorbingAs(r.from...))(b)
			posted, err := b.do(r.asked(b))
			if got := answer(posted, err); !strings.HasSuffix(got, r.then) {
				t.Errorf("got\n%s\nwant\n%s", got, r.then)
			}
		})
	}
}
