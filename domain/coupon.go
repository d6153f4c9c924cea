package domain

import (
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
	for _, c := range a.coupons {
		if c.ID == id {
			return c, true
		}
	}
	return Coupon{}, false
}

// definition is what a live coupon is worth, and its campaign as it stands.
func (m *Moment) definition(c Coupon) (*Campaign, *Definition, bool) {
	if m.Campaigns == nil {
		return nil, nil, false
	}
	campaign := m.Campaigns(c.Campaign)
	if campaign == nil {
		return nil, nil, false
	}
	d, ok := campaign.Definition(c.Definition)
	return campaign, d, ok
}
