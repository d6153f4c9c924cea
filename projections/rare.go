package projections

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// foldRare folds the events of streams that are named by a prefix and an id, each row one stream's.
// What cannot be folded is damaged.
func foldRare[R any](ctx context.Context, tx *Tx, rows *Rows[uuid.UUID, R], events []Event,
	prefix string, fold func(*Event, uuid.UUID) error) error {
	for i := range events {
		if id, ok := streamID(events[i].Stream, prefix); ok {
			rows.Want(id)
		}
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for i := range events {
		if id, ok := streamID(events[i].Stream, prefix); ok {
			if err := fold(&events[i], id); err != nil {
				tx.Damaged(events[i], err.Error())
			}
		}
	}
	return rows.Write(ctx)
}

// streamID is the id behind the prefix of a stream's name, in its one canonical form.
func streamID(stream, prefix string) (id uuid.UUID, ok bool) {
	name, ok := strings.CutPrefix(stream, prefix)
	return id, ok && id.UnmarshalText([]byte(name)) == nil && id.String() == name
}

func isZero(id uuid.UUID) bool { return id == uuid.UUID{} }

// markJSON is a mark as a table holds it, NULL for none.
func markJSON(m *domain.Mark) any {
	if m == nil {
		return nil
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // a Mark is two ids
	}
	return string(text)
}

func readMark(text sql.NullString) (*domain.Mark, error) {
	if !text.Valid {
		return nil, nil
	}
	var m domain.Mark
	return &m, json.Unmarshal([]byte(text.String), &m)
}

// expected are a table's rows as the log says they should be, for a check.
type expected[K comparable, R any] map[K]*R

// Add puts a row where there is none.
func (x expected[K, R]) Add(k K, row R) { x[k] = &row }

// Change is a row to be changed, nil where there is none.
func (x expected[K, R]) Change(k K) *R { return x[k] }

// compareTable compares a whole table with the rows that it should have: the columns as they are written,
// for queries ask for those that follow from others, too.
func compareTable[K comparable, R any](ctx context.Context, q querier, report *Report,
	t *Table[K, R], want expected[K, R]) error {
	rows, err := q.QueryContext(ctx, "SELECT "+columnList(t.Columns)+" FROM "+t.Name)
	if err != nil {
		return fmt.Errorf("read %s: %w", t.Name, err)
	}
	defer rows.Close()
	left := make(map[K]bool, len(want))
	for k := range want {
		left[k] = true
	}
	written, to := make([]sql.NullString, len(t.Columns)), make([]any, len(t.Columns))
	for i := range to {
		to[i] = &written[i]
	}
	for rows.Next() {
		var k K
		if err := errors.Join(rows.Scan(to...), t.Scan(rows.Scan, &k, new(R))); err != nil {
			return fmt.Errorf("read %s: %w", t.Name, err)
		}
		delete(left, k)
		should := want[k]
		if should == nil {
			report.add(t.Name, "", -1, "row %v should not be there", k)
			continue
		}
		var got, want []string
		for i, value := range t.Values(should) {
			got = append(got, literal(written[len(t.Keys(k))+i]))
			want = append(want, literal(sql.NullString{String: fmt.Sprint(value), Valid: value != nil}))
		}
		if !slices.Equal(got, want) {
			report.add(t.Name, "", -1, "row %v: got %v, want %v", k, got, want)
		}
	}
	for k := range left {
		report.add(t.Name, "", -1, "row %v is missing", k)
	}
	return rows.Err()
}

// literal is a column for people, NULL apart from every text.
func literal(column sql.NullString) string {
	if !column.Valid {
		return "NULL"
	}
	return strconv.Quote(column.String)
}
