package domain

import (
	"slices"
)

// line is the line with that number.
func (e CheckoutPosted) line(n int) (CheckoutLine, bool) {
	i := slices.IndexFunc(e.Lines, func(l CheckoutLine) bool { return l.N == n })
	if i < 0 {
		return CheckoutLine{}, false
	}
	return e.Lines[i], true
}

// returned is what came back of a checkout until now: of each of its lines, and in all.
type returned struct {
	lines []ReturnedLine
	net   Quantity
}

func (r returned) of(n int) *ReturnedLine {
	return &r.lines[slices.IndexFunc(r.lines, func(l ReturnedLine) bool { return l.N == n })]
}

// all reports that nothing is left of a checkout.
func (r returned) all(e CheckoutPosted) bool {
	for i, l := range e.Lines {
		if r.lines[i].Qty < l.Qty {
			return false
		}
	}
	return true
}

// Returned is what a checkout has given back by these events, which are all that answer to its
// ReturnsName: of each of its lines.
func (e CheckoutPosted) Returned(by []Posted) []ReturnedLine { return e.returnedBy(by).lines }

func (e CheckoutPosted) returnedBy(by []Posted) returned {
	none := e.Net.Zero()
	r := returned{net: none}
	for _, l := range e.Lines {
		r.lines = append(r.lines, ReturnedLine{N: l.N, Net: none})
	}
	for _, p := range by {
		if back, ok := p.Event.(CheckoutReturned); ok {
			r = r.plus(back)
		}
	}
	return r
}

func (r returned) plus(e CheckoutReturned) returned {
	sum := returned{slices.Clone(r.lines), r.net.Add(e.Net)}
	for _, l := range e.Lines {
		s := sum.of(l.N)
		s.Qty, s.Net = s.Qty+l.Qty, s.Net.Add(l.Net)
	}
	return sum
}

// cameBack is what some lines of the checkout, none: all of them, gave back from one return to a later
// one, or to the same. They have given back all that they cost when no piece of them is left, and never
// more: a return that is repriced may give back less for them, or more, than they did.
func (e CheckoutPosted) cameBack(before, after returned, lines []int) cameBack {
	until := func(r returned) (back, cost Quantity) {
		back, cost = e.Net.Zero(), e.Net.Zero()
		left := 0
		for i, l := range e.Lines {
			if len(lines) > 0 && !slices.Contains(lines, l.N) {
				continue
			}
			x, worth := l.worth(r.lines[i].Net)
			back, cost = back.Add(x), cost.Add(worth)
			left += l.Qty - r.lines[i].Qty
		}
		if left == 0 || cost.Less(back) {
			back = cost
		}
		return back, cost
	}
	was, cost := until(before)
	is, _ := until(after)
	return cameBack{e.Money(was), e.Money(is.Sub(was)), e.Money(cost)}
}

// worth is what the line cost, and x of it, that came back: of what counts, where the line says that.
func (l *CheckoutLine) worth(x Quantity) (back, of Quantity) {
	if l.Counted == nil {
		return x, l.Net
	}
	return portion(*l.Counted, least(x, l.Net), l.Net), *l.Counted
}

// countedBack is what counts no more of the checkout by a later return.
func (e CheckoutPosted) countedBack(before, after returned) Quantity {
	if paidByLots(e.Lines) {
		return e.cameBack(before, after, nil).now.Quantity
	}
	counted := func(c Quantity) Quantity { return portion(e.Counted, c, e.Net) }
	return counted(after.net).Sub(counted(before.net))
}

func (d *Draft) returns(e CheckoutPosted) returned {
	return e.returnedBy(d.found(ReturnsName(e.CheckoutID)))
}

// giveGoodsBack posts a return of lines, what e says of why, and all that follows from it.
func (d *Draft) giveGoodsBack(
	of CheckoutPosted, before returned, e CheckoutReturned, lines []ReturnLine,
) error {
	used := d.redeemedBy(of)
	mode, err := d.returnMode(used)
	if err != nil {
		return err
	}
	e.ReturnID, e.CheckoutID, e.Unit, e.MinSpend = d.nextID(), of.CheckoutID, of.Unit, mode
	e.keep(of, before, lines)
	if mode == ReturnReprices {
		if err := d.reprice(&e, of, before, used); err != nil {
			return err
		}
	}
	after := before.plus(e)
	e.Counted = of.countedBack(before, after).Neg()
	came := func(lines []int) cameBack { return of.cameBack(before, after, lines) }
	if of.Qualifying != nil {
		e.Qualifying = of.Qualifying.returned(came(of.Qualifying.Lines))
	}
	e.Full = after.all(of)
	if err := d.post(e); err != nil {
		return err
	}
	if err := d.giveCouponsBack(of, before, e, used); err != nil {
		return err
	}
	if err := d.restorePoints(of.CheckoutID, e.ReturnID, e.Money(e.by(TenderPoints))); err != nil {
		return err
	}
	if err := d.giveStoredBack(of, before, e); err != nil {
		return err
	}
	return d.lose(loss{
		consumption{id: of.CheckoutID, qualifying: of.Money(of.Counted), lines: of.Lines},
		e.ReturnID, came,
	})
}

