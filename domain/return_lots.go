package domain

import (
	"slices"

	"github.com/google/uuid"
)

// backTo is what has come back until now to each of the lots that a debit took from, in the order of its
// moves, by the events that gave it back.
func (d *Draft) backTo(debit sale) []Quantity {
	back := make([]Quantity, len(debit.Moves))
	for i := range back {
		back[i] = debit.Amount.Quantity.Zero()
	}
	add := func(lot uuid.UUID, x Quantity) {
		i := slices.IndexFunc(debit.Moves, func(m Move) bool { return m.Lot == lot })
		back[i] = back[i].Add(x)
	}
	for _, p := range d.found(RefundsName(debit.DebitID)) {
		var forfeited []Forfeited
		switch e := p.Event.(type) {
		case DebitRefunded:
			forfeited = e.Forfeited
		case DebitReversed:
			forfeited = e.Forfeited
		}
		for _, m := range p.Event.(Valued).Worth().Moves { // nothing else has that name
			add(m.Lot, m.Amount)
		}
		for _, f := range forfeited {
			add(f.Lot, f.Amount)
		}
	}
	return back
}

// lotsBack is what will have come back to the debit's lots with x of stored value that a return gives
// back, of lines. What a lot limited to goods paid of them comes back to it, q of Q pieces by split of what
// they return; the rest is split over the other lots as a refund is. A return that is repriced gives back
// less by split of those parts, or more by split of what is left beyond them.
func (e CheckoutPosted) lotsBack(
	debit sale, until []Quantity, before returned, lines []ReturnedLine, x Quantity,
) []Quantity {
	none := x.Zero()
	limited, others := make([]bool, len(debit.Moves)), none // others: of all other lots together
	left, due := make([]Quantity, len(debit.Moves)+1), make([]Quantity, len(debit.Moves)+1)
	last, weights := len(debit.Moves), make([]Quantity, len(debit.Moves))
	left[last], due[last] = none, none
	for i, m := range debit.Moves {
		limited[i] = e.limited(m.Lot)
		left[i], due[i], weights[i] = none, none, none
		if limited[i] {
			left[i] = m.Amount.Neg().Sub(until[i])
			continue
		}
		weights[i] = m.Amount.Neg()
		others = others.Add(until[i])
		left[last] = left[last].Add(weights[i]).Sub(until[i])
	}
	for _, r := range lines {
		l, _ := e.line(r.N)
		was := before.of(r.N).Qty
		now, earlier := l.storedBack(was+r.Qty), l.storedBack(was)
		for i, s := range l.Lots {
			at := slices.IndexFunc(debit.Moves, func(m Move) bool { return m.Lot == s.Lot })
			due[at] = due[at].Add(now[i]).Sub(earlier[i])
		}
		n := len(l.Lots)
		due[last] = due[last].Add(now[n]).Sub(earlier[n])
	}
	part := shareOut(x, due, left)
	back := split(others.Add(part[last]), weights)
	for i := range back {
		if limited[i] {
			back[i] = until[i].Add(part[i])
		}
	}
	return back
}

// limited reports whether a lot is one of those limited to goods that paid lines.
func (e CheckoutPosted) limited(lot uuid.UUID) bool {
	return slices.ContainsFunc(e.Lines, func(l CheckoutLine) bool {
		return slices.ContainsFunc(l.Lots, func(s LotShare) bool { return s.Lot == lot })
	})
}

// storedBack is what n pieces of the line return of stored value, in all: to each of its Lots, and last to
// all others.
func (l CheckoutLine) storedBack(n int) []Quantity {
	tenders, stored := make([]Quantity, len(l.Tenders)), l.Net.Zero()
	for i, t := range l.Tenders {
		tenders[i] = t.Amount
	}
	for i, x := range split(partOfPieces(l.Net, n, l.Qty), tenders) {
		if l.Tenders[i].Tender == TenderStoredValue {
			stored = x
		}
	}
	lots := make([]Quantity, len(l.Lots)+1)
	for i, s := range l.Lots {
		lots[i] = s.Amount
	}
	lots[len(l.Lots)] = l.by(TenderStoredValue).Sub(l.byLots())
	return split(stored, lots)
}

// shareOut parts x by what is due, as far as it is left, and what is more by what is left beyond that.
func shareOut(x Quantity, due, left []Quantity) []Quantity {
	sum, beyond := x.Zero(), make([]Quantity, len(due))
	for i := range due {
		due[i] = least(due[i], left[i])
		sum, beyond[i] = sum.Add(due[i]), left[i].Sub(due[i])
	}
	if !sum.Less(x) {
		return split(x, due)
	}
	for i, more := range split(x.Sub(sum), beyond) {
		due[i] = due[i].Add(more)
	}
	return due
}

// cameBack is what came back of the debit with its moves from earlier to now. Where lots limited to goods
// paid lines, it is of what was paid for alone: those lines' value may have been given.
func (debit DebitPosted) cameBack(byLots bool, earlier, now []Move) cameBack {
	sum := func(moves []Move) Money {
		sum := debit.Amount.Quantity.Zero()
		for _, m := range moves {
			if !byLots || m.Class.counts() {
				sum = sum.Add(m.Amount)
			}
		}
		return debit.Amount.With(sum)
	}
	of := debit.Amount
	if byLots {
		of = debit.counted()
	}
	return cameBack{sum(earlier), sum(now).Sub(sum(earlier)), of}
}
