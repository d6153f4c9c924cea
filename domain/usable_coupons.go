package domain

import "errors"

// UsableCoupons says of each of the account's live coupons what speaks against its use at a moment and
// in its context, nil where nothing does: as far as that can be told without a sale. What hangs on the
// goods, on the segments that the account is in, or on a channel that the context does not name, is not
// asked.
func (a *Account) UsableCoupons(m Moment) []*Refusal {
	m.toUTC()
	d := newDraft(a, &m)
	defer d.free()
	var frozen *Refusal
	errors.As(d.mayTake(), &frozen)
	verdicts := make([]*Refusal, len(d.coupons))
	for i, c := range d.coupons {
		if verdicts[i] = frozen; frozen == nil {
			verdicts[i] = d.unusable(c)
		}
	}
	return verdicts
}

func (d *Draft) unusable(c Coupon) *Refusal {
	_, definition, _ := d.definition(c)
	use := claim{Offer: Offer{Coupon: c.ID, Campaign: c.Campaign, Definition: definition}}
	if _, r := d.own(&use, ""); r != nil {
		return r
	}
	asked := definition.Restrictions
	if d.Context.Channel == "" {
		asked.Scope.Channels = nil
	}
	if r := d.circumstances(&asked); r != nil {
		return r
	}
	return d.persons(&use, asked.Segments)
}
