package domain

import (
	"cmp"
	"time"

	"github.com/google/uuid"
)

// OpApproveAdjustment is the kind of an adjustment's approval.
const OpApproveAdjustment Operation = "adjustment_approval"

// ApproveAdjustment posts an adjustment. Another person than its maker must ask.
type ApproveAdjustment struct {
	AdjustmentID uuid.UUID `json:"adjustment_id"`
}

// AdjustmentApproved records a correction of value: a debit's moves, or a credit's new lot.
type AdjustmentApproved struct {
	Value
	AdjustmentID uuid.UUID   `json:"adjustment_id"`
	Direction    Direction   `json:"direction"`
	Maker        string      `json:"maker"`
	Checker      string      `json:"checker"` // the actor, or none below the program's threshold
	ReasonCode   string      `json:"reason_code"`
	Lots         []LotOpened `json:"lots,omitempty"` // of a credit, one
}

func (AdjustmentApproved) event() {}

func (AdjustmentApproved) operation() Operation { return OpApproveAdjustment }

func (e AdjustmentApproved) appendNames(names []Name) []Name {
	return append(names, AdjustmentName(e.AdjustmentID))
}

// Opened is the lot of a credit.
func (e AdjustmentApproved) Opened() []LotOpened { return e.Lots }

func (e AdjustmentApproved) balanced(b Balance) Event { e.Balance = b; return e }

// Operation is adjustment_approval.
func (ApproveAdjustment) Operation() Operation { return OpApproveAdjustment }

// Decide checks the account, the reference, the adjustment, who asks, then, of a debit, that there is
// as much unheld value.
func (p ApproveAdjustment) Decide(d *Draft) error {
	if err := d.maySettle(); err != nil {
		return err
	}
	if err := d.unused(OpApproveAdjustment); err != nil {
		return err
	}
	j, err := d.openAdjustment(p.AdjustmentID)
	switch {
	case err != nil:
		return err
	case j.Maker == d.Actor:
		return ErrMakerIsChecker
	}
	if err := d.lapseHolds(); err != nil {
		return err
	}
	return d.adjust(j, d.Actor)
}

// adjust posts an adjustment. A credit to a lot that has expired since ends as that lot did.
func (d *Draft) adjust(j Adjustment, checker string) error {
	e := AdjustmentApproved{AdjustmentID: j.AdjustmentID, Direction: j.Direction, Maker: j.Maker,
		Checker: checker, ReasonCode: j.ReasonCode}
	if j.Direction == DirectionCredit {
		e.Lots = []LotOpened{j.opened(d, d.nextID())}
		e.Value = d.value(j.Amount, fill(e.Lots))
		return d.post(e)
	}
	moves, err := j.taken(d)
	if err != nil {
		return err
	}
	e.Value = d.value(j.Amount, moves)
	return d.post(e)
}

func (e AdjustmentApproved) check() error {
	if e.Direction == DirectionCredit {
		return cmp.Or(e.gives(), e.opens(e.Lots, 1))
	}
	return e.takes()
}

func (e AdjustmentApproved) command(Posted) Command {
	return ApproveAdjustment{AdjustmentID: e.AdjustmentID}
}

func (e AdjustmentApproved) apply(a *Account, _ time.Time) error { return a.adjusted(e.AdjustmentID) }
