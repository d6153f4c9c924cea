package domain

// MissedUse is a use of a coupon that came back after its account was absorbed: by the definition's on_return,
// to whoever answers for the account.
type MissedUse struct {
	Used   CouponRedeemed `json:"used"`
	Coupon *Coupon        `json:"coupon,omitempty"` // as it had ended; none: the merge took it along
}

// missedUses are the uses that come back by an event of this absorbed account: of a checkout that came back
// wholly, or of an account that it had absorbed itself. What was taken back since does not.
func (d *Draft) missedUses(by Event) (all []MissedUse, err error) {
	var back []MissedUse
	switch e := by.(type) {
	case CheckoutReturned:
		if of, err := d.checkout(e.CheckoutID); err == nil && e.Full {
			for _, used := range d.redeemedBy(of) {
				back = append(back, MissedUse{Used: used})
			}
		}
	case MergeAdjusted:
		back = e.Uses
	}
	for _, u := range back {
		definition, err := d.definitionOf(u.Used)
		if err != nil {
			return nil, err
		}
		c, ok := d.endedCoupon(u.Used.CouponID, u.Coupon)
		if !ok || definition.OnReturn.Restore == RestoreNever {
			continue
		}
		u.Coupon = &c
		last, _ := d.last(CouponName(c.ID))
		if merged, ok := last.Event.(AccountsMerged); ok && merged.Absorbed == d.id {
			u.Coupon = nil
		}
		all = append(all, u)
	}
	return all, nil
}

// restoreMerged gives a use back that an absorbed account had made, if it comes back here.
func (d *Draft) restoreMerged(u MissedUse, by MergeAdjusted) error {
	used := u.Used
	e := CouponRestored{CouponID: used.CouponID, Definition: used.Definition, Campaign: used.Campaign,
		CheckoutID: used.CheckoutID, RefundID: by.AdjustmentID, Unit: used.Unit,
		DiscountReturned: used.Discount.Zero(), ReservationID: used.ReservationID,
		Absorbed: by.Absorbed, Partner: used.Partner, CostShare: used.CostShare,
		Came: len(d.found(CouponName(used.CouponID))) == 0}
	if err := d.reopen(&e, used, u.Coupon); err != nil || e.Use == 0 {
		return err
	}
	return d.post(e)
}
