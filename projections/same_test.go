package projections

import (
	"context"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
	"github.com/tillbook/tillbook/projections/placetest"
)

// TestPostgresIsSQLite folds random histories on both, in transactions that are cut elsewhere, and
// compares every row of every table; Check compares both with what domain.Account says.
func TestPostgresIsSQLite(t *testing.T) {
	placetest.Need(t)
	rapid.Check(t, func(r *rapid.T) {
		store := storetest.NewMemory()
		defer store.Close()
		randomHistory(t, r, store)
		want := foldedAt(t, r, t.TempDir(), store)
		got := foldedAt(t, r, placetest.Postgres(t), store)
		for i, line := range got {
			if i >= len(want) || line != want[i] {
				r.Fatalf("PostgreSQL has\n%s\nSQLite\n%v", line, want[min(i, len(want)):min(i+1, len(want))])
			}
		}
		if len(got) != len(want) {
			r.Fatalf("PostgreSQL has %d rows, SQLite %d", len(got), len(want))
		}
	})
}

// foldedAt folds a store's log at a place, checks the tables, and answers their rows, sorted.
func foldedAt(t *testing.T, r *rapid.T, place string, store eventstore.Store) (rows []string) {
	m, err := Open(t.Context(), place, store, Options{Batch: rapid.IntRange(1, 40).Draw(r, "batch")})
	if err != nil {
		r.Fatal(err)
	}
	defer m.Close()
	if err := m.WaitHead(t.Context()); err != nil {
		r.Fatal(err)
	}
	report, err := Check(t.Context(), opened(store), m, nil)
	if err != nil || !report.Clean() {
		r.Fatalf("%s: got %+v, %v, want no difference", m.shelf.place(), report, err)
	}
	var b strings.Builder
	_, err = m.view(context.Background(), func(q querier) error {
		names, err := tablesOf(q, m.current.postgres)
		for _, name := range names {
			if err == nil {
				err = dumpTable(&b, q, name)
			}
		}
		return err
	})
	if err != nil {
		r.Fatal(err)
	}
	rows = strings.Split(b.String(), "\n")
	slices.Sort(rows)
	return rows
}

// tablesOf are the tables of a generation, but for those that say how far its making is.
func tablesOf(q querier, postgres bool) (names []string, err error) {
	query := "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('projections', 'serving')"
	if postgres {
		query = `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
			AND tablename NOT IN ('projections', 'serving')`
	}
	rows, err := q.QueryContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}
