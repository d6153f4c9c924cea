package domain

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var _ = telling(func(e CheckoutReturned) string {
	var s []string
	for _, l := range e.Lines {
		s = append(s, fmt.Sprintf("%d×%d: %s", l.Qty, l.N, l.Net))
	}
	for _, t := range e.RefundByTender {
		s = append(s, t.Tender+" "+t.Amount.String())
	}
	for _, t := range e.ExternalDue {
		s = append(s, "due by "+t.Tender+" "+t.Amount.String())
	}
	s = append(s, "qualifying "+e.Counted.String())
	if e.Full {
		s = append(s, "full")
	}
	return strings.Join(append(s, e.MinSpend), ", ")
})

// bringing gives pieces of lines of the n-th operation of the book back: line, pieces, line, …
func bringing(n int, pieces ...int) ask {
	return func(b *book) Command {
		r := ReturnCheckout{CheckoutID: b.ids[n]}
		for i := 0; i < len(pieces); i += 2 {
			r.Lines = append(r.Lines, ReturnLine{pieces[i], pieces[i+1]})
		}
		return r
	}
}

func TestReturnCheckout(t *testing.T) {
	two := sells([]CartLine{line(1, 3, "3.33"), line(2, 1, "3.01")},
		func(c *Checkout) { c.External = []Payment{elsewhere("cash", "3")} })
	given := []step{opened, did(topUp("100", "30")), did(two)}
	after := func(more ...step) []step { return append(given[:3:3], more...) }
	run(t, []row{
		{"a piece", given, bringing(2, 1, 1), `
CheckoutReturned 1×1: 3.33, stored_value 2.56, cash 0.77, due by cash 0.77, qualifying -2.74, keep
DebitRefunded 2.56, principal@1 1.97/1.97, bonus@1 0.59, total 2.56`},
		{"all that is left", after(didAs(bringing(2, 1, 1))), bringing(2, 1, 2, 2, 1), `
CheckoutReturned 2×1: 6.66, 1×2: 3.01, stored_value 7.44, cash 2.23, due by cash 2.23, qualifying -7.95, full, keep
DebitRefunded 7.44, principal@1 5.72/5.72, bonus@1 1.72, total 10.00`},
		{"what pays a debt", []step{opened, did(topUp("100", "")), did(sells([]CartLine{line(1, 2, "6.50")})),
			didAs(reversal(1, CauseChargeback))}, bringing(2, 1, 1), `
CheckoutReturned 1×1: 6.50, stored_value 6.50, qualifying -6.50, keep
DebitRefunded 6.50, principal@1 6.50/6.50, total 6.50
ReceivableSettled 6.50, principal@1 -6.50/-6.50, by refund, left 6.50`},
		{"cancelled", []step{opened, did(topUp("100", "30")), ref("7"), did(two)}, asks(Cancel{}), `
CheckoutReturned 3×1: 9.99, 1×2: 3.01, stored_value 10.00, cash 3.00, due by cash 3.00, qualifying -10.69, full, keep
DebitReversed 10.00, principal@1 7.69/7.69, bonus@1 2.31, before 0.00`},
		{"cancelled after a return", []step{opened, did(topUp("100", "30")), ref("7"), did(two),
			ref(""), didAs(bringing(2, 1, 3)), ref("7")}, asks(Cancel{}), `
CheckoutReturned 1×2: 3.01, stored_value 2.32, cash 0.69, due by cash 0.69, qualifying -2.48, full, keep
DebitReversed 2.32, principal@1 1.78/1.78, bonus@1 0.54, before 7.68`},
		{"cancelled after all of it returned", []step{opened, did(topUp("100", "30")), ref("7"), did(two),
			ref(""), didAs(bringing(2, 1, 3, 2, 1)), ref("7")}, asks(Cancel{}),
			"ReferenceCancelled posted"},
		{"while debits are frozen", after(frozen(FreezeDebit)), bringing(2, 2, 1), `
CheckoutReturned 1×2: 3.01, stored_value 2.32, cash 0.69, due by cash 0.69, qualifying -2.48, keep
DebitRefunded 2.32, principal@1 1.78/1.78, bonus@1 0.54, total 2.32`},

		{"no lines", nil, asks(ReturnCheckout{}), "malformed lines"},
		{"no pieces", given, bringing(2, 1, 0), "malformed lines.0.qty"},
		{"a line twice", given, bringing(2, 1, 1, 1, 1), "malformed lines.1.n"},
		{"a long reason", nil, asks(ReturnCheckout{Lines: []ReturnLine{{1, 1}},
			Reason: strings.Repeat("x", 201)}), "malformed reason"},
		{"no account", nil, asks(ReturnCheckout{Lines: []ReturnLine{{1, 1}}}), "not_found"},
		{"frozen by law", after(frozen(FreezeLegal)), bringing(2, 9, 1), "account_frozen"},
		{"reference used before the checkout", after(ref("7"), didAs(bringing(2, 1, 1))),
			bringing(1, 1, 1), "reference_used"},
		{"no such checkout", given, bringing(1, 1, 1), "not_found"},
		{"no such line", given, bringing(2, 1, 9, 3, 1), "return_exceeds_checkout lines.0.qty"},
		{"no such line first", given, bringing(2, 3, 1, 1, 9), "malformed lines.0.n"},
		{"more than was bought", given, bringing(2, 1, 4), "return_exceeds_checkout lines.0.qty"},
		{"more than is left", after(didAs(bringing(2, 1, 2))), bringing(2, 2, 1, 1, 2),
			"return_exceeds_checkout lines.1.qty"},
		{"a return is not cancelled", after(ref("8"), didAs(bringing(2, 1, 1))), asks(Cancel{}),
			"not_cancellable"},
	})
}

