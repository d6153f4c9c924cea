package domain

import "testing"

// Points pay their part of every line first; lots limited to goods pay what is left of theirs.
func TestPointsBesideLots(t *testing.T) {
	c := sells([]CartLine{line(1, 1, "10"), piece(2, "10", "cake", "food")},
		tendering("12", elsewhere("cash", "4")))
	c.Points = pts("400")
	run(t, []row{{"points first", []step{opened, presents("50", on("tea")), did(topUp("100", "")),
		did(EarnPoints{Amount: pts("600"), Reason: "x"}), loyal}, asks(c), `
CheckoutPosted 20.00 - 0.00 = 20.00, points 4.00, stored 12.00, cash 4.00, qualifying 8.00
  1: 10.00, points 2.00, stored_value 8.00, promo@1 pays 8.00, counts 0.00
  2: 10.00, points 2.00, stored_value 4.00, cash 4.00, counts 8.00
PointsSpent 400, earned@3 -400 worth 4.00
DebitPosted 12.00, promo@1 -8.00, principal@2 -4.00/-4.00
PointsEarned 8, earned@7 8 of 8.00 p`}})
}
