package api

import (
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
)

// checkout answers a whole sale.
func (o *out) checkout(a ledger.Answer, e domain.CheckoutPosted) {
	o.id("id", e.CheckoutID)
	o.id("account_id", a.Account)
	o.some("order_ref", e.OrderRef)
	o.plain("unit", e.Unit)
	o.soldLines(e)
	o.money("gross", e.Money(e.Gross))
	o.money("discount", e.Money(e.Discount))
	o.money("net", e.Money(e.Net))
	o.money("stored_value", e.Money(e.StoredValue))
	o.external(e)
	o.money("qualifying", e.Money(e.Spend))
	if debit, ok := debitOf(a); ok {
		o.id("debit_id", debit.DebitID)
		o.moves("allocations", debit.Moves)
	}
	o.cashback(a)
	o.pointsOf(a)
	o.receipt(a, e)
	o.leftIn(a, e.Unit)
	o.ending(a)
}

// soldLines writes the lines as they were sold. Figures are of the checkout's unit.
func (o *out) soldLines(e domain.CheckoutPosted) {
	o.open("lines", '[')
	for _, l := range e.Lines {
		o.begin('{')
		o.integer("n", int64(l.N))
		o.plain("product", l.Product)
		o.some("category", l.Category)
		o.integer("qty", int64(l.Qty))
		o.quantity("unit_price", l.UnitPrice)
		o.quantity("list", l.List)
		o.quantity("net", l.Net)
		o.open("tenders", '[')
		for _, t := range l.Tenders {
			o.begin('{')
			o.plain("tender", t.Tender)
			o.quantity("amount", t.Amount)
			o.end('}')
		}
		o.end(']')
		o.some("tax_code", l.TaxCode)
		o.end('}')
	}
	o.end(']')
}

func (o *out) external(e domain.CheckoutPosted) {
	o.open("external", '[')
	for _, p := range e.External {
		o.begin('{')
		o.plain("method", p.Method)
		o.some("reference", p.Reference)
		o.money("amount", p.Amount)
		o.end('}')
	}
	o.end(']')
}

// receipt writes what a till prints.
func (o *out) receipt(a ledger.Answer, e domain.CheckoutPosted) {
	m := a.First().Metadata
	o.open("receipt", '{')
	o.plain("no", e.ReceiptNo)
	o.plain("verification", verification(a))
	o.some("store", m.Store)
	o.some("terminal", m.Terminal)
	o.some("operator", m.Operator)
	o.time("sold_at", m.OccurredAt)
	o.open("paid_by_class", '{')
	if debit, ok := debitOf(a); ok {
		sums := map[domain.Class]domain.Quantity{}
		for _, move := range debit.Moves {
			if _, ok := sums[move.Class]; !ok {
				sums[move.Class] = move.Amount.Zero()
			}
			sums[move.Class] = sums[move.Class].Sub(move.Amount)
		}
		o.classes(sums)
	}
	o.end('}')
	o.some("tier", e.Tier)
	o.end('}')
}

// verification is the code on the receipt of a checkout: from the hash of its event as the log has it,
// so that who has the log can tell a receipt that is not of it.
func verification(a ledger.Answer) string {
	code, err := domain.VerificationCode(a.Account, a.First())
	if err != nil {
		return "" // it was encoded when it was written
	}
	return code
}
