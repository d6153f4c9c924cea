package projections

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// accounts is one row an account.
type accounts struct{}

// Name is accounts.
func (accounts) Name() string { return "accounts" }

// Version is 3.
func (accounts) Version() int { return 3 }

// Tables is accounts.
func (accounts) Tables() string {
	return `
CREATE TABLE accounts ( -- one row an account: its state as its events left it
	id           TEXT PRIMARY KEY,
	customer_ref TEXT NOT NULL, -- the caller's own name for the customer
	kind         TEXT NOT NULL, -- member
	status       TEXT NOT NULL, -- open, frozen, closed or merged, as the events left it
	survivor_id  TEXT,          -- the account that answers for a merged one
	frozen_until TEXT,          -- when the last freeze ends; NULL: never, or not frozen
	freezes      TEXT NOT NULL, -- JSON: [{"mode":"debit","until":"…"}]
	opened_at    TEXT NOT NULL, -- when it was opened
	recorded_at  TEXT NOT NULL, -- of the last event
	revision     INTEGER NOT NULL, -- of the last event
	position     INTEGER NOT NULL, -- of the last event
	active_at    TEXT,             -- when the customer last did something; NULL: never
	dormant_since TEXT,            -- of the activity before it became dormant; NULL: it is not
	dormant_step INTEGER NOT NULL, -- days of the last step that it has reached; 0: it is not dormant
	dormant_balance TEXT           -- JSON by unit: what it had then
) STRICT, WITHOUT ROWID;
`
}

// Indexes is by customer_ref, and by how long nothing was done.
func (accounts) Indexes() string {
	return `CREATE INDEX accounts_by_customer_ref ON accounts (customer_ref);
	CREATE INDEX accounts_idle ON accounts (dormant_step, active_at, id)
		WHERE ` + lasting + `;
	CREATE INDEX accounts_by_activity ON accounts (active_at, id) WHERE ` + idling + `;`
}

type accountRow struct {
	customerRef, kind  string
	freezes            []domain.Freeze
	ended              domain.Status // closed or merged; "": neither
	survivor           uuid.UUID
	openedAt, recorded time.Time
	revision, position int64
	activeAt           time.Time
	dormant            domain.AccountDormant // the last step; of Step 0: it is not
}

var accountTable = &Table[uuid.UUID, accountRow]{
	Name: "accounts",
	Columns: []string{"id", "customer_ref", "kind", "status", "survivor_id", "frozen_until", "freezes", "opened_at",
		"recorded_at", "revision", "position", "active_at", "dormant_since", "dormant_step",
		"dormant_balance"},
	Keys: func(id uuid.UUID) []any { return []any{id.String()} },
	Values: func(a *accountRow) []any {
		status, until := a.frozen()
		return []any{a.customerRef, a.kind, status, NullID(a.survivor), NullTime(until),
			freezesJSON(a.freezes), NullTime(a.openedAt), NullTime(a.recorded), a.revision, a.position,
			NullTime(a.activeAt), NullTime(a.dormant.Since), a.dormant.Step, sumsJSON(a.dormant)}
	},
	Scan: func(row func(...any) error, id *uuid.UUID, a *accountRow) error {
		var status domain.Status
		var freezes string
		var survivor, until, opened, recorded, active, since, sums sql.NullString
		err := row(id, &a.customerRef, &a.kind, &status, &survivor, &until, &freezes, &opened, &recorded,
			&a.revision, &a.position, &active, &since, &a.dormant.Step, &sums)
		if err != nil {
			return err
		}
		if status == domain.Closed || status == domain.Merged {
			a.ended = status
		}
		if survivor.Valid {
			if err := a.survivor.UnmarshalText([]byte(survivor.String)); err != nil {
				return err
			}
		}
		if a.openedAt, err = ReadTime(opened); err != nil {
			return err
		}
		if a.recorded, err = ReadTime(recorded); err != nil {
			return err
		}
		if a.activeAt, err = ReadTime(active); err != nil {
			return err
		}
		if a.dormant.Since, err = ReadTime(since); err != nil {
			return err
		}
		if sums.Valid {
			if err := json.Unmarshal([]byte(sums.String), &a.dormant.Balance); err != nil {
				return err
			}
		}
		return json.Unmarshal([]byte(freezes), &a.freezes)
	},
}

// frozen is the status by events, and when the last freeze ends if all of them do.
func (a *accountRow) frozen() (domain.Status, time.Time) {
	if a.ended != "" {
		return a.ended, time.Time{}
	}
	if len(a.freezes) == 0 {
		return domain.Open, time.Time{}
	}
	var last time.Time
	for _, f := range a.freezes {
		if f.Until.IsZero() {
			return domain.Frozen, time.Time{}
		}
		if f.Until.After(last) {
			last = f.Until
		}
	}
	return domain.Frozen, last
}

// Apply keeps each account's revision, and what opening and freezing change.
func (accounts) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := accountTable.In(tx)
	for i := range events {
		if e := &events[i]; e.Account != (uuid.UUID{}) && e.Type != "AccountOpened" {
			rows.Want(e.Account)
		}
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for i := range events {
		e := &events[i]
		if e.Account == (uuid.UUID{}) {
			continue
		}
		if err := applyToAccount(rows, e); err != nil {
			tx.Damaged(*e, err.Error())
		}
	}
	return rows.Write(ctx)
}

func applyToAccount(rows *Rows[uuid.UUID, accountRow], e *Event) error {
	if e.Type == "AccountOpened" {
		decoded, err := e.Decoded()
		if err != nil {
			return err
		}
		opened := decoded.(domain.AccountOpened)
		rows.Add(e.Account, accountRow{customerRef: opened.CustomerRef, kind: opened.Kind,
			openedAt: e.Metadata.RecordedAt})
	}
	a := rows.Change(e.Account)
	if a == nil {
		return nil // its opening was damaged, and reported
	}
	a.revision, a.position = int64(e.Revision), int64(e.Position)
	a.recorded = e.Metadata.RecordedAt
	if err := a.sleep(e); err != nil {
		return err
	}
	if err := a.end(e); err != nil || !e.freezes() {
		return err
	}
	after, err := freezesAfter(a.freezes, e)
	if err == nil {
		a.freezes = after
	}
	return err
}

// end takes the end of an account from e, or takes it back.
func (a *accountRow) end(e *Event) error {
	switch e.Type {
	case "AccountClosed":
		a.ended = domain.Closed
	case "MergeRefused":
		a.ended, a.survivor = "", uuid.UUID{}
	case "AccountsMerged":
		decoded, err := e.Decoded()
		if err != nil {
			return err
		}
		if merged := decoded.(domain.AccountsMerged); merged.Absorbed == e.Account {
			a.ended, a.survivor = domain.Merged, merged.Survivor
		}
	}
	return nil
}
