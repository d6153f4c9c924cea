package domain

import (
	"fmt"
	"slices"
)

// checked is an event that can tell, without its account, that what was stored makes no sense.
// Decode asks it, so that whoever reads events need not.
type checked interface{ check() error }

// adds checks a value event: a unit, an amount that is not negative, every figure at its scale, and
// moves that all go the way of, and add up to, these sums.
func (v Value) adds(amount, held Quantity) error {
	if v.Amount.unit == "" || v.Amount.IsNegative() {
		return fmt.Errorf("an amount of %s", v.Amount)
	}
	sum, pinned := v.Amount.Quantity.Zero(), v.Amount.Quantity.Zero()
	for _, m := range v.Moves {
		if m.Amount.Scale() != sum.Scale() || m.Held.Scale() != sum.Scale() {
			return fmt.Errorf("lot %s moves %s and holds %s of %s", m.Lot, m.Amount, m.Held, v.Amount)
		}
		if m.Amount.Sign()*amount.Sign() < 0 || m.Held.Sign()*held.Sign() < 0 {
			return fmt.Errorf("lot %s moves the other way", m.Lot)
		}
		sum, pinned = sum.Add(m.Amount), pinned.Add(m.Held)
	}
	if !sum.Equal(amount) || !pinned.Equal(held) {
		return fmt.Errorf("moves of %s and %s held for %s", sum, pinned, v.Amount)
	}
	return nil
}

// gives, takes and pins are adds for events that do nothing else.
func (v Value) gives() error { return v.adds(v.Amount.Quantity, v.Amount.Quantity.Zero()) }
func (v Value) takes() error { return v.adds(v.Amount.Quantity.Neg(), v.Amount.Quantity.Zero()) }
func (v Value) pins() error  { return v.adds(v.Amount.Quantity.Zero(), v.Amount.Quantity) }
func (v Value) frees() error { return v.adds(v.Amount.Quantity.Zero(), v.Amount.Quantity.Neg()) }

// returns is adds for events of which a part was forfeited.
func (v Value) returns(forfeited []Forfeited) error {
	sum := v.Amount.Quantity
	for _, f := range forfeited {
		if f.Amount.Scale() != sum.Scale() || !f.Amount.IsPositive() || f.Cost.IsNegative() {
			return fmt.Errorf("lot %s forfeits %s of %s", f.Lot, f.Amount, v.Amount)
		}
		sum = sum.Sub(f.Amount)
	}
	if sum.IsNegative() {
		return fmt.Errorf("more than %s is forfeited", v.Amount)
	}
	return v.adds(sum, sum.Zero())
}

// like checks that amounts are of m's unit and scale, and not negative.
func (m Money) like(others ...Money) error {
	for _, o := range others {
		if o.unit != m.unit || o.Scale() != m.Scale() || o.IsNegative() {
			return fmt.Errorf("%s beside %s", o, m)
		}
	}
	return nil
}

// opens checks lots that an event of this value opens: at least one and at most some.
func (v Value) opens(lots []LotOpened, most int) error {
	if len(lots) == 0 || len(lots) > most {
		return fmt.Errorf("%d lots", len(lots))
	}
	for _, l := range lots {
		switch {
		case l.Face.Scale() != v.Amount.Scale() || !l.Face.IsPositive() || l.Cost.IsNegative():
			return fmt.Errorf("lot %s has a face of %s for %s, its cost is %s", l.ID, l.Face, v.Amount,
				l.Cost)
		case !slices.Contains(classOrder, l.Class):
			return fmt.Errorf("lot %s has the unknown class %.20q", l.ID, l.Class)
		case !slices.Contains(draws, l.Draw):
			return fmt.Errorf("lot %s has the unknown draw %.20q", l.ID, l.Draw)
		case !slices.Contains(refundPolicies, l.OnRefundExpired.Policy) || l.OnRefundExpired.Days < 0 ||
			l.OnRefundExpired.Days > 36500:
			return fmt.Errorf("lot %s has the unknown policy %.20q", l.ID, l.OnRefundExpired.Policy)
		}
	}
	return nil
}
