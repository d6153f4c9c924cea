package domain

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var _ = telling(func(e CheckoutPosted) string {
	s := fmt.Sprintf("%s - %s = %s", e.Gross, e.Discount, e.Net)
	if e.PointsValue.IsPositive() {
		s += ", points " + e.PointsValue.String()
	}
	s += ", stored " + e.StoredValue.String()
	for _, p := range e.External {
		s += ", " + p.Method + " " + p.Amount.Quantity.String()
	}
	s += ", qualifying " + e.Counted.String()
	for _, l := range e.Lines {
		s += fmt.Sprintf("\n  %d: %s", l.N, l.Net)
		for _, t := range l.Tenders {
			s += fmt.Sprintf(", %s %s", t.Tender, t.Amount)
		}
		for _, of := range l.Lots {
			revision, _ := RevisionOf(of.Lot)
			s += fmt.Sprintf(", %s@%d pays %s", of.Class, revision, of.Amount)
		}
		if l.Counted != nil {
			s += ", counts " + l.Counted.String()
		}
	}
	return s
})

// line is a line of pieces of tea.
func line(n, qty int, price string) CartLine {
	return CartLine{N: n, Product: "tea", Category: "drinks", Qty: qty, UnitPrice: cny(price)}
}

// sells is a checkout of lines that stored value pays, under edits.
func sells(lines []CartLine, edits ...func(*Checkout)) Checkout {
	c := Checkout{Lines: lines, Rest: true}
	for _, edit := range edits {
		edit(&c)
	}
	return c
}

// tendering pays with an amount of stored value, "" for none, and these payments elsewhere.
func tendering(stored string, external ...Payment) func(*Checkout) {
	return func(c *Checkout) {
		c.Rest, c.External = false, external
		if stored != "" {
			c.StoredValue = cny(stored)
		}
	}
}

func elsewhere(method, amount string) Payment { return Payment{Method: method, Amount: cny(amount)} }

