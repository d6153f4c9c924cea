package api

import (
	"slices"

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
	o.some("search", string(e.Search))
	o.redeemed(a)
	if e.Points.Unit() != "" {
		o.money("points", e.Points)
		o.money("points_value", e.Money(e.PointsValue))
	}
	o.money("stored_value", e.Money(e.StoredValue))
	o.external(e)
	o.money("qualifying", e.Money(e.Counted))
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
		o.pricedLine(l)
		o.open("tenders", '[')
		for _, t := range l.Tenders {
			o.begin('{')
			o.plain("tender", t.Tender)
			o.quantity("amount", t.Amount)
			o.end('}')
		}
		o.end(']')
		if l.Counted != nil {
			o.quantity("qualifying", *l.Counted)
		}
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
	o.pointsMoved(a)
	o.some("tier", e.Tier)
	o.end('}')
}

// redeemed writes the coupons that a sale used.
func (o *out) redeemed(a ledger.Answer) {
	o.open("coupons", '[')
	for _, p := range a.Events {
		if e, ok := p.Event.(domain.CouponRedeemed); ok {
			o.begin('{')
			o.id("coupon_id", e.CouponID)
			o.plain("campaign", e.Campaign)
			o.plain("definition", e.Definition)
			o.plain("kind", string(e.Kind))
			o.integer("use", int64(e.Use))
			o.integer("of", int64(e.Of))
			o.quantity("eligible", e.Eligible)
			o.quantity("discount", e.Discount)
			o.end('}')
		}
	}
	o.end(']')
}

// pointsMoved writes, for every points unit that an operation moved, what was spent, earned and
// restored, what was revoked, and what it left.
func (o *out) pointsMoved(a ledger.Answer) {
	type moved struct {
		unit                                   string
		spent, earned, restored, revoked, left domain.Quantity
	}
	var all []moved
	of := func(v domain.Value) *moved {
		i := slices.IndexFunc(all, func(m moved) bool { return m.unit == v.Amount.Unit() })
		if i < 0 {
			none := v.Amount.Zero()
			i, all = len(all), append(all, moved{v.Amount.Unit(), none, none, none, none, none})
		}
		all[i].left = v.Balance.Total
		return &all[i]
	}
	for i := range a.Events {
		switch e := a.Events[i].Event.(type) {
		case domain.PointsSpent:
			m := of(e.Value)
			m.spent = m.spent.Add(e.Amount.Quantity)
		case domain.PointsEarned:
			m := of(e.Value)
			m.earned = m.earned.Add(e.Amount.Quantity)
		case domain.PointsRestored:
			m := of(e.Value)
			m.restored = m.restored.Add(e.Amount.Quantity)
		case domain.PointsRevoked:
			m := of(e.Value)
			m.revoked = m.revoked.Add(e.Amount.Quantity)
		}
	}
	o.open("points", '[')
	for _, m := range all {
		o.begin('{')
		o.plain("unit", m.unit)
		for _, part := range []struct {
			name string
			x    domain.Quantity
		}{{"spent", m.spent}, {"earned", m.earned}, {"restored", m.restored}, {"revoked", m.revoked}} {
			if part.x.IsPositive() {
				o.quantity(part.name, part.x)
			}
		}
		o.quantity("balance", m.left)
		o.end('}')
	}
	o.end(']')
}

// restored writes what a return gave back to the account beside money: value to its lots, coupons and
// points.
func (o *out) restored(a ledger.Answer) {
	for _, p := range a.Events {
		if r, ok := p.Event.(domain.DebitRefunded); ok {
			o.returned(r.Moves, r.Reopened, r.Forfeited)
		}
	}
	o.open("coupons", '[')
	for _, p := range a.Events {
		if e, ok := p.Event.(domain.CouponRestored); ok {
			o.begin('{')
			o.id("coupon_id", e.CouponID)
			o.quantity("discount_returned", e.DiscountReturned)
			o.boolean("restored", e.Use > 0)
			if e.Use > 0 {
				o.time("valid_until", e.ValidUntil)
			}
			o.end('}')
		}
	}
	o.end(']')
	o.pointsMoved(a)
}

// verification is the code on the receipt of a checkout: from the hash of its event as the log has it,
// so that who has the log can tell a receipt that is not of it.
func verification(a ledger.Answer) string {
	code, err := domain.VerificationCode(a.Account, a.Events)
	if err != nil {
		return "" // it was encoded when it was written
	}
	return code
}
