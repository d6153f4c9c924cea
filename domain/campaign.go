package domain

import (
	"fmt"
	"regexp"
	"slices"
)

// A campaign's stream tells its life: drafted, defined, approved by another person than those who made
// it, activated, paused, ended. What was approved is what runs: who defines something in a campaign that
// was approved or is paused makes it a draft again, and in one that is active nobody can.
//
// Beside its life the stream holds what of its budgets was reserved and released, see budget.go.

const campaignPrefix = "campaign-" // and the campaign's id

// CampaignStream is the name of a campaign's stream.
func CampaignStream(id string) string { return campaignPrefix + id }

var campaignID = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// IsCampaignID reports whether id has the form of a campaign's.
func IsCampaignID(id string) bool { return campaignID.MatchString(id) }

// CampaignOf is what a campaign's stream tells, nil of an empty one.
func CampaignOf(past []Posted) *Campaign {
	var c *Campaign
	for _, p := range past {
		c = c.After(p)
	}
	return c
}

// After is the campaign as the stream's next event leaves it; c itself does not change, and may be nil
// before the first.
func (c *Campaign) After(p Posted) *Campaign {
	if e, ok := p.Event.(CampaignDrafted); ok {
		return &Campaign{ID: e.CampaignID, Status: CampaignIsDraft, Terms: e.CampaignTerms,
			Makers: []string{p.Metadata.Actor}, DraftedAt: p.Metadata.RecordedAt}
	}
	if c == nil {
		return nil
	}
	next := *c
	switch e := p.Event.(type) {
	case CodesGenerated:
		return c.batched(e.ID, func(b *CodeBatch) {
			*b, b.GeneratedAt = e.CodeBatch, p.Metadata.RecordedAt
		})
	case CodesExported:
		return c.batched(e.BatchID, func(b *CodeBatch) { b.ExportedAt = p.Metadata.RecordedAt })
	case CouponDefined:
		next.Definitions = append(slices.Clip(c.Definitions), &e.Definition)
		next.Status, next.Approver = CampaignIsDraft, ""
		if !slices.Contains(c.Makers, p.Metadata.Actor) {
			next.Makers = append(slices.Clip(c.Makers), p.Metadata.Actor)
		}
	case CampaignApproved:
		next.Status, next.Approver = CampaignIsApproved, e.Approver
	case CampaignActivated:
		next.Status = CampaignIsActive
	case CampaignPaused:
		next.Status = CampaignIsPaused
	case CampaignEnded:
		next.Status = CampaignIsEnded
	default:
		return c
	}
	return &next
}

// Last is the newest version of a definition, nil where there is none.
func (c *Campaign) Last(definition string) *Definition {
	for _, d := range slices.Backward(c.Definitions) {
		if d.ID == definition {
			return d
		}
	}
	return nil
}

// PartnerCost is what a partner bears of a discount, by its share in percent, rounded half up at the
// discount's scale.
func PartnerCost(discount Money, share Quantity) Money { return percentOf(discount, share) }

// campaignIn is the campaign of a stream where it has one of these statuses.
func campaignIn(before []Posted, statuses ...CampaignStatus) (*Campaign, error) {
	c := CampaignOf(before)
	if c == nil {
		return nil, ErrNotFound.Because("there is no such campaign")
	}
	if !slices.Contains(statuses, c.Status) {
		return nil, ErrCampaignStatus.Because(fmt.Sprint("the campaign is ", c.Status))
	}
	return c, nil
}
