package domain

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// OpWithdrawal is the kind of a requested withdrawal.
const OpWithdrawal Operation = "withdrawal"

// WithdrawalCause says why a customer gets paid value back.
type WithdrawalCause string

// The causes. Only where it is the customer does the list price rule, which keeps no discount.
const (
	WithdrawalByCustomer WithdrawalCause = "customer"    // who changed their mind
	WithdrawalByProvider WithdrawalCause = "provider"    // who cannot serve any more, or not as sold
	WithdrawalCoolingOff WithdrawalCause = "cooling_off" // within the time that the law gives
)

var withdrawalCauses = []WithdrawalCause{WithdrawalByCustomer, WithdrawalByProvider,
	WithdrawalCoolingOff}

// RequestWithdrawal asks for all that is left of what was paid in a unit to go back to the customer.
type RequestWithdrawal struct {
	Unit        string          `json:"unit"` // a currency
	Cause       WithdrawalCause `json:"cause"`
	PayeeMethod string          `json:"payee_method"` // how it will be paid, 1 to 64 bytes
}

// WithdrawalRequested records value that is held for a withdrawal: all principal, and the bonus that
// is revoked with it. Its moves change held, never amount. What was given for nothing apart from a
// top-up (promo, cashback, compensation) and gifts are no part of it, and stay.
type WithdrawalRequested struct {
	Value
	WithdrawalID uuid.UUID       `json:"withdrawal_id"` // the event's own id
	Cause        WithdrawalCause `json:"cause"`
	Variants     []Variant       `json:"variants"`
	Chosen       Formula         `json:"chosen"` // by the cause, unless it is not known
	PayeeMethod  string          `json:"payee_method"`
	Requester    string          `json:"requester"` // the actor
}

func (WithdrawalRequested) event() {}

func (WithdrawalRequested) operation() Operation { return OpWithdrawal }

func (e WithdrawalRequested) balanced(b Balance) Event { e.Balance = b; return e }

// Operation is withdrawal.
func (RequestWithdrawal) Operation() Operation { return OpWithdrawal }

func (w RequestWithdrawal) asked() Money { return Money{unit: w.Unit} }

// Decide checks unit, cause and method, the account, the reference, that no other withdrawal of the
// unit and no receivable is open, then that there is value and no hold on it. Expired lots are
// written off first. Below the program's threshold the withdrawal is approved at once.
func (w RequestWithdrawal) Decide(d *Draft) error {
	u, currency := ISOUnit(w.Unit)
	switch {
	case !currency:
		return ErrMalformed.Field("unit", "want a currency: a count is worth nothing by itself")
	case !slices.Contains(withdrawalCauses, w.Cause):
		return ErrMalformed.Field("cause", "want customer, provider or cooling_off")
	case w.PayeeMethod == "" || len(w.PayeeMethod) > 64 || !printable(w.PayeeMethod):
		return ErrMalformed.Field("payee_method", "want 1 to 64 bytes")
	}
	if err := d.mayTake(); err != nil {
		return err
	}
	if err := d.unused(OpWithdrawal); err != nil {
		return err
	}
	switch {
	case d.withdrawal(func(o *Withdrawal) bool { return o.Amount.unit == w.Unit }) != nil:
		return ErrWithdrawalOpen
	case len(d.receivables) > 0:
		return ErrReceivableOpen
	}
	if err := d.lapseHolds(); err != nil {
		return err
	}
	pins, err := d.withdrawable(w.Unit)
	if err != nil {
		return err
	}
	return w.post(d, pins, u.Zero())
}

// withdrawable are the moves that hold all principal and bonus of a unit.
func (d *Draft) withdrawable(unit string) ([]Move, error) {
	var pins []Move
	for _, l := range slices.Clone(d.lots) {
		if l.Unit != unit || l.Class != Principal && l.Class != Bonus || l.Remaining.IsZero() {
			continue
		}
		if l.Held.IsPositive() {
			return nil, ErrHoldsActive
		}
		if l.expired(d.Recorded) {
			if err := d.expire(l); err != nil {
				return nil, err
			}
			continue
		}
		pins = append(pins, share{l, l.free()}.pinned())
	}
	if len(pins) == 0 {
		return nil, ErrInsufficientFunds.Because("nothing is left of what was paid")
	}
	return pins, nil
}

func (w RequestWithdrawal) post(d *Draft, pins []Move, none Money) error {
	amount := none
	for _, m := range pins {
		amount = amount.Add(none.With(m.Held))
	}
	e := WithdrawalRequested{
		Value: d.value(amount, pins), WithdrawalID: d.nextID(), Cause: w.Cause,
		Variants: d.variants(none), Chosen: FormulaRatio, PayeeMethod: w.PayeeMethod,
		Requester: d.Actor,
	}
	if w.Cause == WithdrawalByCustomer && variant(e.Variants, FormulaListPrice) != nil {
		e.Chosen = FormulaListPrice
	}
	if err := d.post(e); err != nil {
		return err
	}
	payout := *variant(e.Variants, e.Chosen)
	if !below(payout, d.program().Terms.approval(w.Unit).Withdrawal) {
		return nil
	}
	return d.post(WithdrawalApproved{WithdrawalID: e.WithdrawalID, Approver: NoChecker,
		Variant: e.Chosen, Payout: payout})
}

func (e WithdrawalRequested) check() error {
	if variant(e.Variants, e.Chosen) == nil {
		return errors.New("the chosen variant is not known")
	}
	return cmp.Or(e.pins(), e.Amount.like(*variant(e.Variants, e.Chosen)))
}

func (e WithdrawalRequested) command(Posted) Command {
	return RequestWithdrawal{Unit: e.Amount.unit, Cause: e.Cause, PayeeMethod: e.PayeeMethod}
}

func (e WithdrawalRequested) apply(a *Account, _ time.Time) error {
	principal := e.Amount.Quantity.Zero()
	for _, m := range e.Moves {
		if m.Class == Principal {
			principal = principal.Add(m.Held)
		}
	}
	a.withdrawals = append(a.withdrawals, &Withdrawal{
		ID: e.WithdrawalID, Amount: e.Amount, Principal: e.Amount.With(principal), Pins: e.Moves,
		Requester: e.Requester, Variants: e.Variants, Chosen: e.Chosen,
	})
	return nil
}
