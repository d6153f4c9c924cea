package projections

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tillbook/tillbook/projections/placetest"
)

// TestTablesAreDescribed: whoever adds a table, a view or a column says what it means.
func TestTablesAreDescribed(t *testing.T) {
	all, err := BuiltinTables()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range all {
		if table.Meaning == "" {
			t.Errorf("table %s: no comment behind CREATE says what a row is", table.Name)
		}
		for _, c := range table.Columns {
			if c.Meaning == "" || c.Type == "" {
				t.Errorf("%s.%s %s: no comment says what it means", table.Name, c.Name, c.Type)
			}
		}
	}
}

// TestDescribe: comments are given to what they are about.
func TestDescribe(t *testing.T) {
	all, err := Describe([]Projection{visits{}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Described{
		{"visits", "visits", false, "one row a visit, as told", false, []DescribedColumn{
			{"id", "TEXT", true, false, "UUID"},
			{"kind", "TEXT", false, false, "of the visit: -- or none"},
			{"store", "TEXT", false, true, "id of the store"},
			{"size", "INTEGER", false, true, "how many came in and went out"},
		}},
		{"counts", "visits", true, "one row a kind", false, []DescribedColumn{
			{"kind", "TEXT", true, false, "of the visit"},
			{"count", "INTEGER", false, false, "of all: big ones too"},
			{"size", "INTEGER", false, true, "the largest"},
		}},
	}
	if got := all[:2]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if last := all[len(all)-1]; last.Name != "damaged" || last.Projection != "" {
		t.Errorf("got %+v, want the file's own damaged", last)
	}
}

type visits struct{ stores }

func (visits) Name() string { return "visits" }

func (visits) Tables() string {
	return `
CREATE TABLE visits ( -- one row a visit,
	-- as told
	id    TEXT PRIMARY KEY,
	kind  TEXT NOT NULL, -- of the visit: -- or none
	store TEXT,
	size  INTEGER        -- how many
		CHECK (size > 0), -- came in
		-- and went out
	CHECK (kind <> '')
) STRICT, WITHOUT ROWID;

CREATE VIEW counts AS -- one row a kind
-- kind TEXT KEY: of the visit
-- count INTEGER NOT NULL: of all: big ones too
-- size INTEGER: the largest
SELECT kind, count(*) AS count, -- kind: of nobody
	max(size) AS size
FROM visits GROUP BY kind;
`
}

// nulls notes which columns an answer has, and which of them are ever NULL.
type nulls struct {
	columns []string
	seen    map[string]bool
}

func (n *nulls) Columns(names []string) error {
	n.columns, n.seen = slices.Clone(names), map[string]bool{}
	return nil
}

func (n *nulls) Row(values []any) error {
	for i, v := range values {
		n.seen[n.columns[i]] = n.seen[n.columns[i]] || v == nil
	}
	return nil
}

// TestTablesAreAsDescribed: the tables that were made have those columns, on SQLite and PostgreSQL, and NULL
// nowhere else than it is said.
func TestTablesAreAsDescribed(t *testing.T) {
	all, err := BuiltinTables()
	if err != nil {
		t.Fatal(err)
	}
	store := memory(t)
	busyShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	wait(t, m)
	for _, table := range all {
		var got nulls
		if _, err := m.Ask(t.Context(), "SELECT * FROM "+table.Name, time.Minute, &got); err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, c := range table.Columns {
			want = append(want, c.Name)
			if got.seen[c.Name] && !c.Null {
				t.Errorf("%s.%s is NULL", table.Name, c.Name)
			}
		}
		if !slices.Equal(got.columns, want) {
			t.Errorf("%s: got columns %v, want %v", table.Name, got.columns, want)
		}
	}
}
