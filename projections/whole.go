package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// Whole are tables as they are at one position of the log.
type Whole struct {
	First    uuid.UUID // the id of the first event that they hold; zero for none
	Last     Fact      // the last event that they hold; zero for none
	snapshot *snapshot
}

// Fact is where an event of history stands.
type Fact struct {
	Position eventstore.Position
	Event    uuid.UUID
	Stream   string
	Revision eventstore.Revision
	Recorded string // when it was recorded
}

// Rows are the rows of a table or a view, by its keys, texts by their bytes: a cell for each column, in
// the order of Columns, good until the next row. Of two tables one is read after the other.
func (w *Whole) Rows(ctx context.Context, table Described) iter.Seq2[[]sql.NullString, error] {
	query := "SELECT " + columnsOf(table) + " FROM " + table.Name
	if keys := table.Keys(); len(keys) > 0 {
		query += " ORDER BY " + strings.Join(keys, ", ")
	}
	return w.rows(ctx, table, query)
}

// Between are the rows of a table of facts that events made which stand behind one position, up to
// another: by day and position, or where days are not asked for by position. The day is a cell behind
// those of the columns: the business date of the event, or the day on which it was recorded, in UTC,
// where it has none.
func (w *Whole) Between(
	ctx context.Context, table Described, after, through eventstore.Position, byDay bool,
) iter.Seq2[[]sql.NullString, error] {
	day, order := "substr(recorded_at, 1, 10)", "position"
	for _, c := range table.Columns {
		switch c.Name {
		case "day":
			day = "day"
		case "business_date":
			day = "coalesce(business_date, " + day + ")"
		}
	}
	if byDay {
		order = "of_day, position"
	}
	return w.rows(ctx, table, "SELECT "+columnsOf(table)+", "+day+" AS of_day FROM "+table.Name+
		" WHERE position > ? AND position <= ? ORDER BY "+order, int64(after), int64(through))
}

// At is the last event at a position or before it, and where limit events follow after, not beyond the
// last of these; false where there is none behind after.
func (w *Whole) At(ctx context.Context, after, position eventstore.Position, limit int) (Fact, bool, error) {
	return factOf(ctx, w.snapshot, `SELECT position, event_id, stream, revision, recorded_at FROM (
			SELECT * FROM history WHERE position > ? AND position <= ? ORDER BY position LIMIT ?) AS next
		ORDER BY position DESC LIMIT 1`, int64(after), int64(position), limit)
}

// Has reports whether history has an event.
func (w *Whole) Has(ctx context.Context, position eventstore.Position, event uuid.UUID) (bool, error) {
	f, ok, err := factOf(ctx, w.snapshot, `SELECT position, event_id, stream, revision, recorded_at
		FROM history WHERE position = ?`, int64(position))
	return ok && f.Event == event, err
}

func factOf(ctx context.Context, q querier, query string, args ...any) (f Fact, found bool, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return f, false, err
	}
	if rows.Next() {
		found = true
		err = rows.Scan(&f.Position, &f.Event, &f.Stream, &f.Revision, &f.Recorded)
	}
	return f, found, errors.Join(err, rows.Err(), rows.Close())
}

func columnsOf(table Described) string {
	names := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// rows yields what a question answers about a table.
func (w *Whole) rows(
	ctx context.Context, table Described, query string, args ...any,
) iter.Seq2[[]sql.NullString, error] {
	return func(yield func([]sql.NullString, error) bool) {
		row := func(cells []sql.NullString) bool { return yield(cells, nil) }
		if err := w.read(ctx, row, query, args...); err != nil {
			yield(nil, fmt.Errorf("read %s: %w", table.Name, err))
		}
	}
}

func (w *Whole) read(
	ctx context.Context, row func([]sql.NullString) bool, query string, args ...any,
) error {
	rows, err := w.snapshot.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	cells, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if !row(cells) {
			return nil
		}
	}
	return rows.Err()
}

// Whole lets work read whole tables, all of them as they are at one instant, for as long as it
// takes. ErrStale while they are another log's.
func (m *Models) Whole(ctx context.Context, work func(*Whole) error) error {
	_, err := m.look(ctx, func(s *snapshot, serves bool) error {
		if !serves {
			return ErrStale
		}
		of := "SELECT position, event_id, stream, revision, recorded_at FROM history ORDER BY position "
		first, _, err := factOf(ctx, s, of+"LIMIT 1")
		if err != nil {
			return err
		}
		last, _, err := factOf(ctx, s, of+"DESC LIMIT 1")
		if err != nil {
			return err
		}
		return work(&Whole{First: first.Event, Last: last, snapshot: s})
	})
	return err
}
