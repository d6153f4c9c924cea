package domain

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Move is a change of one lot: value, held value and cost, each signed.
type Move struct {
	Lot     uuid.UUID `json:"lot"`
	Class   Class     `json:"class"`
	Funding uuid.UUID `json:"funding,omitzero"`
	Amount  Quantity  `json:"amount"`
	Held    Quantity  `json:"held"`
	Cost    Quantity  `json:"cost"`
}

func (m Move) appendJSON(b jsonText) jsonText {
	b = append(b, '{').id("lot", m.Lot).text("class", string(m.Class))
	if m.Funding != noID {
		b = b.id("funding", m.Funding)
	}
	b = b.quantity("amount", m.Amount).quantity("held", m.Held).quantity("cost", m.Cost)
	return append(b, '}')
}

// share is a part of a draw that one lot bears.
type share struct {
	lot    *Lot
	amount Quantity
}

// draw takes x from the lots that can be spent at an instant in a context, in the draw-down order,
// and appends their shares. The caller has checked that there is as much.
func (a *Account) draw(to []share, x Money, at time.Time, c *Context) []share {
	var few [8]group
	left := x.Quantity
	for _, g := range a.groups(few[:0], x.Unit(), at, c) {
		if !left.IsPositive() {
			break
		}
		part := least(left, g.free())
		to = g.divide(to, part)
		left = left.Sub(part)
	}
	return slices.DeleteFunc(to, func(s share) bool { return s.amount.IsZero() })
}

// group is what is drawn as one: a funding's principal with its bonus, or a lot alone.
type group struct {
	lot   *Lot // gives the group its place
	bonus *Lot // of the same funding, where lot is its principal; else nil
}

// groups appends the spendable lots of a unit, in draw-down order, to an empty slice. A funding is
// one unit at its principal's place while principal is available; bonus alone stands at its own
// place.
func (a *Account) groups(groups []group, unit string, at time.Time, c *Context) []group {
	var few [8]*Lot
	bonuses := few[:0]
	for _, l := range a.lots {
		switch {
		case l.Unit != unit || !l.spendable(at, c):
		case l.Class == Bonus:
			bonuses = append(bonuses, l)
		default:
			groups = append(groups, group{lot: l})
		}
	}
	for _, b := range bonuses {
		i := slices.IndexFunc(groups, func(g group) bool {
			return g.lot.Class == Principal && g.lot.Funding == b.Funding
		})
		if i >= 0 && b.Funding != noID {
			groups[i].bonus = b
		} else {
			groups = append(groups, group{lot: b})
		}
	}
	slices.SortFunc(groups, func(g, h group) int { return g.lot.before(h.lot) })
	return groups
}

func (g group) free() Quantity {
	if g.bonus == nil {
		return g.lot.free()
	}
	return g.lot.free().Add(g.bonus.free())
}

// divide divides x, at most free, between principal and bonus as the funding was sold, and appends
// the shares.
func (g group) divide(to []share, x Quantity) []share {
	if g.bonus == nil {
		return append(to, share{g.lot, x})
	}
	floor := most(x.Sub(g.bonus.free()), x.Zero())
	ceiling := least(x, g.lot.free())
	var principal Quantity
	switch g.lot.Draw {
	case BonusFirst:
		principal = floor
	case PrincipalFirst:
		principal = ceiling
	default:
		c := g.lot.taken().Add(g.bonus.taken()).Add(x)
		target := portion(c, g.lot.Face, g.lot.Face.Add(g.bonus.Face)) // the first part of a split
		principal = least(most(target.Sub(g.lot.taken()), floor), ceiling)
	}
	return append(to, share{g.lot, principal}, share{g.bonus, x.Sub(principal)})
}

// sold is the move that sells a share.
func (s share) sold() Move {
	m := s.lot.move(s.amount.Neg())
	m.Cost = s.lot.costOf(s.amount).Neg()
	return m
}

// pinned is the move that holds a share.
func (s share) pinned() Move {
	m := s.lot.move(s.amount.Zero())
	m.Held = s.amount
	return m
}

// lost is the move that takes x from a lot without selling it.
func (l *Lot) lost(x Quantity) Move {
	m := l.move(x.Neg())
	m.Cost = l.costLost(x).Neg()
	return m
}

// move is a change of l by amount alone.
func (l *Lot) move(amount Quantity) Move {
	return Move{
		Lot: l.ID, Class: l.Class, Funding: l.Funding,
		Amount: amount, Held: amount.Zero(), Cost: l.Cost.Zero(),
	}
}
