package domain

import (
	"fmt"

	"github.com/google/uuid"
)

// grantTierCoupons gives the coupons that come with a tier: those of its entry, or of a further period
// alone; each once a period. None can be had once the period is over for which it would have been given,
// nor by an import, which brings what was, nor by a merge, with which those come that were given. One
// that its campaign does not give any more is passed over: a sale must not fail by it.
func (d *Draft) grantTierCoupons(t *TierTerms, decided *TierDecision, source uuid.UUID) error {
	over := !decided.ValidUntil.IsZero() && !decided.ValidUntil.After(d.Recorded)
	if over || decided.Cause == TierMerged || d.Context.Channel == ChannelImport {
		return nil
	}
	for _, c := range t.Benefits.Coupons {
		if c.Each == "entry" && !decided.EndedAt.IsZero() {
			continue
		}
		err := d.offerCoupon(GrantCoupon{Campaign: c.Campaign, Definition: c.Definition,
			Cause: CouponByTier, SourceID: source,
			Occasion: fmt.Sprintf("tier %s until %s", t.Name, dateOf(decided.ValidUntil))})
		if err != nil {
			return err
		}
	}
	return nil
}
