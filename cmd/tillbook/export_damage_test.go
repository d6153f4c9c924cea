package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tillbook/tillbook/projections"
	"github.com/tillbook/tillbook/projections/placetest"
)

// damaged is an export of two runs with one table damaged.
type damaged struct {
	out, other string // other is one whose second run was at another position
	table      *manifestTable
}

func (d *damaged) path(i int) string {
	return filepath.Join(d.out, filepath.FromSlash(d.table.Files[i].Name))
}

// reckon has the manifest say what a file has become, so that what is in it is all that tells.
func (d *damaged) reckon(i int) error {
	content, err := os.ReadFile(d.path(i))
	sum := sha256.Sum256(content)
	d.table.Files[i].Bytes, d.table.Files[i].SHA256 = int64(len(content)), hex.EncodeToString(sum[:])
	return err
}

// write changes the first of some bytes in a file, and the manifest with it.
func (d *damaged) write(i int, from, to string) error {
	content, err := os.ReadFile(d.path(i))
	if err == nil && !bytes.Contains(content, []byte(from)) {
		err = fmt.Errorf("no %q in %s", from, content)
	}
	if err == nil {
		err = os.WriteFile(d.path(i), bytes.Replace(content, []byte(from), []byte(to), 1), 0o600)
	}
	return errors.Join(err, d.reckon(i))
}

// turn puts a file's first row behind its last.
func (d *damaged) turn(i int) error {
	content, err := os.ReadFile(d.path(i))
	lines := bytes.SplitAfter(content, []byte("\n"))
	last := len(lines) - 2
	lines[0], lines[last] = lines[last], lines[0]
	return errors.Join(err, os.WriteFile(d.path(i), bytes.Join(lines, nil), 0o600), d.reckon(i))
}

// copied copies a file of an export over one, or beside it.
func (d *damaged) copied(folder string, from int, to string) error {
	content, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(d.table.Files[from].Name)))
	return errors.Join(err, os.WriteFile(to, content, 0o600))
}

// ofOther is the second file of the same table of another export, in the place of the one that is there.
func (d *damaged) ofOther() error {
	m, err := readManifest(d.other)
	if err != nil {
		return err
	}
	for _, t := range m.Tables {
		if t.Name == d.table.Name {
			p := t.Files[1]
			content, err := os.ReadFile(filepath.Join(d.other, filepath.FromSlash(p.Name)))
			d.table.Rows += p.Rows - d.table.Files[1].Rows
			d.table.Files[1].Rows = p.Rows
			return errors.Join(err, os.WriteFile(d.path(1), content, 0o600), d.reckon(1))
		}
	}
	return errors.New("it is not there")
}

// left removes a file, and what the manifest says of it.
func (d *damaged) left(i int) error {
	t, err := d.table, os.Remove(d.path(i))
	t.Rows -= t.Files[i].Rows
	t.Files = slices.Delete(t.Files, i, i+1)
	return err
}

