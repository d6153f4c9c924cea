package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/projections"
)

// TestExportedTablesAreReadByOthers: hyparquet finds in the files what SQL answers, in every column.
func TestExportedTablesAreReadByOthers(t *testing.T) {
	data, out := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "out")
	demo := startDemo(t, data)
	demo.stop(t)
	must(t, "export", "--data", data, "--out", out, "--raw", "tables")
	m, err := readManifest(out)
	if err != nil {
		t.Fatal(err)
	}
	models, err := projections.Open(t.Context(), data, nil, projections.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer models.Close()
	all, err := projections.BuiltinTables()
	if err != nil {
		t.Fatal(err)
	}
	some := []string{"history", "audit", "lots", "checkouts", "tiers", "exceptions", "coupons", "stores"}
	err = models.Whole(t.Context(), func(w *projections.Whole) error {
		for _, table := range all {
			if slices.Contains(some, table.Name) {
				sameTable(t, out, m, w, table)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sameTable(
	t *testing.T, out string, m *manifest, w *projections.Whole, table projections.Described,
) {
	t.Helper()
	i := slices.IndexFunc(m.Tables, func(e *manifestTable) bool { return e.Name == table.Name })
	entry := m.Tables[i]
	if len(entry.Files) != 1 || entry.Files[0].AsOf != w.Last.Position {
		t.Fatalf("%s: got %+v, want one file of position %d", table.Name, entry.Files, w.Last.Position)
	}
	var rows [][]cell
	for row, err := range w.Rows(context.Background(), table) {
		if err != nil {
			t.Fatal(err)
		}
		row = slices.Clone(row)
		if !table.Facts {
			row = append(row, text(fmt.Sprint(w.Last.Position)), text("0"))
		}
		rows = append(rows, row)
	}
	sameParquet(t, filepath.Join(out, entry.Files[0].Name), entry.Columns, rows)
}

// TestExportLeavesOut: of read models no column that tells of a person, or is a secret, is written.
func TestExportLeavesOut(t *testing.T) {
	all, err := projections.BuiltinTables()
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{"adjustments.attachment_hash", "adjustments.reason_code", "holds.reason",
		"transfers.reason"}
	for _, table := range all {
		for _, c := range (&modelRows{table: table}).columns() {
			for _, word := range []string{"customer_ref", "hash", "last4", "operator", "note", "sealed", "key",
				"about", "description", "how", "reason"} {
				if strings.Contains(c.Name, word) && !slices.Contains(shown, table.Name+"."+c.Name) {
					t.Errorf("%s.%s: got it, want it left out", table.Name, c.Name)
				}
			}
		}
	}
	r := &modelRows{table: projections.Described{Columns: []projections.DescribedColumn{
		{Name: "type"}, {Name: "detail"}, {Name: "before"}}}}
	r.columns()
	secret := text(`{"customer_ref":"SECRET","kind":"member","note":"SECRET","reason":"lapsed"}`)
	for kind, want := range map[string]string{
		"AccountClosed": `{"kind":"member"}`, "HoldReleased": `{"kind":"member","reason":"lapsed"}`,
	} {
		got := r.of([]cell{text(kind), secret, secret})
		if got[1] != text(want) || got[2] != text(`{"kind":"member"}`) {
			t.Errorf("%s: got %v, want %s, and no reason before", kind, got, want)
		}
	}
}

// TestExportVerify demands of every damage that it is named.
func TestExportVerify(t *testing.T) {
	data, out := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "out")
	fill(t, data, soldLog(30, 10, false))
	rows := []struct {
		name, form string
		damage     func(m *manifest, file string) error
		want       string
	}{
		{"nothing", formParquet, func(*manifest, string) error { return nil }, ""},
		{"a byte", formParquet, func(_ *manifest, file string) error { return flip(file) }, "was changed"},
		{"a byte", formCSV, func(_ *manifest, file string) error { return flip(file) }, "was changed"},
		{"cut short", formNDJSON, func(_ *manifest, file string) error { return os.Truncate(file, 99) },
			"has 99 bytes"},
		{"gone", formCSV, func(_ *manifest, file string) error { return os.Remove(file) }, "no such file"},
		{"rows", formParquet, func(m *manifest, _ string) error { m.Tables[0].Files[1].Rows--; return nil },
			"has 10 rows, the manifest says 9"},
		{"rows", formCSV, func(m *manifest, _ string) error { m.Tables[0].Files[1].Rows++; return nil },
			"has 10 rows, the manifest says 11"},
		{"rows", formNDJSON, func(m *manifest, _ string) error { m.Tables[0].Files[1].Rows++; return nil },
			"has 10 rows, the manifest says 11"},
		{"all rows", formCSV, func(m *manifest, _ string) error { m.Tables[0].Rows++; return nil },
			"its files have 30 rows, the manifest says 31"},
		{"a file is left out", formCSV, func(m *manifest, file string) error {
			m.Tables[0].Files, m.Tables[0].Rows = slices.Delete(m.Tables[0].Files, 1, 2), 20
			return os.Remove(file)
		}, "want it behind 10"},
		{"the last is left out", formCSV, func(m *manifest, _ string) error {
			m.Tables[0].Files, m.Tables[0].Rows = m.Tables[0].Files[:2], 20
			return nil
		}, "its files end at 20, the manifest says 30"},
		{"a file beside", formCSV, func(_ *manifest, file string) error {
			return os.WriteFile(filepath.Join(filepath.Dir(file), "part-7.csv"), nil, 0o600)
		}, "part-7.csv: is not in the manifest"},
		{"a way out", formCSV, func(m *manifest, _ string) error {
			m.Tables[0].Files[1].Name = "../part"
			return nil
		}, "is not below the folder"},
		{"another format", formCSV, func(m *manifest, _ string) error { m.Format = 3; return nil }, "format 3"},
	}
	for i, r := range rows {
		out := fmt.Sprint(out, i)
		must(t, "export", "--data", data, "--out", out, "--format", r.form, "--by-day", "events")
		m, err := readManifest(out)
		if err == nil {
			err = r.damage(m, filepath.Join(out, m.Tables[0].Files[1].Name))
		}
		if err == nil {
			err = m.save(out)
		}
		if err != nil {
			t.Fatalf("%s: got %v, want no error", r.name, err)
		}
		said, err := verb(t, nil, "export", "verify", out)
		if said += fmt.Sprint(err); (err != nil) != (r.want != "") || !strings.Contains(said, r.want) {
			t.Errorf("%s of %s: got %s, want %q", r.name, r.form, said, r.want)
		}
	}
}

// flip changes a byte in the middle of a file.
func flip(name string) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	content[len(content)/2] ^= 1
	return os.WriteFile(name, content, 0o600)
}

// TestExportBesideAnother: two exports never write into one folder at once.
func TestExportBesideAnother(t *testing.T) {
	data, out := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "out")
	fill(t, data, soldLog(3, 10, false))
	x, err := openExport(exportWish{form: formCSV, out: out, batch: partRows})
	if err != nil {
		t.Fatal(err)
	}
	_, err = verb(t, nil, "export", "--data", data, "--out", out, "--format", formCSV, "events")
	if err == nil || !strings.Contains(err.Error(), "another export is writing there") {
		t.Errorf("export: got %v, want a word that another is writing", err)
	}
	if err := x.close(); err != nil {
		t.Fatal(err)
	}
	must(t, "export", "--data", data, "--out", out, "--format", formCSV, "events")
}

// TestExportRemovesWhatWasLeft: files of a killed run that no later one would write over are gone, and
// what is not an export's stays.
func TestExportRemovesWhatWasLeft(t *testing.T) {
	data, out := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "out")
	fill(t, data, soldLog(3, 10, false))
	for _, name := range []string{"lots/part-1.csv", "events/part-9.csv.part", "events/mine"} {
		path := filepath.Join(out, name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.WriteFile(path, nil, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	must(t, "export", "--data", data, "--out", out, "--format", formCSV, "events")
	if got := tree(t, out); len(got) != 3 {
		t.Errorf("files: got %d, want events/mine, events' own and the manifest", len(got))
	}
	must(t, "export", "verify", out)
}
