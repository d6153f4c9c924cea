package domain

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// piece is a line of one piece of a product, of a category.
func piece(n int, price, product, category string) CartLine {
	return CartLine{N: n, Product: product, Category: category, Qty: 1, UnitPrice: cny(price)}
}

func TestLotsPayTheirLines(t *testing.T) {
	two := []CartLine{piece(1, "10", "tea", "drinks"), piece(2, "20", "cake", "food")}
	given := func(more ...step) []step { return append([]step{opened}, more...) }
	buys := func(lines ...CartLine) ask { return asks(sells(lines)) }
	rest := did(topUp("100", ""))
	first := func(s LotScope) func(*TopUp) {
		return func(t *TopUp) { t.Scope, t.Priority = s, 1 }
	}
	run(t, []row{
		{"by product", given(presents("50", on("tea")), rest), buys(two...), `
CheckoutPosted 30.00 - 0.00 = 30.00, stored 30.00, qualifying 20.00
  1: 10.00, stored_value 10.00, promo@1 pays 10.00, counts 0.00
  2: 20.00, stored_value 20.00, counts 20.00
DebitPosted 30.00, promo@1 -10.00, principal@2 -20.00/-20.00`},
		{"by category, in two lines", given(presents("8", on("", "drinks")), rest),
			buys(piece(1, "5", "tea", "drinks"), two[1], piece(3, "5", "milk", "drinks")), `
CheckoutPosted 30.00 - 0.00 = 30.00, stored 30.00, qualifying 22.00
  1: 5.00, stored_value 5.00, promo@1 pays 5.00, counts 0.00
  2: 20.00, stored_value 20.00, counts 20.00
  3: 5.00, stored_value 5.00, promo@1 pays 3.00, counts 2.00
DebitPosted 30.00, promo@1 -8.00, principal@2 -22.00/-22.00`},
		{"by either", given(presents("50", on("tea", "food"))), buys(two...), `
CheckoutPosted 30.00 - 0.00 = 30.00, stored 30.00, qualifying 0.00
  1: 10.00, stored_value 10.00, promo@1 pays 10.00, counts 0.00
  2: 20.00, stored_value 20.00, promo@1 pays 20.00, counts 0.00
DebitPosted 30.00, promo@1 -30.00`},
		{"its bonus too", given(did(topUp("10", "10", limitedTo(on("tea")))), rest), buys(two...), `
CheckoutPosted 30.00 - 0.00 = 30.00, stored 30.00, qualifying 25.00
  1: 10.00, stored_value 10.00, principal@1 pays 5.00, bonus@1 pays 5.00, counts 5.00
  2: 20.00, stored_value 20.00, counts 20.00
DebitPosted 30.00, principal@1 -5.00/-5.00, bonus@1 -5.00, principal@2 -20.00/-20.00`},
		{"no line of its goods", given(presents("50", on("beer")), rest), buys(two...), `
CheckoutPosted 30.00 - 0.00 = 30.00, stored 30.00, qualifying 30.00
  1: 10.00, stored_value 10.00
  2: 20.00, stored_value 20.00
DebitPosted 30.00, principal@2 -30.00/-30.00`},
		{"no line without a category", given(presents("50", on("", "drinks")), rest),
			buys(piece(1, "5", "tea", "")), `
CheckoutPosted 5.00 - 0.00 = 5.00, stored 5.00, qualifying 5.00
  1: 5.00, stored_value 5.00
DebitPosted 5.00, principal@2 -5.00/-5.00`},
		{"its store elsewhere", given(presents("50", LotScope{Scope: at("S1").Scope,
			Products: []string{"tea"}}), rest), buys(two[0]), `
CheckoutPosted 10.00 - 0.00 = 10.00, stored 10.00, qualifying 10.00
  1: 10.00, stored_value 10.00
DebitPosted 10.00, principal@2 -10.00/-10.00`},
		{"cash pays the rest of all lines", given(presents("4", on("tea"))),
			asks(sells(two, tendering("4", elsewhere("cash", "26")))), `
CheckoutPosted 30.00 - 0.00 = 30.00, stored 4.00, cash 26.00, qualifying 26.00
  1: 10.00, stored_value 4.00, cash 6.00, promo@1 pays 4.00, counts 6.00
  2: 20.00, cash 20.00, counts 20.00
DebitPosted 4.00, promo@1 -4.00`},
		{"and so does other value", given(presents("4", on("tea")), presents("13", LotScope{})),
			asks(sells(two, tendering("17", elsewhere("cash", "13")))), `
CheckoutPosted 30.00 - 0.00 = 30.00, stored 17.00, cash 13.00, qualifying 13.00
  1: 10.00, stored_value 7.00, cash 3.00, promo@1 pays 4.00, counts 3.00
  2: 20.00, stored_value 10.00, cash 10.00, counts 10.00
DebitPosted 17.00, promo@1 -4.00, promo@2 -13.00`},
		{"more than there is for the lines", given(presents("50", on("tea")), did(topUp("19.99", ""))),
			buys(two...), "insufficient_funds short 0.01 CNY\nOperationDeclined insufficient_funds"},
		{"what another can pay too moves", given(did(topUp("10", "", first(on("tea", "food")))),
			presents("10", on("tea"))), asks(sells(two, tendering("20", elsewhere("cash", "10")))), `
CheckoutPosted 30.00 - 0.00 = 30.00, stored 20.00, cash 10.00, qualifying 20.00
  1: 10.00, stored_value 10.00, promo@2 pays 10.00, counts 0.00
  2: 20.00, stored_value 10.00, cash 10.00, principal@1 pays 10.00, counts 20.00
DebitPosted 20.00, principal@1 -10.00/-10.00, promo@2 -10.00`},
		{"through a third", given(did(topUp("10", "", first(on("tea", "food")))),
			did(topUp("10", "", first(on("cake", "fruit")))), presents("10", on("tea"))),
			buys(two[0], piece(2, "10", "cake", "food"), piece(3, "10", "pear", "fruit")), `
CheckoutPosted 30.00 - 0.00 = 30.00, stored 30.00, qualifying 20.00
  1: 10.00, stored_value 10.00, promo@3 pays 10.00, counts 0.00
  2: 10.00, stored_value 10.00, principal@1 pays 10.00, counts 10.00
  3: 10.00, stored_value 10.00, principal@2 pays 10.00, counts 10.00
DebitPosted 30.00, principal@1 -10.00/-10.00, principal@2 -10.00/-10.00, promo@3 -10.00`},
		{"a store's before it by priority", given(did(topUp("25", "", first(at("S1")))),
			presents("10", on("tea")), in(Context{Store: "S1"})), buys(two...), `
CheckoutPosted 30.00 - 0.00 = 30.00, stored 30.00, qualifying 25.00
  1: 10.00, stored_value 10.00, promo@2 pays 5.00, counts 5.00
  2: 20.00, stored_value 20.00, counts 20.00
DebitPosted 30.00, principal@1 -25.00/-25.00, promo@2 -5.00`},
	})
}

