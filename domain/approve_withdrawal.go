package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// OpApproveWithdrawal is the kind of a withdrawal's approval.
const OpApproveWithdrawal Operation = "withdrawal_approval"

// ApproveWithdrawal lets a withdrawal be paid out. Another person than its requester must ask.
type ApproveWithdrawal struct {
	WithdrawalID uuid.UUID `json:"withdrawal_id"`
	Variant      Formula   `json:"variant,omitempty"` // none: the one that was chosen
}

// WithdrawalApproved records that a withdrawal may be paid out, and the most that may be paid.
type WithdrawalApproved struct {
	WithdrawalID uuid.UUID `json:"withdrawal_id"`
	Approver     string    `json:"approver"` // the actor, or none below the program's threshold
	Variant      Formula   `json:"variant"`
	Asked        Formula   `json:"asked,omitempty"` // as the approver named it
	Payout       Money     `json:"payout"`
}

func (WithdrawalApproved) event() {}

func (WithdrawalApproved) operation() Operation { return OpApproveWithdrawal }

func (e WithdrawalApproved) appendNames(names []Name) []Name {
	return append(names, WithdrawalName(e.WithdrawalID))
}

// Operation is withdrawal_approval.
func (ApproveWithdrawal) Operation() Operation { return OpApproveWithdrawal }

// Decide checks the variant's name, the account, the reference, the withdrawal and that it is not
// approved yet, who asks, that no receivable is open, then that the variant is known.
func (w ApproveWithdrawal) Decide(d *Draft) error {
	if w.Variant != "" && w.Variant != FormulaRatio && w.Variant != FormulaListPrice {
		return ErrMalformed.Field("variant", "want ratio or list_price")
	}
	if err := d.mayTake(); err != nil {
		return err
	}
	if err := d.unused(OpApproveWithdrawal); err != nil {
		return err
	}
	open, err := d.openWithdrawal(w.WithdrawalID)
	if err != nil {
		return err
	}
	e := WithdrawalApproved{WithdrawalID: open.ID, Approver: d.Actor, Variant: open.Chosen,
		Asked: w.Variant}
	if w.Variant != "" {
		e.Variant = w.Variant
	}
	payout := variant(open.Variants, e.Variant)
	switch {
	case open.Approved:
		return ErrWithdrawalNotOpen.Because("the withdrawal is approved already")
	case open.Requester == d.Actor:
		return ErrMakerIsChecker
	case len(d.receivables) > 0:
		return ErrReceivableOpen
	case payout == nil:
		return ErrMalformed.Field("variant", "is not known: a debit did not say its list_amount")
	}
	e.Payout = *payout
	return d.post(e)
}

func (e WithdrawalApproved) check() error {
	if e.Payout.unit == "" || e.Payout.IsNegative() {
		return fmt.Errorf("a payout of %s", e.Payout)
	}
	return nil
}

func (e WithdrawalApproved) command(Posted) Command {
	return ApproveWithdrawal{WithdrawalID: e.WithdrawalID, Variant: e.Asked}
}

func (e WithdrawalApproved) apply(a *Account, _ time.Time) error {
	for i, w := range a.withdrawals {
		if w.ID == e.WithdrawalID && !w.Approved {
			c := *w
			c.Approved, c.Payout = true, e.Payout
			a.withdrawals[i] = &c
			return e.Payout.like(w.Amount)
		}
	}
	return fmt.Errorf("withdrawal %s is not open, or approved before", e.WithdrawalID)
}
