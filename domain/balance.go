package domain

import (
	"slices"
	"strings"
	"time"
)

// Balance is an account's value in one unit at an instant. Total is the sum of the lots by events;
// Available, Held, Pending and ExpiredUnposted always add up to it, and so does ByClass.
type Balance struct {
	Unit            string             `json:"unit"`
	Total           Quantity           `json:"total"`
	Available       Quantity           `json:"available"`        // can be spent now, Limited included
	Limited         Quantity           `json:"limited,omitzero"` // on some goods alone; a debit takes of the rest
	Held            Quantity           `json:"held"`             // pinned by holds that last
	Pending         Quantity           `json:"pending"`          // not yet effective
	ExpiredUnposted Quantity           `json:"expired_unposted"` // LotExpired is still to be written
	ByClass         map[Class]Quantity `json:"by_class"`         // of Total; without empty classes

	// Averaged says of the balance that an event left how the event counts where tiers go by an average.
	Averaged *Qualifying `json:"averaged,omitempty"`
}

func (b Balance) appendJSON(to jsonText) jsonText {
	to = append(to, '{').text("unit", b.Unit).quantity("total", b.Total)
	to = to.quantity("available", b.Available)
	if !b.Limited.IsZero() {
		to = to.quantity("limited", b.Limited)
	}
	to = to.quantity("held", b.Held).quantity("pending", b.Pending)
	to = append(to.quantity("expired_unposted", b.ExpiredUnposted).key("by_class"), '{')
	for _, class := range classesByName {
		if sum, ok := b.ByClass[class]; ok {
			to = to.quantity(string(class), sum)
		}
	}
	return append(b.Averaged.appendAs(append(to, '}'), "averaged"), '}')
}

// classesByName are the classes in the order of their names.
var classesByName = slices.Sorted(slices.Values(classOrder))

// Balance is the balance in a unit at an instant: what stands in a hold that has lapsed by then is
// free again, whether or not its release is written. A unit the account never had has scale's zero.
func (a *Account) Balance(unit string, scale int32, at time.Time) Balance {
	z := zero(scale)
	b := Balance{Unit: unit, Total: z, Available: z, Limited: z, Held: z, Pending: z, ExpiredUnposted: z,
		ByClass: make(map[Class]Quantity, classCount)}
	lapsed := pinnedBy(a.lapsed(at))
	var sums [classCount]Quantity // by place in classOrder; cheaper to add to than a map
	for _, l := range a.lots {
		if l.Unit != unit || l.Remaining.IsZero() {
			continue
		}
		held := l.Held
		if freed, ok := lapsed[l.ID]; ok {
			held = held.Sub(freed)
		}
		b.add(l, held, at)
		if i := l.Class.order(); sums[i].IsZero() {
			sums[i] = l.Remaining
		} else {
			sums[i] = sums[i].Add(l.Remaining)
		}
	}
	for i, sum := range sums {
		if !sum.IsZero() {
			b.ByClass[classOrder[i]] = sum
		}
	}
	return b
}

func (b *Balance) add(l *Lot, held Quantity, at time.Time) {
	free := l.Remaining.Sub(held)
	b.Total = b.Total.Add(l.Remaining)
	b.Held = b.Held.Add(held)
	switch {
	case !l.effective(at):
		b.Pending = b.Pending.Add(free)
	case l.expired(at):
		b.ExpiredUnposted = b.ExpiredUnposted.Add(free)
	default:
		if b.Available = b.Available.Add(free); l.Scope.ofGoods() {
			b.Limited = b.Limited.Add(free)
		}
	}
}

// Balances are the balances in all units the account ever had, by code.
func (a *Account) Balances(at time.Time) []Balance {
	balances := []Balance{}
	for _, unit := range a.Units() {
		balances = append(balances, a.Balance(unit.Code, unit.Scale, at))
	}
	return balances
}

// Units are the units of the account's lots, by code; only Code and Scale are set.
func (a *Account) Units() []Unit {
	var units []Unit
	for _, l := range a.lots {
		i, found := slices.BinarySearchFunc(units, l.Unit, func(u Unit, code string) int {
			return strings.Compare(u.Code, code)
		})
		if !found {
			units = slices.Insert(units, i, Unit{Code: l.Unit, Scale: l.Face.Scale()})
		}
	}
	return units
}

// equal compares two balances figure by figure; o may be from before Limited was told.
func (b *Balance) equal(o *Balance) bool {
	same := b.Unit == o.Unit && (o.Limited.IsZero() || b.Limited.Equal(o.Limited)) &&
		b.Total.Equal(o.Total) && b.Available.Equal(o.Available) &&
		b.Held.Equal(o.Held) && b.Pending.Equal(o.Pending) &&
		b.ExpiredUnposted.Equal(o.ExpiredUnposted) && len(b.ByClass) == len(o.ByClass)
	for class, sum := range b.ByClass {
		other, ok := o.ByClass[class]
		same = same && ok && sum.Equal(other)
	}
	return same
}

// spendable is the value that a debit in that context could take at that instant: what is limited to
// goods is no part of it.
func (a *Account) spendable(unit Money, at time.Time, c *Context) Money {
	sum := unit.With(unit.Quantity.Zero())
	for _, l := range a.lots {
		if l.Unit == unit.Unit() && l.spendable(at, c) {
			sum = sum.With(sum.Quantity.Add(l.free()))
		}
	}
	return sum
}
