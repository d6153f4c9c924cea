package domain

import (
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// OpSettleWithdrawal is the kind of a withdrawal's settlement: paid or failed.
const OpSettleWithdrawal Operation = "withdrawal_settlement"

// The outcomes of an approved withdrawal.
const (
	OutcomePaid   = "paid"
	OutcomeFailed = "failed"
)

// SettleWithdrawal says what became of an approved withdrawal's payment.
type SettleWithdrawal struct {
	WithdrawalID     uuid.UUID `json:"withdrawal_id"`
	Outcome          string    `json:"outcome"`         // paid or failed
	Payout           Money     `json:"payout,omitzero"` // what the customer got, of paid
	PaymentReference string    `json:"payment_reference,omitempty"`
	Reason           string    `json:"reason,omitempty"` // of failed, 1 to 200 bytes
}

// WithdrawalPaidOut records that a withdrawal was paid: its principal is extinguished, its bonus
// revoked. Amount is both.
type WithdrawalPaidOut struct {
	Value
	WithdrawalID     uuid.UUID `json:"withdrawal_id"`
	Payout           Money     `json:"payout"`
	Extinguished     Money     `json:"extinguished"` // the principal
	Difference       Quantity  `json:"difference"`   // payout less extinguished, signed
	PaymentReference string    `json:"payment_reference,omitempty"`
}

// WithdrawalFailed records that an approved withdrawal could not be paid: what it held is free again.
type WithdrawalFailed struct {
	Value
	WithdrawalID uuid.UUID `json:"withdrawal_id"`
	Reason       string    `json:"reason"`
}

func (WithdrawalPaidOut) event() {}
func (WithdrawalFailed) event()  {}

func (WithdrawalPaidOut) operation() Operation { return OpSettleWithdrawal }
func (WithdrawalFailed) operation() Operation  { return OpSettleWithdrawal }

func (e WithdrawalPaidOut) appendNames(names []Name) []Name {
	return append(names, WithdrawalName(e.WithdrawalID))
}

func (e WithdrawalFailed) appendNames(names []Name) []Name {
	return append(names, WithdrawalName(e.WithdrawalID))
}

func (e WithdrawalPaidOut) balanced(b Balance) Event { e.Balance = b; return e }
func (e WithdrawalFailed) balanced(b Balance) Event  { e.Balance = b; return e }

// Operation is withdrawal_settlement.
func (SettleWithdrawal) Operation() Operation { return OpSettleWithdrawal }

// Decide checks the outcome's fields, the account, the reference, the withdrawal and that it is
// approved, then, of a payment, that no receivable is open, the unit and the approved amount. A
// failure gives nothing away, so no freeze stops it.
func (w SettleWithdrawal) Decide(d *Draft) error {
	if err := w.check(); err != nil {
		return err
	}
	if err := w.may(d); err != nil {
		return err
	}
	if err := d.unused(OpSettleWithdrawal); err != nil {
		return err
	}
	open, err := d.openWithdrawal(w.WithdrawalID)
	switch {
	case err != nil:
		return err
	case !open.Approved:
		return ErrWithdrawalNotApproved
	case w.Outcome == OutcomePaid:
		return w.pay(d, open)
	}
	moves := d.letGo(open)
	err = d.post(WithdrawalFailed{Value: d.value(open.Amount, moves), WithdrawalID: open.ID,
		Reason: w.Reason})
	if err != nil {
		return err
	}
	return d.settleReturned(moves, SettledByRelease)
}

func (w SettleWithdrawal) check() error {
	paid := w.Outcome == OutcomePaid
	switch {
	case !paid && w.Outcome != OutcomeFailed:
		return ErrMalformed.Field("outcome", "want paid or failed")
	case !paid && w.Payout.unit != "":
		return ErrMalformed.Field("payout", "nothing was paid")
	case !paid && w.PaymentReference != "":
		return ErrMalformed.Field("payment_reference", "nothing was paid")
	case !paid:
		return checkReason(w.Reason)
	case w.Payout.unit == "" || w.Payout.IsNegative():
		return ErrMalformed.Field("payout", "want zero or more")
	case w.Reason != "":
		return ErrMalformed.Field("reason", "goes with failed")
	case len(w.PaymentReference) > 64 || !printable(w.PaymentReference):
		return ErrMalformed.Field("payment_reference", "want at most 64 bytes")
	}
	return nil
}

func (w SettleWithdrawal) may(d *Draft) error {
	if w.Outcome == OutcomeFailed && d.revision >= 0 {
		return nil
	}
	return d.mayTake()
}

func (w SettleWithdrawal) pay(d *Draft, open *Withdrawal) error {
	switch {
	case len(d.receivables) > 0:
		return ErrReceivableOpen
	case w.Payout.unit != open.Amount.unit:
		return ErrMalformed.Field("payout", "want the unit of the withdrawal")
	case open.Payout.Less(w.Payout):
		return ErrLimitExceeded.Short(w.Payout, open.Payout)
	}
	moves := make([]Move, len(open.Pins))
	for i, pin := range open.Pins {
		moves[i] = d.lot(pin.Lot).lost(pin.Held)
		moves[i].Held = pin.Held.Neg()
	}
	return d.post(WithdrawalPaidOut{
		Value: d.value(open.Amount, moves), WithdrawalID: open.ID, Payout: w.Payout,
		Extinguished: open.Principal, Difference: w.Payout.Quantity.Sub(open.Principal.Quantity),
		PaymentReference: w.PaymentReference,
	})
}

func (e WithdrawalPaidOut) check() error {
	if !e.Payout.Quantity.Sub(e.Extinguished.Quantity).Equal(e.Difference) {
		return fmt.Errorf("%s paid for %s differ by %s", e.Payout, e.Extinguished, e.Difference)
	}
	gone := e.Amount.Quantity.Neg()
	return cmp.Or(e.adds(gone, gone), e.Amount.like(e.Payout, e.Extinguished))
}

func (e WithdrawalFailed) check() error { return e.frees() }

func (e WithdrawalPaidOut) command(Posted) Command {
	return SettleWithdrawal{WithdrawalID: e.WithdrawalID, Outcome: OutcomePaid, Payout: e.Payout,
		PaymentReference: e.PaymentReference}
}

func (e WithdrawalFailed) command(Posted) Command {
	return SettleWithdrawal{WithdrawalID: e.WithdrawalID, Outcome: OutcomeFailed, Reason: e.Reason}
}

func (e WithdrawalPaidOut) apply(a *Account, _ time.Time) error {
	if err := a.withdrawn(e.WithdrawalID, e.Amount); err != nil {
		return err
	}
	a.spend(e.Moves)
	a.priceAfresh(e.Amount, a.revision+1)
	return nil
}

func (e WithdrawalFailed) apply(a *Account, _ time.Time) error {
	return a.withdrawn(e.WithdrawalID, e.Amount)
}
