package domain

import (
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// ReleaseReason says why a hold ended without a sale of what was left.
type ReleaseReason string

// The reasons.
const (
	ReleasedVoid      ReleaseReason = "void"      // the caller voided it
	ReleasedLapsed    ReleaseReason = "lapsed"    // its time was over
	ReleasedRemainder ReleaseReason = "remainder" // a final capture took less than all
	ReleasedCancelled ReleaseReason = "cancelled" // by reference
)

func (r ReleaseReason) operation() Operation {
	switch r {
	case ReleasedVoid:
		return OpVoid
	case ReleasedCancelled:
		return OpCancel
	}
	return OpLapseHold
}

// VoidHold ends a hold.
type VoidHold struct {
	HoldID uuid.UUID `json:"hold_id"`
}

// HoldReleased records that what was left of a hold is free again.
type HoldReleased struct {
	Value
	HoldID        uuid.UUID     `json:"hold_id"`
	Reason        ReleaseReason `json:"reason"`
	CapturedTotal Money         `json:"captured_total"`
	LapsedAt      time.Time     `json:"lapsed_at,omitzero"`
}

func (HoldReleased) event() {}

func (e HoldReleased) operation() Operation { return e.Reason.operation() }

func (e HoldReleased) appendNames(names []Name) []Name { return append(names, EndName(e.HoldID)) }

func (e HoldReleased) balanced(b Balance) Event { e.Balance = b; return e }

// happened is when a lapsed hold's time was over, however late its release is written.
func (e HoldReleased) happened() time.Time { return e.LapsedAt }

// Operation is void.
func (VoidHold) Operation() Operation { return OpVoid }

// Decide checks the account, the reference and the hold. To void is to give nothing away, so no
// freeze stops it.
func (v VoidHold) Decide(d *Draft) error {
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if err := d.unused(OpVoid); err != nil {
		return err
	}
	h, err := d.activeHold(v.HoldID)
	if err != nil {
		return err
	}
	return d.release(h, ReleasedVoid)
}

// release frees what is left of a hold. What returns to a reversed top-up settles its receivable.
func (d *Draft) release(h *Hold, reason ReleaseReason) error {
	var moves []Move
	for i, left := range h.left() {
		if left.IsZero() {
			continue
		}
		m := d.lot(h.Pins[i].Lot).move(left.Zero())
		m.Held = left.Neg()
		moves = append(moves, m)
	}
	e := HoldReleased{
		Value: d.value(h.Left(), moves), HoldID: h.ID, Reason: reason,
		CapturedTotal: h.Requested.With(h.Captured),
	}
	if reason == ReleasedLapsed {
		e.LapsedAt = h.ExpiresAt
	}
	if err := d.post(e); err != nil {
		return err
	}
	return d.settleReturned(moves, SettledByRelease)
}

// lapseHolds releases the holds whose time is over, before a decision uses their value.
func (d *Draft) lapseHolds() error {
	for _, h := range d.lapsed(d.Recorded) {
		if err := d.release(h, ReleasedLapsed); err != nil {
			return err
		}
	}
	return nil
}

func (e HoldReleased) check() error { return cmp.Or(e.frees(), e.Amount.like(e.CapturedTotal)) }

func (e HoldReleased) command(Posted) Command {
	if e.Reason == ReleasedCancelled {
		return Cancel{}
	}
	return VoidHold{e.HoldID}
}

func (e HoldReleased) apply(a *Account, _ time.Time) error {
	h := a.hold(e.HoldID)
	if h == nil || !h.Left().Equal(e.Amount) {
		return fmt.Errorf("hold %s is not active, or has not %s left", e.HoldID, e.Amount)
	}
	a.uncount(h.Counted, e.Amount)
	a.drop(e.HoldID)
	return nil
}
