package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// OpExtendCoupon is the kind of a coupon's extension.
const OpExtendCoupon Operation = "coupon_extension"

// ExtendCoupon lets a coupon be redeemed for longer.
type ExtendCoupon struct {
	CouponID   uuid.UUID `json:"coupon_id"`
	ValidUntil time.Time `json:"valid_until"` // later than the coupon's
	Reason     string    `json:"reason"`      // 1 to 200 bytes
}

// CouponExtended records that a coupon ends later.
type CouponExtended struct {
	CouponID   uuid.UUID `json:"coupon_id"`
	Definition string    `json:"definition"`
	Campaign   string    `json:"campaign"`
	From       time.Time `json:"from"`
	ValidUntil time.Time `json:"valid_until"`
	Reason     string    `json:"reason"`
}

func (CouponExtended) event() {}

func (CouponExtended) operation() Operation { return OpExtendCoupon }

func (e CouponExtended) appendNames(names []Name) []Name {
	return append(names, CouponName(e.CouponID))
}

// Operation is coupon_extension.
func (ExtendCoupon) Operation() Operation { return OpExtendCoupon }

// Decide checks end and reason, the account, the reference, the coupon, then that it ends later. What
// was given and is over stays over, as of lots.
func (x ExtendCoupon) Decide(d *Draft) error {
	if !comes(x.ValidUntil, d.Recorded) {
		return ErrMalformed.Field("valid_until", "want a time to come")
	}
	if err := checkReason(x.Reason); err != nil {
		return err
	}
	if err := d.maySettle(); err != nil {
		return err
	}
	if err := d.unused(OpExtendCoupon); err != nil {
		return err
	}
	c, err := d.liveCoupon(x.CouponID)
	switch {
	case err != nil:
		return err
	case c.ValidUntil.IsZero():
		return ErrMalformed.Field("valid_until", "want none: the coupon never ends")
	case !x.ValidUntil.After(c.ValidUntil):
		return ErrMalformed.Field("valid_until", "want a time after the coupon's own end")
	}
	return d.post(CouponExtended{CouponID: c.ID, Definition: c.Definition, Campaign: c.Campaign,
		From: c.ValidUntil, ValidUntil: x.ValidUntil, Reason: x.Reason})
}

func (x ExtendCoupon) canonical() any { x.ValidUntil = x.ValidUntil.UTC(); return x }

func (e CouponExtended) check() error {
	if !e.ValidUntil.After(e.From) || e.From.IsZero() {
		return fmt.Errorf("coupon %s is extended from %s to %s", e.CouponID, e.From, e.ValidUntil)
	}
	return nil
}

func (e CouponExtended) command(Posted) Command {
	return ExtendCoupon{CouponID: e.CouponID, ValidUntil: e.ValidUntil, Reason: e.Reason}
}

func (e CouponExtended) apply(a *Account, _ time.Time) error {
	c, err := a.edited(e.CouponID)
	if err != nil {
		return err
	}
	if !c.ValidUntil.Equal(e.From) {
		return fmt.Errorf("coupon %s ends at %s, not at %s", c.ID, c.ValidUntil, e.From)
	}
	c.ValidUntil = e.ValidUntil
	return nil
}
