package domain

import "slices"

// ApproveCampaign lets a campaign be activated as it is defined now.
type ApproveCampaign struct {
	ID string `json:"campaign_id"`
}

// CampaignApproved records that another person than those who made a campaign approved it.
type CampaignApproved struct {
	CampaignID string `json:"campaign_id"`
	Approver   string `json:"approver"` // the API key
}

func (CampaignApproved) event() {}

// Stream is campaign-<id>.
func (a ApproveCampaign) Stream() string { return CampaignStream(a.ID) }

// Operation is approve_campaign.
func (ApproveCampaign) Operation() Operation { return "approve_campaign" }

// Decide refuses a campaign that is no draft, one without a definition, then an approver who drafted it
// or defined something in it.
func (a ApproveCampaign) Decide(before []Posted, m Moment) ([]Event, error) {
	c, err := campaignIn(before, CampaignIsDraft)
	switch {
	case err != nil:
		return nil, err
	case len(c.Definitions) == 0:
		return nil, ErrCampaignStatus.Because("the campaign defines nothing")
	case slices.Contains(c.Makers, m.Actor):
		return nil, ErrMakerIsChecker
	}
	return []Event{CampaignApproved{CampaignID: a.ID, Approver: m.Actor}}, nil
}

func (e CampaignApproved) command() any { return ApproveCampaign{e.CampaignID} }
