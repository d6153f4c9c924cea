package domain

import (
	"fmt"
	"testing"
)

// TestPriceRules has a row for each rule of what a coupon takes off, and of how lines share it.
func TestPriceRules(t *testing.T) {
	percent := func(p Quantity, edits ...func(*Definition)) *Definition {
		return off(PercentOff, StackCommon, CouponValue{Percent: p}, edits...)
	}
	amount := func(x string, edits ...func(*Definition)) *Definition {
		return off(AmountOff, StackCommon, CouponValue{Amount: cny(x)}, edits...)
	}
	capped := func(x string) func(*Definition) { return func(d *Definition) { d.Cap = cny(x) } }
	only := func(products ...string) func(*Definition) {
		return func(d *Definition) { d.Restrictions.Products = products }
	}
	exchange := func(get int, products ...string) *Definition {
		return off(Exchange, StackCommon, CouponValue{Get: get, Products: products})
	}
	free := func(buy, get int, edits ...func(*Definition)) *Definition {
		return off(FreeItem, StackCommon, CouponValue{Buy: buy, Get: get}, edits...)
	}
	gift := func(products ...string) func(*Definition) {
		return func(d *Definition) { d.Value.Products = products }
	}
	third := cartOf(goods("a", 1, "0.01"), goods("b", 1, "0.01"), goods("c", 1, "0.01"))
	three := cartOf(goods("tea", 1, "3.00"), goods("cake", 1, "5.00"), goods("tea", 1, "4.00"))
	rows := []struct {
		name string
		cart Cart
		defs []*Definition
		want string // each line's discount
	}{
		{"half a step is rounded up", cartOf(goods("a", 1, "0.05")),
			[]*Definition{percent(fromSteps(10, 0))}, "[0.01]"},
		{"rounded once, of the sum", third, []*Definition{percent(fromSteps(50, 0))}, "[0.01 0.01 0.00]"},
		{"the largest remainder", cartOf(goods("a", 1, "1.00"), goods("b", 1, "2.00")),
			[]*Definition{amount("0.50")}, "[0.17 0.33]"},
		{"of equal remainders the first line", third, []*Definition{amount("0.01")}, "[0.01 0.00 0.00]"},
		{"capped, then spread", three, []*Definition{percent(fromSteps(50, 0), capped("1.20"))},
			"[0.30 0.50 0.40]"},
		{"no more than the lines are worth", three, []*Definition{amount("9.00", only("tea"))},
			"[3.00 0.00 4.00]"},
		{"what is left after another", three, []*Definition{amount("2.00", only("cake")),
			amount("1.00", only("cake"))}, "[0.00 3.00 0.00]"},
		{"a percentage of what amounts left", three, []*Definition{percent(fromSteps(10, 0), only("cake")),
			amount("2.00", only("cake"))}, "[0.00 2.30 0.00]"},
		{"an exchange for the dearest", three, []*Definition{exchange(1, "tea")}, "[0.00 0.00 4.00]"},
		{"an exchange for as many as there are", three, []*Definition{exchange(3, "tea")},
			"[3.00 0.00 4.00]"},
		{"an exchange with a cap", three, []*Definition{off(Exchange, StackCommon,
			CouponValue{Get: 1, Products: []string{"cake"}}, capped("4.50"))}, "[0.00 4.50 0.00]"},
		{"a free item is the cheapest", three, []*Definition{free(2, 1)}, "[3.00 0.00 0.00]"},
		{"too few for a free item", three, []*Definition{free(3, 1)}, "[0.00 0.00 0.00]"},
		{"a free item as often as it fits", cartOf(goods("tea", 7, "3.00")), []*Definition{free(2, 1)},
			"[6.00]"},
		{"what costs nothing buys nothing", cartOf(goods("tea", 2, "3.00"), goods("bag", 1, "0.00")),
			[]*Definition{free(2, 1)}, "[0.00 0.00]"},
		{"buy one thing, get another", three, []*Definition{free(2, 1, only("tea"), gift("cake"))},
			"[0.00 5.00 0.00]"},
		{"what must be bought is not given", cartOf(goods("tea", 1, "3.00"), goods("cake", 1, "5.00")),
			[]*Definition{free(1, 1, only("tea"), gift("tea", "cake"))}, "[0.00 5.00]"},
		{"a piece serves one item discount", cartOf(goods("tea", 3, "3.00")),
			[]*Definition{free(2, 1), free(2, 1)}, "[3.00]"},
		{"an exchange before a free item", cartOf(goods("tea", 3, "3.00")),
			[]*Definition{free(2, 1), exchange(1, "tea")}, "[3.00]"},
		{"a threshold after item discounts", cartOf(goods("tea", 2, "10.00")), []*Definition{
			exchange(1, "tea"), amount("1.00", func(d *Definition) {
				d.Restrictions.MinSpend = cny("10.01")
			})}, "[10.00]"},
		{"a threshold whatever other amounts take", cartOf(goods("tea", 2, "10.00")), []*Definition{
			amount("15.00"), amount("1.00", func(d *Definition) {
				d.Restrictions.MinSpend = cny("20.00")
			})}, "[16.00]"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			d, offers := draftFor(row.defs...)
			p := d.price(row.cart, offers)
			var got []string
			for i, l := range p.Lines {
				off := fromSteps(row.cart.Lines[i].gross(), 2).Sub(l.Net)
				got = append(got, off.String())
			}
			if fmt.Sprint(got) != row.want {
				t.Errorf("got %v, want %s: %+v", got, row.want, p.Verdicts)
			}
		})
	}
}
