package domain

import (
	"testing"
	"time"
)

// typical is an account with a few lots and a debit's key and reference.
func typical(b *testing.B) *book {
	book := newBook(b)
	opened(book)
	for range 3 {
		did(topUp("900000", "30000", expiring(90*day, 60*day)))(book)
	}
	book.key = "0f6b1f0e-0d0a-4c44-8f0e-8f2f3a1b7c11"
	book.context = Context{Store: "S1", Terminal: "T1", PosTxnID: "000123", Operator: "o1",
		Channel: "pos"}
	return book
}

func BenchmarkDebit(b *testing.B) {
	book := typical(b)
	m := book.moment()
	m.Found = nil
	b.ReportAllocs()
	for b.Loop() {
		posted, _, err := Decide(book.account, debit("12.50"), m)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, _, err := Encode(posted[0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	book := typical(b)
	m := book.moment()
	m.Found = nil
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Decide(book.account, debit("12.50"), m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	book := typical(b)
	did(debit("12.50"))(book)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, err := Encode(book.log[4]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	book := typical(b)
	did(debit("12.50"))(book)
	kind, data, metadata, err := Encode(book.log[4])
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data) + len(metadata)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(kind, data, metadata, 4); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkApply replays debits: the figure is one debit's.
func BenchmarkApply(b *testing.B) {
	book := typical(b)
	for range 1000 {
		book.context.PosTxnID = ""
		m := book.moment()
		posted, after, err := Decide(book.account, debit("12.50"), m)
		if err != nil {
			b.Fatal(err)
		}
		book.account, book.log = after, append(book.log, posted...)
	}
	start := newBook(b).account
	for _, p := range book.log[:4] {
		if err := start.Apply(p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	a, i := start.Clone(), 4
	for b.Loop() {
		if i == len(book.log) {
			a, i = start.Clone(), 4
		}
		if err := a.Apply(book.log[i]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// BenchmarkManyLots is a debit on an account with 10,000 lots that can be drawn, half of them bonuses.
func BenchmarkManyLots(b *testing.B) {
	book := newBook(b)
	opened(book)
	a := book.account
	for i := range 5_000 {
		m := book.moment()
		m.Seed = Seed{byte(i >> 8), byte(i)}
		_, next, err := Decide(a, topUp("9", "1", expiring(time.Duration(i%300+1)*day, 0)), m)
		if err != nil {
			b.Fatal(err)
		}
		a = next
	}
	m := book.moment()
	m.Found = nil
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Decide(a, debit("12.50"), m); err != nil {
			b.Fatal(err)
		}
	}
}

// shopping is a draft with three coupons of a common sale, and that sale.
func shopping() (*Draft, Cart, []Offer) {
	d, offers := draftFor(
		off(ThresholdOff, StackCommon, CouponValue{Amount: cny("10.00")}, func(d *Definition) {
			d.Restrictions = Restrictions{MinSpend: cny("50.00"), Basis: BasisEligible,
				Categories: []string{"hot", "cold"}, Scope: Scope{Stores: []string{"S2", "S1"}}}
		}),
		off(PercentOff, StackCommon, CouponValue{Percent: fromSteps(10, 0)}),
		off(Exchange, StackCommon, CouponValue{Products: []string{"tea"}, Get: 1}))
	var lines []CartLine
	for i, product := range []string{"tea", "cake", "milk", "soup", "bread"} {
		l := goods(product, i+1, "12.34")
		l.Category = someCategories[i%2]
		lines = append(lines, l)
	}
	return d, cartOf(lines...), offers
}

func BenchmarkPrice(b *testing.B) {
	d, cart, offers := shopping()
	b.ReportAllocs()
	for b.Loop() {
		if got := d.price(cart, offers); got.Discount.IsZero() {
			b.Fatal(got)
		}
	}
}

func BenchmarkBest(b *testing.B) {
	d, cart, offers := shopping()
	b.ReportAllocs()
	for b.Loop() {
		if got, _ := d.best(cart, offers); got.Discount.IsZero() {
			b.Fatal(got)
		}
	}
}

func BenchmarkQuote(b *testing.B) {
	book := typical(b)
	d, cart, offers := shopping()
	book.account.coupons = d.coupons
	m := book.moment()
	m.Found, m.Campaigns = nil, d.Campaigns
	q := Quote{Cart: cart}
	for _, o := range offers {
		q.Wanted.Coupons = append(q.Wanted.Coupons, o.Coupon)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := q.Of(book.account, m); err != nil {
			b.Fatal(err)
		}
	}
}
