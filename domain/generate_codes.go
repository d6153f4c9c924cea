package domain

import (
	"errors"
	"fmt"
)

// GenerateCodes adds a batch of codes to a campaign.
type GenerateCodes struct {
	CampaignID string
	CodeBatch  // with everything that follows from its key
}

// CodesGenerated records a batch: enough to draw it again, for who has the master key.
type CodesGenerated struct {
	CampaignID string `json:"campaign_id"`
	CodeBatch
}

func (CodesGenerated) event() {}

// Stream is campaign-<id>.
func (g GenerateCodes) Stream() string { return CampaignStream(g.CampaignID) }

// Operation is generate_codes.
func (GenerateCodes) Operation() Operation { return "generate_codes" }

// Check refuses a count that no batch has, before anything is drawn.
func (g GenerateCodes) Check() error {
	if g.Count < 1 || g.Count > MostCodes {
		return ErrMalformed.Field("count", fmt.Sprint("want 1 to ", MostCodes))
	}
	return nil
}

// Decide checks count, campaign, how many batches it has, and definition.
func (g GenerateCodes) Decide(before []Posted, _ Moment) ([]Event, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	c, err := campaignIn(before, CampaignIsDraft, CampaignIsApproved, CampaignIsActive, CampaignIsPaused)
	if err != nil {
		return nil, err
	}
	if len(c.Batches) >= mostBatches {
		return nil, ErrLimitExceeded.Because(fmt.Sprint("a campaign has at most ", mostBatches, " batches"))
	}
	d, ok := c.Definition(g.Definition)
	if !ok {
		return nil, ErrMalformed.Field("definition", "want definition_id@version, of this campaign")
	}
	if d.Restrictions.HolderOnly {
		return nil, ErrMalformed.Field("definition", "no code claims what is holder_only")
	}
	return []Event{CodesGenerated(g)}, nil
}

// askedCodes is what two requests for a batch are compared by.
type askedCodes struct {
	CampaignID string `json:"campaign_id"`
	Definition string `json:"definition"`
	Count      int    `json:"count"`
}

func (g GenerateCodes) canonical() any { return askedCodes{g.CampaignID, g.Definition, g.Count} }

func (e CodesGenerated) command() any { return GenerateCodes(e).canonical() }

func (e CodesGenerated) check() error {
	if e.ID == noID || e.KeyID == "" {
		return errors.New("a batch without an id or a key")
	}
	return GenerateCodes(e).Check()
}
