package projections

import (
	"context"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// The statuses of an adjustment.
const (
	AdjustmentProposed = "proposed"
	AdjustmentApproved = "approved"
	AdjustmentRejected = "rejected"
)

// adjustments is one row an adjustment: those that were rejected stay on record.
var adjustments = &items{
	name: "adjustments",
	tables: `
CREATE TABLE adjustments ( -- one row a correction of value that was proposed
	account_id      TEXT NOT NULL,
	id              TEXT NOT NULL,
	status          TEXT NOT NULL, -- proposed, approved or rejected
	direction       TEXT NOT NULL, -- credit or debit
	unit            TEXT NOT NULL,
	amount          TEXT NOT NULL, -- at the unit's scale
	lot             TEXT,          -- this or class
	class           TEXT,          -- of value, where no lot is named
	reason_code     TEXT NOT NULL, -- why, one of the program's codes
	attachment_hash TEXT NOT NULL, -- SHA-256 of the voucher, in hexadecimal
	note            TEXT,          -- the maker's words
	maker           TEXT NOT NULL, -- the API key that proposed it
	checker         TEXT,          -- none: below the program's threshold
	reason          TEXT,          -- of a rejection
	proposed_at     TEXT NOT NULL, -- when it was proposed
	decided_at      TEXT,          -- NULL: it waits
	PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
`,
	indexes: `CREATE INDEX adjustments_open ON adjustments (proposed_at) WHERE decided_at IS NULL;`,
	columns: []string{"status", "direction", "unit", "amount", "lot", "class", "reason_code",
		"attachment_hash", "note", "maker", "checker", "reason", "proposed_at", "decided_at"},
	types: []string{"AdjustmentProposed", "AdjustmentApproved", "AdjustmentRejected"},
	id: func(e domain.Event) (uuid.UUID, bool) {
		switch e := e.(type) {
		case domain.AdjustmentProposed:
			return e.AdjustmentID, true
		case domain.AdjustmentApproved:
			return e.AdjustmentID, false
		case domain.AdjustmentRejected:
			return e.AdjustmentID, false
		}
		return uuid.UUID{}, false
	},
	fold: func(row Item, e domain.Event, m *domain.Metadata) {
		switch e := e.(type) {
		case domain.AdjustmentProposed:
			row.proposed(e.Adjustment)
			row.at("proposed_at", m.RecordedAt)
			return
		case domain.AdjustmentApproved:
			row["status"], row["checker"] = AdjustmentApproved, e.Checker
		case domain.AdjustmentRejected:
			row["status"], row["checker"], row["reason"] = AdjustmentRejected, m.Actor, e.Reason
		}
		row.at("decided_at", m.RecordedAt)
	},
	stands: func(a *domain.Account) map[uuid.UUID]Item {
		open := map[uuid.UUID]Item{}
		for _, j := range a.Adjustments() {
			row := Item{"decided_at": ""}
			row.proposed(j)
			open[j.AdjustmentID] = row
		}
		return open
	},
}

// proposed sets what an adjustment proposes.
func (i Item) proposed(j domain.Adjustment) {
	i.money(j.Amount)
	i["status"], i["direction"] = AdjustmentProposed, string(j.Direction)
	i.set("lot", text(NullID(j.Lot)))
	i.set("class", string(j.Class))
	i["reason_code"], i["attachment_hash"], i["maker"] = j.ReasonCode, j.AttachmentHash, j.Maker
	i.set("note", j.Note)
}

// Adjustments lists an account's adjustments, the newest first.
func (m *Models) Adjustments(ctx context.Context, f OfAccount, p Paging) (Page[Item], error) {
	return adjustments.list(ctx, m, f, p)
}
