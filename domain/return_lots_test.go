package domain

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestReturnOfWhatLotsPaid(t *testing.T) {
	spent := []step{opened, presents("8", on("tea")), did(topUp("60", "30", limitedTo(on("", "food")))),
		did(topUp("100", "")), did(sells([]CartLine{line(1, 3, "4"), piece(2, "24", "cake", "food"),
			piece(3, "10", "soap", "")}))}
	after := func(more ...step) []step { return append(spent[:5:5], more...) }
	run(t, []row{
		{"the sale", spent[:4], asks(sells([]CartLine{line(1, 3, "4"), piece(2, "24", "cake", "food"),
			piece(3, "10", "soap", "")})), `
CheckoutPosted 46.00 - 0.00 = 46.00, stored 46.00, qualifying 30.00
  1: 12.00, stored_value 12.00, promo@1 pays 8.00, counts 4.00
  2: 24.00, stored_value 24.00, principal@2 pays 16.00, bonus@2 pays 8.00, counts 16.00
  3: 10.00, stored_value 10.00, counts 10.00
DebitPosted 46.00, promo@1 -8.00, principal@2 -16.00/-16.00, bonus@2 -8.00, principal@3 -14.00/-14.00`},
		{"a piece, to who paid it", spent, bringing(4, 1, 1), `
CheckoutReturned 1×1: 4.00, stored_value 4.00, qualifying -1.33, keep
DebitRefunded 4.00, promo@1 2.67, principal@3 1.33/1.33, total 4.00`},
		{"and another", after(didAs(bringing(4, 1, 1))), bringing(4, 1, 1), `
CheckoutReturned 1×1: 4.00, stored_value 4.00, qualifying -1.34, keep
DebitRefunded 4.00, promo@1 2.66, principal@3 1.34/1.34, total 8.00`},
		{"a line of a funding", spent, bringing(4, 2, 1), `
CheckoutReturned 1×2: 24.00, stored_value 24.00, qualifying -16.00, keep
DebitRefunded 24.00, principal@2 16.00/16.00, bonus@2 8.00, total 24.00`},
		{"a line of none", after(didAs(bringing(4, 2, 1))), bringing(4, 3, 1), `
CheckoutReturned 1×3: 10.00, stored_value 10.00, qualifying -10.00, keep
DebitRefunded 10.00, principal@3 10.00/10.00, total 34.00`},
		{"all", spent, bringing(4, 1, 3, 2, 1, 3, 1), `
CheckoutReturned 3×1: 12.00, 1×2: 24.00, 1×3: 10.00, stored_value 46.00, qualifying -30.00, full, keep
DebitRefunded 46.00, promo@1 8.00, principal@2 16.00/16.00, bonus@2 8.00, principal@3 14.00/14.00, total 46.00`},
	})
}

// What a line paid for nothing earns nothing, whatever the other lines; and takes nothing with it.
func TestGivenLinesEarnNothing(t *testing.T) {
	b := newBook(t)
	for _, s := range []step{opened, presents("50", on("", "drinks")), did(topUp("100", "")), byCategory,
		did(sells([]CartLine{line(1, 2, "25"), inCategory("food", line(2, 1, "9"))}))} {
		s(b)
	}
	hold := func(when string, points string) {
		t.Helper()
		if got := b.account.Balance("PTS", 0, b.now).Total.String(); got != points {
			t.Errorf("%s: got %s points, want %s", when, got, points)
		}
		if len(b.account.tiering.Counts) > 0 {
			t.Errorf("%s: %v count for a tier, want none", when, b.account.tiering.Counts)
		}
	}
	hold("sold", "9")
	didAs(bringing(3, 1, 1))(b)
	hold("a present returned", "9")
	didAs(bringing(3, 2, 1))(b)
	hold("all that earned returned", "0")
}

// Cashback goes with the lines that earned it.
func TestCashbackOfLines(t *testing.T) {
	b := newBook(t)
	for _, s := range []step{opened, presents("50", on("", "drinks")), did(topUp("100", "")),
		ruledBy(Terms{Cashback: []CashbackRule{{ID: "c", Unit: "CNY", Percent: percent("10")}}}),
		did(sells([]CartLine{line(1, 2, "25"), inCategory("food", line(2, 1, "40"))}))} {
		s(b)
	}
	for i, want := range []string{"4.00", "4.00", "0.00"} {
		if i > 0 {
			didAs(bringing(3, i, 3-i))(b)
		}
		got := zero(2)
		for _, l := range b.account.lots {
			if l.Class == Cashback {
				got = got.Add(l.Remaining)
			}
		}
		if got.String() != want {
			t.Errorf("after %d returns: got %s of cashback, want %s", i, got, want)
		}
	}
}

// Whatever comes back of a sale, in whatever order, at whatever price: no lot gets more than it gave, at
// kept prices each exactly what the pieces owe it, and in the end all of them have all.
func TestReturnsToLots(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mode := rapid.SampledFrom([]string{ReturnKeeps, ReturnReprices}).Draw(rt, "mode")
		b, c := goodsSale(rt, t, did(topUp("900", "100")), byCategory,
			shops(func(d *Definition) { d.OnReturn.MinSpend = mode }), granted("threshold"), granted("percent"))
		c.Wanted = Wanted{Best: rapid.Bool().Draw(rt, "coupons")}
		if cash := cny("0.50"); rapid.Bool().Draw(rt, "cash") && cny("9").Less(c.gross()) {
			c.External = []Payment{{Method: "cash", Amount: cash}}
		}
		if !c.gross().IsPositive() || cny("800").Less(c.gross()) {
			return
		}
		before := fmt.Sprint(b.account.Balances(b.now))
		ref("7")(b)
		did(c)(b)
		in(Context{})(b)
		sold := event[CheckoutPosted](b)
		for back := sold.returnedBy(nil); !back.all(sold); {
			if rapid.IntRange(0, 5).Draw(rt, "cancel") == 0 {
				ref("7")(b)
				did(Cancel{})(b)
				break
			}
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
			b.holdsLots(rt, sold, back, mode == ReturnKeeps || !c.Best)
			b.holdsEarnings(rt, sold, back)
		}
		if after := fmt.Sprint(b.account.Balances(b.now)[:1]); after != before {
			rt.Fatalf("got %s after all returned, want %s", after, before)
		}
	})
}

// event is the book's only event of a type.
func event[E Event](b *book) (found E) {
	for _, p := range b.log {
		if e, ok := p.Event.(E); ok {
			found = e
		}
	}
	return found
}

// holdsLots holds what a sale's lots got back against what they gave, and, where prices were kept, against
// the pieces that came back.
func (b *book) holdsLots(rt *rapid.T, sold CheckoutPosted, back returned, kept bool) {
	debit := event[DebitPosted](b)
	got := newDraft(b.account, new(b.moment())).backTo(sale{DebitPosted: debit})
	due := map[uuid.UUID]Quantity{}
	for i, l := range sold.Lines {
		for j, x := range l.storedBack(back.lines[i].Qty)[:len(l.Lots)] {
			if had, ok := due[l.Lots[j].Lot]; ok {
				x = x.Add(had)
			}
			due[l.Lots[j].Lot] = x
		}
	}
	for i, m := range debit.Moves {
		if m.Amount.Neg().Less(got[i]) {
			rt.Fatalf("lot %s gave %s and got back %s", m.Lot, m.Amount.Neg(), got[i])
		}
		if x, ok := due[m.Lot]; ok && kept && !x.Equal(got[i]) {
			rt.Fatalf("lot %s got back %s, its pieces owe it %s", m.Lot, got[i], x)
		}
	}
}
