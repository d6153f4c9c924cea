package domain

import (
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// TestPriceOfWideDefinitions: an amount, a cap or a threshold beyond 62 bits of smallest steps, which at
// four fraction digits begins at some 4.6e14, is what it says: more than any sale comes to.
func TestPriceOfWideDefinitions(t *testing.T) {
	clf := unit("CLF")
	rapid.Check(t, func(t *rapid.T) {
		near := func(label string) Money {
			whole := rapid.OneOf(rapid.Int64Range(1, 100), rapid.Int64Range(99_999_999_999_990, 100_000_000_000_010),
				rapid.Int64Range(461_168_601_842_730, 461_168_601_842_745),
				rapid.Int64Range(999_999_999_999_990, 999_999_999_999_999)).Draw(t, label)
			return MustMoney(fmt.Sprintf("%d.%04d", whole, rapid.IntRange(0, 9999).Draw(t, label+"'")), clf)
		}
		price := near("price")
		if tooMuch(price, 1) {
			price = MustMoney("99999999999999.9999", clf)
		}
		def := off(AmountOff, StackCommon, CouponValue{Amount: near("amount")})
		def.Unit, def.Cap, def.Restrictions.MinSpend = "CLF", near("cap"), near("least")
		d, offers := draftFor(def)
		cart := Cart{Unit: "CLF", Lines: []CartLine{{N: 1, Product: "a", Qty: 1, UnitPrice: price}}}
		want := new(big.Int)
		if !price.Less(def.Restrictions.MinSpend) {
			for i, m := range []Money{price, def.Value.Amount, def.Cap} {
				if n := m.minor(); i == 0 || n.Cmp(want) < 0 {
					want = n
				}
			}
		}
		got := d.price(cart, offers)
		if got.Discount.minor().Cmp(want) != 0 || !got.Net.Equal(got.Gross.Sub(got.Discount)) {
			t.Fatalf("%s, %s off, at most %s from %s on: got %s, want %s steps", price, def.Value.Amount,
				def.Cap, def.Restrictions.MinSpend, got.Discount, want)
		}
	})
}
