package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/projections"
	"github.com/tillbook/tillbook/projections/placetest"
)

// churn is a read model whose rows come, change, go and come back, as those of the built-in ones, which
// delete none, do not. What an event does follows from its position.
type churn struct{}

// Name is churn.
func (churn) Name() string { return "churn" }

// Version is 1.
func (churn) Version() int { return 1 }

// Tables are some whose rows are named by a text, by a number, and by both, and a large one.
func (churn) Tables() string {
	const values = "amount TEXT, seen_at TEXT, day TEXT, skewed INTEGER, scope TEXT, word TEXT,"
	return `
CREATE TABLE churn ( -- one row a name
	name TEXT NOT NULL,
	` + values + `
	PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;

CREATE TABLE churn_numbers ( -- one row a number
	n INTEGER NOT NULL,
	` + values + `
	PRIMARY KEY (n)
) STRICT, WITHOUT ROWID;

CREATE TABLE churn_pairs ( -- one row a number and name
	n    INTEGER NOT NULL,
	name TEXT NOT NULL,
	` + values + `
	PRIMARY KEY (n, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE churn_many ( -- one row a name and number
	name TEXT NOT NULL,
	n    INTEGER NOT NULL,
	` + values + `
	PRIMARY KEY (name, n)
) STRICT, WITHOUT ROWID;
`
}

// Indexes are none.
func (churn) Indexes() string { return `` }

var (
	churnNames = []string{"", "'", "''", "-1", "10", "9", "=1", "A", "Z", "a", "a b",
		"a,\"b\r\n", "ab", "é", "\u2028"}
	churnNumbers = []int64{-1 << 63, -10, -9, -1, 0, 1, 2, 9, 10, 11, 100, 1 << 53, 1<<63 - 1}
	churnTables  = []struct {
		name string
		keys []string
		most int // rows that an event changes
	}{
		{"churn", []string{"name"}, 8}, {"churn_numbers", []string{"n"}, 8},
		{"churn_pairs", []string{"n", "name"}, 7}, {"churn_many", []string{"name", "n"}, 150},
	}
)

// Apply changes some rows of every table, to one of few values each: many change to what they were.
func (churn) Apply(ctx context.Context, tx *projections.Tx, events []projections.Event) error {
	values := []string{"amount", "seen_at", "day", "skewed", "scope", "word"}
	for _, e := range events {
		r := rand.New(rand.NewPCG(uint64(e.Position), 1))
		for _, t := range churnTables {
			for range r.IntN(t.most + 1) {
				key := churnKey(r, t.keys, t.name == "churn_many")
				text := "DELETE FROM " + t.name + " WHERE " + strings.Join(t.keys, " = ? AND ") + " = ?"
				if r.IntN(3) > 0 {
					all, set := append(slices.Clone(t.keys), values...), ""
					for _, v := range values {
						set += ", " + v + " = excluded." + v
					}
					text = fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s) ON CONFLICT (%s) DO UPDATE SET %s", t.name,
						strings.Join(all, ", "), strings.Repeat(", ?", len(all)-1), strings.Join(t.keys, ", "), set[2:])
					key = append(key, churnValues(r)...)
				}
				if err := tx.Exec(ctx, text, key...); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func churnKey(r *rand.Rand, keys []string, many bool) (key []any) {
	for _, k := range keys {
		switch {
		case k == "name":
			key = append(key, churnNames[r.IntN(len(churnNames))])
		case many:
			key = append(key, r.Int64N(60))
		default:
			key = append(key, churnNumbers[r.IntN(len(churnNumbers))])
		}
	}
	return key
}

func churnValues(r *rand.Rand) []any {
	one := func(values ...any) any { return values[r.IntN(len(values))] }
	return []any{
		one(nil, "0.00", "-12.50", "99999999999999999999.0001"),
		one(nil, "2026-11-01T10:20:30.123456000Z", "1969-12-31T23:59:59.999999000Z"),
		one(nil, "2026-11-01", "2024-02-29"), one(nil, int64(0), int64(1)),
		one(nil, `{"b":[1,"é"]}`, `""`), one(nil, "", "=1", "a,\"b\r\n"),
	}
}

// churned is what the files of a table that changes have seen.
type churned struct{ whole, gone, back int }

// TestExportChurns exports tables whose rows come, change, go and come back: after each run their files
// are what the tables hold, in every form, beyond a second file with all rows.
func TestExportChurns(t *testing.T) {
	log := soldLog(72, 9, false)
	for seed, form := range []string{formNDJSON, formCSV, formParquet} {
		r := rand.New(rand.NewPCG(uint64(seed), 2))
		g := &growing{T: t, data: filepath.Join(t.TempDir(), "data"), place: placetest.Place(t), log: log,
			more: []projections.Projection{churn{}}}
		w := exportWish{form: form, byDay: seed != 1, guarded: form == formCSV, batch: partRows,
			out: filepath.Join(t.TempDir(), "out"), tables: g.tables()}
		for g.at < len(log) {
			step := 1 // of the first form, for more files than may follow a whole one
			if seed > 0 {
				step += r.IntN(5)
			}
			g.to(min(len(log), g.at+step))
			if err := g.export(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			if r.IntN(3) > 0 && g.at < len(log) {
				continue
			}
			g.same(fmt.Sprintf("%s, %d events", form, g.at), readBack(t, w.out), g.whole(false))
			must(t, "export", "verify", w.out)
			if t.Failed() {
				return
			}
		}
		m, err := readManifest(w.out)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range m.Tables {
			seen := churnOf(t, m, table, w.out)
			if seen.whole < 2 && (seed == 0 || table.Name == "churn_many") || seen.gone == 0 || seen.back == 0 {
				t.Errorf("%s, %s: got %+v, want some of each", form, table.Name, seen)
			}
		}
		if form == formParquet {
			t.Run("hyparquet", func(t *testing.T) { churnsForOthers(t, m, w.out) })
		}
	}
}

// churnsForOthers demands that hyparquet finds in the last files what we do: as_of, gone, and all others.
func churnsForOthers(t *testing.T, m *manifest, out string) {
	for _, table := range m.Tables {
		name := filepath.Join(out, table.Files[len(table.Files)-1].Name)
		sameParquet(t, name, table.Columns, rowsOf(t, m, table, name))
	}
}

// churnOf reads how often rows went and came back.
func churnOf(t *testing.T, m *manifest, table *manifestTable, out string) (seen churned) {
	t.Helper()
	was := map[string]bool{} // by key: it is gone
	for _, p := range table.Files {
		if p.Whole {
			seen.whole++
		}
		for _, row := range rowsOf(t, m, table, filepath.Join(out, p.Name)) {
			key := fmt.Sprint(row[:len(table.Key)])
			gone, n := row[len(row)-1] == text("true"), len(table.Key)
			if gone {
				seen.gone++
				if slices.ContainsFunc(row[n:len(row)-2], func(c cell) bool { return c.Valid }) {
					t.Errorf("%s: got %v of a row that is gone, want its key alone", p.Name, row)
				}
			}
			if was[key] && !gone {
				seen.back++
			}
			was[key] = gone
		}
	}
	return seen
}
