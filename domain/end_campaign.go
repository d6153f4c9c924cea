package domain

// EndCampaign ends a campaign for good.
type EndCampaign struct {
	ID     string `json:"campaign_id"`
	Reason string `json:"reason"` // 1 to 200 bytes
}

// CampaignEnded records that a campaign grants and redeems nothing any more.
type CampaignEnded struct {
	CampaignID string `json:"campaign_id"`
	Reason     string `json:"reason"`
}

func (CampaignEnded) event() {}

// Stream is campaign-<id>.
func (e EndCampaign) Stream() string { return CampaignStream(e.ID) }

// Operation is end_campaign.
func (EndCampaign) Operation() Operation { return "end_campaign" }

// Decide checks the reason, then that the campaign has not ended.
func (e EndCampaign) Decide(before []Posted, _ Moment) ([]Event, error) {
	if err := checkReason(e.Reason); err != nil {
		return nil, err
	}
	_, err := campaignIn(before, CampaignIsDraft, CampaignIsApproved, CampaignIsActive, CampaignIsPaused)
	if err != nil {
		return nil, err
	}
	return []Event{CampaignEnded{CampaignID: e.ID, Reason: e.Reason}}, nil
}

func (e CampaignEnded) command() any { return EndCampaign{e.CampaignID, e.Reason} }
