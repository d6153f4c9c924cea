package domain

import (
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Cause says why a top-up was reversed.
type Cause string

// The causes.
const (
	CauseError      Cause = "error"
	CauseChargeback Cause = "chargeback"
	CauseCancelled  Cause = "cancelled"
)

// ReverseTopUp takes a top-up back.
type ReverseTopUp struct {
	TopUpID          uuid.UUID `json:"top_up_id"`
	Cause            Cause     `json:"cause"` // error or chargeback; to cancel is Cancel's
	PaymentReference string    `json:"payment_reference,omitempty"`
}

// TopUpReversed records that a top-up was taken back: all that was left of it. Amount may be zero.
type TopUpReversed struct {
	Value
	TopUpID          uuid.UUID `json:"top_up_id"`
	Cause            Cause     `json:"cause"`
	PaymentReference string    `json:"payment_reference,omitempty"`
	Payments         []Payment `json:"payments,omitempty"` // the tenders of the top-up
	PrincipalTaken   Money     `json:"principal_taken"`
	BonusRevoked     Money     `json:"bonus_revoked"`
	ReceivableID     uuid.UUID `json:"receivable_id,omitzero"` // the survivor's, after a merge
	SaleID           uuid.UUID `json:"sale_id,omitzero"`       // the sell_voucher that a cancel took back by it
	Used             bool      `json:"used,omitempty"`         // a part of it, be it bonus
}

func (TopUpReversed) event() {}

func (e TopUpReversed) operation() Operation {
	if e.Cause == CauseCancelled {
		return OpCancel
	}
	return OpReverse
}

func (e TopUpReversed) appendNames(names []Name) []Name {
	return append(names, ReversalName(e.TopUpID))
}

func (e TopUpReversed) balanced(b Balance) Event { e.Balance = b; return e }

// Operation is top_up_reversal.
func (ReverseTopUp) Operation() Operation { return OpReverse }

// Decide checks the cause, the account, the reference, the top-up, then whether its principal was
// used: an error's reversal is refused then, a chargeback's never; it opens a receivable. What was
// sent to another account was used: its money is gone, and the value is not the receiver's fault. So
// was what a withdrawal paid out, and what paid a debt.
func (r ReverseTopUp) Decide(d *Draft) error {
	switch {
	case r.Cause != CauseError && r.Cause != CauseChargeback:
		return ErrMalformed.Field("cause", "want error or chargeback")
	case len(r.PaymentReference) > 64:
		return ErrMalformed.Field("payment_reference", "want at most 64 bytes")
	}
	if err := d.mayReverse(r.Cause); err != nil {
		return err
	}
	if err := d.unused(OpReverse); err != nil {
		return err
	}
	if err := d.lapseHolds(); err != nil {
		return err
	}
	return d.reverse(r.TopUpID, r.Cause, r.PaymentReference)
}

// mayReverse checks the account. The bank has taken a chargeback's money already: no freeze undoes that.
func (d *Draft) mayReverse(cause Cause) error {
	if cause == CauseChargeback && d.revision >= 0 {
		return nil
	}
	return d.maySettle()
}

// reverse takes the unheld principal of a top-up and revokes its unheld bonus; principal that was
// used, or is held, becomes a receivable: of the survivor, where a merge sent it on.
func (d *Draft) reverse(topUp uuid.UUID, cause Cause, payment string) error {
	lots := d.funding(topUp)
	begun, _ := d.first(EventName(topUp))
	_, initiated := begun.Event.(TopUpInitiated)
	switch {
	case len(lots) == 0 && initiated:
		return ErrNotCancellable.Because("the top-up is pending or has failed: there is nothing to take")
	case len(lots) == 0 || lots[0].OriginLot != noID:
		return ErrNotFound.Because("there is no such top-up")
	case lots[0].Reversed:
		return ErrNotCancellable.Because("the top-up is reversed already")
	}
	sold := lots[0]
	used := sold.used()
	if !used.IsZero() && cause != CauseChargeback {
		return ErrTopUpSpent
	}
	e := TopUpReversed{TopUpID: topUp, Cause: cause, PaymentReference: payment,
		Payments: d.tenders(sold)}
	money := Money{unit: sold.Unit, Quantity: sold.free()}
	e.PrincipalTaken, e.BonusRevoked = money, money.With(money.Quantity.Zero())
	if sold.Class == Gift && cause == CauseCancelled {
		e.SaleID = begun.Metadata.OperationID
	}
	var moves []Move
	for _, l := range lots {
		if l.free().IsPositive() {
			moves = append(moves, l.lost(l.free()))
		}
		e.Used = e.Used || l.used().IsPositive()
		if l != sold {
			e.BonusRevoked = money.With(l.free())
		}
	}
	e.Value = d.value(e.PrincipalTaken.Add(e.BonusRevoked), moves)
	if !used.IsZero() {
		e.ReceivableID = partOf(d.nextID(), 1)
	}
	if err := d.post(e); err != nil {
		return err
	}
	return d.owe(MergedDebt{e.ReceivableID, topUp, money.With(used)})
}

// tenders are what was paid with for a lot that a top-up opened.
func (d *Draft) tenders(sold *Lot) []Payment {
	p, _ := d.first(EventName(partOf(sold.ID, 0)))
	e, _ := p.Event.(TopUpPosted)
	return e.Payments
}

func (e TopUpReversed) check() error {
	return cmp.Or(e.takes(), e.Amount.like(e.PrincipalTaken, e.BonusRevoked))
}

func (e TopUpReversed) command(Posted) Command {
	if e.Cause == CauseCancelled {
		return Cancel{}
	}
	return ReverseTopUp{TopUpID: e.TopUpID, Cause: e.Cause, PaymentReference: e.PaymentReference}
}

func (e TopUpReversed) apply(a *Account, _ time.Time) error {
	lots := a.funding(e.TopUpID)
	if len(lots) == 0 || lots[0].Reversed {
		return fmt.Errorf("top-up %s is not there, or reversed before", e.TopUpID)
	}
	if !e.Used {
		a.bonuses.reverse(lots[len(lots)-1].Ladder)
	}
	return a.reverse(e.TopUpID)
}

// reverse marks the lots of a top-up as reversed.
func (a *Account) reverse(topUp uuid.UUID) error {
	for _, l := range a.funding(topUp) {
		c, err := a.edit(l.ID)
		if err != nil {
			return err
		}
		c.Reversed = true
	}
	return nil
}
