package domain

import (
	"regexp"
	"time"

	"github.com/google/uuid"
)

// OpAdjustment is the kind of a proposed adjustment.
const OpAdjustment Operation = "adjustment"

var attachment = regexp.MustCompile(`^[0-9a-f]{64}$`)

// ProposeAdjustment asks for a correction. Above the program's threshold another person approves it.
type ProposeAdjustment struct {
	Amount         Money     `json:"amount"`
	Direction      Direction `json:"direction"`
	Lot            uuid.UUID `json:"lot,omitzero"`
	Class          Class     `json:"class,omitempty"`
	ReasonCode     string    `json:"reason_code"`
	AttachmentHash string    `json:"attachment_hash"`
	Note           string    `json:"note,omitempty"`
}

// AdjustmentProposed records that a correction waits for a decision. It moves nothing.
type AdjustmentProposed struct{ Adjustment }

func (AdjustmentProposed) event() {}

func (AdjustmentProposed) operation() Operation { return OpAdjustment }

// Operation is adjustment.
func (ProposeAdjustment) Operation() Operation { return OpAdjustment }

// Decide checks the request, the account, the reference, the lot, then how many proposals wait. Below
// the program's threshold it posts at once; a debit then needs its value.
func (p ProposeAdjustment) Decide(d *Draft) error {
	j := Adjustment{Amount: p.Amount, Direction: p.Direction, Lot: p.Lot, Class: p.Class,
		ReasonCode: p.ReasonCode, AttachmentHash: p.AttachmentHash, Note: p.Note, Maker: d.Actor}
	if err := j.check(); err != nil {
		return err
	}
	if err := d.maySettle(); err != nil {
		return err
	}
	if err := d.unused(OpAdjustment); err != nil {
		return err
	}
	if err := j.applies(d); err != nil {
		return err
	}
	if len(d.adjustments) >= mostProposals {
		return ErrLimitExceeded.Because("too many adjustments wait for a decision")
	}
	alone := below(j.Amount, d.program().Terms.approval(j.Amount.unit).Adjustment)
	if alone {
		if err := d.lapseHolds(); err != nil {
			return err
		}
	}
	j.AdjustmentID = d.nextID()
	if err := d.post(AdjustmentProposed{j}); err != nil || !alone {
		return err
	}
	return d.adjust(j, NoChecker)
}

func (e AdjustmentProposed) check() error { return e.stored() }

func (e AdjustmentProposed) command(Posted) Command {
	return ProposeAdjustment{Amount: e.Amount, Direction: e.Direction, Lot: e.Lot, Class: e.Class,
		ReasonCode: e.ReasonCode, AttachmentHash: e.AttachmentHash, Note: e.Note}
}

func (e AdjustmentProposed) apply(a *Account, _ time.Time) error {
	a.adjustments = append(a.adjustments, e.Adjustment)
	return nil
}
