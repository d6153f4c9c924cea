package domain

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

// CouponExpired records that a coupon went with its time.
type CouponExpired struct {
	CouponID      uuid.UUID `json:"coupon_id"`
	Definition    string    `json:"definition"`
	Campaign      string    `json:"campaign"`
	UsesLeft      int       `json:"uses_left"`
	ReservationID uuid.UUID `json:"reservation_id,omitzero"` // of its grant
	ExpiredAt     time.Time `json:"expired_at"`
}

func (CouponExpired) event() {}

func (CouponExpired) operation() Operation { return OpExpire }

func (e CouponExpired) appendNames(names []Name) []Name { return append(names, CouponName(e.CouponID)) }

// happened is when the coupon's time was over, however late that is written.
func (e CouponExpired) happened() time.Time { return e.ExpiredAt }

// expireCoupon writes that a coupon's time is over.
func (d *Draft) expireCoupon(c Coupon) error {
	return d.post(CouponExpired{CouponID: c.ID, Definition: c.Definition, Campaign: c.Campaign,
		UsesLeft: c.Uses - c.Used, ReservationID: c.ReservationID, ExpiredAt: c.ValidUntil})
}

// elapseCoupons adds what time has brought about on coupons: a reservation that lapsed, then, where
// expiry is not suspended, a coupon that expired.
func (d *Draft) elapseCoupons(first *elapsed, at time.Time, suspended bool) {
	for _, c := range d.coupons {
		if c.lapsed(at) {
			first.or(c.Reserved, func() error { return d.releaseCoupon(c, CouponLapsed) })
		} else if c.Expired(at) && !suspended {
			first.or(c.ValidUntil, func() error { return d.expireCoupon(c) })
		}
	}
}

func (e CouponExpired) check() error {
	if e.CouponID == noID || e.UsesLeft < 1 || e.ExpiredAt.IsZero() {
		return errors.New("no coupon, or none of its uses, expired")
	}
	return nil
}

func (e CouponExpired) apply(a *Account, _ time.Time) error {
	return a.endCoupon(e.CouponID, e.UsesLeft)
}
