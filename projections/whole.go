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
	Position eventstore.Position // of the last event that they hold
	Event    uuid.UUID           // its id
	First    uuid.UUID           // the id of the first event that they hold; zero for none
	snapshot *snapshot
}

// Rows are the rows of a table or a view, by its key where it has one: a cell for each column, in
// the order of Columns, good until the next row. Of two tables one is read after the other.
func (w *Whole) Rows(ctx context.Context, table Described) iter.Seq2[[]sql.NullString, error] {
	return func(yield func([]sql.NullString, error) bool) {
		err := w.read(ctx, table, func(cells []sql.NullString) bool { return yield(cells, nil) })
		if err != nil {
			yield(nil, fmt.Errorf("read %s: %w", table.Name, err))
		}
	}
}

func (w *Whole) read(ctx context.Context, table Described, row func([]sql.NullString) bool) error {
	var columns, keys []string
	for _, c := range table.Columns {
		columns = append(columns, c.Name)
		if c.Key || table.View && c.Name == "position" {
			keys = append(keys, c.Name)
		}
	}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + table.Name
	if len(keys) > 0 {
		query += " ORDER BY " + strings.Join(keys, ", ")
	}
	rows, err := w.snapshot.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
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
		at, err := readCheckpoint(ctx, s)
		if err != nil {
			return err
		}
		w := &Whole{Position: at.position, Event: at.id, snapshot: s}
		rows, err := s.QueryContext(ctx, "SELECT event_id FROM history ORDER BY position LIMIT 1")
		if err != nil {
			return err
		}
		for rows.Next() {
			err = rows.Scan(&w.First)
		}
		if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
			return err
		}
		return work(w)
	})
	return err
}
