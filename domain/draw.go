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
// and appends their shares. The caller has checked that there is as much. Without a context it is no
// sale, and a funding is parted evenly: else the bonus went one way, the money for the principal
// another, and it was had for nothing.
func (a *Account) draw(to []share, x Money, at time.Time, c *Context) []share {
	var few [8]group
	left := x.Quantity
	for q := a.groups(few[:0], x.Unit(), at, c, false); len(q) > 0 && left.IsPositive(); q = q.next() {
		part := least(left, q[0].free())
		if c == nil {
			to = q[0].evenly(to, part)
		} else {
			to = q[0].divide(to, part)
		}
		left = left.Sub(part)
	}
	return slices.DeleteFunc(to, func(s share) bool { return s.amount.IsZero() })
}

// group is what is drawn as one: a funding's principal with its bonus, or a lot alone.
type group struct {
	lot   *Lot // gives the group its place
	bonus *Lot // of the same funding, where lot is its principal; else nil
}

// queue are groups in a heap: the one that is drawn first stands first. A draw takes a few of what may
// be thousands, and need not sort the rest.
type queue []group

func (q queue) next() queue {
	last := len(q) - 1
	q[0] = q[last]
	q[:last].sink(0)
	return q[:last]
}

// sink puts the group at a place below those that are drawn before it.
func (q queue) sink(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(q); child++ {
			if q[child].lot.before(q[least].lot) < 0 {
				least = child
			}
		}
		if least == i {
			return
		}
		q[i], q[least] = q[least], q[i]
		i = least
	}
}

// groups appends the lots of a unit that can be drawn, those limited to goods only where they are asked
// for, as a queue in draw-down order, to an empty slice. A funding is one unit at its principal's place
// while principal is available; bonus alone stands at its own place. The scope of its lots is one.
func (a *Account) groups(
	groups []group, unit string, at time.Time, c *Context, goods bool,
) queue {
	var few [8]*Lot
	bonuses := few[:0]
	for _, l := range a.lots {
		switch {
		case l.Unit != unit || !l.open(at, c) || !goods && l.Scope.ofGoods():
		case l.Class == Bonus:
			bonuses = append(bonuses, l)
		default:
			groups = append(groups, group{lot: l})
		}
	}
	index := indexed(groups, len(bonuses))
	for _, b := range bonuses {
		if i := principalOf(groups, index, b.Funding); i >= 0 {
			groups[i].bonus = b
		} else {
			groups = append(groups, group{lot: b})
		}
	}
	q := queue(groups)
	for i := len(q)/2 - 1; i >= 0; i-- {
		q.sink(i)
	}
	return q
}

// indexed are the places of principals by funding, where so many look-ups are worth an index; else nil.
func indexed(groups []group, lookups int) map[uuid.UUID]int {
	if lookups <= 8 {
		return nil
	}
	index := make(map[uuid.UUID]int, len(groups))
	for i, g := range slices.Backward(groups) {
		if g.lot.Class == Principal {
			index[g.lot.Funding] = i
		}
	}
	return index
}

// principalOf is the place of a funding's principal, −1 where there is none.
func principalOf(groups []group, index map[uuid.UUID]int, funding uuid.UUID) int {
	if funding == noID {
		return -1
	}
	if i, ok := index[funding]; ok {
		return i
	}
	if index != nil {
		return -1
	}
	return slices.IndexFunc(groups, func(g group) bool {
		return g.lot.Class == Principal && g.lot.Funding == funding
	})
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

// evenly divides x, at most free, between principal and bonus as they are left, and appends the shares.
// What was sent before counts, so that steps that are rounded add up to one that is.
func (g group) evenly(to []share, x Quantity) []share {
	if g.bonus == nil {
		return append(to, share{g.lot, x})
	}
	sent := g.lot.Transferred.Add(g.bonus.Transferred)
	part := g.lot.free().Add(g.lot.Transferred)
	target := portion(part, sent.Add(x), g.free().Add(sent)).Sub(g.lot.Transferred)
	principal := least(most(target, most(x.Sub(g.bonus.free()), x.Zero())), least(x, g.lot.free()))
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
