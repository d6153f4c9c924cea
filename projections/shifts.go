package projections

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// shifts is one row a shift.
type shifts struct{}

// Name is shifts.
func (shifts) Name() string { return "shifts" }

// Version is 1.
func (shifts) Version() int { return 1 }

// Tables is shifts.
func (shifts) Tables() string {
	return `
CREATE TABLE shifts ( -- one row a shift of a terminal
	id              TEXT PRIMARY KEY,
	store           TEXT NOT NULL,
	terminal        TEXT NOT NULL,
	number          INTEGER NOT NULL, -- of the terminal's shifts, from 1
	name            TEXT NOT NULL,    -- the caller's own
	business_date   TEXT NOT NULL,
	status          TEXT NOT NULL,    -- open or closed
	opened_at       TEXT NOT NULL,    -- when it was opened
	closed_at       TEXT,             -- NULL: it is open
	differences     INTEGER NOT NULL, -- that its close found
	opened_position INTEGER NOT NULL, -- of the event that opened it
	closed_position INTEGER NOT NULL, -- 0: it is open
	after           TEXT,             -- JSON: the account and event where its window begins
	through         TEXT,             -- JSON: the account and event where it ends
	key             TEXT NOT NULL     -- the idempotency key under which it was opened
) STRICT, WITHOUT ROWID;
`
}

// Indexes are by terminal and number, and by business date.
func (shifts) Indexes() string {
	return `CREATE INDEX shifts_by_terminal ON shifts (store, terminal, number);
CREATE INDEX shifts_by_date ON shifts (store, business_date);`
}

type shiftRow struct {
	store, terminal, name, date string
	number, differences         int
	openedAt, closedAt          time.Time
	opened, closed              int64 // positions
	after, through              *domain.Mark
	key                         string
}

func (s *shiftRow) status() string {
	if s.closed == 0 {
		return "open"
	}
	return "closed"
}

var shiftTable = &Table[uuid.UUID, shiftRow]{
	Name: "shifts",
	Columns: []string{"id", "store", "terminal", "number", "name", "business_date", "status",
		"opened_at", "closed_at", "differences", "opened_position", "closed_position", "after",
		"through", "key"},
	Keys: func(id uuid.UUID) []any { return []any{id.String()} },
	Values: func(s *shiftRow) []any {
		return []any{s.store, s.terminal, s.number, s.name, s.date, s.status(), NullTime(s.openedAt),
			NullTime(s.closedAt), s.differences, s.opened, s.closed, markJSON(s.after),
			markJSON(s.through), s.key}
	},
	Scan: func(row func(...any) error, id *uuid.UUID, s *shiftRow) error {
		var status string
		var openedAt, closedAt, after, through sql.NullString
		err := row(id, &s.store, &s.terminal, &s.number, &s.name, &s.date, &status, &openedAt, &closedAt,
			&s.differences, &s.opened, &s.closed, &after, &through, &s.key)
		if err != nil {
			return err
		}
		if s.after, err = readMark(after); err != nil {
			return err
		}
		if s.through, err = readMark(through); err != nil {
			return err
		}
		if s.openedAt, err = ReadTime(openedAt); err != nil {
			return err
		}
		s.closedAt, err = ReadTime(closedAt)
		return err
	},
}

// Apply lists shifts, and notes their ends.
func (shifts) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := shiftTable.In(tx)
	return foldRare(ctx, tx, rows, events, "shift-", func(e *Event, id uuid.UUID) error {
		return foldShift(rows, e, id)
	})
}

// folded are rows that a fold changes: a table's in a transaction, or those that a check expects.
type folded[K comparable, R any] interface {
	Add(K, R)
	Change(K) *R
}

func foldShift(rows folded[uuid.UUID, shiftRow], e *Event, id uuid.UUID) error {
	event, err := e.Decoded()
	if err != nil {
		return err
	}
	switch event := event.(type) {
	case domain.ShiftOpened:
		full, err := domain.DecodeMetadata(e.Recorded.Metadata)
		if err != nil {
			return err
		}
		rows.Add(id, shiftRow{store: event.Store, terminal: event.Terminal, name: event.Name,
			date: event.BusinessDate, number: event.Number, openedAt: e.Metadata.RecordedAt,
			opened: int64(e.Position), after: event.After, key: full.IdempotencyKey})
	case domain.ShiftClosed:
		if s := rows.Change(id); s != nil {
			s.closed, s.closedAt = int64(e.Position), e.Metadata.RecordedAt
			s.through, s.differences = event.Through, event.DifferenceCount
		}
	}
	return nil
}

// ShiftEntry is a row of shifts.
type ShiftEntry struct {
	ID           uuid.UUID
	Store        string
	Terminal     string
	Number       int
	Name         string
	BusinessDate string
	Status       string // open or closed
	OpenedAt     time.Time
	ClosedAt     time.Time
	Differences  int
	Opened       eventstore.Position
	Closed       eventstore.Position // Start while it is open
}

func (s *shiftRow) entry(id uuid.UUID) ShiftEntry {
	return ShiftEntry{id, s.store, s.terminal, s.number, s.name, s.date, s.status(), s.openedAt,
		s.closedAt, s.differences, eventstore.Position(s.opened), eventstore.Position(s.closed)}
}

// ShiftFilter says which shifts are wanted. Empty fields do not filter.
type ShiftFilter struct {
	Store        string `json:"store,omitempty"`
	Terminal     string `json:"terminal,omitempty"`
	BusinessDate string `json:"business_date,omitempty"`
	Status       string `json:"status,omitempty"`
}

// Shifts lists shifts in the order in which they were opened.
func (m *Models) Shifts(ctx context.Context, f ShiftFilter, p Paging) (Page[ShiftEntry], error) {
	return shiftList.read(ctx, m, f, p)
}

var shiftList = list[ShiftFilter, int64, ShiftEntry]{
	name: "shifts",
	query: func(f ShiftFilter, after *int64, limit int) (string, []any) {
		var w where
		w.same("store", f.Store)
		w.same("terminal", f.Terminal)
		w.same("business_date", f.BusinessDate)
		w.same("status", f.Status)
		if after != nil {
			w.and("opened_position > ?", *after)
		}
		return "SELECT " + columnList(shiftTable.Columns) + " FROM shifts" + w.text +
			" ORDER BY opened_position LIMIT ?", append(w.args, limit)
	},
	scan: func(row func(...any) error) (ShiftEntry, int64, error) {
		var id uuid.UUID
		var s shiftRow
		err := shiftTable.Scan(row, &id, &s)
		return s.entry(id), s.opened, err
	},
}

// KnownShift is the number of the terminal's shift that was opened under a key, or else of its last
// one, 0 where there is none: a hint where to look for either.
func (m *Models) KnownShift(
	ctx context.Context, store, terminal, key string,
) (number int, err error) {
	_, err = m.view(ctx, func(q querier) error {
		return q.QueryRowContext(ctx, `SELECT coalesce(
			(SELECT number FROM shifts WHERE store = ?1 AND terminal = ?2 AND key = ?3 LIMIT 1),
			(SELECT max(number) FROM shifts WHERE store = ?1 AND terminal = ?2), 0)`,
			store, terminal, key).Scan(&number)
	})
	if err != nil {
		return 0, fmt.Errorf("look for shifts: %w", err)
	}
	return number, nil
}
