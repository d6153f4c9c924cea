package domain

import "github.com/google/uuid"

// ExportCodes hands a batch's codes out, once.
type ExportCodes struct {
	CampaignID string    `json:"campaign_id"`
	BatchID    uuid.UUID `json:"batch_id"`
}

// CodesExported records that a batch's codes were handed out: nobody gets them again.
type CodesExported ExportCodes

func (CodesExported) event() {}

// Stream is campaign-<id>.
func (x ExportCodes) Stream() string { return CampaignStream(x.CampaignID) }

// Operation is export_codes.
func (ExportCodes) Operation() Operation { return "export_codes" }

// Decide checks that there is the batch, and that it was not exported.
func (x ExportCodes) Decide(before []Posted, _ Moment) ([]Event, error) {
	var batch *CodeBatch
	if c := CampaignOf(before); c != nil {
		batch = c.Batch(x.BatchID)
	}
	switch {
	case batch == nil:
		return nil, ErrNotFound.Because("the campaign has no such batch")
	case !batch.ExportedAt.IsZero():
		return nil, ErrCodesExported
	}
	return []Event{CodesExported(x)}, nil
}

func (e CodesExported) command() any { return ExportCodes(e) }
