package domain

import "testing"

// A hundred points pay 1.00, in steps of ten, up to half of a sale; a yuan earns one.
var loyal = ruledBy(Terms{Points: []PointsRule{{ID: "p", Points: pts("1"), Per: cny("1"),
	Spend: &PointsSpend{Points: pts("100"), Worth: cny("1"), Step: pts("10"), Share: percent("50")}}}})

func TestCheckoutPoints(t *testing.T) {
	have := []step{opened, did(topUp("100", "")), did(EarnPoints{Amount: pts("600"), Reason: "x"}), loyal}
	spends := func(points string, edits ...func(*Checkout)) ask {
		c := sells([]CartLine{line(1, 2, "5")})
		c.Points = pts(points)
		for _, edit := range edits {
			edit(&c)
		}
		return asks(c)
	}
	cash := tendering("", elsewhere("cash", "7"))
	bought := append(have[:4:4], didAs(spends("300")))
	run(t, []row{
		{"a part", have, spends("300"), `
CheckoutPosted 10.00 - 0.00 = 10.00, points 3.00, stored 7.00, qualifying 7.00
  1: 10.00, points 3.00, stored_value 7.00
PointsSpent 300, earned@2 -300 worth 3.00
DebitPosted 7.00, principal@1 -7.00/-7.00
PointsEarned 7, earned@6 7 of 7.00 p`},
		{"beside cash", have, spends("300", cash), `
CheckoutPosted 10.00 - 0.00 = 10.00, points 3.00, stored 0.00, cash 7.00, qualifying 7.00
  1: 10.00, points 3.00, cash 7.00
PointsSpent 300, earned@2 -300 worth 3.00
PointsEarned 7, earned@5 7 of 7.00 p`},

		{"no points", have, spends("0"), "amount_not_positive points"},
		{"points of the sale's unit", have, spends("1", func(c *Checkout) { c.Points = cny("1") }),
			"malformed points"},
		{"that pay nothing", have[:3], spends("300"), "conversion_not_offered"},
		{"half a step", have, spends("305"), "points_step"},
		{"more than their share", have, spends("510"),
			"limit_exceeded short 0.10 CNY\nOperationDeclined limit_exceeded"},
		{"worth before tenders", have, spends("510", cash),
			"limit_exceeded short 0.10 CNY\nOperationDeclined limit_exceeded"},
		{"tenders before balance", append(have[:4:4], didAs(spends("200")), didAs(spends("200"))),
			spends("300", tendering("1")), "tender_mismatch short 6.00 CNY"},
		{"more than there are", append(have[:4:4], didAs(spends("200")), didAs(spends("300"))),
			spends("300"), "insufficient_funds short 185 PTS\nOperationDeclined insufficient_funds"},

		{"half returns", bought, bringing(3, 1, 1), `
CheckoutReturned 1×1: 5.00, points 1.50, stored_value 3.50, qualifying -3.50, keep
PointsRestored 150, earned@2 150 worth 1.50, total 150 1.50
DebitRefunded 3.50, principal@1 3.50/3.50, total 3.50
PointsRevoked 4, earned@6 -4 of 4`},
		{"all returns", append(bought, didAs(bringing(3, 1, 1))), bringing(3, 1, 1), `
CheckoutReturned 1×1: 5.00, points 1.50, stored_value 3.50, qualifying -3.50, full, keep
PointsRestored 150, earned@2 150 worth 1.50, total 300 3.00
DebitRefunded 3.50, principal@1 3.50/3.50, total 7.00
PointsRevoked 3, earned@6 -3 of 3`},
	})
}
