package domain

import (
	"slices"
	"strings"

	"github.com/google/uuid"
)

// priced is what sales took of a unit's principal and bonus, at list price. With a withdrawal a new
// count begins, and with value that comes when nothing was left: that contract was fulfilled, and
// nobody takes its discount back. What was sold before stands at its cost from then on.
type priced struct {
	Unit     string   `json:"unit"`
	AtList   Quantity `json:"at_list"`  // by sales that said their list amount, less what came back
	Unlisted Quantity `json:"unlisted"` // by sales that did not; face, less what came back
	Since    int64    `json:"since"`    // the revision of the event that began the count; 0: none
	Brought  Quantity `json:"brought"`  // by merges: what was paid for what had been sold before them
}

// fromTopUps is the part of moves, unsigned, that is principal or bonus: what top-ups sold. None is a
// zero at the unit's scale.
func fromTopUps(moves []Move, none Quantity) Quantity {
	sum := none
	for _, m := range moves {
		if m.Class == Principal || m.Class == Bonus {
			sum = sum.Add(m.Amount)
		}
	}
	if sum.IsNegative() {
		return sum.Neg()
	}
	return sum
}

// pricing is the sums of amount's unit.
func (a *Account) pricing(amount Money) priced {
	if i := slices.IndexFunc(a.prices, func(p priced) bool { return p.Unit == amount.unit }); i >= 0 {
		return a.prices[i]
	}
	none := amount.Quantity.Zero()
	return priced{Unit: amount.unit, AtList: none, Unlisted: none, Brought: none}
}

// setPricing puts the sums of a unit in their place.
func (a *Account) setPricing(p priced) {
	i, found := slices.BinarySearchFunc(a.prices, p.Unit, func(p priced, unit string) int {
		return strings.Compare(p.Unit, unit)
	})
	if found {
		a.prices[i] = p
	} else {
		a.prices = slices.Insert(a.prices, i, p)
	}
}

// atList is the list price of the principal and bonus that a sale took.
func (e *DebitPosted) atList() Quantity {
	return portion(e.ListAmount.Quantity, fromTopUps(e.Moves, e.Amount.Quantity.Zero()),
		e.Requested.Quantity)
}

// price counts a sale.
func (a *Account) price(e *DebitPosted) {
	part := fromTopUps(e.Moves, e.Amount.Quantity.Zero())
	if part.IsZero() {
		return
	}
	p := a.pricing(e.Amount)
	if e.ListAmount.IsZero() {
		p.Unlisted = p.Unlisted.Add(part)
	} else {
		p.AtList = p.AtList.Add(e.atList())
	}
	a.setPricing(p)
}

// listReturned is what of a sale's count comes back at list price when the moves that it gave back
// in all grow from before to after; nil where the sale did not say its list amount. Of a sale before
// the count began its cost comes back.
func (d *Draft) listReturned(debit sale, before, after []Move) *Money {
	none := debit.Amount.Quantity.Zero()
	part := fromTopUps(debit.Moves, none)
	revision, _ := RevisionOf(debit.DebitID)
	returned := none
	switch {
	case part.IsZero():
		return nil
	case revision < d.pricing(debit.Amount).Since:
		for i, m := range after {
			if m.Class == Principal {
				returned = returned.Add(m.Cost).Sub(before[i].Cost)
			}
		}
	case debit.ListAmount.IsZero():
		return nil
	default:
		whole := debit.atList()
		returned = portion(whole, fromTopUps(after, none), part).
			Sub(portion(whole, fromTopUps(before, none), part))
	}
	m := debit.Amount.With(returned)
	return &m
}

// unprice takes what a sale gave back out of the count.
func (a *Account) unprice(of Money, list *Money, moves []Move, forfeited []Forfeited) {
	p := a.pricing(of)
	if list != nil {
		p.AtList = p.AtList.Sub(list.Quantity)
		a.setPricing(p)
		return
	}
	part := fromTopUps(moves, of.Quantity.Zero())
	for _, f := range forfeited {
		if f.Class == Principal || f.Class == Bonus {
			part = part.Add(f.Amount)
		}
	}
	if !part.IsZero() {
		p.Unlisted = most(p.Unlisted.Sub(part), part.Zero())
		a.setPricing(p)
	}
}

// priceOpening begins a new count where an event opens principal and nothing was left of any. It is
// asked before the event's lots are there.
func (a *Account) priceOpening(e Opening) {
	of := e.Worth().Amount
	if r, ok := e.(TransferReceived); ok && r.MergeID != noID {
		return // its merge has
	}
	opens := slices.ContainsFunc(e.Opened(), func(o LotOpened) bool { return o.Class == Principal })
	if !opens || !slices.ContainsFunc(a.prices, func(p priced) bool { return p.Unit == of.unit }) {
		return
	}
	if !a.hasBought(of.unit) {
		a.priceAfresh(of, a.revision+1)
	}
}

// hasBought reports that something is left of what top-ups sold of a unit.
func (a *Account) hasBought(unit string) bool {
	return slices.ContainsFunc(a.lots, func(l *Lot) bool {
		return l.Unit == unit && (l.Class == Principal || l.Class == Bonus) && l.Remaining.IsPositive()
	})
}

// joinPrices adds the sums that a merge brings. Where nothing was left here they are a new count.
func (a *Account) joinPrices(brought priced) {
	of := Money{unit: brought.Unit, Quantity: brought.Brought.Zero()}
	if !a.hasBought(brought.Unit) {
		a.priceAfresh(of, a.revision+1)
	}
	p := a.pricing(of)
	p.AtList, p.Unlisted = p.AtList.Add(brought.AtList), p.Unlisted.Add(brought.Unlisted)
	p.Brought = p.Brought.Add(brought.Brought)
	a.setPricing(p)
}

// priceAfresh begins a new count with an event: what was sold until then stands at its cost.
func (a *Account) priceAfresh(of Money, event int64) {
	p := a.pricing(of)
	none := of.Quantity.Zero()
	p.AtList, p.Unlisted, p.Brought, p.Since = none, none, none, event
	for _, l := range a.lots {
		if l.Unit == of.unit && l.Class == Principal {
			p.AtList = p.AtList.Add(l.CostUsed)
		}
	}
	a.setPricing(p)
}

// funded is what one top-up sold and what became of it.
type funded struct {
	paid  Quantity // the cost that is left or was sold
	cost  Quantity // all that was paid
	face  Quantity // principal and bonus together
	bonus Quantity // of face
	used  Quantity // principal and bonus that was sold
	left  bool     // some principal or bonus is left
}

// fundings are the sums by top-up; principal that no top-up sold stands alone, by its lot.
func (a *Account) fundings(of Money) map[uuid.UUID]*funded {
	none := of.Quantity.Zero()
	all := map[uuid.UUID]*funded{}
	for _, l := range a.lots {
		if l.Unit != of.unit || l.Class != Principal && l.Class != Bonus {
			continue
		}
		id := l.Funding
		if id == noID {
			id = l.ID
		}
		f := all[id]
		if f == nil {
			f = &funded{paid: none, cost: none, face: none, bonus: none, used: none}
			all[id] = f
		}
		f.face, f.used = f.face.Add(l.Face), f.used.Add(l.Consumed)
		f.left = f.left || l.Remaining.IsPositive()
		if l.Class == Bonus {
			f.bonus = f.bonus.Add(l.Face)
			continue
		}
		f.cost = f.cost.Add(l.Cost)
		f.paid = f.paid.Add(l.CostLeft).Add(l.CostUsed)
	}
	return all
}
