package domain

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// own finds what an offer is worth and its campaign, and says what a coupon itself has against the sale.
// A code that nobody has claimed yet has nothing, while its campaign is active.
func (d *Draft) own(c *claim, order string) (*Campaign, *Refusal) {
	switch {
	case c.Tier != "":
		return nil, nil
	case c.Coupon != noID:
		coupon, campaign, def, err := d.redeemable(c.Coupon, order)
		c.until, c.Campaign, c.Definition = coupon.ValidUntil, coupon.Campaign, def
		refused, _ := errors.AsType[*Refusal](err)
		return campaign, refused
	}
	c.until = c.Offer.until
	campaign := d.campaign(c.Campaign)
	if campaign == nil || !campaign.Open(d.Decided) {
		return nil, ErrCampaignNotActive
	}
	return campaign, nil
}

// against says what the restrictions have against the sale whatever else is in the cart, nil where that
// is nothing, and finds the claim's lines. The order is the API's: the sale's unit, store, channel and
// hour; the account's tier, segments, earlier sales, and whether it is the holder; the goods.
func (d *Draft) against(c *claim, cart Cart) *Refusal {
	def := c.Definition
	if def.Unit != cart.Unit {
		return ErrCouponUnit.Because("it serves sales in " + def.Unit)
	}
	if r := d.circumstances(&def.Restrictions); r != nil {
		return r
	}
	if r := d.persons(c, cart.Segments); r != nil {
		return r
	}
	return c.choose(cart.Lines)
}

// circumstances says what the restrictions have against where and when the sale is.
func (d *Draft) circumstances(r *Restrictions) *Refusal {
	switch {
	case len(r.Scope.Stores) > 0 && !slices.Contains(r.Scope.Stores, d.Context.Store):
		return ErrCouponStore
	case len(r.Scope.Channels) > 0 && !slices.Contains(r.Scope.Channels, d.Context.Channel):
		return ErrCouponChannel
	case len(r.Hours) > 0 && !r.open(d.Decided.In(zone(d.Place.Zone))):
		return ErrCouponHours
	}
	return nil
}

// open reports whether one of the hours holds an instant, which is in the store's zone.
func (r *Restrictions) open(local time.Time) bool {
	weekday := (int(local.Weekday())+6)%7 + 1
	clock := local.Format("15:04")
	return slices.ContainsFunc(r.Hours, func(h Hours) bool {
		return (len(h.Weekdays) == 0 || slices.Contains(h.Weekdays, weekday)) &&
			h.From <= clock && clock < h.To
	})
}

// persons says what the restrictions have against who buys. A code that nobody has claimed yet is not
// for holders only.
func (d *Draft) persons(c *claim, segments []string) *Refusal {
	r := &c.Definition.Restrictions
	switch {
	case len(r.Tiers) > 0 && !slices.Contains(r.Tiers, d.tierHeld()):
		return ErrCouponTier
	case len(r.Segments) > 0 && !slices.ContainsFunc(r.Segments, func(id string) bool {
		return slices.Contains(segments, id)
	}):
		return ErrCouponSegment
	case r.FirstOrder && d.sales > 0:
		return ErrCouponFirstOrder
	case r.HolderOnly && c.Coupon == noID && c.Tier == "":
		return ErrCouponHolderOnly
	}
	return nil
}

// tierHeld is the name of the tier that the account holds when the sale begins, "" where its program
// has none.
func (d *Draft) tierHeld() string {
	if t := d.tier(); t != nil {
		return t.Name
	}
	return ""
}

// choose finds the lines that a claim counts on, and those whose pieces an item discount may give:
// what its value names, else what it counts on. What is never eligible is never given.
func (c *claim) choose(lines []CartLine) *Refusal {
	r, v := &c.Definition.Restrictions, &c.Definition.Value
	some, gifts := false, false
	for i := range lines {
		l := &lines[i]
		if names(r.NotProducts, r.NotCategories, l.Product, l.Category) {
			continue
		}
		c.lets[i] = len(r.Products)+len(r.Categories) == 0 || names(r.Products, r.Categories, l.Product, l.Category)
		c.gives[i] = names(v.Products, v.Categories, l.Product, l.Category) ||
			len(v.Products)+len(v.Categories) == 0 && c.lets[i]
		some, gifts = some || c.lets[i], gifts || c.gives[i]
	}
	if !some || c.ofItems() && !gifts {
		return ErrCouponProducts
	}
	return nil
}

// names reports whether products or categories name goods of that product and category.
func names(products, categories []string, product, category string) bool {
	return slices.Contains(products, product) ||
		category != "" && slices.Contains(categories, category)
}

// tooSmall says that the sale does not come to the claim's minimum spend. That of an item discount is
// held against the sale before any discount, as it comes first; others after all item discounts, so
// that no other discount of the order moves it.
func (p *pricing) tooSmall(c *claim) *Refusal {
	r := &c.Definition.Restrictions
	if r.MinSpend.unit == "" {
		return nil
	}
	figures, basis := p.solid, int64(0)
	if r.Basis == BasisGross || c.ofItems() {
		figures = p.gross
	}
	for i, x := range figures {
		if c.lets[i] || r.Basis == BasisGross || r.Basis == BasisOrder {
			basis += x
		}
	}
	if basis >= r.MinSpend.bounded() {
		return nil
	}
	return ErrCouponMinSpend.Because(fmt.Sprintf("%s of %s", p.money(basis), r.MinSpend))
}
