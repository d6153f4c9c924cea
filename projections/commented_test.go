package projections

import (
	"database/sql"
	"testing"

	"github.com/tillbook/tillbook/projections/placetest"
)

// TestCommented: PostgreSQL says of every table, view and column what the documentation does.
func TestCommented(t *testing.T) {
	m := open(t, placetest.Postgres(t), memory(t), Options{})
	all, err := BuiltinTables()
	if err != nil {
		t.Fatal(err)
	}
	d, free, err := m.take()
	if err != nil {
		t.Fatal(err)
	}
	defer free()
	says := func(table, column string) (got sql.NullString) {
		err := d.read.QueryRowContext(t.Context(), `SELECT CASE ? WHEN '' THEN obj_description(c.oid) ELSE
			(SELECT col_description(c.oid, attnum) FROM pg_attribute WHERE attrelid = c.oid AND attname = ?) END
			FROM pg_class c WHERE relname = ? AND relnamespace = current_schema()::regnamespace`,
			column, column, table).Scan(&got)
		if err != nil {
			t.Fatalf("%s.%s: %v", table, column, err)
		}
		return got
	}
	for _, table := range all {
		if got := says(table.Name, ""); got.String != table.Meaning || table.Meaning == "" {
			t.Errorf("%s: got %q, want %q", table.Name, got.String, table.Meaning)
		}
		for _, c := range table.Columns {
			if got := says(table.Name, c.Name); got.String != c.Meaning || c.Meaning == "" {
				t.Errorf("%s.%s: got %q, want %q", table.Name, c.Name, got.String, c.Meaning)
			}
		}
	}
}
