package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tillbook/tillbook/projections"
	"github.com/tillbook/tillbook/projections/placetest"
)

// TestExportFactsByDay: facts are in the folders of their business days, in whatever order they came.
func TestExportFactsByDay(t *testing.T) {
	log := soldLog(60, 1000, false)
	for i := range log {
		day := fmt.Sprintf("2026-10-%02d", 10+i*7%4)
		log[i].Metadata = bytes.Replace(log[i].Metadata, []byte(`e":"2026-10-31"`), []byte(`e":"`+day+`"`), 1)
	}
	g := &growing{T: t, data: filepath.Join(t.TempDir(), "data"), place: placetest.Place(t), log: log}
	w := exportWish{form: formCSV, byDay: true, batch: 20, out: filepath.Join(t.TempDir(), "out"),
		tables: slices.DeleteFunc(g.tables(), func(t projections.Described) bool { return t.Name != "history" })}
	for _, n := range []int{33, 60} {
		g.to(n)
		if err := g.export(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		must(t, "export", "verify", w.out)
		if got, want := readBack(t, w.out)["history"], g.whole(false)["history"]; !slices.Equal(got, want) {
			t.Errorf("%d events: got %d rows, want %d", n, len(got), len(want))
		}
	}
	for i := range 4 {
		day := fmt.Sprintf("2026-10-%d", 10+i)
		files, err := filepath.Glob(filepath.Join(w.out, "history", "day="+day, partPrefix+"*"))
		if err != nil || len(files) != 4 { // two batches a run
			t.Errorf("%s: got %d files, %v, want 4", day, len(files), err)
		}
	}
}
