package domain

// PauseCampaign stops a campaign until it is activated again.
type PauseCampaign struct {
	ID     string `json:"campaign_id"`
	Reason string `json:"reason"` // 1 to 200 bytes
}

// CampaignPaused records that a campaign neither grants nor redeems for now.
type CampaignPaused struct {
	CampaignID string `json:"campaign_id"`
	Reason     string `json:"reason"`
}

func (CampaignPaused) event() {}

// Stream is campaign-<id>.
func (p PauseCampaign) Stream() string { return CampaignStream(p.ID) }

// Operation is pause_campaign.
func (PauseCampaign) Operation() Operation { return "pause_campaign" }

// Decide checks the reason, then that the campaign is active.
func (p PauseCampaign) Decide(before []Posted, _ Moment) ([]Event, error) {
	if err := checkReason(p.Reason); err != nil {
		return nil, err
	}
	if _, err := campaignIn(before, CampaignIsActive); err != nil {
		return nil, err
	}
	return []Event{CampaignPaused{CampaignID: p.ID, Reason: p.Reason}}, nil
}

func (e CampaignPaused) command() any { return PauseCampaign{e.CampaignID, e.Reason} }
