package domain

import (
	"fmt"

	"github.com/google/uuid"
)

// MergedDebt is what is owed for a top-up of an absorbed account that was reversed after the merge: by the
// survivor, whose lots that came of it pay first.
type MergedDebt struct {
	ReceivableID uuid.UUID `json:"receivable_id,omitzero"` // that it opens; none where nothing is owed
	TopUpID      uuid.UUID `json:"top_up_id"`
	Amount       Money     `json:"amount"` // may be zero: its bonus is revoked all the same
}

// Opened is the receivable that it opens, where something is owed.
func (o MergedDebt) Opened() ReceivableOpened {
	return ReceivableOpened{ReceivableID: o.ReceivableID, Amount: o.Amount, Cause: ReceivableChargeback,
		SourceID: o.TopUpID, Outstanding: o.Amount}
}

// owe opens what is owed for a reversed top-up, unless the account was merged: then its survivor owes it.
func (d *Draft) owe(o MergedDebt) error {
	if _, merged := d.Survivor(); merged || o.Amount.IsZero() {
		return nil
	}
	return d.post(o.Opened())
}

// reverseMerged has the survivor owe what a reversed top-up does. What it has of it pays at once, and its
// bonus is revoked, as the reversal itself would have taken both.
func (d *Draft) reverseMerged(o MergedDebt) error {
	if err := d.lapseHolds(); err != nil {
		return err
	}
	if err := d.owe(o); err != nil {
		return err
	}
	for _, l := range d.funding(o.TopUpID) {
		if !l.free().IsPositive() {
			continue
		}
		if err := d.reclaim(l, l.free(), SettledByReversal); err != nil {
			return err
		}
	}
	return nil
}

func (o MergedDebt) check() error {
	if o.TopUpID == noID || o.Amount.IsNegative() || o.Amount.IsZero() != (o.ReceivableID == noID) {
		return fmt.Errorf("%s is owed for top-up %s", o.Amount, o.TopUpID)
	}
	return nil
}
