package domain

import (
	"fmt"
	"testing"
	"time"
)

// TestPointsHeld: what there is, what is owed, what can be spent next and what ends next, unit by unit.
func TestPointsHeld(t *testing.T) {
	b := newBook(t)
	ends := func(amount string, days int) step {
		return did(EarnPoints{Amount: pts(amount), Reason: "r", ExpiresAt: noon.Add(time.Duration(days) * day)})
	}
	for _, s := range []step{opened, did(topUp("1000", "")),
		earningBy(earning(func(r *PointsRule) { r.PendingDays = 1 }), earning(func(r *PointsRule) {
			r.ID, r.Points = "miles", miles("0")
		})), ends("10", 9), ends("20", 5), ends("5", 5), did(debit("60"))} {
		s(b)
	}
	told := func() (s string) {
		for _, h := range b.account.Points(b.program, b.now) {
			s += fmt.Sprintf("%s %s+%s, owes %s, %s on %s, %s ends %s, %d rules\n", h.Balance.Unit,
				h.Balance.Available, h.Balance.Pending, h.Owed, h.Effective.Amount,
				h.Effective.At.Format("01-02"), h.Expiring.Amount, h.Expiring.At.Format("01-02"), len(h.Rules))
		}
		return s
	}
	const none = "MILES 0.0+0.0, owes 0.0, 0.0 on 01-01, 0.0 ends 01-01, 1 rules\n"
	if got, want := told(), none+"PTS 35+60, owes 0, 60 on 03-04, 25 ends 03-07, 1 rules\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	later(2 * day)(b)
	did(spending{pts("95"), cny("1")})(b)
	didAs(refund(5, "60"))(b)
	if got, want := told(), none+"PTS 0+0, owes 60, 0 on 01-01, 0 ends 01-01, 1 rules\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