// keep prices a return by what each line cost: of q of Q pieces round_half_up(net·q/Q) in all, and of
// that each tender's share by split.
func (e *CheckoutReturned) keep(of CheckoutPosted, before returned, lines []ReturnLine) {
	e.Net, e.Lines, e.RefundByTender, e.ExternalDue = of.Net.Zero(), nil, []TenderShare{}, []TenderShare{}
	for _, r := range lines {
		l, _ := of.line(r.N)
		was := before.of(r.N)
		sum := partOfPieces(l.Net, was.Qty+r.Qty, l.Qty)
		e.Lines = append(e.Lines, ReturnedLine{r.N, r.Qty, sum.Sub(was.Net)})
		e.Net = e.Net.Add(sum.Sub(was.Net))
		weights := make([]Quantity, len(l.Tenders))
		for i, t := range l.Tenders {
			weights[i] = t.Amount
		}
		now, earlier := split(sum, weights), split(was.Net, weights)
		for i, t := range l.Tenders {
			e.refund(t.Tender, now[i].Sub(earlier[i]))
		}
	}
}

// refund adds to what a tender gives back.
func (e *CheckoutReturned) refund(tender string, x Quantity) {
	if x.IsZero() {
		return
	}
	e.RefundByTender = addShare(e.RefundByTender, tender, x)
	if tender != TenderPoints && tender != TenderStoredValue {
		e.ExternalDue = addShare(e.ExternalDue, tender, x)
	}
}

func addShare(to []TenderShare, tender string, x Quantity) []TenderShare {
	i := slices.IndexFunc(to, func(t TenderShare) bool { return t.Tender == tender })
	if i < 0 {
		return append(to, TenderShare{tender, x})
	}
	to[i].Amount = to[i].Amount.Add(x)
	return to
}

// by is what a tender gives back.
func (e CheckoutReturned) by(tender string) Quantity {
	for _, t := range e.RefundByTender {
		if t.Tender == tender {
			return t.Amount
		}
	}
	return e.Net.Zero()
}

// giveStoredBack returns stored value to the lots that it came from. A cancellation undoes the debit.
func (d *Draft) giveStoredBack(of CheckoutPosted, came returned, e CheckoutReturned) error {
	debit, ok := d.debitOf(of)
	if !ok {
		return nil
	}
	byLots := paidByLots(of.Lines)
	if e.Cause == CauseCancelled {
		return d.undoDebit(debit, byLots)
	}
	x := debit.Amount.With(e.by(TenderStoredValue))
	if x.IsZero() {
		return nil
	}
	before := d.refunded(debit)
	earlier, now := debit.returned(before.Quantity), debit.returned(before.Add(x).Quantity)
	if byLots {
		until := d.backTo(debit)
		earlier, now = debit.gives(until), debit.gives(of.lotsBack(debit, until, came, e.Lines, x.Quantity))
	}
	back, err := d.giveBackOf(debit, earlier, now)
	if err != nil {
		return err
	}
	id := d.nextID()
	err = d.post(DebitRefunded{
		Value: d.value(x, back.moves), RefundID: id, DebitID: debit.DebitID,
		RefundedTotal: before.Add(x), Reason: e.Reason, ListAmount: back.list,
		Reopened: back.reopened, Forfeited: back.forfeited, ReturnID: e.ReturnID,
	})
	if err != nil {
		return err
	}
	if err := d.loseSale(debit.DebitPosted, id, debit.cameBack(byLots, earlier, now)); err != nil {
		return err
	}
	return d.settleReturned(back.moves, SettledByRefund)
}

// debitOf is the stored value of a checkout, false where it paid nothing.
func (d *Draft) debitOf(of CheckoutPosted) (sale, bool) {
	for _, p := range d.found(CheckoutName(of.CheckoutID)) {
		if e, ok := p.Event.(DebitPosted); ok {
			return sale{e, p.Metadata.RecordedAt}, true
		}
	}
	return sale{}, false
}

// undoCheckout returns all that is left of a checkout.
func (d *Draft) undoCheckout(of CheckoutPosted) error {
	before := d.returns(of)
	if before.all(of) {
		return nil
	}
	var rest []ReturnLine
	for i, l := range of.Lines {
		if left := l.Qty - before.lines[i].Qty; left > 0 {
			rest = append(rest, ReturnLine{l.N, left})
		}
	}
	return d.giveGoodsBack(of, before, CheckoutReturned{Cause: CauseCancelled}, rest)
}
