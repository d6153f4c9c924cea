package projections

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// transfers is one row a transfer, and one a merge beside those of what it moved.
type transfers struct{}

// Name is transfers.
func (transfers) Name() string { return "transfers" }

// Version is 1.
func (transfers) Version() int { return 1 }

// Tables is transfers.
func (transfers) Tables() string {
	return `
CREATE TABLE transfers ( -- one row a transfer between two accounts, and one a merge
	id           TEXT PRIMARY KEY,
	from_account TEXT NOT NULL, -- id of the account that sent
	to_account   TEXT NOT NULL, -- id of the account that it is for
	kind         TEXT NOT NULL, -- gift, family or merge
	merge_id     TEXT,          -- the merge it is a part of
	unit         TEXT,          -- NULL: the merge itself, or what counts no more of it
	amount       TEXT,          -- at the unit's scale
	status       TEXT NOT NULL, -- sent, received or returned, as the events left it
	reason       TEXT,          -- why it was returned: the refusal's code
	sent_at      TEXT NOT NULL, -- when it was sent
	ended_at     TEXT,          -- NULL: it is in flight
	position     INTEGER NOT NULL -- of the event that began it
) STRICT, WITHOUT ROWID;
`
}

// Indexes is what is resumed: what is in flight, the oldest first.
func (transfers) Indexes() string {
	return `CREATE INDEX transfers_in_flight ON transfers (position) WHERE status = 'sent';`
}

// The statuses of a transfer.
const (
	TransferSent     = "sent"
	TransferReceived = "received"
	TransferReturned = "returned"
)

type transferRow struct {
	from, to, merge uuid.UUID
	kind            domain.TransferKind
	unit, amount    string
	status, reason  string
	sentAt, endedAt time.Time
	position        int64
}

var transferTable = &Table[uuid.UUID, transferRow]{
	Name: "transfers",
	Columns: []string{"id", "from_account", "to_account", "kind", "merge_id", "unit", "amount", "status",
		"reason", "sent_at", "ended_at", "position"},
	Keys: func(id uuid.UUID) []any { return []any{id.String()} },
	Values: func(t *transferRow) []any {
		return []any{t.from.String(), t.to.String(), string(t.kind), NullID(t.merge), Null(t.unit),
			Null(t.amount), t.status, Null(t.reason), NullTime(t.sentAt), NullTime(t.endedAt), t.position}
	},
	Scan: func(row func(...any) error, id *uuid.UUID, t *transferRow) error { return t.scan(row, id) },
}

func (t *transferRow) scan(row func(...any) error, id *uuid.UUID) error {
	var merge, unit, amount, reason, sent, ended sql.NullString
	err := row(id, &t.from, &t.to, &t.kind, &merge, &unit, &amount, &t.status, &reason, &sent, &ended,
		&t.position)
	if err != nil {
		return err
	}
	t.unit, t.amount, t.reason = unit.String, amount.String, reason.String
	if merge.Valid {
		if err := t.merge.UnmarshalText([]byte(merge.String)); err != nil {
			return err
		}
	}
	if t.sentAt, err = ReadTime(sent); err != nil {
		return err
	}
	t.endedAt, err = ReadTime(ended)
	return err
}

// transferStep is what an event does to a transfer: it begins it, or ends it.
type transferStep struct {
	id     uuid.UUID
	begins *transferRow
	status string // in which it ends
	reason domain.Code
}

