package domain

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// The kind of operation that ends an account.
const OpClose Operation = "close"

// ending says how an account ended, and where its value went. It never changes once it is set.
type ending struct {
	Status   Status    `json:"status"` // closed or merged
	Survivor uuid.UUID `json:"survivor,omitzero"`
	Merge    uuid.UUID `json:"merge,omitzero"`
}

// CloseAccount ends an account that is empty and owes nothing.
type CloseAccount struct {
	Reason string `json:"reason"` // 1 to 200 bytes

	Settled uuid.UUID `json:"-"` // the shell knows the end of every transfer sent, up to this one
}

// AccountClosed records the end of an account.
type AccountClosed struct {
	Reason string `json:"reason"`
}

func (AccountClosed) event() {}

func (AccountClosed) operation() Operation { return OpClose }

// Operation is close.
func (CloseAccount) Operation() Operation { return OpClose }

// Decide checks the reason, the account, the reference, that nothing is under way, then that no value
// is left and no order has a coupon. What has lapsed or expired is written first. Coupons end with the
// account.
func (c CloseAccount) Decide(d *Draft) error {
	if c.Reason == "" || len(c.Reason) > 200 {
		return ErrMalformed.Field("reason", "want 1 to 200 bytes")
	}
	if err := d.maySettle(); err != nil {
		return err
	}
	if err := d.unused(OpClose); err != nil {
		return err
	}
	if err := d.atRest(c.Settled); err != nil {
		return err
	}
	for _, b := range d.Balances(d.Recorded) {
		if b.Total.IsPositive() {
			return ErrAccountNotEmpty.Because(fmt.Sprintf("%s %s are left", b.Total, b.Unit))
		}
	}
	if slices.ContainsFunc(d.coupons, func(c Coupon) bool { return c.Order != "" }) {
		return ErrCouponReserved
	}
	if err := d.post(AccountClosed{c.Reason}); err != nil {
		return err
	}
	if err := d.endCoupons(CouponOfClosed); err != nil {
		return err
	}
	return d.endMandates(MandateClosed)
}

// atRest writes what time has brought about, and refuses while something is under way: a hold, a debt,
// a pending top-up, a withdrawal, an adjustment, a transfer that the shell has not seen the end of.
func (d *Draft) atRest(settled uuid.UUID) error {
	if err := d.lapseHolds(); err != nil {
		return err
	}
	for _, l := range d.Due(d.Recorded) {
		if err := d.expire(l); err != nil {
			return err
		}
	}
	for range 2 * len(d.coupons) { // each may lapse, and then expire
		var first elapsed
		if d.elapseCoupons(&first, d.Recorded, false); first.end == nil {
			break
		}
		if err := first.end(); err != nil {
			return err
		}
	}
	switch {
	case len(d.holds) > 0:
		return ErrHoldsActive
	case len(d.receivables) > 0:
		return ErrReceivableOpen
	case len(d.pending) > 0:
		return ErrTopUpPending
	case len(d.adjustments) > 0:
		return ErrAdjustmentOpen
	case len(d.withdrawals) > 0:
		return ErrWithdrawalOpen
	case d.sent != settled:
		return ErrTransferInFlight
	}
	return nil
}

func (e AccountClosed) command(Posted) Command { return CloseAccount{Reason: e.Reason} }

func (AccountClosed) apply(a *Account, _ time.Time) error {
	if a.ended != nil {
		return fmt.Errorf("account %s has ended before", a.id)
	}
	a.ended = &ending{Status: Closed}
	return nil
}

// LastSent is the newest transfer that the account sent, if it ever sent one.
func (a *Account) LastSent() uuid.UUID { return a.sent }

// rule lets a command decide.
func (d *Draft) rule(c Command) error {
	before := d.ended
	if before == nil {
		return c.Decide(d)
	}
	was := d.counting()
	err := c.Decide(d)
	if before.Status == Closed {
		return d.afterClose(c, err)
	}
	return d.afterMerge(c, err, was)
}

// afterClose lets nothing happen to a closed account but the steps of processes that others began: of
// transfers, of what was reserved or claimed, and of a bank that takes a top-up's money back. What is
// owed then can only be written off.
func (d *Draft) afterClose(c Command, err error) error {
	switch c := c.(type) {
	case Sweep, ReceiveTransfer, ReturnTransfer, AbsorbAccount, AdjustMerge, WriteOff, ResolveReservation,
		RefuseClaim:
		return err
	case ReverseTopUp:
		if c.Cause == CauseChargeback {
			return err
		}
	}
	if err == nil {
		return ErrAccountNotOpen
	}
	return err
}

// afterMerge lets an absorbed account undo what it posted itself, block its credentials, answer what it
// has granted once and for all, and take in what still comes to it; that value moves on, and so does what
// is counted no more since was, and owed. Everything else is for the survivor.
func (d *Draft) afterMerge(c Command, err error, was counting) error {
	switch c.(type) {
	case OpenAccount, Sweep, ReturnTransfer, AbsorbAccount, UndoMerge, BlockCredential:
		return err
	case ReceiveTransfer, RevokeCredit, WriteOff:
		if err == nil && !d.foundNothing() {
			return d.moveOn()
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	case AdjustMerge, Refund, ReturnCheckout, ReverseTopUp, Cancel:
		if err == nil && !d.foundNothing() {
			if err := d.adjustMerge(was); err != nil { // before the value: that may begin a new count
				return err
			}
			return d.moveOn()
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	case GrantCoupon, GrantCredit, RefuseClaim, ResolveReservation:
		if isDone(err) { // the survivor does not know it
			return err
		}
	}
	return &Moved{To: d.ended.Survivor, Merge: d.ended.Merge}
}

// moveOn sends all that came to an absorbed account to its survivor.
func (d *Draft) moveOn() error { return d.sendAll(TransferSent{ToAccount: d.ended.Survivor}) }

// foundNothing reports a cancellation of a reference that names nothing here, or a revocation of what a
// job did not grant here.
func (d *Draft) foundNothing() bool {
	switch e := d.posted[len(d.posted)-1].Event.(type) {
	case ReferenceCancelled:
		return e.OperationID == noID && e.Found == "nothing"
	case CreditRevoked:
		return e.GrantID == noID && e.JobID != noID
	}
	return false
}