func TestCheckout(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30"))}
	after := func(more ...step) []step { return append(sold[:2:2], more...) }
	two := []CartLine{line(1, 2, "5"), line(2, 1, "3")}
	bad := func(edit func(*CartLine)) ask {
		l := line(2, 1, "5")
		edit(&l)
		return asks(sells([]CartLine{line(1, 1, "1"), l}))
	}
	external := func(p ...Payment) ask { return asks(sells(two, tendering("", p...))) }
	run(t, []row{
		{"stored value pays", sold, asks(sells(two)), `
CheckoutPosted 13.00 - 0.00 = 13.00, stored 13.00, qualifying 10.00
  1: 10.00, stored_value 10.00
  2: 3.00, stored_value 3.00
DebitPosted 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00`},
		{"cash pays", []step{opened}, external(elsewhere("cash", "13")), `
CheckoutPosted 13.00 - 0.00 = 13.00, stored 0.00, cash 13.00, qualifying 13.00
  1: 10.00, cash 10.00
  2: 3.00, cash 3.00`},
		{"both, and every line its share", sold,
			asks(sells(two, tendering("6.50", elsewhere("cash", "4"), elsewhere("card", "2"),
				elsewhere("card", "0.5")))), `
CheckoutPosted 13.00 - 0.00 = 13.00, stored 6.50, cash 4.00, card 2.00, card 0.50, qualifying 11.50
  1: 10.00, stored_value 5.00, cash 3.08, card 1.92
  2: 3.00, stored_value 1.50, cash 0.92, card 0.58
DebitPosted 6.50, principal@1 -5.00/-5.00, bonus@1 -1.50`},
		{"cash, and stored value the rest", sold, asks(sells(two, func(c *Checkout) {
			c.External = []Payment{elsewhere("cash", "12.99")}
		})), `
CheckoutPosted 13.00 - 0.00 = 13.00, stored 0.01, cash 12.99, qualifying 13.00
  1: 10.00, stored_value 0.01, cash 9.99
  2: 3.00, cash 3.00
DebitPosted 0.01, principal@1 -0.01/-0.01`},
		{"a line for nothing", sold, asks(sells([]CartLine{line(1, 1, "0"), line(2, 1, "1")})), `
CheckoutPosted 1.00 - 0.00 = 1.00, stored 1.00, qualifying 0.77
  1: 0.00
  2: 1.00, stored_value 1.00
DebitPosted 1.00, principal@1 -0.77/-0.77, bonus@1 -0.23`},

		{"no lines", nil, asks(Checkout{Rest: true}), "malformed lines"},
		{"too many lines", nil, asks(sells(make([]CartLine, mostLines+1))), "malformed lines"},
		{"no number", nil, bad(func(l *CartLine) { l.N = 0 }), "malformed lines.1.n"},
		{"no product", nil, bad(func(l *CartLine) { l.Product = "" }), "malformed lines.1.product"},
		{"a category with blanks", nil, bad(func(l *CartLine) { l.Category = "hot drinks" }),
			"malformed lines.1.category"},
		{"no pieces", nil, bad(func(l *CartLine) { l.Qty = 0 }), "malformed lines.1.qty"},
		{"too many pieces", nil, bad(func(l *CartLine) { l.Qty = 10_001 }), "malformed lines.1.qty"},
		{"two units", nil, bad(func(l *CartLine) { l.UnitPrice = MustMoney("1", unit("JPY")) }),
			"malformed lines.1.unit_price"},
		{"a list price in another unit", nil,
			bad(func(l *CartLine) { l.ListPrice = MustMoney("1", unit("JPY")) }),
			"malformed lines.1.list_price"},
		{"a long tax code", nil, bad(func(l *CartLine) { l.TaxCode = strings.Repeat("x", 65) }),
			"malformed lines.1.tax_code"},
		{"a number twice", nil, bad(func(l *CartLine) { l.N = 1 }), "malformed lines.1.n"},
		{"nothing to pay", nil, asks(sells([]CartLine{line(1, 1, "0")})), "amount_not_positive lines"},
		{"a long order", nil, asks(sells(two, func(c *Checkout) {
			c.OrderRef = strings.Repeat("x", 65)
		})), "malformed order_ref"},
		{"an amount and the rest", nil, asks(sells(two, func(c *Checkout) { c.StoredValue = cny("1") })),
			"malformed stored_value"},
		{"stored value of another unit", nil, asks(sells(two, func(c *Checkout) {
			c.Rest, c.StoredValue = false, MustMoney("1", unit("JPY"))
		})), "malformed stored_value"},
		{"many payments", nil, external(make([]Payment, 11)...), "malformed external"},
		{"no method", nil, external(elsewhere("", "1")), "malformed external.0.method"},
		{"a method of the account's", nil, external(elsewhere(TenderPoints, "1")),
			"malformed external.0.method"},
		{"a long payment's reference", nil, external(Payment{Method: "card",
			Reference: strings.Repeat("x", 65), Amount: cny("1")}), "malformed external.0.reference"},
		{"a payment in another unit", nil, external(Payment{Method: "card",
			Amount: MustMoney("1", unit("JPY"))}), "malformed external.0.amount"},
		{"a payment of nothing", nil, external(elsewhere("card", "0")),
			"amount_not_positive external.0.amount"},

		{"no account", nil, asks(sells(two)), "not_found"},
		{"frozen before reference", after(ref("7"), did(sells(two)), in(Context{}), frozen(FreezeDebit),
			ref("7")), asks(sells(two)), "account_frozen\nOperationDeclined account_frozen"},
		{"reference used before tenders", after(ref("7"), did(sells(two))),
			asks(sells(two, tendering("1"))), "reference_used"},
		{"a debit's reference is free", after(ref("7"), did(debit("1"))),
			external(elsewhere("cash", "13")), `
CheckoutPosted 13.00 - 0.00 = 13.00, stored 0.00, cash 13.00, qualifying 13.00
  1: 10.00, cash 10.00
  2: 3.00, cash 3.00`},
		{"reference cancelled", after(ref("7"), did(Cancel{})), asks(sells(two)), "reference_cancelled"},
		{"too little", sold, asks(sells(two, tendering("12.99"))), "tender_mismatch short 0.01 CNY"},
		{"too much", sold, asks(sells(two, tendering("12.99", elsewhere("cash", "1")))), "tender_mismatch"},
		{"too much beside the rest", sold, asks(sells(two, func(c *Checkout) {
			c.External = []Payment{elsewhere("cash", "14")}
		})), "tender_mismatch"},
		{"tenders before balance", []step{opened}, asks(sells(two, tendering("12"))),
			"tender_mismatch short 1.00 CNY"},
		{"insufficient", []step{opened, did(topUp("12", ""))}, asks(sells(two)),
			"insufficient_funds short 1.00 CNY\nOperationDeclined insufficient_funds"},
		{"limited", after(ruledBy(Terms{Limits: []Limits{{Unit: "CNY", MaxDebit: cny("12")}}})),
			asks(sells(two)), "limit_exceeded short 1.00 CNY\nOperationDeclined limit_exceeded"},
		{"limits do not count cash", after(ruledBy(Terms{Limits: []Limits{{Unit: "CNY",
			MaxDebit: cny("12")}}})), external(elsewhere("cash", "13")), `
CheckoutPosted 13.00 - 0.00 = 13.00, stored 0.00, cash 13.00, qualifying 13.00
  1: 10.00, cash 10.00
  2: 3.00, cash 3.00`},

		{"its debit is not refunded alone", after(did(sells(two))), func(b *book) Command {
			return Refund{DebitID: b.log[len(b.log)-1].Metadata.EventID, Amount: cny("1")}
		}, "checkout_return"},
	})
}

