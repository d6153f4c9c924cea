package projections

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// TierFilter says of whom the tier is wanted. Empty fields do not filter.
type TierFilter struct {
	Tier      string    `json:"tier,omitempty"`      // that it holds
	FirstTier bool      `json:"first,omitempty"`     // also what has no name: the first of whatever program
	DueBefore time.Time `json:"due_before,omitzero"` // time alone changes something earlier
}

// TierEntry is the tier of an account that was ever in another than the first.
type TierEntry struct {
	AccountID  uuid.UUID
	Tier       string // that it holds; "": the first
	Rank       int    // among its program's; 0: the first
	Since      time.Time
	Counted    string                        // the tier that counting says; "": the first
	ValidUntil time.Time                     // counted is decided on again; zero: never
	Scheduled  domain.TierDowngradeScheduled // zero: none
	Overridden bool                          // tier is an override's
	Ends       time.Time                     // of the override; zero: never
}

// Tiers lists the tiers that accounts hold, by account; those that have ended are left out.
func (m *Models) Tiers(ctx context.Context, f TierFilter, p Paging) (Page[TierEntry], error) {
	f.DueBefore = f.DueBefore.UTC() // comparable with what a cursor carries
	return tierList.read(ctx, m, f, p)
}

var tierList = list[TierFilter, uuid.UUID, TierEntry]{
	name: "tiers",
	query: func(f TierFilter, after *uuid.UUID, limit int) (string, []any) {
		var w where
		w.and("account_id IN (SELECT id FROM accounts WHERE status NOT IN ('closed', 'merged'))")
		if f.FirstTier {
			w.and("tier IN (?, '')", f.Tier)
		} else {
			w.same("tier", f.Tier)
		}
		if !f.DueBefore.IsZero() {
			w.and("due_at < ?", NullTime(f.DueBefore))
		}
		if after != nil {
			w.and("account_id > ?", after.String())
		}
		return "SELECT " + columnList(tierTable.Columns) + " FROM tiers" + w.text +
			" ORDER BY account_id LIMIT ?", append(w.args, limit)
	},
	scan: func(row func(...any) error) (e TierEntry, id uuid.UUID, err error) {
		var t tierRow
		if err := tierTable.Scan(row, &id, &t); err != nil {
			return e, id, err
		}
		held := t.held()
		return TierEntry{id, held.tier, held.rank, held.since, t.counted.tier, t.decision.ValidUntil,
			t.scheduled, t.override != nil, t.overrideEnds}, id, nil
	},
}