// A quote shows what would pay which line.
func TestQuoteByLots(t *testing.T) {
	b := newBook(t)
	for _, s := range []step{opened, presents("50", on("tea")), did(topUp("5", ""))} {
		s(b)
	}
	q, err := Quote{Cart: Cart{Unit: "CNY", Lines: []CartLine{piece(1, "10", "tea", ""),
		piece(2, "20", "cake", "")}}}.Of(b.account, b.moment())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := q.StoredValue.String(), "15.00 CNY"; got != want {
		t.Errorf("stored value could pay %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(q.ByClass[Promo], q.ByClass[Principal]), "10.00 5.00"; got != want {
		t.Errorf("by class %s, want %s", got, want)
	}
	if lots := q.Lines[0].Lots; len(lots) != 1 || lots[0].Amount.String() != "10.00" || len(q.Lines[1].Lots) > 0 {
		t.Errorf("the lines' lots are %v and %v, want 10.00 on the first", lots, q.Lines[1].Lots)
	}
}

// randomGoods draws a scope: of some of a few products and categories, or none.
func randomGoods(t *rapid.T) (s LotScope) {
	for _, product := range []string{"a", "b", "c", "d"} {
		if rapid.IntRange(0, 2).Draw(t, product) == 0 {
			s.Products = append(s.Products, product)
		}
	}
	if rapid.Bool().Draw(t, "drinks") {
		s.Categories = []string{"drinks"}
	}
	return s
}

// goodsSale opens an account with lots of random goods, and draws a sale of a few lines.
func goodsSale(rt *rapid.T, t testing.TB, more ...step) (*book, Checkout) {
	b := newBook(t)
	opened(b)
	for n := range rapid.IntRange(1, 6).Draw(rt, "lots") {
		amount := fmt.Sprintf("%d.%02d", rapid.IntRange(1, 30).Draw(rt, "units"), n*7)
		scope := randomGoods(rt)
		if rapid.Bool().Draw(rt, "given") {
			presents(amount, scope)(b)
			continue
		}
		bonus := rapid.SampledFrom([]string{"", "3.33", "11"}).Draw(rt, "bonus")
		did(topUp(amount, bonus, limitedTo(scope), func(t *TopUp) {
			t.Priority = rapid.IntRange(0, 3).Draw(rt, "priority")
		}))(b)
	}
	for _, s := range more {
		s(b)
	}
	c := Checkout{Lines: randomCart(rt), Rest: true}
	for i := range c.Lines {
		c.Lines[i].Product = rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(rt, "product")
		c.Lines[i].Category = rapid.SampledFrom([]string{"drinks", "food", ""}).Draw(rt, "category")
	}
	return b, c
}

// greedy is what lots limited to goods give to lines in the draw-down order, each to the first lines of
// its own that have room, and what all others could add.
func (b *book) greedy(c Checkout) (limited, others Quantity) {
	limited, others = zero(2), zero(2)
	var room []Quantity
	for _, l := range c.Lines {
		room = append(room, fromSteps(l.gross(), 2))
	}
	d := newDraft(b.account, new(b.moment()))
	q := d.groups(nil, "CNY", b.now, &Context{}, true)
	for ; len(q) > 0; q = q.next() {
		left, s := q[0].free(), &q[0].lot.Scope
		if !s.ofGoods() {
			others = others.Add(left)
			continue
		}
		for i, l := range c.Lines {
			if s.lets(l.Product, l.Category) {
				x := least(left, room[i])
				left, room[i], limited = left.Sub(x), room[i].Sub(x), limited.Add(x)
			}
		}
	}
	return limited, others
}

// most is the most that lots limited to goods can give: of every set of lines, what is not theirs alone
// cannot be more than the rest of the lots hold.
func (b *book) most(c Checkout) Quantity {
	best := Quantity{}
	for set := range 1 << len(c.Lines) {
		sum := zero(2)
		for i, l := range c.Lines {
			if set>>i&1 == 1 {
				sum = sum.Add(fromSteps(l.gross(), 2))
			}
		}
		for _, l := range b.account.lots {
			outside := slices.ContainsFunc(c.Lines, func(x CartLine) bool {
				return l.Scope.lets(x.Product, x.Category) && set>>(x.N-1)&1 == 0
			})
			if l.Scope.ofGoods() && outside {
				sum = sum.Add(l.free())
			}
		}
		if set == 0 || sum.Less(best) {
			best = sum
		}
	}
	return best
}

// Whatever the lots and lines: no line is paid by a lot that is not for it, nor with more than it costs;
// lots give what they sold; and the lots limited to goods give the most that there is a way to give, which
// is no less than one after the other would.
func TestLotsPayTheMost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b, c := goodsSale(rt, t)
		if !c.gross().IsPositive() {
			return
		}
		d := newDraft(b.account, new(b.moment()))
		s, err := d.basket(c)
		if err != nil {
			rt.Fatal(err)
		}
		shares, drawn := d.drawByLine(&s.Priced, s.points, s.Net)
		sums, limited := map[uuid.UUID]Quantity{}, zero(2)
		for _, x := range shares {
			sums[x.lot.ID] = x.amount
		}
		for _, l := range s.Lines {
			if l.Net.Less(l.byLots()) {
				rt.Fatalf("lots pay %s of line %d, it costs %s", l.byLots(), l.N, l.Net)
			}
			for _, x := range l.Lots {
				if !b.account.lot(x.Lot).Scope.lets(l.Product, l.Category) || !x.Amount.IsPositive() {
					rt.Fatalf("lot %s pays %s of line %d", x.Lot, x.Amount, l.N)
				}
				sums[x.Lot], limited = sums[x.Lot].Sub(x.Amount), limited.Add(x.Amount)
			}
		}
		for id, left := range sums {
			if b.account.lot(id).Scope.ofGoods() && !left.IsZero() {
				rt.Fatalf("lot %s sold %s more than the lines say", id, left)
			}
		}
		greedy, others := b.greedy(c)
		if want := b.most(c); !limited.Equal(want) || limited.Less(greedy) {
			rt.Fatalf("lots limited to goods give %s, want %s; one after the other %s", limited, want, greedy)
		}
		if want := least(s.Net.Quantity, limited.Add(others)); !drawn.Quantity.Equal(want) {
			rt.Fatalf("%s are drawn, want %s", drawn, want)
		}
	})
}
