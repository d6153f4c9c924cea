package main

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestGuardedRows: no text begins as a formula does, each is got back by taking one ' away, and what is
// no text is as it was.
func TestGuardedRows(t *testing.T) {
	columns := []rowColumn{{"a", asText}, {"b", asAmount}}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.SampledFrom([]rune("=+-@\t\r'1é,\"")), 0, 3, -1).Draw(t, "word")
		var out strings.Builder
		w, err := newRows(formCSV, &out, columns)
		if err != nil {
			t.Fatal(err)
		}
		g := &guardedRows{rowWriter: w, columns: columns}
		row := []cell{text(word), text("-1.00")}
		if err := g.write(row); err != nil {
			t.Fatal(err)
		}
		if err := g.end(); err != nil {
			t.Fatal(err)
		}
		got := readCSV(out.String())[1]
		if s := got[0].String; s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
			t.Errorf("%q: got %q, want no formula", word, s)
		}
		if back := strings.TrimPrefix(got[0].String, "'"); back != word || got[1] != row[1] || row[0] != text(word) {
			t.Errorf("%q: got %v, want it back", word, got)
		}
	})
}
