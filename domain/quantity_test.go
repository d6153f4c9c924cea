package domain

import (
	"math/big"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// TestQuantityIsDecimal holds sums, differences, order and shares to those of exact arithmetic, on both
// sides of where a number no longer fits into steps.
func TestQuantityIsDecimal(t *testing.T) {
	number := rapid.Custom(func(t *rapid.T) *big.Int {
		n := big.NewInt(rapid.OneOf(rapid.Int64(), rapid.Int64Range(maxSteps-3, maxSteps+3),
			rapid.Int64Range(-3, 3)).Draw(t, "n"))
		return n.Lsh(n, rapid.UintRange(0, 3).Draw(t, "shift"))
	})
	rapid.Check(t, func(t *rapid.T) {
		scale := rapid.Int32Range(0, 4).Draw(t, "scale")
		a, b, c := number.Draw(t, "a"), number.Draw(t, "b"), number.Draw(t, "c")
		exact := func(n *big.Int) decimal.Decimal { return decimal.NewFromBigInt(n, -scale) }
		qa, qb := fromMinor(a, scale), fromMinor(b, scale)
		for _, row := range []struct {
			name string
			got  Quantity
			want decimal.Decimal
		}{
			{"a", qa, exact(a)}, {"a+b", qa.Add(qb), exact(a).Add(exact(b))},
			{"a-b", qa.Sub(qb), exact(a).Sub(exact(b))}, {"-a", qa.Neg(), exact(a).Neg()},
		} {
			if !row.got.Decimal().Equal(row.want) || row.got.String() != row.want.StringFixed(scale) {
				t.Fatalf("%s: got %s, want %s", row.name, row.got, row.want.StringFixed(scale))
			}
		}
		if got, want := qa.Cmp(qb), a.Cmp(b); got != want {
			t.Fatalf("%s with %s: got %d, want %d", a, b, got, want)
		}
		whole, part, of := a.Abs(a), b.Abs(b), c.Abs(c)
		if part.Cmp(of) > 0 {
			part, of = of, part
		}
		if of.Sign() == 0 {
			return
		}
		// Half up: floor((2·whole·part + of) / (2·of)).
		want := new(big.Int).Mul(whole, part)
		want.Lsh(want, 1).Add(want, of).Quo(want, new(big.Int).Lsh(of, 1))
		got := portion(fromMinor(whole, scale), fromMinor(part, 2), fromMinor(of, 2))
		if got.minor().Cmp(want) != 0 {
			t.Fatalf("%s·%s/%s: got %s, want %s", whole, part, of, got.minor(), want)
		}
	})
}
