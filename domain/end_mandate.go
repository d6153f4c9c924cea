package domain

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// OpEndMandate is the kind of a mandate's end.
const OpEndMandate Operation = "mandate_end"

// Why a mandate ends by itself.
const (
	MandateOver   = "over" // its last period is done
	MandateClosed = "account_closed"
	MandateMerged = "account_merged" // the survivor owes only what it agrees to
)

// EndMandate lets a mandate charge nothing any more.
type EndMandate struct {
	MandateID uuid.UUID `json:"mandate_id"`
	Reason    string    `json:"reason"` // 1 to 200 bytes
}

// MandateEnded records the end of a mandate.
type MandateEnded struct {
	MandateID uuid.UUID `json:"mandate_id"`
	Reason    string    `json:"reason"` // people's, or one of ours
}

func (MandateEnded) event() {}

func (MandateEnded) operation() Operation { return OpEndMandate }

func (e MandateEnded) appendNames(names []Name) []Name {
	return append(names, MandateName(e.MandateID))
}

// Operation is mandate_end.
func (EndMandate) Operation() Operation { return OpEndMandate }

// Decide checks the reason, the account, the reference, then the mandate. No freeze stops it.
func (m EndMandate) Decide(d *Draft) error {
	if err := checkReason(m.Reason); err != nil {
		return err
	}
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if err := d.unused(OpEndMandate); err != nil {
		return err
	}
	if _, err := d.activeMandate(m.MandateID); err != nil {
		return err
	}
	return d.post(MandateEnded(m))
}

func (e MandateEnded) command(Posted) Command { return EndMandate(e) }

func (e MandateEnded) apply(a *Account, _ time.Time) error {
	i := a.mandate(e.MandateID)
	if i < 0 {
		return fmt.Errorf("mandate %s is not active", e.MandateID)
	}
	a.mandates = slices.Delete(a.mandates, i, i+1)
	return nil
}
