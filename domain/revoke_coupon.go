package domain

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// OpRevokeCoupon is the kind of a coupon's revocation.
const OpRevokeCoupon Operation = "coupon_revocation"

// CouponOfClosed is the reason for which a coupon ends with its account.
const CouponOfClosed = "account_closed"

// RevokeCoupon takes back a coupon: that with that id, or the one that a job granted to the account.
type RevokeCoupon struct {
	CouponID uuid.UUID `json:"coupon_id,omitzero"`
	JobID    uuid.UUID `json:"job_id,omitzero"` // of the grant; in place of the coupon's id
	Reason   string    `json:"reason"`          // 1 to 200 bytes
}

// CouponRevoked records that a coupon was taken back, reserved or not. Without a coupon it says that a
// job granted none here, and never will.
type CouponRevoked struct {
	CouponID      uuid.UUID `json:"coupon_id,omitzero"`
	Definition    string    `json:"definition,omitempty"`
	Campaign      string    `json:"campaign,omitempty"`
	UsesLeft      int       `json:"uses_left"`
	ReservationID uuid.UUID `json:"reservation_id,omitzero"` // of its grant
	JobID         uuid.UUID `json:"job_id,omitzero"`         // whose coupon was asked for
	Reason        string    `json:"reason"`
}

func (CouponRevoked) event() {}

func (CouponRevoked) operation() Operation { return OpRevokeCoupon }

func (e CouponRevoked) appendNames(names []Name) []Name {
	if e.CouponID != noID {
		names = append(names, CouponName(e.CouponID))
	}
	if e.JobID != noID {
		names = append(names, JobName(e.JobID))
	}
	return names
}

// Operation is coupon_revocation.
func (RevokeCoupon) Operation() Operation { return OpRevokeCoupon }

// Decide checks the reason, the account, the reference, then the coupon. A job's that has ended by
// itself is Done.
func (r RevokeCoupon) Decide(d *Draft) error {
	if err := checkReason(r.Reason); err != nil {
		return err
	}
	if err := d.maySettle(); err != nil {
		return err
	}
	if err := d.unused(OpRevokeCoupon); err != nil {
		return err
	}
	if r.JobID != noID {
		return r.ofJob(d)
	}
	c, err := d.liveCoupon(r.CouponID)
	if err != nil {
		return err
	}
	return d.revokeCoupon(c, r)
}

// ofJob revokes what a job granted here, or to an account that was merged into this one. Where it
// granted nothing, it never will: what is written then takes the job's name, and a node that comes late
// with the grant finds it.
func (r RevokeCoupon) ofJob(d *Draft) error {
	i := slices.IndexFunc(d.coupons, func(c Coupon) bool {
		return c.JobID == r.JobID && !c.Expired(d.Decided)
	})
	if i >= 0 {
		return d.revokeCoupon(d.coupons[i], r)
	}
	if p, found := d.last(JobName(r.JobID)); found {
		return &Done{p}
	}
	return d.post(CouponRevoked{JobID: r.JobID, Reason: r.Reason})
}

func (d *Draft) revokeCoupon(c Coupon, r RevokeCoupon) error {
	return d.post(CouponRevoked{CouponID: c.ID, Definition: c.Definition, Campaign: c.Campaign,
		UsesLeft: c.Uses - c.Used, ReservationID: c.ReservationID, JobID: r.JobID, Reason: r.Reason})
}

// endCoupons ends all coupons of an account that ends.
func (d *Draft) endCoupons(reason string) error {
	for len(d.coupons) > 0 {
		if err := d.revokeCoupon(d.coupons[0], RevokeCoupon{Reason: reason}); err != nil {
			return err
		}
	}
	return nil
}

func (e CouponRevoked) check() error {
	if (e.CouponID == noID) != (e.UsesLeft < 1) || e.CouponID == noID && e.JobID == noID {
		return errors.New("no coupon, or none of its uses, is revoked")
	}
	return nil
}

func (e CouponRevoked) command(Posted) Command {
	if e.JobID != noID {
		return RevokeCoupon{JobID: e.JobID, Reason: e.Reason}
	}
	return RevokeCoupon{CouponID: e.CouponID, Reason: e.Reason}
}

func (e CouponRevoked) apply(a *Account, _ time.Time) error {
	if e.CouponID == noID {
		return nil
	}
	return a.endCoupon(e.CouponID, e.UsesLeft)
}
