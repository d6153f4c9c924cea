package domain

import (
	"slices"

	"github.com/google/uuid"
)

// LotShare is what a lot that is limited to goods paid of a line.
type LotShare struct {
	Lot    uuid.UUID `json:"lot"`
	Class  Class     `json:"class"`
	Amount Quantity  `json:"amount"`
}

func (s LotShare) appendJSON(b jsonText) jsonText {
	b = append(b, '{').id("lot", s.Lot).text("class", string(s.Class))
	return append(b.quantity("amount", s.Amount), '}')
}

// limited reports whether there is value in a unit, here and now, that is limited to goods.
func (d *Draft) limited(unit string) bool {
	return slices.ContainsFunc(d.lots, func(l *Lot) bool {
		return l.Scope.ofGoods() && l.Unit == unit && l.open(d.Decided, &d.Context)
	})
}

// byLine is a sale while lots that are limited to goods pay it: line by line, none more than what points
// leave unpaid of it.
//
// Lots pay in the draw-down order, each as much as it can beside those before it. To make room for it,
// what one of those pays of a line moves to another of its own lines, but all that it pays stays. So no
// lot could pay more unless one before it paid less, and together they pay the most that they can. A
// lot pays the first of its lines that have room.
type byLine struct {
	room   []Quantity // by line: what is unpaid
	payers []payer
}

// payer is a funding, or a lot alone, that pays some lines.
type payer struct {
	group
	lets   []bool     // by line: whether it is for its goods
	pays   []Quantity // by line
	shares []share    // what its lots pay in all
}

// drawByLine draws x for the lines of a sale, of which points pay a part, or as much of it as there is. It
// notes on the lines what lots pay that are limited to goods; all others may pay any line.
func (d *Draft) drawByLine(p *Priced, points, x Money) (shares []share, drawn Money) {
	b := byLine{room: p.nets()}
	for i, paid := range split(points.Quantity, b.room) {
		b.room[i] = b.room[i].Sub(paid)
	}
	left := x.Quantity
	q := d.groups(nil, x.unit, d.Decided, &d.Context, true)
	for ; len(q) > 0 && left.IsPositive(); q = q.next() {
		part, limited := least(left, q[0].free()), q[0].lot.Scope.ofGoods()
		if limited {
			part = b.pay(q[0], p.Lines, part)
		}
		if part.IsZero() {
			continue
		}
		n := len(shares)
		shares = q[0].divide(shares, part)
		if limited {
			b.payers[len(b.payers)-1].shares = slices.Clone(shares[n:])
		}
		left = left.Sub(part)
	}
	b.note(p.Lines)
	return slices.DeleteFunc(shares, func(s share) bool { return s.amount.IsZero() }),
		x.With(x.Quantity.Sub(left))
}

// nets are what the lines cost.
func (p *Priced) nets() []Quantity {
	nets := make([]Quantity, len(p.Lines))
	for i := range p.Lines {
		nets[i] = p.Lines[i].Net
	}
	return nets
}

// pay lets a group pay as much of x as it can, and says how much that is.
func (b *byLine) pay(g group, lines []CheckoutLine, x Quantity) Quantity {
	p := payer{group: g, lets: make([]bool, len(lines)), pays: make([]Quantity, len(lines))}
	for i := range lines {
		p.lets[i], p.pays[i] = g.lot.Scope.lets(lines[i].Product, lines[i].Category), x.Zero()
	}
	left := x
	if b.payers = append(b.payers, p); slices.Contains(p.lets, true) {
		for left.IsPositive() {
			paid := b.payMore(left)
			if paid.IsZero() {
				break
			}
			left = left.Sub(paid)
		}
	}
	return x.Sub(left)
}

