package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// OpReleaseCoupon is the kind of the end of a coupon's reservation.
const OpReleaseCoupon Operation = "coupon_release"

// CouponRelease says why an order has a coupon no more.
type CouponRelease string

// The reasons.
const (
	CouponGivenUp CouponRelease = "released" // the order gave it up
	CouponLapsed  CouponRelease = "lapsed"   // its time was over
)

// ReleaseCoupon lets an order give up a coupon that it has reserved.
type ReleaseCoupon struct {
	CouponID uuid.UUID `json:"coupon_id"`
	OrderRef string    `json:"order_ref"` // that has it reserved
}

// CouponReleased records that an order has a coupon no more.
type CouponReleased struct {
	CouponID   uuid.UUID     `json:"coupon_id"`
	Definition string        `json:"definition"`
	Campaign   string        `json:"campaign"`
	OrderRef   string        `json:"order_ref"`
	Reason     CouponRelease `json:"reason"`
	LapsedAt   time.Time     `json:"lapsed_at,omitzero"`
}

func (CouponReleased) event() {}

func (CouponReleased) operation() Operation { return OpReleaseCoupon }

// happened is when a reservation's time was over, however late that is written.
func (e CouponReleased) happened() time.Time { return e.LapsedAt }

// Operation is coupon_release.
func (ReleaseCoupon) Operation() Operation { return OpReleaseCoupon }

// Decide checks the order, the account, the reference, then the reservation. To release is to give
// nothing away, so no freeze stops it.
func (r ReleaseCoupon) Decide(d *Draft) error {
	if err := checkOrder(r.OrderRef); err != nil {
		return err
	}
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if err := d.unused(OpReleaseCoupon); err != nil {
		return err
	}
	c, err := d.liveCoupon(r.CouponID)
	switch {
	case err != nil:
		return err
	case !c.ReservedAt(d.Recorded):
		return ErrCouponNotReserved
	case c.Order != r.OrderRef:
		return ErrCouponReserved
	}
	return d.releaseCoupon(c, CouponGivenUp)
}

func (d *Draft) releaseCoupon(c Coupon, reason CouponRelease) error {
	e := CouponReleased{CouponID: c.ID, Definition: c.Definition, Campaign: c.Campaign,
		OrderRef: c.Order, Reason: reason}
	if reason == CouponLapsed {
		e.LapsedAt = c.Reserved
	}
	return d.post(e)
}

func (e CouponReleased) check() error {
	if (e.Reason == CouponLapsed) == e.LapsedAt.IsZero() {
		return fmt.Errorf("coupon %s is released by %.20q at %s", e.CouponID, e.Reason, e.LapsedAt)
	}
	return nil
}

func (e CouponReleased) command(Posted) Command { return ReleaseCoupon{e.CouponID, e.OrderRef} }

func (e CouponReleased) apply(a *Account, _ time.Time) error {
	c, err := a.edited(e.CouponID)
	if err != nil {
		return err
	}
	if c.Order != e.OrderRef || c.Order == "" {
		return fmt.Errorf("coupon %s is reserved by %q, not %q", c.ID, c.Order, e.OrderRef)
	}
	c.Order, c.Reserved = "", time.Time{}
	return nil
}
