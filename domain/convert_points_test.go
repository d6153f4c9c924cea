package domain

import (
	"fmt"
	"testing"
	"time"
)

var _ = telling(func(e PointsConverted) string { return fmt.Sprintf("%d into %s", e.Times, e.Rate.ID) })

// offers is a program whose points turn into what these conversions say.
func offers() step {
	return earningBy(earning(func(r *PointsRule) {
		r.Conversions = []Conversion{
			{ID: "cash", Into: IntoCredit, Points: pts("50"), Credit: cny("0.50")},
			{ID: "cent", Into: IntoCredit, Points: pts("1"), Credit: cny("0.01")},
			{ID: "five", Into: IntoCoupon, Points: pts("80"), Campaign: "spring", Definition: "five"},
			{ID: "none", Into: IntoCoupon, Points: pts("80"), Campaign: "winter", Definition: "five"},
			{ID: "mug", Into: IntoGift, Points: pts("60"), Gift: "mug-1"},
		}
		r.Spend = &PointsSpend{Points: pts("100"), Worth: cny("1"), Step: pts("50"), Share: percent("50")}
	}))
}

// One row per refusal, in the order of the checks, then what points turn into.
func TestConvertPoints(t *testing.T) {
	have := []step{opened, offers(), offering(), did(prize("170"))}
	after := func(more ...step) []step { return append(have[:4:4], more...) }
	into := func(to Into, points string, id ...string) ask {
		c := ConvertPoints{Amount: pts(points), Into: to}
		if len(id) > 0 {
			c.Conversion = id[0]
		}
		return asks(c)
	}
	run(t, []row{
		{"nothing", have, into(IntoCredit, "0"), "amount_not_positive"},
		{"into what", have, into("x", "50"), "malformed into"},
		{"no account", nil, into(IntoCredit, "50"), "not_found"},
		{"frozen for debit", after(frozen(FreezeDebit)), into(IntoCredit, "50"), "account_frozen"},
		{"frozen for credit", after(frozen(FreezeCredit)), into(IntoCredit, "50"), "account_frozen"},
		{"a reference twice", after(ref("1"), did(ConvertPoints{Amount: pts("50"), Into: IntoCredit})),
			into(IntoCredit, "50"), "reference_used"},
		{"without rules", after(earningBy()), into(IntoCredit, "50"), "conversion_not_offered"},
		{"points of another unit", have, asks(ConvertPoints{Amount: miles("50"), Into: IntoCredit}),
			"conversion_not_offered"},
		{"an offer of another kind", have, into(IntoCredit, "60", "mug"), "conversion_not_offered"},
		{"between two steps", have, into(IntoCredit, "75"), "points_step"},
		{"two coupons at once", have, into(IntoCoupon, "160"), "points_step"},
		{"two things at once", have, into(IntoGift, "120"), "points_step"},
		{"more than there are", have, into(IntoCredit, "200"), "insufficient_funds short 30 PTS"},
		{"a campaign that is none", have, into(IntoCoupon, "80", "none"), "not_found"},
		{"a campaign that stands still", after(offering(func(c *Campaign, _ *Definition) {
			c.Status = CampaignIsPaused
		})), into(IntoCoupon, "80"), "campaign_not_active"},
		{"into credit", have, into(IntoCredit, "150"), `
PointsConverted 150, earned@1 -150 3 into cash
CreditGranted 1.50, promo@3 1.50`},
		{"by its name", have, into(IntoCredit, "70", "cent"), `
PointsConverted 70, earned@1 -70 70 into cent
CreditGranted 0.70, promo@3 0.70`},
		{"into a coupon", have, into(IntoCoupon, "80"), `
PointsConverted 80, earned@1 -80 1 into five
CouponGranted five@2 until 03-10 00:00`},
		{"into a thing", have, into(IntoGift, "60"), "PointsConverted 60, earned@1 -60 1 into mug"},
	})
}

// TestConversionNamesItsTarget: the conversion says the id of what the next event gives.
func TestConversionNamesItsTarget(t *testing.T) {
	b := newBook(t)
	for _, s := range []step{opened, offers(), offering(), did(prize("170"))} {
		s(b)
	}
	for _, into := range []Into{IntoCredit, IntoCoupon} {
		points := map[Into]Money{IntoCredit: pts("50"), IntoCoupon: pts("80")}[into]
		posted, err := b.do(ConvertPoints{Amount: points, Into: into})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := posted[0].Event.(PointsConverted).TargetID, posted[1].Metadata.EventID; got != want {
			t.Errorf("into %s: got target %s, want %s", into, got, want)
		}
	}
}

// What points pay at the till, by the program.
type pointsPaying struct{ Points, Sale Money }

func (pointsPaying) Operation() Operation { return "pointsPaying" }

func (p pointsPaying) Decide(d *Draft) error {
	worth, err := d.pointsWorth(p.Points, p.Sale)
	if err != nil {
		return err
	}
	return d.spendPoints(p.Points, worth, testCheckout)
}

func TestPointsWorth(t *testing.T) {
	have := []step{opened, offers(), did(prize("1000"))}
	run(t, []row{
		{"without rules", []step{opened}, asks(pointsPaying{pts("100"), cny("9")}), "conversion_not_offered"},
		{"in another currency", have, asks(pointsPaying{pts("100"), MustMoney("9", unit("JPY"))}),
			"conversion_not_offered"},
		{"between two steps", have, asks(pointsPaying{pts("101"), cny("9")}), "points_step"},
		{"none", have, asks(pointsPaying{pts("0"), cny("9")}), "points_step"},
		{"more than their share", have, asks(pointsPaying{pts("450"), cny("8.99")}),
			"limit_exceeded short 0.01 CNY"},
		{"their share", have, asks(pointsPaying{pts("450"), cny("9.00")}), "PointsSpent 450, earned@1 -450 worth 4.50"},
		{"half a step's worth", have, asks(pointsPaying{pts("50"), cny("9.00")}),
			"PointsSpent 50, earned@1 -50 worth 0.50"},
		{"later", append(have[:3:3], later(time.Hour)), asks(pointsPaying{pts("100"), cny("9")}),
			"PointsSpent 100, earned@1 -100 worth 1.00"},
	})
}
