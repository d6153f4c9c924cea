package domain

import (
	"fmt"

	"github.com/google/uuid"
)

// CaptureHold sells what a hold pins, or a part of it. What it posts is DebitPosted.
type CaptureHold struct {
	HoldID     uuid.UUID `json:"hold_id"`
	Amount     Money     `json:"amount"`
	Final      bool      `json:"final,omitempty"`      // release what is left
	ListAmount Money     `json:"list_amount,omitzero"` // the price without stored value's terms
}

// Operation is capture.
func (CaptureHold) Operation() Operation { return OpCapture }

// Decide checks the amount, the account, the reference, the hold and its time, then what is left. A
// capture of all that is left is final whatever it says.
func (c CaptureHold) Decide(d *Draft) error {
	if err := saleable(c.Amount, c.ListAmount); err != nil {
		return err
	}
	if err := d.maySettle(); err != nil {
		return err
	}
	if err := d.unused(OpCapture); err != nil {
		return err
	}
	h, err := d.activeHold(c.HoldID)
	switch {
	case err != nil:
		return err
	case c.Amount.Unit() != h.Requested.Unit():
		return ErrMalformed.Field("amount", "want the unit of the hold")
	case h.Left().Less(c.Amount):
		return ErrCaptureExceedsHold.Short(c.Amount, h.Left())
	}
	final := c.Final || c.Amount.Equal(h.Left())
	err = d.postSale(DebitPosted{
		Value: d.value(c.Amount, d.capture(h, c.Amount)), DebitID: d.nextID(),
		Requested: c.Amount, RemainingDue: c.Amount.Sub(c.Amount),
		HoldID: h.ID, HoldFinal: final, Final: c.Final, ListAmount: c.ListAmount,
		Counted: h.Counted,
	})
	if rest := d.hold(h.ID); err == nil && final && rest != nil {
		return d.release(rest, ReleasedRemainder)
	}
	return err
}

// activeHold is the hold, or the refusal that says why it is none: its time is over, by now or when
// it ended, or it was captured or released.
func (d *Draft) activeHold(id uuid.UUID) (*Hold, error) {
	if h := d.hold(id); h != nil {
		if h.Lapsed(d.Recorded) {
			return nil, ErrHoldLapsed
		}
		return h, nil
	}
	end, ok := d.last(EndName(id))
	if !ok {
		return nil, ErrNotFound.Because("there is no such hold")
	}
	if e, ok := end.Event.(HoldReleased); ok && e.Reason == ReleasedLapsed {
		return nil, ErrHoldLapsed.By(end)
	}
	return nil, ErrHoldNotActive.By(end)
}

// capture are the moves that sell x of what h pins.
func (d *Draft) capture(h *Hold, x Money) []Move {
	before, after := h.captureUpTo(h.Captured), h.captureUpTo(h.Captured.Add(x.Quantity))
	var moves []Move
	for i, pin := range h.Pins {
		part := after[i].Sub(before[i])
		if part.IsZero() {
			continue
		}
		m := share{d.lot(pin.Lot), part}.sold()
		m.Held = part.Neg()
		moves = append(moves, m)
	}
	return moves
}

// captured books a capture on its hold. A hold of which nothing is left has ended.
func (a *Account) captured(hold uuid.UUID, x Money) error {
	for i, h := range a.holds {
		if h.ID != hold {
			continue
		}
		c := *h
		c.Captured = h.Captured.Add(x.Quantity)
		a.holds[i] = &c
		if c.Left().IsNegative() {
			return fmt.Errorf("hold %s is captured beyond %s", hold, h.Requested)
		}
		if c.Left().IsZero() {
			a.drop(hold)
		}
		return nil
	}
	return fmt.Errorf("hold %s is not active", hold)
}
