package domain

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

// OpRecycleCoupon is the kind of a coupon's recycling.
const OpRecycleCoupon Operation = "coupon_recycling"

// RecycleCoupon takes back a coupon that nobody gave anything for, and that was never used: its campaign
// may grant another in its place.
type RecycleCoupon struct {
	CouponID uuid.UUID `json:"coupon_id"`
	Reason   string    `json:"reason"` // 1 to 200 bytes
}

// CouponRecycled records that a coupon was taken back, and that it counts against no cap any more.
type CouponRecycled struct {
	CouponID      uuid.UUID `json:"coupon_id"`
	Definition    string    `json:"definition"`
	Campaign      string    `json:"campaign"`
	UsesLeft      int       `json:"uses_left"` // all it had
	ReservationID uuid.UUID `json:"reservation_id,omitzero"`
	Reason        string    `json:"reason"`
}

func (CouponRecycled) event() {}

func (CouponRecycled) operation() Operation { return OpRecycleCoupon }

func (e CouponRecycled) appendNames(names []Name) []Name {
	return append(names, CouponName(e.CouponID), campaignName(e.Campaign))
}

// Operation is coupon_recycling.
func (RecycleCoupon) Operation() Operation { return OpRecycleCoupon }

// Decide checks the reason, the account, the reference, the coupon, that no order has it, then that it
// was free and is unused.
func (r RecycleCoupon) Decide(d *Draft) error {
	if err := checkReason(r.Reason); err != nil {
		return err
	}
	if err := d.maySettle(); err != nil {
		return err
	}
	if err := d.unused(OpRecycleCoupon); err != nil {
		return err
	}
	c, err := d.liveCoupon(r.CouponID)
	switch {
	case err != nil:
		return err
	case c.ReservedAt(d.Recorded):
		return ErrCouponReserved
	case c.Used > 0 || c.Consideration != ConsiderFree:
		return ErrCouponNotRecyclable
	}
	return d.post(CouponRecycled{CouponID: c.ID, Definition: c.Definition, Campaign: c.Campaign,
		UsesLeft: c.Uses, ReservationID: c.ReservationID, Reason: r.Reason})
}

func (e CouponRecycled) check() error {
	if e.CouponID == noID || e.UsesLeft < 1 {
		return errors.New("no coupon, or none of its uses, is recycled")
	}
	return nil
}

func (e CouponRecycled) command(Posted) Command { return RecycleCoupon{e.CouponID, e.Reason} }

func (e CouponRecycled) apply(a *Account, _ time.Time) error {
	return a.endCoupon(e.CouponID, e.UsesLeft)
}
