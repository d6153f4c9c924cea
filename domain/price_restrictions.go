package domain

import (
	"fmt"
	"slices"
	"time"
)

// against says what speaks against a claim whatever else is in the cart, nil where nothing does, and
// finds its lines. The order of the checks is the API's:
//
//	the coupon, its campaign, its time, its order; the sale's unit, store, channel and hour; the
//	account's tier, segments, earlier sales, and whether it is the holder; the goods.
func (d *Draft) against(c *claim, cart Cart) *Refusal {
	if r := d.own(c, cart.Order); r != nil {
		return r
	}
	def := c.Definition
	if def.Unit != "" && def.Unit != cart.Unit {
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

// own says what the coupon itself has against the sale: that it is not there, not yet, no longer, or
// kept for another order.
func (d *Draft) own(c *claim, order string) *Refusal {
	if c.Tier != "" {
		return nil
	}
	coupon, held := d.coupon(c.Coupon)
	if c.Coupon != noID && !held {
		return ErrNotFound.Because("the account has no such coupon, or it was used up")
	}
	if c.Definition == nil {
		return ErrCampaignNotActive
	}
	if d.Campaigns != nil {
		if campaign := d.Campaigns(c.Campaign); campaign == nil || !campaign.Open(d.Decided) {
			return ErrCampaignNotActive
		}
	}
	switch {
	case !held: // of a code that is not claimed
	case d.Decided.Before(coupon.ValidFrom):
		return ErrCouponNotYetValid.Because("from " + coupon.ValidFrom.Format(time.RFC3339))
	case coupon.Expired(d.Decided):
		return ErrCouponExpired.Because("until " + coupon.ValidUntil.Format(time.RFC3339))
	case coupon.ReservedAt(d.Decided) && coupon.Order != order:
		return ErrCouponReserved
	}
	return nil
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
	case r.FirstOrder && d.bought:
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
		if names(r.NotProducts, r.NotCategories, l) {
			continue
		}
		c.lets[i] = len(r.Products)+len(r.Categories) == 0 || names(r.Products, r.Categories, l)
		c.gives[i] = names(v.Products, v.Categories, l) ||
			len(v.Products)+len(v.Categories) == 0 && c.lets[i]
		some, gifts = some || c.lets[i], gifts || c.gives[i]
	}
	if !some || c.ofItems() && !gifts {
		return ErrCouponProducts
	}
	return nil
}

// names reports whether products or categories name a line's goods.
func names(products, categories []string, l *CartLine) bool {
	return slices.Contains(products, l.Product) ||
		l.Category != "" && slices.Contains(categories, l.Category)
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
	if basis >= r.MinSpend.steps {
		return nil
	}
	return ErrCouponMinSpend.Because(fmt.Sprintf("%s of %s", p.money(basis), r.MinSpend))
}
