package domain

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// Whatever vouchers pay of some sales, at a till or from the account that took them in, and whatever comes
// back of which sale, before their end or after: each lot gets back what it gave, at its cost, the till
// gives back what was paid there, and never more; and in the end all of it.
func TestReturnsToVouchers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := holdingVouchers(rt, t)
		had := b.account.Balance("CNY", 2, b.now).Total
		var sold []CheckoutPosted
		for n := range rapid.IntRange(1, 3).Draw(rt, "sales") {
			sold = append(sold, b.sellsForVouchers(rt, n)...)
		}
		for len(sold) > 0 {
			later(time.Duration(rapid.IntRange(0, 40).Draw(rt, "days")) * day)(b)
			if rapid.Bool().Draw(rt, "sweep") {
				tried(Sweep{})(b)
			}
			n := rapid.IntRange(0, len(sold)-1).Draw(rt, "sale")
			b.brings(rt, sold[n])
			for _, s := range sold {
				b.holdsPaid(rt, s)
			}
			if sold[n].returnedBy(b.names[ReturnsName(sold[n].CheckoutID)]).all(sold[n]) {
				sold = append(sold[:n], sold[n+1:]...)
			}
		}
		left := b.account.Balance("CNY", 2, b.now).Total
		for _, p := range b.log {
			if e, ok := p.Event.(LotExpired); ok {
				left = left.Add(e.Amount.Quantity)
			}
		}
		if !left.Equal(had) {
			rt.Fatalf("got %s there or gone with its time, want the %s of the vouchers", left, had)
		}
	})
}

// holdingVouchers is a voucher's account, or a member's with parts of some beside value of its own.
func holdingVouchers(rt *rapid.T, t testing.TB) *book {
	upTo := func(most int64, what string) Money {
		return cny("0").With(fromSteps(rapid.Int64Range(1, most).Draw(rt, what), 2))
	}
	sold := func(n int) (*book, Money) {
		b := newBook(t)
		b.salt = byte(10 + n)
		bearer(n)(b)
		v := SellVoucher{VoucherTerms{Amount: upTo(9999, "voucher")}, hashed(n)}
		if days := rapid.IntRange(0, 60).Draw(rt, "days"); days > 0 {
			v.ExpiresAt = noon.AddDate(0, 0, days)
		}
		did(v)(b)
		return b, v.Amount
	}
	mode := rapid.SampledFrom([]string{ReturnKeeps, ReturnReprices}).Draw(rt, "mode")
	shops := shops(func(d *Definition) { d.OnReturn.MinSpend = mode })
	if rapid.Bool().Draw(rt, "at the till") {
		b, _ := sold(1)
		shops(b)
		return b
	}
	b := newBook(t)
	opened(b)
	shops(b)
	did(topUp("5", "3.33"))(b)
	for n := range rapid.IntRange(1, 3).Draw(rt, "vouchers") {
		from, amount := sold(n + 1)
		part := upTo(amount.steps, "part")
		did(SendTransfer{To: AccountID("C-1"), Amount: part, Kind: TransferRedeem})(from)
		did(ReceiveTransfer{event[TransferSent](from)})(b)
	}
	return b
}

// sellsForVouchers posts a sale, of which stored value pays some, and cash the rest; or none, of nothing.
func (b *book) sellsForVouchers(rt *rapid.T, n int) []CheckoutPosted {
	granted(rapid.SampledFrom([]string{"percent", "threshold"}).Draw(rt, "coupon"))(b)
	c := Checkout{Lines: randomCart(rt), Wanted: Wanted{Best: rapid.Bool().Draw(rt, "best")}}
	s, err := newDraft(b.account, new(b.moment())).basket(c)
	if err != nil {
		rt.Fatal(err)
	}
	price := s.Net
	if !price.IsPositive() {
		return nil
	}
	most := least(price.Quantity, b.account.Balance("CNY", 2, b.now).Available)
	stored := price.With(fromSteps(rapid.Int64Range(0, most.steps).Draw(rt, "stored"), 2))
	if stored.IsPositive() {
		c.StoredValue = stored
	}
	if cash := price.Sub(stored); cash.IsPositive() {
		c.External = []Payment{{Method: "cash", Amount: cash}}
	}
	at := len(b.log)
	ref(fmt.Sprint(n))(b)
	did(c)(b)
	in(Context{})(b)
	for _, p := range b.log[at:] {
		if e, ok := p.Event.(CheckoutPosted); ok {
			return []CheckoutPosted{e}
		}
	}
	b.Fatal("a sale posts no checkout")
	return nil
}

// brings gives some pieces of a sale back, or cancels what is left of it.
func (b *book) brings(rt *rapid.T, sold CheckoutPosted) {
	if rapid.IntRange(0, 5).Draw(rt, "cancel") == 0 {
		ref(b.names[EventName(sold.CheckoutID)][0].Metadata.Reference.PosTxnID)(b)
		did(Cancel{})(b)
		in(Context{})(b)
		return
	}
	r := ReturnCheckout{CheckoutID: sold.CheckoutID}
	for i, l := range sold.returnedBy(b.names[ReturnsName(sold.CheckoutID)]).lines {
		n := rapid.IntRange(0, sold.Lines[i].Qty-l.Qty).Draw(rt, "back")
		if n > 0 {
			r.Lines = append(r.Lines, ReturnLine{l.N, n})
		}
	}
	if len(r.Lines) > 0 {
		did(r)(b)
	}
}

// holdsPaid holds what a sale gave back against what paid it, lot by lot, and against what came back.
func (b *book) holdsPaid(rt *rapid.T, sold CheckoutPosted) {
	due, paid := zero(2), zero(2) // in cash: back, and first
	for _, p := range sold.External {
		paid = paid.Add(p.Amount.Quantity)
	}
	returns := b.names[ReturnsName(sold.CheckoutID)]
	for _, p := range returns {
		for _, t := range p.Event.(CheckoutReturned).ExternalDue {
			due = due.Add(t.Amount)
		}
	}
	back := sold.returnedBy(returns)
	sum, all := due, back.all(sold)
	hold := func(what string, given, back Quantity) {
		if back.IsNegative() || given.Less(back) || all && !back.Equal(given) {
			rt.Fatalf("%s gave %s, and got %s back; all came back: %t", what, given, back, all)
		}
	}
	hold("cash", paid, due)
	for _, p := range b.log {
		debit, ok := p.Event.(DebitPosted)
		if !ok || debit.CheckoutID != sold.CheckoutID {
			continue
		}
		amounts, costs := map[uuid.UUID]Quantity{}, map[uuid.UUID]Quantity{}
		for _, by := range b.names[RefundsName(debit.DebitID)] {
			for _, m := range by.Event.(Valued).Worth().Moves {
				amounts[m.Lot], costs[m.Lot] = amounts[m.Lot].Add(m.Amount), costs[m.Lot].Add(m.Cost)
				sum = sum.Add(m.Amount)
			}
		}
		for _, m := range debit.Moves {
			hold(string(m.Class), m.Amount.Neg(), amounts[m.Lot].Add(zero(2)))
			hold(string(m.Class)+"'s cost", m.Cost.Neg(), costs[m.Lot].Add(zero(2)))
			delete(amounts, m.Lot)
		}
		if len(amounts) > 0 {
			rt.Fatalf("got value back to lots that gave none: %v", amounts)
		}
	}
	if !sum.Equal(back.net) {
		rt.Fatalf("%s were given back for goods that cost %s", sum, back.net)
	}
}
