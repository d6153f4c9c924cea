package domain

import "testing"

// budgetDraft is draftFor with the first coupon of a campaign that has so much discount left, the others
// of one that is not capped.
func budgetDraft(left string, definitions ...*Definition) (*Draft, []Offer) {
	d, offers := draftFor(definitions...)
	capped, free := *d.Campaigns("c"), *d.Campaigns("c")
	capped.Terms.Budgets.Discount, free.ID = cny("50.00"), "free"
	for i := range d.coupons[1:] {
		d.coupons[1+i].Campaign = "free"
	}
	d.Campaigns = func(id string) *Campaign { return map[string]*Campaign{"c": &capped, "free": &free}[id] }
	spent := cny("50.00").Sub(cny(left))
	d.Budgets = func(id string) (Budget, bool) { return Budget{Campaign: &capped, Discount: spent}, id == "c" }
	return d, offers
}

func TestPriceOfBudgets(t *testing.T) {
	tenth := off(PercentOff, StackCommon, CouponValue{Percent: fromSteps(10, 0)})
	ten := off(AmountOff, StackCommon, CouponValue{Amount: cny("10.00")})
	tea := func() *Definition { return off(Exchange, StackCommon, CouponValue{Products: []string{"tea"}, Get: 1}) }
	cart := cartOf(goods("tea", 1, "20.00"), goods("cake", 1, "80.00"))

	d, offers := budgetDraft("9.00", tenth, ten)
	if got, _ := d.best(cart, offers); !got.Discount.Equal(cny("19.00")) {
		t.Errorf("what is too much alone: got %s off, want 19.00 with the other", got.Discount)
	}
	d, offers = budgetDraft("19.99", tea(), tea())
	if got := d.price(cart, offers); !got.Discount.Equal(cny("20.00")) ||
		got.Verdicts[0].Code != ErrBudgetExhausted.Code {
		t.Errorf("a piece that a budget does not give is not given: got %s off, want 20.00", got.Discount)
	}
	var tens []*Definition
	for range mostExact + 1 {
		tens = append(tens, off(AmountOff, StackCommon, CouponValue{Amount: cny("10.00")}))
	}
	d, offers = budgetDraft("0.00", tens...)
	for i := range d.coupons[:mostExact] {
		d.coupons[i].Campaign = "c"
	}
	if got, search := d.best(cart, offers); search != SearchExact || !got.Discount.Equal(cny("10.00")) {
		t.Errorf("of what has nothing left: got %s by %s search, want 10.00", got.Discount, search)
	}
}

// What a reservation was refused with last is what is left; that of issues says nothing of it.
func TestPriceGoesByTheLastRefusal(t *testing.T) {
	d, offers := budgetDraft("0.00", off(AmountOff, StackCommon, CouponValue{Amount: cny("10.00")}))
	none, _ := d.Budgets("c")
	some := none
	some.Discount = cny("40.00")
	for _, r := range []Reservation{{BudgetPart: BudgetPart{Kind: BudgetRedemption}, Free: none},
		{BudgetPart: BudgetPart{Kind: BudgetRedemption}, Free: some},
		{BudgetPart: BudgetPart{Kind: BudgetIssue}, Free: none}} {
		r.Campaign, r.Refused = "c", ErrBudgetExhausted
		d.Reservations = append(d.Reservations, r)
	}
	cart := cartOf(goods("tea", 1, "20.00"))
	if got := d.price(cart, offers); !got.Discount.Equal(cny("10.00")) {
		t.Errorf("got %s off, want 10.00: %+v", got.Discount, got.Verdicts)
	}
}

// Of two that cannot be combined the coupon is taken, not the code that nobody has claimed yet.
func TestPriceTakesCouponsBeforeCodes(t *testing.T) {
	d, offers := draftFor(off(AmountOff, StackExclusive, CouponValue{Amount: cny("10.00")}))
	code := Offer{Campaign: "c", Definition: offers[0].Definition}
	got := d.price(cartOf(goods("tea", 1, "20.00")), append([]Offer{code}, offers...))
	if v := got.Verdicts[0]; v.Offer.Coupon == noID || v.Code != "" {
		t.Errorf("got %+v first, want the coupon", v)
	}
}
