package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// CouponRedeemed records a use of a coupon in a checkout. Figures are at the unit's scale.
type CouponRedeemed struct {
	CouponID      uuid.UUID      `json:"coupon_id"`
	Definition    string         `json:"definition"`
	Kind          CouponKind     `json:"kind"`
	Campaign      string         `json:"campaign"`
	CheckoutID    uuid.UUID      `json:"checkout_id"`
	Use           int            `json:"use"` // from 1
	Of            int            `json:"of"`
	Unit          string         `json:"unit"`
	Eligible      Quantity       `json:"eligible"` // what it counted on
	Discount      Quantity       `json:"discount"`
	Lines         []LineDiscount `json:"lines"` // they add up to the discount
	Partner       string         `json:"partner,omitempty"`
	CostShare     Quantity       `json:"cost_share,omitzero"` // percent of the discount that the partner bears
	OrderRef      string         `json:"order_ref,omitempty"`
	ReservationID uuid.UUID      `json:"reservation_id,omitzero"` // of the campaign's budget, where it is capped
}

func (CouponRedeemed) event() {}

func (e CouponRedeemed) appendNames(names []Name) []Name {
	names = append(names, CouponName(e.CouponID), CheckoutName(e.CheckoutID))
	return reservedBy(names, e.ReservationID)
}

// redeemCoupon posts that a checkout used a coupon as a verdict has it. takeCoupon has let the order
// have it, in the same decision. Where the campaign's budget is capped, it must have room for it.
func (d *Draft) redeemCoupon(v Verdict, checkout uuid.UUID) error {
	c, ok := d.coupon(v.Offer.Coupon)
	campaign, _, known := d.definition(c)
	if !ok || !known {
		return fmt.Errorf("coupon %s is redeemed, and is not live", v.Offer.Coupon)
	}
	reservation, err := d.reserveRedemption(campaign, v.Discount)
	if err != nil {
		return err
	}
	return d.post(CouponRedeemed{CouponID: c.ID, Definition: c.Definition, Kind: c.Kind,
		Campaign: c.Campaign, CheckoutID: checkout, Use: c.Used + 1, Of: c.Uses,
		Unit: v.Discount.Unit(), Eligible: v.Eligible.Quantity, Discount: v.Discount.Quantity,
		Lines: v.Lines, Partner: campaign.Terms.Partner, CostShare: campaign.Terms.CostShare,
		OrderRef: c.Order, ReservationID: reservation})
}

func (e CouponRedeemed) check() error {
	sum := e.Discount.Zero()
	for _, l := range e.Lines {
		if l.Discount.IsNegative() {
			return fmt.Errorf("coupon %s takes %s off line %d", e.CouponID, l.Discount, l.Line)
		}
		sum = sum.Add(l.Discount)
	}
	if !e.Discount.IsPositive() || !sum.Equal(e.Discount) || e.Unit == "" {
		return fmt.Errorf("coupon %s takes %s off, off its lines %s", e.CouponID, e.Discount, sum)
	}
	return nil
}

func (e CouponRedeemed) apply(a *Account, _ time.Time) error {
	c, err := a.edited(e.CouponID)
	if err != nil {
		return err
	}
	if e.Use != c.Used+1 || e.Of != c.Uses {
		return fmt.Errorf("use %d of %d of coupon %s follows %d of %d", e.Use, e.Of, c.ID, c.Used, c.Uses)
	}
	if c.Used, c.Order, c.Reserved = e.Use, "", (time.Time{}); c.Used == c.Uses {
		return a.endCoupon(c.ID, 0)
	}
	return nil
}

func (e CouponRedeemed) appendJSON(b jsonText) jsonText {
	b = append(b, '{').id("coupon_id", e.CouponID).text("definition", e.Definition)
	b = b.text("kind", string(e.Kind)).text("campaign", e.Campaign).id("checkout_id", e.CheckoutID)
	b = b.integer("use", e.Use).integer("of", e.Of).text("unit", e.Unit)
	b = b.quantity("eligible", e.Eligible).quantity("discount", e.Discount)
	b = list(b, "lines", e.Lines).optional("partner", e.Partner)
	b = b.optionalQuantity("cost_share", e.CostShare).optional("order_ref", e.OrderRef)
	return append(b.optionalID("reservation_id", e.ReservationID), '}')
}
