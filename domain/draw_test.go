package domain

import "testing"

// The principal's share of a draw lies between what the bonus cannot pay and what principal there
// is.
func TestDivide(t *testing.T) {
	lot := func(class Class, face, consumed, remaining string) *Lot {
		return &Lot{LotOpened: LotOpened{Class: class, Face: cny(face).Quantity, Draw: ProRata},
			Consumed: cny(consumed).Quantity, Remaining: cny(remaining).Quantity,
			Held: cny("0").Quantity}
	}
	for _, c := range []struct {
		principal, bonus *Lot
		x, want          string
	}{
		{lot(Principal, "100", "0", "100"), lot(Bonus, "30", "0", "30"), "13", "10.00"},
		{lot(Principal, "100", "90", "10"), lot(Bonus, "30", "0", "5"), "10", "5.00"},
		{lot(Principal, "100", "90", "10"), lot(Bonus, "30", "0", "30"), "10", "0.00"},
		{lot(Principal, "100", "0", "2"), lot(Bonus, "30", "0", "30"), "13", "2.00"},
		{lot(Principal, "100", "0", "2"), lot(Bonus, "30", "30", "0"), "1", "1.00"},
	} {
		shares := group{c.principal, c.bonus}.divide(nil, cny(c.x).Quantity)
		if got := shares[0].amount.String(); got != c.want {
			t.Errorf("%s of %+v: got %s of principal, want %s", c.x, c.principal, got, c.want)
		}
		if got := shares[0].amount.Add(shares[1].amount); !got.Equal(cny(c.x).Quantity) {
			t.Errorf("got %s in all, want %s", got, c.x)
		}
	}
}
