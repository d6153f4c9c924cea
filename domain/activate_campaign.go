package domain

// ActivateCampaign lets an approved campaign give, or a paused one again.
type ActivateCampaign struct {
	ID string `json:"campaign_id"`
}

// CampaignActivated records that a campaign gives from now on, within its window.
type CampaignActivated struct {
	CampaignID string `json:"campaign_id"`
}

func (CampaignActivated) event() {}

// Stream is campaign-<id>.
func (a ActivateCampaign) Stream() string { return CampaignStream(a.ID) }

// Operation is activate_campaign.
func (ActivateCampaign) Operation() Operation { return "activate_campaign" }

// Decide refuses a campaign that is neither approved nor paused, and one whose window is over.
func (a ActivateCampaign) Decide(before []Posted, m Moment) ([]Event, error) {
	c, err := campaignIn(before, CampaignIsApproved, CampaignIsPaused)
	if err != nil {
		return nil, err
	}
	if c.over(m.Recorded) {
		return nil, ErrCampaignStatus.Because("the campaign's window is over")
	}
	return []Event{CampaignActivated{CampaignID: a.ID}}, nil
}

func (e CampaignActivated) command() any { return ActivateCampaign{e.CampaignID} }
