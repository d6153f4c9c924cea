package domain

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Coupon is a coupon of an account that is not at its end: not used up, expired, revoked or recycled.
// Its terms are its definition's, which never change.
type Coupon struct {
	ID            uuid.UUID     `json:"coupon_id"` // of the event that granted it
	Campaign      string        `json:"campaign"`
	Definition    string        `json:"definition"` // definition_id@version
	Kind          CouponKind    `json:"kind"`
	Uses          int           `json:"uses"`
	Used          int           `json:"used"`
	ValidFrom     time.Time     `json:"valid_from"`
	ValidUntil    time.Time     `json:"valid_until,omitzero"` // none: no end
	Order         string        `json:"order_ref,omitempty"`  // that has it reserved
	Reserved      time.Time     `json:"reserved_until,omitzero"`
	Consideration Consideration `json:"consideration"`
	ReservationID uuid.UUID     `json:"reservation_id,omitzero"` // of the campaign's budget of issues
	GrantedAt     time.Time     `json:"granted_at"`
	JobID         uuid.UUID     `json:"job_id,omitzero"`  // that granted it
	Graced        bool          `json:"graced,omitempty"` // came back when its time was over
}

// mostCoupons bounds the live coupons of one account.
const mostCoupons = 200

// ReservedAt reports whether an order has the coupon to itself at an instant.
func (c *Coupon) ReservedAt(at time.Time) bool { return c.Order != "" && at.Before(c.Reserved) }

// Expired reports whether the coupon's time is over: at ValidUntil it is. What an order has reserved
// outlives it until the reservation ends, as held value outlives its lot's.
func (c *Coupon) Expired(at time.Time) bool {
	return !c.ValidUntil.IsZero() && !at.Before(c.ValidUntil) && !c.ReservedAt(at)
}

// Coupons are the account's live coupons, in the order in which they were granted. They must not be
// changed.
func (a *Account) Coupons() []Coupon { return a.coupons }

// coupon is the live coupon with that id.
func (a *Account) coupon(id uuid.UUID) (Coupon, bool) {
	for i := range a.coupons {
		if c := &a.coupons[i]; c.ID == id {
			return *c, true
		}
	}
	return Coupon{}, false
}

// edited is the live coupon with that id, to be changed: the account's own copy.
func (a *Account) edited(id uuid.UUID) (*Coupon, error) {
	for i := range a.coupons {
		if a.coupons[i].ID == id {
			return &a.coupons[i], nil
		}
	}
	return nil, fmt.Errorf("coupon %s is not live", id)
}

// endCoupon takes a coupon of so many uses left off the live ones.
func (a *Account) endCoupon(id uuid.UUID, left int) error {
	c, err := a.edited(id)
	if err != nil {
		return err
	}
	if c.Uses-c.Used != left {
		return fmt.Errorf("coupon %s has %d uses left, not %d", id, c.Uses-c.Used, left)
	}
	a.coupons = slices.DeleteFunc(a.coupons, func(c Coupon) bool { return c.ID == id })
	return nil
}

// CouponName is the name that what uses, brings back, extends and ends a coupon answers to.
func CouponName(id uuid.UUID) Name { return Name{"coupon", id.String()} }

// liveCoupon is the live coupon with that id, or the refusal that says how it ended: before the sweep as
// after it.
func (d *Draft) liveCoupon(id uuid.UUID) (Coupon, error) {
	if c, ok := d.coupon(id); ok {
		if c.Expired(d.Decided) {
			return c, ErrCouponExpired
		}
		return c, nil
	}
	end, _ := d.last(CouponName(id))
	switch end.Event.(type) {
	case CouponExpired:
		return Coupon{}, ErrCouponExpired.By(end)
	case CouponRecycled, CouponRevoked:
		return Coupon{}, ErrCouponRevoked.By(end)
	case CouponRedeemed:
		return Coupon{}, ErrCouponUsed.By(end)
	}
	return Coupon{}, ErrNotFound.Because("there is no such coupon")
}

// redeemable is a coupon that an order may use now, and what it is worth; or the refusal that says why
// it may not: that it has ended, is not valid yet, is another order's, or that its campaign is not active.
// What the sale must satisfy is not asked here.
func (d *Draft) redeemable(id uuid.UUID, order string) (Coupon, *Campaign, *Definition, error) {
	c, err := d.liveCoupon(id)
	if err != nil {
		return c, nil, nil, err
	}
	campaign, definition, known := d.definition(c)
	switch {
	case d.Decided.Before(c.ValidFrom):
		return c, nil, nil, ErrCouponNotYetValid
	case c.ReservedAt(d.Decided) && c.Order != order:
		return c, nil, nil, ErrCouponReserved
	case !known || !campaign.Open(d.Decided):
		return c, nil, nil, ErrCampaignNotActive
	}
	return c, campaign, definition, nil
}

// definition is what a live coupon is worth, and its campaign as it stands.
func (m *Moment) definition(c Coupon) (*Campaign, *Definition, bool) {
	campaign := m.campaign(c.Campaign)
	if campaign == nil {
		return nil, nil, false
	}
	d, ok := campaign.Definition(c.Definition)
	return campaign, d, ok
}

// campaign is the campaign with that id as it stands, nil where there is none.
func (m *Moment) campaign(id string) *Campaign {
	if m.Campaigns == nil {
		return nil
	}
	return m.Campaigns(id)
}

// CouponStatus is where a coupon stands in its life.
type CouponStatus string

// The statuses of a coupon. Those before CouponIsUsed are of live ones.
const (
	CouponIsActive   CouponStatus = "active"
	CouponIsReserved CouponStatus = "reserved"
	CouponIsUsed     CouponStatus = "used"
	CouponIsExpired  CouponStatus = "expired"
	CouponIsRevoked  CouponStatus = "revoked"
	CouponIsRecycled CouponStatus = "recycled"
	CouponIsMerged   CouponStatus = "merged" // it is another account's now, see its merge
)

// CouponStatuses are all statuses.
var CouponStatuses = []CouponStatus{CouponIsActive, CouponIsReserved, CouponIsUsed, CouponIsExpired,
	CouponIsRevoked, CouponIsRecycled, CouponIsMerged}

// Status is a live coupon's at an instant, whether or not what time has brought about is written.
func (c *Coupon) Status(at time.Time) CouponStatus {
	switch {
	case c.Expired(at):
		return CouponIsExpired
	case c.ReservedAt(at):
		return CouponIsReserved
	}
	return CouponIsActive
}
