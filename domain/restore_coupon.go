package domain

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// CouponRestored records that goods came back for which a coupon was used: of its discount, what came
// back with them; and, where the definition has it so, the use.
type CouponRestored struct {
	CouponID         uuid.UUID `json:"coupon_id"`
	Definition       string    `json:"definition"`
	Campaign         string    `json:"campaign"`
	CheckoutID       uuid.UUID `json:"checkout_id"`
	RefundID         uuid.UUID `json:"refund_id"`            // the return; with Absorbed what tells of it
	Use              int       `json:"use"`                  // the one of its uses that can be used again; 0: none
	ValidUntil       time.Time `json:"valid_until,omitzero"` // of the coupon, with Use
	Unit             string    `json:"unit"`
	DiscountReturned Quantity  `json:"discount_returned"`
	ReservationID    uuid.UUID `json:"reservation_id,omitzero"` // of the redemption
	Reopened         *Coupon   `json:"coupon,omitempty"`        // where it had ended: as it is live again

	Absorbed  uuid.UUID `json:"absorbed,omitzero"` // that used it, and whose event tells of the discount
	Partner   string    `json:"partner,omitempty"` // of that use, as its cost share
	CostShare Quantity  `json:"cost_share,omitzero"`
	Came      bool      `json:"came,omitempty"` // the coupon was not known here before
}

func (CouponRestored) event() {}

func (e CouponRestored) appendNames(names []Name) []Name {
	if e.Use == 0 {
		return names
	}
	return append(names, CouponName(e.CouponID))
}

// restoreCoupon posts what a return does to a coupon that the checkout used: returned is the part of its
// discount that comes back now, whole tells that by now all of the checkout has come back. Where neither
// discount nor use comes back, nothing is posted.
func (d *Draft) restoreCoupon(used CouponRedeemed, refund uuid.UUID, returned Quantity, whole bool) error {
	e := CouponRestored{CouponID: used.CouponID, Definition: used.Definition, Campaign: used.Campaign,
		CheckoutID: used.CheckoutID, RefundID: refund, Unit: used.Unit, DiscountReturned: returned,
		ReservationID: used.ReservationID}
	if whole {
		if err := d.reopen(&e, used, nil); err != nil {
			return err
		}
	}
	if e.Use == 0 && returned.IsZero() {
		return nil
	}
	return d.post(e)
}

// reopen gives the use back by the definition's on_return. Of a coupon that has ended that one use
// alone comes back, if it ended elsewhere as it was brought; to an account that has ended none does. Days of
// grace come once a coupon: else buying and returning would renew it for ever.
func (d *Draft) reopen(e *CouponRestored, used CouponRedeemed, brought *Coupon) error {
	_, definition, known := d.definition(Coupon{Campaign: e.Campaign, Definition: e.Definition})
	if !known {
		return fmt.Errorf("definition %s of campaign %s is not known", e.Definition, e.Campaign)
	}
	policy := definition.OnReturn
	if policy.Restore == RestoreNever || d.ended != nil {
		return nil
	}
	c, live := d.coupon(e.CouponID)
	if live && c.Expired(d.Recorded) {
		live = false
		if err := d.expireCoupon(c); err != nil {
			return err
		}
	}
	if live {
		e.Use, e.ValidUntil = used.Use, c.ValidUntil
		return nil
	}
	c, ok := d.endedCoupon(e.CouponID, brought)
	if !ok {
		return nil
	}
	if c.Expired(d.Recorded) {
		if policy.Expired != RestoreGrace || c.Graced {
			return nil
		}
		c.ValidUntil, c.Graced = daysFrom(d.Recorded, policy.Days), true
	}
	e.Use, e.ValidUntil, e.Reopened = used.Use, c.ValidUntil, &c
	return nil
}

// endedCoupon is a coupon that was used up or has expired, with its last use to come; false where it was
// taken back. Of one that was not granted here it is told how it was brought, unless a merge did.
func (d *Draft) endedCoupon(id uuid.UUID, brought *Coupon) (c Coupon, ok bool) {
	if brought != nil {
		c, ok = *brought, true
	}
	grant, _ := d.first(EventName(id))
	if e, granted := grant.Event.(CouponGranted); granted {
		c, ok = e.coupon(grant.Metadata.RecordedAt), true
	}
	for _, p := range slices.Backward(d.found(CouponName(id))) {
		switch e := p.Event.(type) {
		case AccountsMerged:
			i := slices.IndexFunc(e.Coupons, func(c Coupon) bool { return c.ID == id })
			c, ok = e.Coupons[i], true // it answers to the names of those alone
		case CouponExtended:
			c.ValidUntil = e.ValidUntil
		case CouponRestored:
			if c.ValidUntil = e.ValidUntil; e.Reopened != nil {
				c, ok = *e.Reopened, true
			}
		case CouponRecycled, CouponRevoked:
			return c, false
		}
	}
	c.Used, c.Order, c.Reserved = c.Uses-1, "", time.Time{}
	return c, ok
}

func (e CouponRestored) check() error {
	switch {
	case e.DiscountReturned.IsNegative() || e.Unit == "":
		return fmt.Errorf("coupon %s gives %s back", e.CouponID, e.DiscountReturned)
	case e.Came && e.Reopened == nil:
		return fmt.Errorf("coupon %s came, and is not live", e.CouponID)
	case e.Use == 0 && e.Reopened != nil:
		return fmt.Errorf("coupon %s is live again without a use", e.CouponID)
	case e.Reopened != nil && (e.Reopened.ID != e.CouponID || e.Reopened.Used != e.Reopened.Uses-1):
		return fmt.Errorf("coupon %s is live again as %s with more than a use", e.CouponID, e.Reopened.ID)
	}
	return nil
}

func (e CouponRestored) apply(a *Account, _ time.Time) error {
	c, live := a.coupon(e.CouponID)
	switch {
	case e.Use == 0:
		return nil
	case live != (e.Reopened == nil) || live && c.Used == 0:
		return fmt.Errorf("coupon %s gets a use back, live: %t, used: %d", e.CouponID, live, c.Used)
	case live:
		edited, err := a.edited(e.CouponID)
		if err == nil {
			edited.Used--
		}
		return err
	}
	i := slices.IndexFunc(a.coupons, func(c Coupon) bool { return c.GrantedAt.After(e.Reopened.GrantedAt) })
	if i < 0 {
		i = len(a.coupons)
	}
	a.coupons = slices.Insert(a.coupons, i, *e.Reopened)
	return nil
}
