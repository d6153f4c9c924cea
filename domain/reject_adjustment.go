package domain

import (
	"time"

	"github.com/google/uuid"
)

// OpRejectAdjustment is the kind of an adjustment's rejection.
const OpRejectAdjustment Operation = "adjustment_rejection"

// RejectAdjustment ends an adjustment without effect. Whoever made it may take it back so.
type RejectAdjustment struct {
	AdjustmentID uuid.UUID `json:"adjustment_id"`
	Reason       string    `json:"reason"` // 1 to 200 bytes
}

// AdjustmentRejected records that a correction was refused, with all that it proposed.
type AdjustmentRejected struct {
	Adjustment
	Reason string `json:"reason"`
}

func (AdjustmentRejected) event() {}

func (AdjustmentRejected) operation() Operation { return OpRejectAdjustment }

func (e AdjustmentRejected) appendNames(names []Name) []Name {
	return append(names, AdjustmentName(e.AdjustmentID))
}

// Operation is adjustment_rejection.
func (RejectAdjustment) Operation() Operation { return OpRejectAdjustment }

// Decide checks the reason, the account, the reference, then the adjustment.
func (p RejectAdjustment) Decide(d *Draft) error {
	if err := checkReason(p.Reason); err != nil {
		return err
	}
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if err := d.unused(OpRejectAdjustment); err != nil {
		return err
	}
	j, err := d.openAdjustment(p.AdjustmentID)
	if err != nil {
		return err
	}
	return d.post(AdjustmentRejected{Adjustment: j, Reason: p.Reason})
}

func (e AdjustmentRejected) check() error { return e.stored() }

func (e AdjustmentRejected) command(Posted) Command {
	return RejectAdjustment{AdjustmentID: e.AdjustmentID, Reason: e.Reason}
}

func (e AdjustmentRejected) apply(a *Account, _ time.Time) error { return a.adjusted(e.AdjustmentID) }
