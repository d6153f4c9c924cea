package domain

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

// OpReserveCoupon is the kind of a coupon's reservation.
const OpReserveCoupon Operation = "coupon_reservation"

// How long an order has a coupon to itself.
const (
	DefaultCouponTTL = 15 * time.Minute
	MinCouponTTL     = time.Minute
	MaxCouponTTL     = 24 * time.Hour
)

// ReserveCoupon lets an order have a coupon to itself until it is paid. The same order may do so again,
// for longer, unless the coupon's own time is over by then.
type ReserveCoupon struct {
	CouponID   uuid.UUID `json:"coupon_id"`
	OrderRef   string    `json:"order_ref"`   // 1 to 64 bytes
	TTLSeconds int64     `json:"ttl_seconds"` // 60 to 86400; 0: 900
}

// CouponReserved records a reservation. Until is never earlier than that of the same order before.
type CouponReserved struct {
	CouponID   uuid.UUID `json:"coupon_id"`
	Definition string    `json:"definition"`
	Campaign   string    `json:"campaign"`
	OrderRef   string    `json:"order_ref"`
	Until      time.Time `json:"until"`
	TTLSeconds int64     `json:"ttl_seconds"` // as asked
}

func (CouponReserved) event() {}

func (CouponReserved) operation() Operation { return OpReserveCoupon }

// Operation is coupon_reservation.
func (ReserveCoupon) Operation() Operation { return OpReserveCoupon }

// Decide checks order and time, the account, the reference, then the coupon. A reservation of another
// order whose time is over is released first.
func (r ReserveCoupon) Decide(d *Draft) error {
	ttl := time.Duration(r.TTLSeconds) * time.Second
	if err := checkOrder(r.OrderRef); err != nil {
		return err
	}
	if r.TTLSeconds != 0 && (ttl < MinCouponTTL || ttl > MaxCouponTTL) {
		return ErrMalformed.Field("ttl_seconds", "want 60 to 86400")
	}
	if err := d.mayTake(); err != nil {
		return err
	}
	if err := d.unused(OpReserveCoupon); err != nil {
		return err
	}
	c, _, _, err := d.takeCoupon(r.CouponID, r.OrderRef)
	if err != nil {
		return err
	}
	if r.TTLSeconds == 0 {
		ttl = DefaultCouponTTL
	}
	until := d.Recorded.Add(ttl)
	over := !c.ValidUntil.IsZero() && !d.Recorded.Before(c.ValidUntil)
	if over || until.Before(c.Reserved) { // what outlives the coupon does not go on for ever
		until = c.Reserved
	}
	return d.post(CouponReserved{CouponID: c.ID, Definition: c.Definition, Campaign: c.Campaign,
		OrderRef: r.OrderRef, Until: until, TTLSeconds: r.TTLSeconds})
}

func checkOrder(ref string) error {
	if ref == "" || len(ref) > 64 || !printable(ref) {
		return ErrMalformed.Field("order_ref", "want 1 to 64 bytes")
	}
	return nil
}

// takeCoupon is redeemable, after it has written that a reservation's time was over.
func (d *Draft) takeCoupon(id uuid.UUID, order string) (Coupon, *Campaign, *Definition, error) {
	if c, ok := d.coupon(id); ok && c.lapsed(d.Recorded) {
		if err := d.releaseCoupon(c, CouponLapsed); err != nil {
			return c, nil, nil, err
		}
	}
	return d.redeemable(id, order)
}

// lapsed reports whether a reservation's time is over.
func (c *Coupon) lapsed(at time.Time) bool { return c.Order != "" && !c.ReservedAt(at) }

func (e CouponReserved) check() error {
	if e.CouponID == noID || e.OrderRef == "" || e.Until.IsZero() {
		return errors.New("a reservation of no coupon, for no order or no time")
	}
	return nil
}

func (e CouponReserved) command(Posted) Command {
	return ReserveCoupon{CouponID: e.CouponID, OrderRef: e.OrderRef, TTLSeconds: e.TTLSeconds}
}

func (e CouponReserved) apply(a *Account, _ time.Time) error {
	c, err := a.edited(e.CouponID)
	if err != nil {
		return err
	}
	c.Order, c.Reserved = e.OrderRef, e.Until
	return nil
}
