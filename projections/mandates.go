package projections

import (
	"context"
	"encoding/json"
	"iter"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// The statuses of a mandate.
const (
	MandateActive = "active"
	MandateEnded  = "ended"
)

// mandates is one row a mandate, those that have ended included.
var mandates = &items{
	name: "mandates",
	tables: `
CREATE TABLE mandates ( -- one row a standing charge, those that have ended included
	account_id  TEXT NOT NULL,
	id          TEXT NOT NULL,
	status      TEXT NOT NULL, -- active or ended
	unit        TEXT NOT NULL,
	amount      TEXT NOT NULL, -- of one period, at the unit's scale
	cap         TEXT NOT NULL, -- the most that one period may take
	calendar    TEXT NOT NULL, -- JSON
	description TEXT,          -- what it is for
	charged     INTEGER NOT NULL, -- how many periods were
	failed      INTEGER NOT NULL, -- how often charging period failed
	period      TEXT,          -- to be charged, by when it fell due
	next_at     TEXT,          -- when that is tried
	set_at      TEXT NOT NULL, -- when it was set up or changed last
	ended_at    TEXT,          -- NULL: it is active
	reason      TEXT,          -- of its end
	PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
`,
	indexes: `CREATE INDEX mandates_due ON mandates (next_at, account_id) WHERE status = 'active';`,
	columns: []string{"status", "unit", "amount", "cap", "calendar", "description", "charged", "failed",
		"period", "next_at", "set_at", "ended_at", "reason"},
	types: []string{"MandateSet", "MandateEnded", "DebitPosted", "ChargeFailed"},
	id: func(e domain.Event) (uuid.UUID, bool) {
		switch e := e.(type) {
		case domain.MandateSet:
			return e.MandateID, true
		case domain.MandateEnded:
			return e.MandateID, false
		case domain.DebitPosted:
			return e.MandateID, false
		case domain.ChargeFailed:
			return e.MandateID, false
		}
		return uuid.UUID{}, false
	},
	fold: foldMandate,
	stands: func(a *domain.Account) map[uuid.UUID]Item {
		active := map[uuid.UUID]Item{}
		for _, m := range a.Mandates() {
			row := Item{"status": MandateActive, "ended_at": "", "failed": strconv.Itoa(m.Failed)}
			row.money(m.Amount)
			row.at("period", m.Period)
			row.at("next_at", m.NextAt)
			active[m.ID] = row
		}
		return active
	},
}

func foldMandate(row Item, e domain.Event, m *domain.Metadata) {
	switch e := e.(type) {
	case domain.MandateSet:
		row.money(e.Amount)
		calendar, err := json.Marshal(e.Calendar)
		if err != nil {
			panic(err) // a Calendar is plain fields
		}
		row["status"], row["cap"], row["calendar"] = MandateActive, e.Cap.Quantity.String(), string(calendar)
		row["charged"], row["failed"] = "0", "0"
		row.set("description", e.Description)
		row.at("period", e.NextAt)
		row.at("next_at", e.NextAt)
		row.at("set_at", m.RecordedAt)
	case domain.DebitPosted:
		charged, _ := strconv.Atoi(row["charged"]) // as it was written
		row["charged"], row["failed"] = strconv.Itoa(charged+1), "0"
		row.at("period", e.Charge.NextPeriod)
		row.at("next_at", e.Charge.NextPeriod)
	case domain.ChargeFailed:
		row["failed"] = "0"
		if e.NextPeriod.Equal(e.Period) {
			row["failed"] = strconv.Itoa(e.Attempt)
		}
		row.at("period", e.NextPeriod)
		row.at("next_at", e.NextAt)
	case domain.MandateEnded:
		row["status"], row["reason"] = MandateEnded, e.Reason
		row.at("period", time.Time{})
		row.at("next_at", time.Time{})
		row.at("ended_at", m.RecordedAt)
	}
}

// Mandates lists an account's mandates, the newest first.
func (m *Models) Mandates(ctx context.Context, f OfAccount, p Paging) (Page[Item], error) {
	return mandates.list(ctx, m, f, p)
}

// DueMandates is DueHolds for standing charges that are to be tried.
func (m *Models) DueMandates(ctx context.Context, at time.Time) iter.Seq2[uuid.UUID, error] {
	return accountsOf(m.due(ctx, "mandates", `SELECT next_at, account_id, id FROM mandates
		WHERE status = 'active' AND next_at <= ? AND (next_at, account_id, id) > (?, ?, ?)
		ORDER BY next_at, account_id, id LIMIT ?`, NullTime(at)))
}
