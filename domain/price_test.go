package domain

import (
	"fmt"
	"slices"
	"testing"
	"time"

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
	campaign := &Campaign{ID: "c", Status: CampaignIsActive, Definitions: definitions}
	var offers []Offer
	for i, def := range definitions {
		def.ID = fmt.Sprint("d", i)
		a.coupons = append(a.coupons, Coupon{ID: couponID(i), Campaign: "c", Definition: def.Name(),
			Kind: def.Kind, Uses: 1})
		offers = append(offers, Offer{Coupon: couponID(i), Campaign: "c", Definition: def})
	}
	m := Moment{Decided: noon, Recorded: noon, Place: UnregisteredStore("S1"),
		Campaigns: func(string) *Campaign { return campaign },
		Context:   Context{Store: "S1", Channel: "pos"}}
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

// TestPriceVerdicts has a row for each restriction, in the order of the checks: what a row breaks, those
// above it keep.
func TestPriceVerdicts(t *testing.T) {
	type set func(*Draft, *Cart, *Definition)
	later := noon.Add(time.Hour)
	restrict := func(edit func(*Restrictions)) set {
		return func(_ *Draft, _ *Cart, def *Definition) { edit(&def.Restrictions) }
	}
	minimum := func(amount string, b Basis) set {
		return restrict(func(r *Restrictions) { r.MinSpend, r.Basis = cny(amount), b })
	}
	rows := []struct {
		name string
		set  set
		want Code
	}{
		{"nothing", func(*Draft, *Cart, *Definition) {}, ""},
		{"no such coupon", func(d *Draft, _ *Cart, _ *Definition) { d.coupons = nil }, "not_found"},
		{"before its time", func(d *Draft, _ *Cart, _ *Definition) {
			d.coupons[0].ValidFrom = later
		}, "coupon_not_yet_valid"},
		{"at its first instant", func(d *Draft, _ *Cart, _ *Definition) {
			d.coupons[0].ValidFrom = noon
		}, ""},
		{"at its end", func(d *Draft, _ *Cart, _ *Definition) {
			d.coupons[0].ValidUntil = noon
		}, "coupon_expired"},
		{"before its end", func(d *Draft, _ *Cart, _ *Definition) {
			d.coupons[0].ValidUntil = noon.Add(1)
		}, ""},
		{"reserved by another order", func(d *Draft, c *Cart, _ *Definition) {
			d.coupons[0].Order, d.coupons[0].Reserved, c.Order = "o-1", later, "o-2"
		}, "coupon_reserved"},
		{"reserved by this order, and past its end", func(d *Draft, c *Cart, _ *Definition) {
			d.coupons[0].Order, d.coupons[0].Reserved, c.Order = "o-1", later, "o-1"
			d.coupons[0].ValidUntil = noon
		}, ""},
		{"reserved until now", func(d *Draft, _ *Cart, _ *Definition) {
			d.coupons[0].Order, d.coupons[0].Reserved = "o-1", noon
		}, ""},
		{"no such campaign", func(d *Draft, _ *Cart, _ *Definition) {
			d.Campaigns = func(string) *Campaign { return nil }
		}, "campaign_not_active"},
		{"a paused campaign", func(d *Draft, _ *Cart, _ *Definition) {
			d.Campaigns("c").Status = CampaignIsPaused
		}, "campaign_not_active"},
		{"a campaign that begins later", func(d *Draft, _ *Cart, _ *Definition) {
			d.Campaigns("c").Terms.Begins = later
		}, "campaign_not_active"},
		{"another currency", func(_ *Draft, _ *Cart, def *Definition) { def.Unit = "JPY" },
			"coupon_unit"},
		{"another store", restrict(func(r *Restrictions) { r.Scope.Stores = []string{"S2"} }),
			"coupon_store"},
		{"this store", restrict(func(r *Restrictions) { r.Scope.Stores = []string{"S2", "S1"} }), ""},
		{"another channel", restrict(func(r *Restrictions) { r.Scope.Channels = []string{"app"} }),
			"coupon_channel"},
		{"another hour", restrict(func(r *Restrictions) {
			r.Hours = []Hours{{From: "12:01", To: "24:00"}, {From: "00:00", To: "12:00"}}
		}), "coupon_hours"},
		{"the hour of its zone", func(d *Draft, _ *Cart, def *Definition) {
			d.Place.Zone = "Asia/Shanghai"
			def.Restrictions.Hours = []Hours{{From: "20:00", To: "20:01"}}
		}, ""},
		{"another weekday", restrict(func(r *Restrictions) {
			other := int(noon.Weekday())%7 + 1
			r.Hours = []Hours{{Weekdays: []int{other}, From: "00:00", To: "24:00"}}
		}), "coupon_hours"},
		{"another tier", restrict(func(r *Restrictions) { r.Tiers = []string{"gold"} }),
			"coupon_tier"},
		{"another segment", func(_ *Draft, c *Cart, def *Definition) {
			def.Restrictions.Segments, c.Segments = []string{"s-1"}, []string{"s-2"}
		}, "coupon_segment"},
		{"its segment", func(_ *Draft, c *Cart, def *Definition) {
			def.Restrictions.Segments, c.Segments = []string{"s-1"}, []string{"s-2", "s-1"}
		}, ""},
		{"a later order", func(d *Draft, _ *Cart, def *Definition) {
			d.sales, def.Restrictions.FirstOrder = 1, true
		}, "coupon_first_order"},
		{"the first order", restrict(func(r *Restrictions) { r.FirstOrder = true }), ""},
		{"by its holder", restrict(func(r *Restrictions) { r.HolderOnly = true }), ""},
		{"other goods", restrict(func(r *Restrictions) { r.Products = []string{"milk"} }),
			"coupon_products"},
		{"goods or categories", restrict(func(r *Restrictions) {
			r.Products, r.Categories = []string{"milk"}, []string{"hot"}
		}), ""},
		{"goods that are never eligible", restrict(func(r *Restrictions) {
			r.NotProducts, r.NotCategories = []string{"cake"}, []string{"hot"}
		}), "coupon_products"},
		{"a step below the minimum", minimum("30.01", BasisOrder), "coupon_min_spend"},
		{"at the minimum", minimum("30.00", BasisOrder), ""},
		{"below it with what is eligible", func(d *Draft, c *Cart, def *Definition) {
			def.Restrictions.Products = []string{"cake"}
			minimum("10.01", BasisEligible)(d, c, def)
		}, "coupon_min_spend"},
		{"above it with what is not", func(d *Draft, c *Cart, def *Definition) {
			def.Restrictions.Products = []string{"cake"}
			minimum("10.01", BasisGross)(d, c, def)
		}, ""},
		{"nothing to take off", func(_ *Draft, c *Cart, _ *Definition) {
			for i := range c.Lines {
				c.Lines[i].UnitPrice = cny("0.00")
			}
		}, "coupon_zero"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			d, offers := draftFor(off(AmountOff, StackCommon, CouponValue{Amount: cny("1.00")}))
			def := offers[0].Definition
			tea := goods("tea", 2, "10.00")
			tea.Category = "hot"
			cart := cartOf(tea, goods("cake", 1, "10.00"))
			row.set(d, &cart, def)
			got := d.price(cart, offers)
			if v := got.Verdicts[0]; v.Code != row.want || (v.Refusal() == nil) != (row.want == "") {
				t.Errorf("got %q (%s), want %q", v.Code, v.Detail, row.want)
			}
			if best, _ := d.best(cart, offers); best.Verdicts[0].Code != row.want {
				t.Errorf("got %q for the best, want %q", best.Verdicts[0].Code, row.want)
			}
			if applied := got.Discount.Equal(cny("1.00")); applied != (row.want == "") {
				t.Errorf("got %s off", got.Discount)
			}
		})
	}
}

