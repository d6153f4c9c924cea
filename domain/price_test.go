package domain

import (
	"testing"

	"github.com/google/uuid"
)

// cartOf is a sale in CNY of lines written as product, qty and price.
func cartOf(lines ...CartLine) Cart {
	for i := range lines {
		lines[i].N = i + 1
	}
	return Cart{Unit: "CNY", Lines: lines}
}

func goods(product string, qty int, price string) CartLine {
	return CartLine{Product: product, Qty: qty, UnitPrice: cny(price)}
}

// couponID is the id of the n-th coupon of a test.
func couponID(n int) uuid.UUID { return newID(int64(n), Seed{}, 0) }

func off(kind CouponKind, group StackingGroup, v CouponValue, edits ...func(*Definition)) *Definition {
	d := &Definition{ID: "d", Version: 1, Kind: kind, Unit: "CNY", Value: v, Uses: 1,
		Stacking: Stacking{Group: group}}
	for _, edit := range edits {
		edit(d)
	}
	return d
}

// draftFor is an account that holds those definitions as coupons, with its offers.
func draftFor(definitions ...*Definition) (*Draft, []Offer) {
	a := NewAccount(uuid.UUID{1})
	var offers []Offer
	for i, def := range definitions {
		a.coupons = append(a.coupons, Coupon{ID: couponID(i), Campaign: "c", Definition: def.Name(),
			Kind: def.Kind, Uses: 1})
		offers = append(offers, Offer{Coupon: couponID(i), Campaign: "c", Definition: def})
	}
	m := Moment{Decided: noon, Recorded: noon, Place: UnregisteredStore("S1"),
		Context: Context{Store: "S1", Channel: "pos"}}
	return &Draft{Account: a, Moment: m}, offers
}

func TestPriceTakesTheStagesInOrder(t *testing.T) {
	twenty := off(PercentOff, StackCommon, CouponValue{Percent: fromSteps(20, 0)})
	d, offers := draftFor(twenty,
		off(ThresholdOff, StackCommon, CouponValue{Amount: cny("10.00")}, func(d *Definition) {
			d.Restrictions.MinSpend = cny("80.00")
		}),
		off(Exchange, StackCommon, CouponValue{Products: []string{"tea"}, Get: 1}))
	got := d.price(cartOf(goods("tea", 2, "20.00"), goods("cake", 1, "70.00")), offers)
	if want := cny("46.00"); !got.Discount.Equal(want) { // 20 + 10 + 20 % of 80
		t.Errorf("got %s off, want %s: %+v", got.Discount, want, got.Verdicts)
	}
}
