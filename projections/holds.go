package projections

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// holds is one row a hold, those that have ended included.
type holds struct{}

// Name is holds.
func (holds) Name() string { return "holds" }

// Version is 1.
func (holds) Version() int { return 1 }

// Tables is holds.
func (holds) Tables() string {
	return `
CREATE TABLE holds ( -- one row a hold, those that have ended included
	account_id TEXT NOT NULL,
	id         TEXT NOT NULL,
	unit       TEXT NOT NULL,
	status     TEXT NOT NULL, -- active, captured or released, as the events left it
	requested  TEXT NOT NULL, -- what it pinned, at the unit's scale
	captured   TEXT NOT NULL, -- the part of it that was sold
	placed_at  TEXT NOT NULL, -- when it began
	expires_at TEXT NOT NULL, -- when it lapses
	ended_at   TEXT,          -- NULL: active
	reason     TEXT,          -- why it was released: void, lapsed, remainder, cancelled
	order_ref  TEXT,          -- the caller's own name of the order
	PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
`
}

// Indexes is what the sweeper looks for: active holds by when they lapse.
func (holds) Indexes() string {
	return `CREATE INDEX holds_due ON holds (expires_at, account_id) WHERE status = 'active';`
}

// HoldStatus is where a hold stands.
type HoldStatus string

// The statuses of a hold. One of which a part was captured before the rest was released by a final
// capture is captured; by anything else, released.
const (
	HoldActive   HoldStatus = "active"
	HoldCaptured HoldStatus = "captured"
	HoldReleased HoldStatus = "released"
)

type holdKey struct{ account, id uuid.UUID }

type holdRow struct {
	unit                         string
	status                       HoldStatus
	requested, captured          domain.Quantity
	placedAt, expiresAt, endedAt time.Time
	reason, orderRef             string
}

var holdTable = &Table[holdKey, holdRow]{
	Name: "holds",
	Columns: []string{"account_id", "id", "unit", "status", "requested", "captured", "placed_at",
		"expires_at", "ended_at", "reason", "order_ref"},
	Keys: func(k holdKey) []any { return []any{k.account.String(), k.id.String()} },
	Values: func(h *holdRow) []any {
		return []any{h.unit, string(h.status), h.requested.String(), h.captured.String(),
			NullTime(h.placedAt), NullTime(h.expiresAt), NullTime(h.endedAt), Null(h.reason),
			Null(h.orderRef)}
	},
	Scan: func(row func(...any) error, k *holdKey, h *holdRow) error { return h.scan(row, k) },
}

func (h *holdRow) scan(row func(...any) error, k *holdKey) error {
	var requested, captured string
	var placed, expires, ended, reason, order sql.NullString
	err := row(&k.account, &k.id, &h.unit, &h.status, &requested, &captured, &placed, &expires,
		&ended, &reason, &order)
	if err != nil {
		return err
	}
	h.reason, h.orderRef = reason.String, order.String
	if err := h.requested.UnmarshalText([]byte(requested)); err != nil {
		return err
	}
	if err := h.captured.UnmarshalText([]byte(captured)); err != nil {
		return err
	}
	if h.placedAt, err = ReadTime(placed); err != nil {
		return err
	}
	if h.expiresAt, err = ReadTime(expires); err != nil {
		return err
	}
	h.endedAt, err = ReadTime(ended)
	return err
}

// Apply places, captures and releases.
func (holds) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := holdTable.In(tx)
	for i := range events {
		e := &events[i]
		switch {
		case e.Body.Hold == (uuid.UUID{}):
		case e.Type == "HoldPlaced":
			rows.Add(holdKey{e.Account, e.Body.Hold}, holdRow{
				unit: e.Body.Unit, status: HoldActive, requested: e.Body.Requested,
				captured: e.Body.Requested.Zero(), placedAt: e.Metadata.RecordedAt,
				expiresAt: e.Body.ExpiresAt, orderRef: e.Body.OrderRef})
		default:
			rows.Want(holdKey{e.Account, e.Body.Hold})
		}
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for i := range events {
		e := &events[i]
		if e.Body.Hold == (uuid.UUID{}) || e.Type == "HoldPlaced" {
			continue
		}
		h := rows.Change(holdKey{e.Account, e.Body.Hold})
		if h == nil {
			tx.Damaged(*e, "hold "+e.Body.Hold.String()+" was never placed")
			continue
		}
		h.apply(e)
	}
	return rows.Write(ctx)
}

func (h *holdRow) apply(e *Event) {
	switch e.Type {
	case "DebitPosted":
		h.captured = h.captured.Add(e.Body.Amount)
		if e.Body.HoldFinal || h.captured.Equal(h.requested) {
			h.end(HoldCaptured, e)
		}
	case "HoldReleased":
		h.reason = e.Body.Reason
		status := HoldReleased
		if e.Body.Reason == string(domain.ReleasedRemainder) {
			status = HoldCaptured
		}
		h.end(status, e)
	}
}

func (h *holdRow) end(status HoldStatus, e *Event) {
	h.status, h.endedAt = status, e.Metadata.RecordedAt
}
