package domain

import (
	"maps"
	"slices"
	"time"
)

// PointsHeld are an account's points of one unit as they stand at an instant, and what they are good
// for under a program. What is none is zero.
type PointsHeld struct {
	Balance   Balance
	Owed      Quantity
	Effective PointsDue // the next that can be spent
	Expiring  PointsDue // the next that end, pending ones too
	Rules     []*PointsRule
}

// PointsDue are points to which something happens at an instant.
type PointsDue struct {
	At     time.Time
	Amount Quantity
}

// Points are the account's points at an instant, by unit: all that it ever had or owes, and those that
// the program has rules of.
func (a *Account) Points(p *Program, at time.Time) []PointsHeld {
	units := map[string]int32{}
	for _, l := range a.lots {
		if l.Class == Earned {
			units[l.Unit] = l.Face.Scale()
		}
	}
	for i := range p.Terms.Points {
		units[p.Terms.Points[i].Points.unit] = p.Terms.Points[i].Points.Scale()
	}
	held := []PointsHeld{}
	for _, unit := range slices.Sorted(maps.Keys(units)) {
		held = append(held, a.pointsOf(unit, units[unit], p, at))
	}
	return held
}

func (a *Account) pointsOf(unit string, scale int32, p *Program, at time.Time) PointsHeld {
	h := PointsHeld{Balance: a.Balance(unit, scale, at), Owed: zero(scale),
		Effective: PointsDue{Amount: zero(scale)}, Expiring: PointsDue{Amount: zero(scale)}}
	for _, r := range a.receivables {
		if r.Outstanding.unit == unit {
			h.Owed = h.Owed.Add(r.Outstanding.Quantity)
		}
	}
	for _, l := range a.lots {
		if l.Unit != unit || !l.free().IsPositive() || l.expired(at) {
			continue
		}
		if !l.effective(at) {
			h.Effective.add(l.EffectiveAt, l.free())
		}
		if !l.ExpiresAt.IsZero() {
			h.Expiring.add(l.ExpiresAt, l.free())
		}
	}
	for i := range p.Terms.Points {
		if r := &p.Terms.Points[i]; r.Points.unit == unit {
			h.Rules = append(h.Rules, r)
		}
	}
	return h
}

// add notes points to which it happens then, unless it happens to others before.
func (d *PointsDue) add(at time.Time, x Quantity) {
	switch {
	case d.At.IsZero() || at.Before(d.At):
		d.At, d.Amount = at, x
	case at.Equal(d.At):
		d.Amount = d.Amount.Add(x)
	}
}
