package domain

import (
	"fmt"
	"testing"
)

func TestTierCoupons(t *testing.T) {
	giving := func(each string) *TierRules {
		return metals(yearly, func(r *TierRules) {
			r.Tiers[1].Benefits.Coupons = []TierCoupon{{"spring", "five", each}}
		})
	}
	given := func(each string, more ...step) []step {
		return append([]step{offering()}, rich(giving(each), more...)...)
	}
	const reached = `
TierChanged base to silver, reached by 100.00 from 2026-01-01, until 2027-01-01`
	const retained = "TierRetained silver to silver, period_end by 100.00 from 2026-01-01, until 2028-01-01"
	run(t, []row{
		{"on entry", given("entry"), asks(debit("100")), fmt.Sprintf(spent, "100.00") + reached + `
CouponGranted five@2 until 03-10 00:00`},
		{"not for a period", given("entry", did(debit("100")), until("2027-01-01")), asks(Sweep{}), `
CouponExpired 1 at 03-10 00:00
` + retained},
		{"for a period", given("period", did(debit("100")), until("2027-01-01")), asks(Sweep{}), `
CouponExpired 1 at 03-10 00:00
` + retained + `
CouponGranted five@2 from 01-01 12:00 until 01-09 00:00`},
		{"not for one that is over", given("period", did(debit("100")), until("2028-01-01")),
			asks(Sweep{}), `
CouponExpired 1 at 03-10 00:00
` + retained + `
TierChanged silver to base, period_end by 0.00 from 2027-01-01, for ever`},
		{"none that is not given any more", append(given("entry"), offering(func(c *Campaign, _ *Definition) {
			c.Status = CampaignIsPaused
		})), asks(debit("100")), fmt.Sprintf(spent, "100.00") + reached},
		{"none by an import", append([]step{offering(), in(Context{Channel: ChannelImport, OccurredAt: noon})},
			rich(giving("entry"))...), asks(debit("100")), fmt.Sprintf(spent, "100.00") + reached},
	})
}

// A coupon that comes with the end of a period is no answer to the command that finds it due.
func TestTierUpkeepIsNoAnswer(t *testing.T) {
	b := newBook(t)
	rules := metals(yearly, func(r *TierRules) {
		r.Tiers[1].Benefits.Coupons = []TierCoupon{{"spring", "five", "period"}}
	})
	for _, given := range append([]step{offering()}, rich(rules, did(debit("100")), until("2027-01-01"))...) {
		given(b)
	}
	posted, err := b.do(debit("1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range posted {
		if _, sale := p.Event.(DebitPosted); sale != (p.Metadata.EventID == p.Metadata.OperationID) {
			t.Errorf("%s: got id %s of operation %s", TypeOf(p.Event), p.Metadata.EventID,
				p.Metadata.OperationID)
		}
	}
}
