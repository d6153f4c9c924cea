package domain

import (
	"slices"

	"github.com/google/uuid"
)

// OpWriteOff is the kind of a write-off.
const OpWriteOff Operation = "write_off"

// SettledByWriteOff says that what was owed will not be paid. It moves no value.
const SettledByWriteOff SettledBy = "write_off"

// WriteOff gives up what an account still owes of a receivable. It posts ReceivableSettled. What comes back
// to a top-up that was reversed after what it owed was written off is taken back then.
type WriteOff struct {
	ReceivableID uuid.UUID `json:"receivable_id"`
	Reason       string    `json:"reason"` // 1 to 200 bytes
}

// Operation is write_off.
func (WriteOff) Operation() Operation { return OpWriteOff }

// Decide checks the reason, the account, the reference, then the receivable. It gives nothing to the
// account, so no freeze stops it.
func (w WriteOff) Decide(d *Draft) error {
	if w.Reason == "" || len(w.Reason) > 200 {
		return ErrMalformed.Field("reason", "want 1 to 200 bytes")
	}
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if err := d.unused(OpWriteOff); err != nil {
		return err
	}
	if err := d.lapseHolds(); err != nil {
		return err
	}
	i := slices.IndexFunc(d.receivables, func(r Receivable) bool { return r.ID == w.ReceivableID })
	if i < 0 {
		return ErrNotFound.Because("there is no such open receivable")
	}
	r := d.receivables[i]
	return d.post(ReceivableSettled{
		Value: d.value(r.Outstanding, nil), ReceivableID: r.ID, By: SettledByWriteOff, Cause: r.Cause,
		SourceID: r.SourceID, Outstanding: r.Outstanding.Sub(r.Outstanding), Reason: w.Reason,
	})
}

func (e ReceivableSettled) operation() Operation {
	if e.By == SettledByWriteOff {
		return OpWriteOff
	}
	return ""
}

func (e ReceivableSettled) command(Posted) Command {
	return WriteOff{ReceivableID: e.ReceivableID, Reason: e.Reason}
}