// A repeat is recognised by what the event says, whatever of the request says the same.
func TestCheckoutRepeats(t *testing.T) {
	list := func(c *Checkout) {
		c.Lines[0].ListPrice, c.Lines[1].ListPrice, c.Lines[1].TaxCode = cny("5"), cny("4"), "A"
	}
	two := func() []CartLine { return []CartLine{line(1, 2, "5"), line(2, 3, "3")} }
	b := newBook(t)
	opened(b)
	did(topUp("100", ""))(b)
	asked := sells(two(), list, func(c *Checkout) {
		c.OrderRef, c.External = "O-1", []Payment{{Method: "card", Reference: "R", Amount: cny("1")}}
	})
	posted, err := b.do(asked)
	if err != nil {
		t.Fatal(err)
	}
	if got := Differing(posted[0], asked, Context{}); len(got) > 0 {
		t.Errorf("the same request differs in %v", got)
	}
	for want, edit := range map[string]func(*Checkout){
		"lines":        func(c *Checkout) { c.Lines[1].ListPrice = cny("3") },
		"rest":         tendering(""),
		"stored_value": func(c *Checkout) { c.StoredValue = cny("1") },
		"order_ref":    func(c *Checkout) { c.OrderRef = "O-2" },
		"external":     func(c *Checkout) { c.External = []Payment{{Method: "card", Amount: cny("1")}} },
	} {
		other := sells(two(), list, func(c *Checkout) { c.OrderRef, c.External = "O-1", asked.External })
		edit(&other)
		if got := fmt.Sprint(Differing(posted[0], other, Context{})); !strings.Contains(got, want) {
			t.Errorf("got differences in %s, want %s", got, want)
		}
	}
}

// randomCart draws a few lines.
func randomCart(t *rapid.T) (lines []CartLine) {
	for n := range rapid.IntRange(1, 5).Draw(t, "lines") {
		price := fmt.Sprintf("%d.%02d", rapid.IntRange(0, 30).Draw(t, "units"),
			rapid.IntRange(0, 99).Draw(t, "cents"))
		lines = append(lines, line(n+1, rapid.IntRange(1, 4).Draw(t, "pieces"), price))
	}
	return lines
}

// Whatever pays, in whatever parts: every line is paid exactly, and every tender pays what it said.
func TestTendersAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := Checkout{Lines: randomCart(rt), Rest: true}
		left := c.gross()
		for _, method := range []string{"cash", "card", "cash"} {
			part := left.With(fromSteps(rapid.Int64Range(0, left.steps).Draw(rt, method), left.scale))
			if part.IsPositive() {
				c.External = append(c.External, Payment{Method: method, Amount: part})
				left = left.Sub(part)
			}
		}
		d := newDraft(NewAccount(AccountID("C-1")), &Moment{})
		s, err := d.basket(c)
		if err != nil {
			rt.Fatal(err)
		}
		if err := s.pay(c); err != nil {
			rt.Fatal(err)
		}
		s.share()
		paid := map[string]Quantity{}
		for _, l := range s.Lines {
			if !l.paid().Equal(l.Net) {
				rt.Fatalf("line %d of %s is paid with %s", l.N, l.Net, l.paid())
			}
			for _, x := range l.Tenders {
				if !x.Amount.IsPositive() {
					rt.Fatalf("%s pays %s of line %d", x.Tender, x.Amount, l.N)
				}
				if _, ok := paid[x.Tender]; !ok {
					paid[x.Tender] = x.Amount.Zero()
				}
				paid[x.Tender] = paid[x.Tender].Add(x.Amount)
			}
		}
		for _, x := range s.tenders() {
			if got, ok := paid[x.Tender]; x.Amount.IsPositive() && (!ok || !got.Equal(x.Amount)) {
				rt.Fatalf("the lines have %s of %s's %s", got, x.Tender, x.Amount)
			}
		}
	})
}