// Cashback goes with the goods.
func TestReturnTakesCashback(t *testing.T) {
	rules := ruledBy(Terms{Cashback: []CashbackRule{{ID: "c", Unit: "CNY", Percent: percent("10")}}})
	run(t, []row{{"half", []step{opened, did(topUp("100", "")), rules,
		did(sells([]CartLine{line(1, 2, "5")}))}, bringing(2, 1, 1), `
CheckoutReturned 1×1: 5.00, stored_value 5.00, qualifying -5.00, keep
DebitRefunded 5.00, principal@1 5.00/5.00, total 5.00
CreditRevoked 0.50, cashback@4 -0.50 by refund`}})
}

// Whatever returns, in whatever order: no tender gives back more than it paid, and all of the goods
// bring back exactly what was paid, to the lots that paid it.
func TestReturnsAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBook(t)
		opened(b)
		did(topUp("700", "100"))(b)
		cart := randomCart(rt)
		c := Checkout{Lines: cart, Rest: true}
		if !c.gross().IsPositive() {
			return
		}
		if part := rapid.Int64Range(0, c.gross().steps).Draw(rt, "cash"); part > 0 {
			c.External = []Payment{{Method: "cash", Amount: c.gross().With(fromSteps(part, 2))}}
		}
		before := b.account.Balances(b.now)
		did(c)(b)
		paid := map[string]Quantity{}
		sold := b.log[2].Event.(CheckoutPosted)
		for _, l := range sold.Lines {
			for _, x := range l.Tenders {
				addTo(paid, x)
			}
		}
		left := map[int]int{}
		for _, l := range cart {
			left[l.N] = l.Qty
		}
		for len(left) > 0 {
			r := ReturnCheckout{CheckoutID: sold.CheckoutID}
			for _, l := range cart {
				if n := rapid.IntRange(0, left[l.N]).Draw(rt, "back"); n > 0 {
					r.Lines = append(r.Lines, ReturnLine{l.N, n})
					if left[l.N] -= n; left[l.N] == 0 {
						delete(left, l.N)
					}
				}
			}
			if len(r.Lines) == 0 {
				continue
			}
			at := len(b.log)
			did(r)(b)
			e := b.log[at].Event.(CheckoutReturned)
			if e.Full != (len(left) == 0) {
				rt.Fatalf("got full %t with %v left", e.Full, left)
			}
			for _, x := range e.RefundByTender {
				if paid[x.Tender].Less(x.Amount) || x.Amount.IsNegative() {
					rt.Fatalf("%s gives %s back, it has %s left", x.Tender, x.Amount, paid[x.Tender])
				}
				x.Amount = x.Amount.Neg()
				addTo(paid, x)
			}
		}
		for name, rest := range paid {
			if !rest.IsZero() {
				rt.Fatalf("%s keeps %s", name, rest)
			}
		}
		after := b.account.Balances(b.now)
		if fmt.Sprint(after) != fmt.Sprint(before) {
			rt.Fatalf("got %v after all returned, want %v", after, before)
		}
		if sum := b.qualifying(); !sum.IsZero() {
			rt.Fatalf("%s still counts", sum)
		}
	})
}

func addTo(sums map[string]Quantity, x TenderShare) {
	if _, ok := sums[x.Tender]; !ok {
		sums[x.Tender] = x.Amount.Zero()
	}
	sums[x.Tender] = sums[x.Tender].Add(x.Amount)
}

// qualifying is what the book's checkouts still count.
func (b *book) qualifying() Quantity {
	sum := zero(2)
	for _, p := range b.log {
		switch e := p.Event.(type) {
		case CheckoutPosted:
			sum = sum.Add(e.Counted)
		case CheckoutReturned:
			sum = sum.Add(e.Counted)
		}
	}
	return sum
}
