package domain

import (
	"time"

	"github.com/google/uuid"
)

// OpRejectWithdrawal is the kind of a withdrawal's rejection.
const OpRejectWithdrawal Operation = "withdrawal_rejection"

// RejectWithdrawal ends a withdrawal before it is approved.
type RejectWithdrawal struct {
	WithdrawalID uuid.UUID `json:"withdrawal_id"`
	Reason       string    `json:"reason"` // 1 to 200 bytes
}

// WithdrawalRejected records that what a withdrawal held is free again.
type WithdrawalRejected struct {
	Value
	WithdrawalID uuid.UUID `json:"withdrawal_id"`
	Reason       string    `json:"reason"`
}

func (WithdrawalRejected) event() {}

func (WithdrawalRejected) operation() Operation { return OpRejectWithdrawal }

func (e WithdrawalRejected) appendNames(names []Name) []Name {
	return append(names, WithdrawalName(e.WithdrawalID))
}

func (e WithdrawalRejected) balanced(b Balance) Event { e.Balance = b; return e }

// Operation is withdrawal_rejection.
func (RejectWithdrawal) Operation() Operation { return OpRejectWithdrawal }

// Decide checks the reason, the account, the reference, then the withdrawal. To reject is to give
// nothing away, so no freeze stops it, and whoever requested it may.
func (w RejectWithdrawal) Decide(d *Draft) error {
	if err := checkReason(w.Reason); err != nil {
		return err
	}
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if err := d.unused(OpRejectWithdrawal); err != nil {
		return err
	}
	open, err := d.openWithdrawal(w.WithdrawalID)
	switch {
	case err != nil:
		return err
	case open.Approved:
		return ErrWithdrawalNotOpen.Because("the withdrawal is approved: settle it as failed")
	}
	moves := d.letGo(open)
	err = d.post(WithdrawalRejected{Value: d.value(open.Amount, moves), WithdrawalID: open.ID,
		Reason: w.Reason})
	if err != nil {
		return err
	}
	return d.settleReturned(moves, SettledByRelease)
}

func checkReason(reason string) error {
	if reason == "" || len(reason) > 200 || !printable(reason) {
		return ErrMalformed.Field("reason", "want 1 to 200 bytes")
	}
	return nil
}

func (e WithdrawalRejected) check() error { return e.frees() }

func (e WithdrawalRejected) command(Posted) Command {
	return RejectWithdrawal{WithdrawalID: e.WithdrawalID, Reason: e.Reason}
}

func (e WithdrawalRejected) apply(a *Account, _ time.Time) error {
	return a.withdrawn(e.WithdrawalID, e.Amount)
}
