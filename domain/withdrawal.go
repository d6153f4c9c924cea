package domain

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// Formula is a way to reckon what a customer is paid for what is left of a unit.
type Formula string

// The formulas.
const (
	// FormulaRatio takes what was used at the discount that the bonus was: of each top-up of which
	// something is left, what was paid less used · paid / (paid + bonus).
	FormulaRatio Formula = "ratio"
	// FormulaListPrice takes what was used at list price, so that the customer keeps no discount: what
	// was paid less the list amounts of what was used, since value last came when nothing was left.
	FormulaListPrice Formula = "list_price"
)

// Variant is a formula's result with the sums it was made from.
type Variant struct {
	Formula Formula             `json:"formula"`
	Amount  *Money              `json:"amount,omitempty"` // not below zero; none: not known
	Inputs  map[string]Quantity `json:"inputs"`           // by name, at the unit's scale
}

// Withdrawal is the paid value of a unit on its way back to the customer, with the bonus that goes
// with it: held until it is paid out, rejected or failed. An account has at most one of a unit.
type Withdrawal struct {
	ID        uuid.UUID `json:"id"`
	Amount    Money     `json:"amount"`    // what is held
	Principal Money     `json:"principal"` // the part that was paid for
	Pins      []Move    `json:"pins"`
	Requester string    `json:"requester"`
	Variants  []Variant `json:"variants"`
	Chosen    Formula   `json:"chosen"`
	Approved  bool      `json:"approved,omitempty"`
	Payout    Money     `json:"payout,omitzero"` // as approved: the most that may be paid
}

// WithdrawalName is the name that what became of a withdrawal answers to.
func WithdrawalName(id uuid.UUID) Name { return Name{"withdrawal", id.String()} }

// NoChecker stands where a decision below the program's threshold needed no second person.
const NoChecker = "none"

// Withdrawals are the open withdrawals, at most one a unit. They must not be changed.
func (a *Account) Withdrawals() []*Withdrawal { return a.withdrawals }

// withdrawal is the open withdrawal that is so, nil if there is none.
func (a *Account) withdrawal(is func(*Withdrawal) bool) *Withdrawal {
	if i := slices.IndexFunc(a.withdrawals, is); i >= 0 {
		return a.withdrawals[i]
	}
	return nil
}

func (a *Account) withdrawalOf(id uuid.UUID) *Withdrawal {
	return a.withdrawal(func(w *Withdrawal) bool { return w.ID == id })
}

// openWithdrawal is the withdrawal, or the refusal that says why it is none.
func (d *Draft) openWithdrawal(id uuid.UUID) (*Withdrawal, error) {
	if w := d.withdrawalOf(id); w != nil {
		return w, nil
	}
	if end, ok := d.last(WithdrawalName(id)); ok {
		return nil, ErrWithdrawalNotOpen.By(end)
	}
	return nil, ErrNotFound.Because("there is no such withdrawal")
}

// letGo are the moves that free of what the withdrawal holds.
func (d *Draft) letGo(w *Withdrawal) []Move {
	moves := make([]Move, len(w.Pins))
	for i, pin := range w.Pins {
		moves[i] = d.lot(pin.Lot).move(pin.Held.Zero())
		moves[i].Held = pin.Held.Neg()
	}
	return moves
}

// withdrawn ends a withdrawal whose hold ends with these moves.
func (a *Account) withdrawn(id uuid.UUID, amount Money) error {
	w := a.withdrawalOf(id)
	if w == nil || !w.Amount.Equal(amount) {
		return fmt.Errorf("withdrawal %s is not open, or does not hold %s", id, amount)
	}
	a.withdrawals = slices.DeleteFunc(a.withdrawals, func(o *Withdrawal) bool { return o == w })
	return nil
}

// variants are all formulas' results on a unit.
func (a *Account) variants(of Money) []Variant {
	all := a.fundings(of)
	return []Variant{ratio(all, of), a.listPrice(all, of)}
}

func ratio(all map[uuid.UUID]*funded, of Money) Variant {
	none := of.Quantity.Zero()
	amount, paid, bonus, used := none, none, none, none
	for _, f := range all {
		if !f.left {
			continue
		}
		part := f.paid.Sub(portion(f.cost, f.used, f.face))
		amount = amount.Add(most(part, none))
		paid, bonus, used = paid.Add(f.paid), bonus.Add(f.bonus), used.Add(f.used)
	}
	money := of.With(amount)
	return Variant{FormulaRatio, &money,
		map[string]Quantity{"paid": paid, "bonus": bonus, "used": used}}
}

func (a *Account) listPrice(all map[uuid.UUID]*funded, of Money) Variant {
	p := a.pricing(of)
	paid := p.Brought
	for _, f := range all {
		paid = paid.Add(f.paid)
	}
	v := Variant{FormulaListPrice, nil, map[string]Quantity{"paid": paid,
		"used_at_list": p.AtList, "used_without_list_amount": p.Unlisted}}
	if p.Unlisted.IsZero() {
		money := of.With(most(paid.Sub(p.AtList), paid.Zero()))
		v.Amount = &money
	}
	return v
}

// variant is the result of a formula, nil where it is not known.
func variant(all []Variant, f Formula) *Money {
	if i := slices.IndexFunc(all, func(v Variant) bool { return v.Formula == f }); i >= 0 {
		return all[i].Amount
	}
	return nil
}

// approval are the terms' thresholds of a unit.
func (t *Terms) approval(unit string) Approval {
	if i := slices.IndexFunc(t.Approvals, func(a Approval) bool { return a.Unit == unit }); i >= 0 {
		return t.Approvals[i]
	}
	return Approval{Unit: unit}
}

// below reports that an amount needs nobody's approval. Without a threshold every amount needs it.
func below(amount, threshold Money) bool {
	return threshold.unit == amount.unit && amount.Less(threshold)
}