// transferStep reads an event; false where it is about no transfer.
func (e *Event) transferStep() (s transferStep, is bool, err error) {
	switch e.Type {
	case "TransferSent", "TransferReceived", "TransferReturned", "AccountsMerged", "MergeAdjusted",
		"MergeRefused":
	default:
		return s, false, nil
	}
	decoded, err := e.Decoded()
	if err != nil {
		return s, true, err
	}
	begins := &transferRow{from: e.Account, status: TransferSent, sentAt: e.Metadata.RecordedAt,
		position: int64(e.Position)}
	switch d := decoded.(type) {
	case domain.TransferSent:
		begins.to, begins.kind, begins.merge = d.ToAccount, d.Kind, d.MergeID
		begins.unit, begins.amount = d.Amount.Unit(), d.Amount.Quantity.String()
		s = transferStep{id: d.TransferID, begins: begins}
	case domain.AccountsMerged:
		s = transferStep{id: d.MergeID, status: TransferReceived}
		if d.Absorbed == e.Account {
			begins.to, begins.kind = d.Survivor, domain.TransferMerge
			s = transferStep{id: d.MergeID, begins: begins}
		}
	case domain.MergeAdjusted:
		s = transferStep{id: d.AdjustmentID, status: TransferReceived}
		if d.Absorbed == e.Account {
			begins.to, begins.kind, begins.merge = d.Survivor, domain.TransferMerge, d.MergeID
			s = transferStep{id: d.AdjustmentID, begins: begins}
		}
	case domain.TransferReceived:
		s = transferStep{id: d.TransferID, status: TransferReceived}
	case domain.TransferReturned:
		s = transferStep{id: d.TransferID, status: TransferReturned, reason: d.Reason}
	case domain.MergeRefused:
		s = transferStep{id: d.MergeID, status: TransferReturned, reason: d.Reason}
	}
	return s, true, nil
}

// end ends t, which is nil where it was never sent. It ends once.
func (s transferStep) end(t *transferRow, e *Event) error {
	switch {
	case t == nil:
		return fmt.Errorf("transfer %s was never sent", s.id)
	case t.status != TransferSent:
		return fmt.Errorf("transfer %s was %s before", s.id, t.status)
	}
	t.status, t.reason, t.endedAt = s.status, string(s.reason), e.Metadata.RecordedAt
	return nil
}

// Apply begins and ends transfers.
func (transfers) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := transferTable.In(tx)
	steps := make([]transferStep, len(events))
	for i := range events {
		step, is, err := events[i].transferStep()
		switch {
		case err != nil:
			tx.Damaged(events[i], err.Error())
		case is && step.begins != nil:
			rows.Add(step.id, *step.begins)
		case is:
			steps[i] = step
			rows.Want(step.id)
		}
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for i, step := range steps {
		if step.id == (uuid.UUID{}) {
			continue
		}
		if err := step.end(rows.Change(step.id), &events[i]); err != nil {
			tx.Damaged(events[i], err.Error())
		}
	}
	return rows.Write(ctx)
}

// InFlight is a transfer or merge that was sent, and of whose end the read model does not know.
type InFlight struct{ Account, ID uuid.UUID }

// TransfersInFlight are those that were sent and have not ended, the oldest first. They are read a page at
// a time, and none while the caller works on what it got. The list is a hint: the streams decide. An
// error is the last that comes.
func (m *Models) TransfersInFlight(ctx context.Context) iter.Seq2[InFlight, error] {
	return func(yield func(InFlight, error) bool) {
		for last, more := int64(-1), true; more; {
			var page []InFlight
			var err error
			page, last, err = m.inFlightPage(ctx, last)
			if err != nil {
				yield(InFlight{}, fmt.Errorf("list transfers in flight: %w", err))
				return
			}
			for _, f := range page {
				if !yield(f, nil) {
					return
				}
			}
			more = len(page) == duePage
		}
	}
}

// inFlightPage is a page of those that began after a position, and the position of the last of them.
func (m *Models) inFlightPage(ctx context.Context, after int64) (page []InFlight, last int64, err error) {
	_, err = m.view(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, `SELECT from_account, id, position FROM transfers
			WHERE status = 'sent' AND position > ? ORDER BY position LIMIT ?`, after, duePage)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var f InFlight
			if err := rows.Scan(&f.Account, &f.ID, &last); err != nil {
				return err
			}
			page = append(page, f)
		}
		return rows.Err()
	})
	return page, last, err
}
