package projections

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// exceptions is one row an exception of a till's batch.
type exceptions struct{}

// Name is exceptions.
func (exceptions) Name() string { return "exceptions" }

// Version is 1.
func (exceptions) Version() int { return 1 }

// Tables is exceptions.
func (exceptions) Tables() string {
	return `
CREATE TABLE exceptions ( -- one row an exception that a till's batch raised
	id           TEXT PRIMARY KEY,
	batch_id     TEXT NOT NULL,    -- that raised it first
	store        TEXT NOT NULL,
	terminal     TEXT NOT NULL,
	seq          INTEGER NOT NULL, -- the till's own number of the item
	kind         TEXT NOT NULL,    -- overdraft, frozen, skewed or refused
	operation    TEXT,             -- what the item asked for
	account_id   TEXT,
	operation_id TEXT,             -- NULL where it was refused
	amount       TEXT,             -- and unit: what is owed, or the item's
	code         TEXT,             -- why it was refused
	status       TEXT NOT NULL,    -- open or resolved
	raised_at    TEXT NOT NULL,    -- when it was raised
	resolved_at  TEXT,             -- NULL: it is open
	resolved_by  TEXT,             -- the API key that resolved it
	how          TEXT,             -- how it was resolved, in words
	position     INTEGER NOT NULL  -- where it was raised
) STRICT, WITHOUT ROWID;
`
}

// Indexes are by status and store.
func (exceptions) Indexes() string {
	return `CREATE INDEX exceptions_by_status ON exceptions (status, store, position);`
}

type exceptionRow struct {
	domain.Exception
	raisedAt, resolvedAt time.Time
	resolvedBy, how      string
	position             int64
}

func (x *exceptionRow) status() string {
	if x.resolvedAt.IsZero() {
		return "open"
	}
	return "resolved"
}

var exceptionTable = &Table[uuid.UUID, exceptionRow]{
	Name: "exceptions",
	Columns: []string{"id", "batch_id", "store", "terminal", "seq", "kind", "operation", "account_id",
		"operation_id", "amount", "code", "status", "raised_at", "resolved_at", "resolved_by", "how",
		"position"},
	Keys: func(id uuid.UUID) []any { return []any{id.String()} },
	Values: func(x *exceptionRow) []any {
		var amount any
		if x.Amount.Unit() != "" {
			amount = x.Amount.String()
		}
		return []any{x.BatchID.String(), x.Store, x.Terminal, x.Seq, string(x.Kind),
			Null(string(x.Operation)), NullID(x.AccountID), NullID(x.OperationID), amount,
			Null(string(x.Code)), x.status(), NullTime(x.raisedAt), NullTime(x.resolvedAt),
			Null(x.resolvedBy), Null(x.how), x.position}
	},
	Scan: func(row func(...any) error, id *uuid.UUID, x *exceptionRow) error {
		return x.scan(row, id)
	},
}

func (x *exceptionRow) scan(row func(...any) error, id *uuid.UUID) error {
	var status string
	var operation, account, of, amount, code, raised, resolved, by, how sql.NullString
	err := row(id, &x.BatchID, &x.Store, &x.Terminal, &x.Seq, &x.Kind, &operation, &account, &of,
		&amount, &code, &status, &raised, &resolved, &by, &how, &x.position)
	if err != nil {
		return err
	}
	x.ID, x.Operation, x.Code = *id, domain.Operation(operation.String), domain.Code(code.String)
	x.resolvedBy, x.how = by.String, how.String
	for _, text := range []struct {
		from sql.NullString
		to   interface{ UnmarshalText([]byte) error }
	}{{account, &x.AccountID}, {of, &x.OperationID}, {amount, &x.Amount}} {
		if text.from.Valid {
			if err := text.to.UnmarshalText([]byte(text.from.String)); err != nil {
				return err
			}
		}
	}
	if x.raisedAt, err = ReadTime(raised); err != nil {
		return err
	}
	x.resolvedAt, err = ReadTime(resolved)
	return err
}

// Apply lists exceptions, and notes how they were resolved.
func (exceptions) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := exceptionTable.In(tx)
	return foldRare(ctx, tx, rows, events, "batch-", func(e *Event, id uuid.UUID) error {
		return foldException(rows, e, id)
	})
}

func foldException(rows folded[uuid.UUID, exceptionRow], e *Event, id uuid.UUID) error {
	if e.Type == "BatchUploaded" {
		return nil // long, and no exception
	}
	event, err := e.Decoded()
	if err != nil {
		return err
	}
	switch event := event.(type) {
	case domain.ExceptionRaised:
		rows.Add(id, exceptionRow{Exception: event.Exception, raisedAt: e.Metadata.RecordedAt,
			position: int64(e.Position)})
	case domain.ExceptionResolved:
		if x := rows.Change(id); x != nil {
			x.resolvedAt, x.resolvedBy, x.how = e.Metadata.RecordedAt, e.Metadata.Actor, event.How
		}
	}
	return nil
}

// ExceptionEntry is a row of exceptions.
type ExceptionEntry struct {
	domain.Exception
	Status     string // open or resolved
	RaisedAt   time.Time
	ResolvedAt time.Time
	ResolvedBy string
	How        string
}

// ExceptionFilter says which exceptions are wanted. Empty fields do not filter.
type ExceptionFilter struct {
	Status   string `json:"status,omitempty"`
	Store    string `json:"store,omitempty"`
	Terminal string `json:"terminal,omitempty"`
	Kind     string `json:"kind,omitempty"`
}

// Exceptions lists exceptions in the order in which they were raised.
func (m *Models) Exceptions(ctx context.Context, f ExceptionFilter,
	p Paging) (Page[ExceptionEntry], error) {
	return exceptionList.read(ctx, m, f, p)
}

var exceptionList = list[ExceptionFilter, int64, ExceptionEntry]{
	name: "exceptions",
	query: func(f ExceptionFilter, after *int64, limit int) (string, []any) {
		var w where
		w.same("status", f.Status)
		w.same("store", f.Store)
		w.same("terminal", f.Terminal)
		w.same("kind", f.Kind)
		if after != nil {
			w.and("position > ?", *after)
		}
		return "SELECT " + columnList(exceptionTable.Columns) + " FROM exceptions" + w.text +
			" ORDER BY position LIMIT ?", append(w.args, limit)
	},
	scan: func(row func(...any) error) (ExceptionEntry, int64, error) {
		var id uuid.UUID
		var x exceptionRow
		err := x.scan(row, &id)
		return ExceptionEntry{x.Exception, x.status(), x.raisedAt, x.resolvedAt, x.resolvedBy, x.how},
			x.position, err
	},
}