func TestPriceOfAnUnclaimedCodeForHolders(t *testing.T) {
	d, offers := draftFor(off(AmountOff, StackCommon, CouponValue{Amount: cny("1.00")},
		func(d *Definition) { d.Restrictions.HolderOnly = true }))
	offers[0].Coupon, offers[0].Campaign = uuid.Nil, "c"
	got := d.price(cartOf(goods("tea", 1, "10.00")), offers)
	if got.Verdicts[0].Code != "coupon_holder_only" {
		t.Errorf("got %q", got.Verdicts[0].Code)
	}
}

func TestPriceStacks(t *testing.T) {
	one := func(group StackingGroup, most int) *Definition {
		return off(AmountOff, group, CouponValue{Amount: cny("1.00")},
			func(d *Definition) { d.Stacking.Most = most })
	}
	nothing := off(PercentOff, StackExclusive, CouponValue{Percent: fromSteps(1, 4)})
	half := off(PercentOff, StackExclusive, CouponValue{Percent: fromSteps(50, 0)})
	rows := []struct {
		name string
		defs []*Definition
		want []Code
	}{
		{"two exclusive", []*Definition{one(StackExclusive, 0), one("", 0)},
			[]Code{"", "coupon_not_combinable"}},
		{"common, exclusive", []*Definition{one(StackCommon, 0), one(StackExclusive, 0)},
			[]Code{"", "coupon_not_combinable"}},
		{"exclusive, common", []*Definition{one(StackExclusive, 0), one(StackCommon, 0)},
			[]Code{"", "coupon_not_combinable"}},
		{"exclusive, always", []*Definition{one(StackExclusive, 0), one(StackAlways, 0)},
			[]Code{"", ""}},
		{"the strictest bound is the first's", []*Definition{one(StackCommon, 1), one(StackCommon, 3)},
			[]Code{"", "coupon_stack_limit"}},
		{"the strictest bound is the last's",
			[]*Definition{one(StackCommon, 3), one(StackCommon, 0), one(StackCommon, 2)},
			[]Code{"", "", "coupon_stack_limit"}},
		{"at the bound", []*Definition{one(StackCommon, 2), one(StackAlways, 0), one(StackCommon, 2)},
			[]Code{"", "", ""}},
		{"what gives nothing bars nothing", []*Definition{nothing, half},
			[]Code{"coupon_zero", ""}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			d, offers := draftFor(row.defs...)
			var got []Code
			for _, v := range d.price(cartOf(goods("tea", 1, "10.00")), offers).Verdicts {
				got = append(got, v.Code)
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestPriceOfACouponNamedTwice(t *testing.T) {
	d, offers := draftFor(off(AmountOff, StackAlways, CouponValue{Amount: cny("1.00")}))
	got := d.price(cartOf(goods("tea", 1, "10.00")), append(offers, offers...))
	if !got.Discount.Equal(cny("1.00")) || got.Verdicts[1].Code != "coupon_not_combinable" {
		t.Errorf("got %s off and %q", got.Discount, got.Verdicts[1].Code)
	}
}

// TestPriceWithATier has what a tier gives beside an exclusive coupon, and after it.
func TestPriceWithATier(t *testing.T) {
	d, offers := draftFor(off(AmountOff, StackExclusive, CouponValue{Amount: cny("2.00")}))
	tier := off(PercentOff, "", CouponValue{Percent: fromSteps(10, 0)})
	offers = append([]Offer{{Tier: "gold", Definition: tier}}, offers...)
	cart := cartOf(goods("tea", 1, "12.00"))
	got := d.price(cart, offers)
	if want := cny("9.00"); !got.Net.Equal(want) || got.Lines[0].Discounts[1].Tier != "gold" {
		t.Errorf("got %s, want %s: %+v", got.Net, want, got.Lines)
	}
	best, _ := d.best(cart, offers)
	if !best.Net.Equal(got.Net) {
		t.Errorf("got %s for the best, want %s", best.Net, got.Net)
	}
}

func TestBestOfManyCommonOrOneExclusive(t *testing.T) {
	var defs []*Definition
	for range mostExact {
		defs = append(defs, off(AmountOff, StackCommon, CouponValue{Amount: cny("2.00")}))
	}
	defs = append(defs, off(AmountOff, StackExclusive, CouponValue{Amount: cny("5.00")}))
	d, offers := draftFor(defs...)
	got, search := d.best(cartOf(goods("tea", 1, "100.00")), offers)
	last := got.Verdicts[len(got.Verdicts)-1]
	if want := cny("12.00"); search != SearchGreedy || !got.Discount.Equal(want) ||
		last.Code != "coupon_not_chosen" {
		t.Errorf("%s: got %s off, want %s; %q", search, got.Discount, want, last.Code)
	}
}

func TestCartChecks(t *testing.T) {
	rows := []struct {
		name  string
		edit  func(*Cart)
		field string
	}{
		{"a cart", func(*Cart) {}, ""},
		{"no line", func(c *Cart) { c.Lines = nil }, "lines"},
		{"too many lines", func(c *Cart) { c.Lines = make([]CartLine, mostLines+1) }, "lines"},
		{"a number twice", func(c *Cart) { c.Lines[1].N = 1 }, "lines.1.n"},
		{"no product", func(c *Cart) { c.Lines[0].Product = "" }, "lines.0.product"},
		{"an odd category", func(c *Cart) { c.Lines[0].Category = "a b" }, "lines.0.category"},
		{"no piece", func(c *Cart) { c.Lines[0].Qty = 0 }, "lines.0.qty"},
		{"another unit", func(c *Cart) {
			c.Lines[1].UnitPrice = MustMoney("1", unit("JPY"))
		}, "lines.1.unit_price"},
		{"another unit's list price", func(c *Cart) {
			c.Lines[1].ListPrice = MustMoney("1", unit("JPY"))
		}, "lines.1.list_price"},
		{"a line that is too large", func(c *Cart) {
			c.Lines[0].Qty, c.Lines[0].UnitPrice = mostQty, cny("999999999999999.99")
		}, "lines.0.unit_price"},
		{"lines that are too large together", func(c *Cart) {
			for i := range c.Lines {
				c.Lines[i].Qty, c.Lines[i].UnitPrice = 6, cny("999999999999999.99")
			}
		}, "lines"},
	}
	for _, row := range rows {
		cart := cartOf(goods("tea", 1, "1.00"), goods("cake", 1, "1.00"))
		row.edit(&cart)
		var got string
		if r, ok := cart.check().(*Refusal); ok {
			got = r.Fields[0].Field
		}
		if got != row.field {
			t.Errorf("%s: got %q, want %q", row.name, got, row.field)
		}
	}
}
