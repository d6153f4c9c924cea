package projections

import (
	"context"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// The statuses of a withdrawal.
const (
	WithdrawalRequested = "requested"
	WithdrawalApproved  = "approved"
	WithdrawalPaid      = "paid"
	WithdrawalRejected  = "rejected"
	WithdrawalFailed    = "failed"
)

// withdrawals is one row a withdrawal, those that have ended included.
var withdrawals = &items{
	name: "withdrawals",
	tables: `
CREATE TABLE withdrawals ( -- one row a withdrawal, those that have ended included
	account_id   TEXT NOT NULL,
	id           TEXT NOT NULL,
	status       TEXT NOT NULL, -- requested, approved, paid, rejected or failed
	cause        TEXT NOT NULL, -- why value leaves, as the request names it
	unit         TEXT NOT NULL,
	amount       TEXT NOT NULL, -- what it held, at the unit's scale
	requester    TEXT NOT NULL, -- the API key that asked for it
	approver     TEXT,          -- the API key that approved it; NULL: nobody had to
	payout       TEXT,          -- approved, then paid
	reason       TEXT,          -- of a rejection or a failure
	requested_at TEXT NOT NULL, -- when it was asked for
	ended_at     TEXT,          -- NULL: it is open
	PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
`,
	indexes: `CREATE INDEX withdrawals_open ON withdrawals (requested_at) WHERE ended_at IS NULL;`,
	columns: []string{"status", "cause", "unit", "amount", "requester", "approver", "payout", "reason",
		"requested_at", "ended_at"},
	types: []string{"WithdrawalRequested", "WithdrawalApproved", "WithdrawalPaidOut",
		"WithdrawalRejected", "WithdrawalFailed"},
	id: func(e domain.Event) (uuid.UUID, bool) {
		switch e := e.(type) {
		case domain.WithdrawalRequested:
			return e.WithdrawalID, true
		case domain.WithdrawalApproved:
			return e.WithdrawalID, false
		case domain.WithdrawalPaidOut:
			return e.WithdrawalID, false
		case domain.WithdrawalRejected:
			return e.WithdrawalID, false
		case domain.WithdrawalFailed:
			return e.WithdrawalID, false
		}
		return uuid.UUID{}, false
	},
	fold: func(row Item, e domain.Event, m *domain.Metadata) {
		row["status"] = WithdrawalStatusAfter(e)
		switch e := e.(type) {
		case domain.WithdrawalRequested:
			row.money(e.Amount)
			row["cause"], row["requester"] = string(e.Cause), e.Requester
			row.at("requested_at", m.RecordedAt)
			return
		case domain.WithdrawalApproved:
			row["approver"], row["payout"] = e.Approver, e.Payout.Quantity.String()
			return
		case domain.WithdrawalPaidOut:
			row["payout"] = e.Payout.Quantity.String()
		case domain.WithdrawalRejected:
			row["reason"] = e.Reason
		case domain.WithdrawalFailed:
			row["reason"] = e.Reason
		}
		row.at("ended_at", m.RecordedAt)
	},
	stands: func(a *domain.Account) map[uuid.UUID]Item {
		open := map[uuid.UUID]Item{}
		for _, w := range a.Withdrawals() {
			row := Item{"status": WithdrawalRequested, "requester": w.Requester, "ended_at": ""}
			row.money(w.Amount)
			if w.Approved {
				row["status"], row["payout"] = WithdrawalApproved, w.Payout.Quantity.String()
			}
			open[w.ID] = row
		}
		return open
	},
}

// WithdrawalStatusAfter is where a withdrawal stands after its last event; nil: only its request.
func WithdrawalStatusAfter(e domain.Event) string {
	switch e.(type) {
	case domain.WithdrawalApproved:
		return WithdrawalApproved
	case domain.WithdrawalPaidOut:
		return WithdrawalPaid
	case domain.WithdrawalRejected:
		return WithdrawalRejected
	case domain.WithdrawalFailed:
		return WithdrawalFailed
	}
	return WithdrawalRequested
}

// Withdrawals lists an account's withdrawals, the newest first.
func (m *Models) Withdrawals(ctx context.Context, f OfAccount, p Paging) (Page[Item], error) {
	return withdrawals.list(ctx, m, f, p)
}