// payMore lets the last payer pay more, at most x, and says how much: of one of its lines with room, else
// of one from which another payer can move to a line with room, or to one from which a third can, and so
// on, by the fewest of them. It is none where there is no such line.
func (b *byLine) payMore(x Quantity) Quantity {
	by := slices.Repeat([]int{-1}, len(b.room))     // the payer that comes to a line; −1: none
	from := slices.Repeat([]int{-1}, len(b.payers)) // the line that a payer leaves for those; −1: none
	reached := []int{len(b.payers) - 1}             // payers, in the order in which they were
	for next := 0; next < len(reached); next++ {
		for i, lets := range b.payers[reached[next]].lets {
			if !lets || by[i] >= 0 {
				continue
			}
			by[i] = reached[next]
			if b.room[i].IsPositive() {
				return b.move(i, by, from, x)
			}
			for k := range b.payers[:len(b.payers)-1] {
				if from[k] < 0 && b.payers[k].pays[i].IsPositive() {
					from[k], reached = i, append(reached, k)
				}
			}
		}
	}
	return x.Zero()
}

// move lets every payer on the way to a line with room move there from the line before, as much as all of
// them can, and at most x.
func (b *byLine) move(line int, by, from []int, x Quantity) Quantity {
	last := len(b.payers) - 1
	x = least(x, b.room[line])
	for k := by[line]; k != last; k = by[from[k]] {
		x = least(x, b.payers[k].pays[from[k]])
	}
	b.room[line] = b.room[line].Sub(x)
	for i := line; ; {
		k := by[i]
		b.payers[k].pays[i] = b.payers[k].pays[i].Add(x)
		if k == last {
			return x
		}
		i = from[k]
		b.payers[k].pays[i] = b.payers[k].pays[i].Sub(x)
	}
}

// note notes on the lines what each lot pays: of a funding every line has its share of the principal, by
// split.
func (b *byLine) note(lines []CheckoutLine) {
	for _, p := range b.payers {
		rest := p.pays
		for _, s := range p.shares {
			for i, x := range split(s.amount, rest) {
				if x.IsPositive() {
					lines[i].Lots = append(lines[i].Lots, LotShare{s.lot.ID, s.lot.Class, x})
				}
				rest[i] = rest[i].Sub(x)
			}
		}
	}
}

// paidByLots reports whether lots limited to goods paid some line.
func paidByLots(lines []CheckoutLine) bool {
	return slices.ContainsFunc(lines, func(l CheckoutLine) bool { return len(l.Lots) > 0 })
}

// byLots is what lots limited to goods paid of the line.
func (l *CheckoutLine) byLots() Quantity {
	sum := l.Net.Zero()
	for _, s := range l.Lots {
		sum = sum.Add(s.Amount)
	}
	return sum
}

// by is what a tender paid of the line.
func (l *CheckoutLine) by(tender string) Quantity {
	for _, t := range l.Tenders {
		if t.Tender == tender {
			return t.Amount
		}
	}
	return l.Net.Zero()
}

// addStored adds x to what stored value pays of the line, after points and before what is paid elsewhere.
func (l *CheckoutLine) addStored(x Quantity) {
	if x.IsZero() {
		return
	}
	i := 0
	if len(l.Tenders) > 0 && l.Tenders[0].Tender == TenderPoints {
		i = 1
	}
	if i == len(l.Tenders) || l.Tenders[i].Tender != TenderStoredValue {
		l.Tenders = slices.Insert(l.Tenders, i, TenderShare{TenderStoredValue, x.Zero()})
	}
	l.Tenders[i].Amount = l.Tenders[i].Amount.Add(x)
}

// count notes what of each line counts, in all what counts of the sale: its price without points, and
// without value that was given. What lots limited to goods gave is their lines'; what others gave is split
// over what they paid. Where none paid a line, nothing is noted.
func (s *basket) count(given Quantity) {
	if !paidByLots(s.Lines) {
		return
	}
	gifts, others := make([]Quantity, len(s.Lines)), make([]Quantity, len(s.Lines))
	for i := range s.Lines {
		l := &s.Lines[i]
		gifts[i], others[i] = l.Net.Zero(), l.by(TenderStoredValue).Sub(l.byLots())
		for _, lot := range l.Lots {
			if !lot.Class.counts() {
				gifts[i] = gifts[i].Add(lot.Amount)
			}
		}
		given = given.Sub(gifts[i])
	}
	for i, x := range split(given, others) {
		l := &s.Lines[i]
		counted := l.Net.Sub(l.by(TenderPoints)).Sub(gifts[i]).Sub(x)
		l.Counted = &counted
	}
}
