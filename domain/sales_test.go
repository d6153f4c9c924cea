package domain

import "testing"

// A sale that was cancelled was none: the next one is the first again. What was returned was one, and
// so was what an absorbed account bought.
func TestFirstOrder(t *testing.T) {
	first := func(b *book) {
		offering(func(_ *Campaign, def *Definition) { def.Restrictions.FirstOrder = true })(b)
		did(five)(b)
	}
	tea := []CartLine{line(1, 2, "6")}
	buys := did(sells(tea))
	have := func(more ...step) []step { return append([]step{opened, did(topUp("1000", ""))}, more...) }
	for name, c := range map[string]struct {
		given []step
		sales int
	}{
		"none":                 {have(), 0},
		"a checkout":           {have(buys), 1},
		"a checkout in cash":   {have(did(sells(tea, tendering("", elsewhere("cash", "12"))))), 1},
		"a checkout returned":  {have(buys, didAs(bringing(2, 1, 2))), 1},
		"a checkout cancelled": {have(ref("7"), buys, did(Cancel{})), 0},
		"cancelled of two":     {have(buys, ref("7"), buys, did(Cancel{})), 1},
		"the rest cancelled": {have(ref("7"), buys, in(Context{}), didAs(bringing(2, 1, 1)),
			ref("7"), did(Cancel{})), 0},
		"a debit":             {have(did(debit("5"))), 1},
		"a debit refunded":    {have(did(debit("5")), didAs(refund(2, "5"))), 1},
		"a debit cancelled":   {have(ref("7"), did(debit("5")), did(Cancel{})), 0},
		"cancelled twice":     {have(ref("7"), did(debit("5")), did(Cancel{}), tried(Cancel{})), 0},
		"a capture cancelled": {have(did(hold("5")), ref("7"), didAs(capture(2, "5", true)), did(Cancel{})), 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBook(t)
			for _, s := range c.given {
				s(b)
			}
			in(Context{})(b)
			if got := b.account.sales; got != c.sales {
				t.Fatalf("%d sales, want %d", got, c.sales)
			}
			first(b)
			_, err := b.do(using(sells(tea), len(b.ids)-1)(b))
			if refused := err != nil; refused != (c.sales > 0) {
				t.Errorf("after %d sales: got %v", c.sales, err)
			}
		})
	}
}

// A survivor has bought what the account bought that it absorbed.
func TestMergedSales(t *testing.T) {
	b := bookOf(t, "C-2")
	did(topUp("5000", ""))(b)
	did(debit("60"))(b)
	didAs(mergeAt(did(debit("1")), did(debit("2"))))(b)
	if got := b.account.sales; got != 3 {
		t.Errorf("%d sales, want 3", got)
	}
}
