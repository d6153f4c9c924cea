package domain

import (
	"testing"

	"pgregory.net/rapid"
)

// TestPointsPayable holds what points could pay against pointsWorth, asked of every step there is.
func TestPointsPayable(t *testing.T) {
	steps := func(t *rapid.T, most int, unit string, scale int32, label string) Money {
		return Money{unit: unit, Quantity: fromSteps(int64(rapid.IntRange(1, most).Draw(t, label)), scale)}
	}
	rapid.Check(t, func(t *rapid.T) {
		rule := PointsRule{ID: "r", Points: MustMoney("1", Unit{Code: "POINTS"})}
		rule.Spend = &PointsSpend{Points: steps(t, 30, "POINTS", 0, "points"),
			Worth: steps(t, 30, "CNY", 2, "worth"), Step: steps(t, 5, "POINTS", 0, "step")}
		if rapid.Bool().Draw(t, "shared") {
			rule.Spend.Share = fromSteps(int64(rapid.IntRange(1, 100).Draw(t, "share")), 0)
		}
		d := &Draft{Moment: Moment{Program: &Program{Terms: Terms{Points: []PointsRule{rule}}}}}
		sale, free := steps(t, 300, "CNY", 2, "sale"), steps(t, 100, "POINTS", 0, "free")
		points, worth := rule.Spend.payable(free, sale)

		want, wanted := sale.With(zero(2)), free.With(zero(0))
		for n := int64(1); n <= free.steps; n++ {
			asked := free.With(fromSteps(n, 0))
			if pays, err := d.pointsWorth(asked, sale); err == nil && want.Less(pays) {
				want, wanted = pays, asked
			}
		}
		if !worth.Equal(want) || !points.Equal(wanted) {
			t.Fatalf("got %s for %s, want %s for %s", worth, points, want, wanted)
		}
	})
}

// Small amounts come to what large ones do.
func TestPayableSmall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string, least, most int) Quantity {
			return fromSteps(int64(rapid.IntRange(least, most).Draw(t, name)), 2)
		}
		of := func(q Quantity) Money { return cny("0.00").With(q) }
		s := &PointsSpend{Points: of(draw("points", 1, 300)), Worth: of(draw("worth", 1, 300)),
			Step: of(draw("step", 1, 20))}
		free, most := of(draw("free", 0, 100_000)), of(draw("most", 0, 100_000))
		points, worth := s.payableSmall(free, most)
		wantPoints, wantWorth := s.payableLarge(free, most)
		if !points.Equal(wantPoints) || !worth.Equal(wantWorth) {
			t.Errorf("got %s for %s, want %s for %s", worth, points, wantWorth, wantPoints)
		}
	})
}