// tableDamages are of tables that change and of facts alike, but where they name one.
var tableDamages = []struct {
	name, of string
	damage   func(d *damaged) error
	want     string
}{
	{"nothing", "", func(*damaged) error { return nil }, ""},
	{"a byte", "", func(d *damaged) error { return flip(d.path(1)) }, "was changed"},
	{"a byte of the first", "", func(d *damaged) error { return flip(d.path(0)) }, "was changed"},
	{"cut short", "", func(d *damaged) error { return os.Truncate(d.path(1), 9) }, "has 9 bytes"},
	{"missing", "", func(d *damaged) error { return os.Remove(d.path(1)) }, "no such file"},
	{"doubled", "", func(d *damaged) error {
		return d.copied(d.out, 1, filepath.Join(filepath.Dir(d.path(1)), "part-7.ndjson"))
	}, "part-7.ndjson: is not in the manifest"},
	{"doubled in the manifest", "", func(d *damaged) error {
		p := d.table.Files[1]
		d.table.Files, d.table.Rows = append(d.table.Files, p), d.table.Rows+p.Rows
		return nil
	}, "is named twice"},
	{"the second over the first", "", func(d *damaged) error { return d.copied(d.out, 1, d.path(0)) },
		"bytes, the manifest says"},
	{"turned around", "", func(d *damaged) error {
		slices.Reverse(d.table.Files)
		return nil
	}, "want it behind"},
	{"left out", "", func(d *damaged) error { return d.left(1) }, "its files come to"},
	{"the first left out", "churn", func(d *damaged) error { return d.left(0) }, "has not all rows"},
	{"the first left out", "history", func(d *damaged) error { return d.left(0) }, "its files come to"},
	{"hash", "", func(d *damaged) error {
		d.table.Files[1].SHA256 = d.table.Files[0].SHA256
		return nil
	}, "was changed"},
	{"rows", "", func(d *damaged) error { d.table.Files[1].Rows++; d.table.Rows++; return nil },
		"the manifest says"},
	{"all rows", "", func(d *damaged) error { d.table.Rows--; return nil }, "the manifest says"},
	{"contents", "", func(d *damaged) error { d.table.Contents.Sum[31] ^= 1; return nil },
		"its files come to"},
	{"rows of contents", "", func(d *damaged) error { d.table.Contents.Rows++; return nil },
		"its files come to"},
	{"beyond the log", "", func(d *damaged) error { d.table.Last.Position = 1; return nil },
		"its files end at"},
	{"a wrong row", "churn", func(d *damaged) error { return d.write(1, "20:30.12", "20:31.12") },
		"its files come to"},
	{"a wrong row", "history", func(d *damaged) error { return d.write(1, `"CNY"`, `"USD"`) },
		"its files come to"},
	{"a row that is gone", "churn", func(d *damaged) error { return d.write(1, `gone":true`, `gone":false`) },
		"its files come to"},
	{"a row that is not", "churn", func(d *damaged) error { return d.write(1, `gone":false`, `gone":true`) },
		"its files come to"},
	{"as_of in the file", "churn", func(d *damaged) error { return d.write(1, `as_of":20`, `as_of":19`) },
		"a row is as of 19, want 20"},
	{"as_of", "churn", func(d *damaged) error { d.table.Files[1].AsOf--; return nil },
		"a row is as of 20, want 19"},
	{"as_of", "history", func(d *damaged) error { d.table.Files[1].AsOf--; return nil },
		"position 20 follows 19, behind 10 up to 19"},
	{"after", "history", func(d *damaged) error { d.table.Files[1].After++; return nil },
		"position 11 follows 0, behind 11 up to 20"},
	{"first position", "history", func(d *damaged) error { d.table.Files[1].First++; return nil },
		"holds 11 to 20, the manifest says 12 to 20"},
	{"day", "history", func(d *damaged) error { d.table.Files[1].Day = "2026-10-30"; return nil },
		"is of 2026-10-31, want 2026-10-30"},
	{"another run", "churn", (*damaged).ofOther, "a row is as of 16, want 20"},
	{"another run", "history", (*damaged).ofOther, "holds 11 to 16, the manifest says 11 to 20"},
	{"order", "churn", func(d *damaged) error { return d.turn(1) }, "its rows are not by key"},
	{"order", "history", func(d *damaged) error { return d.turn(1) }, "follows"},
	{"key", "churn", func(d *damaged) error { d.table.Key[0] = "key"; return nil },
		`it has no column "key"`},
}

// TestExportVerifyTables demands of every damage to the files of a table that verify names it.
func TestExportVerifyTables(t *testing.T) {
	g := &growing{T: t, data: filepath.Join(t.TempDir(), "data"), place: placetest.Place(t),
		log: soldLog(20, 100, false), more: []projections.Projection{churn{}}}
	builtin, err := projections.BuiltinTables()
	if err != nil {
		t.Fatal(err)
	}
	w := exportWish{form: formNDJSON, byDay: true, batch: partRows, tables: append(g.tables()[:1],
		builtin[slices.IndexFunc(builtin, func(t projections.Described) bool { return t.Name == "history" })])}
	whole, other := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "other")
	for _, n := range []int{10, 16, 20} {
		g.to(n)
		for out, not := range map[string]int{whole: 16, other: 20} {
			if w.out = out; n == not {
				continue
			}
			if err := g.export(t.Context(), w); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, name := range []string{"churn", "history"} {
		for n, r := range tableDamages {
			if r.of != "" && r.of != name {
				continue
			}
			d := &damaged{out: filepath.Join(t.TempDir(), fmt.Sprint(n)), other: other}
			copyTree(t, whole, d.out)
			m, err := readManifest(d.out)
			if err != nil {
				t.Fatal(err)
			}
			d.table = m.Tables[i]
			if err := errors.Join(r.damage(d), m.save(d.out)); err != nil {
				t.Fatalf("%s of %s: got %v, want no error", r.name, name, err)
			}
			said, err := verb(t, nil, "export", "verify", d.out)
			said += fmt.Sprint(err)
			if (err != nil) != (r.want != "") || !strings.Contains(said, r.want) ||
				r.want != "" && !strings.HasPrefix(said, name) {
				t.Errorf("%s of %s: got %s, want %q", r.name, name, said, r.want)
			}
		}
	}
}
