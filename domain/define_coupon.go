package domain

import (
	"fmt"
	"slices"
)

// DefineCoupon adds a definition to a campaign, or a version to one it has. What is absent of it is the
// default; Version is not asked for.
type DefineCoupon struct {
	CampaignID string `json:"campaign_id"`
	Definition
}

// CouponDefined records a version of a definition, whole. The campaign is a draft from then on.
type CouponDefined struct {
	CampaignID string `json:"campaign_id"`
	Definition
}

func (CouponDefined) event() {}

// mostDefinitions bounds a campaign's definitions, all versions: they are held in memory.
const mostDefinitions = 200

// Stream is campaign-<id>.
func (d DefineCoupon) Stream() string { return CampaignStream(d.CampaignID) }

// Operation is define_coupon.
func (DefineCoupon) Operation() Operation { return "define_coupon" }

// Decide refuses a campaign that is active or has ended, then a definition that makes no sense, naming
// every field that is to blame.
func (d DefineCoupon) Decide(before []Posted, _ Moment) ([]Event, error) {
	c, err := campaignIn(before, CampaignIsDraft, CampaignIsApproved, CampaignIsPaused)
	if err != nil {
		return nil, err
	}
	if len(c.Definitions) >= mostDefinitions {
		return nil, ErrLimitExceeded.Because(
			fmt.Sprint("a campaign has at most ", mostDefinitions, " definitions, all versions"))
	}
	e := CouponDefined{d.CampaignID, d.Definition.normal()}
	e.Version = 1
	if last := c.Last(d.ID); last != nil {
		e.Version = last.Version + 1
	}
	var f faults
	e.Definition.faults(&f)
	if unit := c.Terms.Budgets.Discount.unit; unit != "" {
		f.want(d.Unit == unit, "unit", "want "+unit+", of the campaign's budget")
	}
	f.want(d.PromoCode == nil || !d.Restrictions.HolderOnly, "promo_code",
		"want none: no code claims what is holder_only")
	if err := f.err(); err != nil {
		return nil, err
	}
	return []Event{e}, nil
}

func (d DefineCoupon) canonical() any {
	d.Definition, d.Version = d.Definition.normal(), 0
	return d
}

func (e CouponDefined) command() any { return DefineCoupon(e).canonical() }

// check refuses a definition that no DefineCoupon could have made.
func (e CouponDefined) check() error {
	var f faults
	f.want(IsCampaignID(e.CampaignID), "campaign_id", "want 1 to 64 of [a-z0-9-]")
	f.want(e.Version >= 1, "version", "want 1 or more")
	e.Definition.faults(&f)
	return f.err()
}

// normal is the definition with everything that is so unless it says otherwise.
func (d Definition) normal() Definition {
	or(&d.Uses, 1)
	or(&d.Stacking.Group, StackExclusive)
	or(&d.Consideration, ConsiderFree)
	or(&d.OnReturn.Restore, RestoreFullOnly)
	or(&d.OnReturn.Expired, RestoreForfeit)
	or(&d.OnReturn.MinSpend, MinSpendKeep)
	d.Validity.From, d.Validity.Until = d.Validity.From.UTC(), d.Validity.Until.UTC()
	if d.Restrictions.MinSpend.unit != "" {
		or(&d.Restrictions.Basis, BasisEligible)
	}
	if d.PromoCode != nil {
		p := *d.PromoCode
		or(&p.PerAccount, 1)
		d.PromoCode = &p
	}
	d.Restrictions.Hours = slices.Clone(d.Restrictions.Hours)
	for i := range d.Restrictions.Hours {
		h := &d.Restrictions.Hours[i]
		h.Weekdays = slices.Sorted(slices.Values(h.Weekdays))
	}
	return d
}
