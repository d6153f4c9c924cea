package domain

import "github.com/google/uuid"

// Why a part of a budget came back.
const (
	BudgetUnused      = "unused"      // the operation was refused, or did without
	BudgetUncommitted = "uncommitted" // and its commit will never come
	BudgetRecycled    = "recycled"    // a free coupon was
	BudgetRestored    = "restored"    // goods came back
)

// BudgetReleased records that a part of what was reserved is free again: all of it, or what an event of
// the account gave back.
type BudgetReleased struct {
	ReservationID uuid.UUID `json:"reservation_id"`
	BudgetPart
	AccountID   uuid.UUID  `json:"account_id"`
	OperationID uuid.UUID  `json:"operation_id"`
	SourceID    uuid.UUID  `json:"source_id,omitzero"` // the event that gave it back; none: nothing was spent
	Reason      string     `json:"reason"`
	Left        BudgetLeft `json:"left"`
}

func (BudgetReleased) event() {}

// ReleasedName is the name that what was released of a reservation answers to, on the campaign's
// stream.
func ReleasedName(reservation uuid.UUID) Name { return Name{"released", reservation.String()} }

func (e BudgetReleased) appendNames(names []Name) []Name {
	return append(names, ReleasedName(e.ReservationID))
}

// Release answers that a part of a reservation is given back, by the event source of the account, or all
// of it, by none; before are its releases until now. What source has given back is Done, and nothing
// ever gives back more than was reserved: of what is left then, if anything, the event tells, else it is
// Done too.
func (b *Budget) Release(r Return, source uuid.UUID, reserved BudgetReserved, before []Posted,
	m Moment) (Posted, error) {
	m.toUTC()
	rest := reserved.BudgetPart
	for _, p := range before {
		e, ok := p.Event.(BudgetReleased)
		if ok && (e.SourceID == source || e.SourceID == noID) {
			return Posted{}, &Done{p}
		}
		rest = rest.less(e.BudgetPart)
	}
	w := r.BudgetPart
	if source == noID {
		w = rest
	}
	w.Campaign, w.Count = rest.Campaign, min(w.Count, rest.Count)
	switch {
	case w.Amount.unit != rest.Amount.unit:
		w.Amount = Money{}
	case w.Amount.unit != "" && rest.Amount.Less(w.Amount):
		w.Amount = rest.Amount
	}
	if w.Count == 0 && w.Amount.IsZero() && len(before) > 0 {
		return Posted{}, &Done{before[0]}
	}
	b.count(w, -1)
	return b.posted(BudgetReleased{ReservationID: reserved.ReservationID, BudgetPart: w,
		AccountID: reserved.AccountID, OperationID: reserved.OperationID, SourceID: source,
		Reason: r.Reason, Left: b.Left()}, m), nil
}

// less is w without what was given back of it.
func (w BudgetPart) less(v BudgetPart) BudgetPart {
	w.Count -= v.Count
	if w.Amount.unit != "" && v.Amount.unit == w.Amount.unit {
		w.Amount = w.Amount.Sub(v.Amount)
	}
	return w
}

func (e BudgetReleased) check() error { return e.BudgetPart.check() }
