package domain

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// byCategory earns ten points for each CNY of drinks, none of books and one of all else; and lets drinks
// alone count for tiers.
var byCategory = ruledBy(Terms{
	Points: []PointsRule{earning(func(r *PointsRule) {
		r.Categories = map[string]Quantity{"drinks": figures("10"), "books": figures("0")}
	})},
	Tiers: metals(yearly, func(r *TierRules) { r.Categories = []string{"drinks"} }),
})

func inCategory(category string, l CartLine) CartLine {
	l.Category = category
	return l
}

// What a line earned goes with that line, and with no other.
func TestReturnOfLinesThatEarned(t *testing.T) {
	sold := []step{opened, did(topUp("1000", "")), byCategory,
		did(sells([]CartLine{line(1, 2, "25"), inCategory("books", line(2, 1, "50")),
			inCategory("food", line(3, 1, "9"))}))}
	for _, c := range []struct {
		pieces  []int
		points  string // that are left of 509
		counted string // of 50.00
	}{
		{[]int{1, 1}, "259", "25.00"},
		{[]int{1, 2}, "9", "0.00"},
		{[]int{2, 1}, "509", "50.00"},
		{[]int{3, 1}, "500", "50.00"},
		{[]int{1, 1, 2, 1, 3, 1}, "250", "25.00"},
	} {
		b := newBook(t)
		for _, s := range sold {
			s(b)
		}
		didAs(bringing(2, c.pieces...))(b)
		if got := b.account.Balance("PTS", 0, b.now).Total.String(); got != c.points {
			t.Errorf("after %v: got %s points, want %s", c.pieces, got, c.points)
		}
		if got := b.account.tiering.Counts[0].Sum.String(); got != c.counted {
			t.Errorf("after %v: got %s counted, want %s", c.pieces, got, c.counted)
		}
	}
}

// Pieces that are repriced may give more back than all of their line was paid with: it has earned nothing
// then, and never less.
func TestReturnOfMoreThanALineCost(t *testing.T) {
	b := newBook(t)
	for _, s := range []step{opened, did(topUp("100", "")), byCategory,
		shops(func(d *Definition) { d.OnReturn.MinSpend = ReturnReprices }), granted("threshold"),
		didAs(using(sells([]CartLine{inCategory("food", line(1, 1, "9.70")), line(2, 8, "0.30")}), 2)),
		didAs(bringing(3, 1, 1)), didAs(bringing(3, 2, 7))} {
		s(b)
	}
	last := b.log[len(b.log)-1].Event.(PointsRevoked)
	if got := b.account.Balance("PTS", 0, b.now).Total; !got.IsZero() || !last.Due.Equal(pts("18")) {
		t.Errorf("got %s points left and %s due, want none of 18", got, last.Due)
	}
	if got := b.account.tiering.Counts[0].Sum; !got.IsZero() {
		t.Errorf("got %s counted, want none", got)
	}
}

// A sale counts as a visit as long as one of the lines that count stays.
func TestReturnOfLinesThatWereAVisit(t *testing.T) {
	b := newBook(t)
	for _, s := range []step{opened, did(topUp("1000", "")), tiered(&TierRules{Metric: MetricVisits,
		Window: yearly, Downgrade: DowngradeReassess, Categories: []string{"drinks"},
		Tiers: []TierTerms{{Name: "base"}, {Name: "regular", From: figures("2"), Keep: figures("2")}}}),
		did(sells([]CartLine{line(1, 2, "25"), inCategory("books", line(2, 2, "50"))}))} {
		s(b)
	}
	for i, want := range []string{"1", "1", "1", "0"} {
		didAs(bringing(2, 2-i%2, 1))(b)
		if got := b.account.tiering.Counts[0].Sum.String(); got != want {
			t.Errorf("after return %d: got %s visits, want %s", i, got, want)
		}
	}
}

// Whatever comes back, in whatever order, at whatever price: points and tier progress of lines that all
// came back are gone, of lines of which nothing did they stand, and neither is ever below nothing.
func TestReturnsTakeWhatTheirLinesEarned(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBook(t)
		mode := rapid.SampledFrom([]string{ReturnKeeps, ReturnReprices}).Draw(rt, "mode")
		for _, s := range []step{opened, did(topUp("900", "300")), byCategory,
			shops(func(d *Definition) { d.OnReturn.MinSpend = mode }), granted("threshold"),
			granted("percent")} {
			s(b)
		}
		cart := randomCart(rt)
		for i := range cart {
			cart[i].Category = rapid.SampledFrom([]string{"drinks", "books", "food"}).Draw(rt, "category")
		}
		c := Checkout{Lines: cart, Rest: true, Wanted: Wanted{Best: true}}
		if !c.gross().IsPositive() || cny("1100").Less(c.gross()) {
			return
		}
		did(c)(b)
		sold := b.log[slices.IndexFunc(b.log, func(p Posted) bool {
			return TypeOf(p.Event) == "CheckoutPosted"
		})].Event.(CheckoutPosted)
		for back := sold.returnedBy(nil); !back.all(sold); {
			r := ReturnCheckout{CheckoutID: sold.CheckoutID}
			for i, l := range sold.Lines {
				if n := rapid.IntRange(0, l.Qty-back.lines[i].Qty).Draw(rt, "back"); n > 0 {
					r.Lines = append(r.Lines, ReturnLine{l.N, n})
				}
			}
			if len(r.Lines) == 0 {
				continue
			}
			did(r)(b)
			back = sold.returnedBy(b.names[ReturnsName(sold.CheckoutID)])
			b.holdsEarnings(rt, sold, back)
		}
	})
}

// holdsEarnings holds what a checkout earned against what has come back of it.
func (b *book) holdsEarnings(rt *rapid.T, sold CheckoutPosted, back returned) {
	hold := func(what string, lines []int, whole, left Quantity) {
		none, all := true, true
		for i, l := range sold.Lines {
			if len(lines) == 0 || slices.Contains(lines, l.N) {
				none = none && back.lines[i].Qty == 0
				all = all && back.lines[i].Qty == l.Qty
			}
		}
		if none && !left.Equal(whole) || all && !left.IsZero() || left.IsNegative() || whole.Less(left) {
			rt.Fatalf("%s: %s of %s are left; nothing came back: %t, all: %t", what, left, whole, none, all)
		}
	}
	revoked := map[[16]byte]Quantity{}
	counted := zero(2)
	for _, p := range b.log {
		switch e := p.Event.(type) {
		case CheckoutReturned:
			if e.Qualifying != nil {
				counted = counted.Add(e.Qualifying.Spend)
			}
		case PointsRevoked:
			revoked[e.EarningID] = revoked[e.EarningID].Add(e.Due.Quantity)
		}
	}
	if q := sold.Qualifying; q != nil {
		hold("tier progress", q.Lines, q.Spend, q.Spend.Add(counted))
	}
	for _, p := range b.log {
		if e, ok := p.Event.(PointsEarned); ok {
			hold("points", e.Lines, e.Amount.Quantity, e.Amount.Quantity.Sub(revoked[e.EarningID]))
		}
	}
}
