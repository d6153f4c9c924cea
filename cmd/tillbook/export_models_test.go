package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/projections"
	"github.com/tillbook/tillbook/projections/placetest"
)

// growing is a data folder whose log is written bit by bit, with read models that follow it.
type growing struct {
	*testing.T
	data, place string
	log         []eventstore.Recorded // all that it will hold
	at          int
	more        []projections.Projection // beside the built-in ones: then their tables alone
}

func (g *growing) options(readOnly bool) projections.Options {
	return projections.Options{Projections: append(projections.Builtin(), g.more...), ReadOnly: readOnly}
}

// newGrowing is of the demo's log, which has most of what there is.
func newGrowing(t *testing.T) *growing {
	return &growing{T: t, data: filepath.Join(t.TempDir(), "data"), place: placetest.Place(t), log: demoLog(t)}
}

// demoLog is the log that the demo leaves.
func demoLog(t *testing.T) []eventstore.Recorded {
	t.Helper()
	data := filepath.Join(t.TempDir(), "demo")
	startDemo(t, data).stop(t)
	return held(t, data)
}

// to lets the log grow, and the read models catch up.
func (g *growing) to(n int) {
	g.Helper()
	fill(g.T, g.data, g.log[g.at:n])
	g.at = n
	store, err := openLog(g.data, embedded.Options{})
	if err != nil {
		g.Fatal(err)
	}
	models, err := projections.Open(g.Context(), g.place, store, g.options(false))
	if err == nil {
		err = errors.Join(models.WaitHead(g.Context()), models.Close())
	}
	if err := errors.Join(err, store.Close()); err != nil {
		g.Fatal(err)
	}
}

// tables are all that there are.
func (g *growing) tables() []projections.Described {
	g.Helper()
	if g.more != nil {
		tables, err := projections.Describe(g.more)
		if err != nil {
			g.Fatal(err)
		}
		return slices.DeleteFunc(tables, func(t projections.Described) bool { return t.Projection == "" })
	}
	w := exportWish{}
	if err := w.name([]string{"tables"}); err != nil {
		g.Fatal(err)
	}
	return w.tables
}

// export is the verb, with a batch of its own.
func (g *growing) export(ctx context.Context, w exportWish) error {
	x, err := openExport(w)
	if err != nil {
		return err
	}
	x.bar = &scanBar{}
	models, err := projections.Open(ctx, g.place, nil, g.options(true))
	if err == nil {
		err = errors.Join(x.exportModels(ctx, models), models.Close())
	}
	return errors.Join(err, x.close())
}

// whole reads every table as SQL has it: rows as text, by name.
func (g *growing) whole(raw bool) map[string][]string {
	g.Helper()
	models, err := projections.Open(g.Context(), g.place, nil, g.options(true))
	if err != nil {
		g.Fatal(err)
	}
	defer models.Close()
	all := map[string][]string{}
	err = models.Whole(g.Context(), func(w *projections.Whole) error {
		for _, t := range g.tables() {
			rows := &modelRows{raw: raw, table: t}
			columns := rows.columns()
			for cells, err := range w.Rows(g.Context(), t) {
				if err != nil {
					return err
				}
				all[t.Name] = append(all[t.Name], fmt.Sprint(plainRow(nil, rows.of(cells), columns)))
			}
			slices.Sort(all[t.Name])
		}
		return nil
	})
	if err != nil {
		g.Fatal(err)
	}
	return all
}

// readBack reads every table from its files as their help says: of facts every row, of the others of each
// key the row with the greatest as_of, unless it is gone.
func readBack(t *testing.T, folder string) map[string][]string {
	t.Helper()
	m, err := readManifest(folder)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, table := range m.Tables {
		rows := map[string][]cell{}
		for _, p := range table.Files {
			for _, row := range rowsOf(t, m, table, filepath.Join(folder, p.Name)) {
				var key string
				for i, c := range table.Columns {
					if slices.Contains(table.Key, c.Name) {
						key += fmt.Sprint(row[i])
					}
				}
				if _, twice := rows[key]; twice && table.Facts {
					t.Fatalf("%s: got %s twice", table.Name, key)
				}
				rows[key] = row // of files in the order of their positions
			}
		}
		for row := range maps.Values(rows) {
			if n := len(row); !table.Facts {
				if row[n-1] == text("true") {
					continue
				}
				row = row[:n-2]
			}
			all[table.Name] = append(all[table.Name], fmt.Sprint(row))
		}
		slices.Sort(all[table.Name])
	}
	return all
}

func rowsOf(t *testing.T, m *manifest, table *manifestTable, name string) (all [][]cell) {
	t.Helper()
	r, err := openRows(m.Form, name, table.Columns, m.Guarded)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		row, err := r.next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: got %v, want no error", name, err)
		}
		all = append(all, plainRow(nil, row, table.Columns))
	}
}

func (g *growing) same(what string, got, want map[string][]string) {
	g.Helper()
	for _, t := range g.tables() {
		if !slices.Equal(got[t.Name], want[t.Name]) {
			g.Errorf("%s, %s: got %d rows\n%.2000s\nwant %d\n%.2000s", what, t.Name, len(got[t.Name]),
				strings.Join(got[t.Name], "\n"), len(want[t.Name]), strings.Join(want[t.Name], "\n"))
		}
	}
}

// TestExportGrows exports a history in random increments: files that are there stay as they are, and after
// each all of them together are what the tables hold, as one whole export is.
func TestExportGrows(t *testing.T) {
	log := demoLog(t)
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 1))
		g := &growing{T: t, data: filepath.Join(t.TempDir(), "data"), place: placetest.Place(t), log: log}
		w := exportWish{form: []string{formNDJSON, formCSV, formParquet}[seed%3], byDay: seed%2 == 0,
			raw: r.IntN(2) == 0, guarded: seed%3 == 1, batch: 1 + r.IntN(len(log)),
			out: filepath.Join(t.TempDir(), "out"), tables: g.tables()}
		name := fmt.Sprintf("seed %d, %s", seed, w.form)
		before := map[string]string{}
		for g.at < len(log) {
			g.to(min(len(log), g.at+1+r.IntN(len(log)/2)))
			if err := g.export(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			after := tree(t, w.out)
			for file, content := range before {
				if after[file] != content && !strings.HasSuffix(file, manifestFile) {
					t.Errorf("%s: %s was written again", name, file)
				}
			}
			before = after
			g.same(name, readBack(t, w.out), g.whole(w.raw))
			must(t, "export", "verify", w.out)
		}
		must(t, "export", "verify", "--tables", "--data", g.data, w.out)
		once := w
		once.out = filepath.Join(t.TempDir(), "once")
		if err := g.export(t.Context(), once); err != nil {
			t.Fatal(err)
		}
		g.same(name+", once", readBack(t, once.out), readBack(t, w.out))
		sameContents(t, once.out, w.out)
	}
}

// sameContents demands that two manifests say of every table that it holds the same, up to one position.
func sameContents(t *testing.T, a, b string) {
	t.Helper()
	m, errA := readManifest(a)
	n, errB := readManifest(b)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	for i := range m.Tables {
		x, _ := json.Marshal([]any{m.Tables[i].Last, m.Tables[i].Contents})
		y, _ := json.Marshal([]any{n.Tables[i].Last, n.Tables[i].Contents})
		if string(x) != string(y) {
			t.Errorf("%s: got %s and %s, want the same", m.Tables[i].Name, x, y)
		}
	}
}

// dying is a context that ends after it was asked so many times.
type dying struct {
	context.Context
	left atomic.Int64
	end  sync.Once
	done chan struct{}
}

func (d *dying) Done() <-chan struct{} {
	if d.left.Add(-1) < 0 {
		d.end.Do(func() { close(d.done) })
	}
	return d.done
}

func (d *dying) Err() error {
	select {
	case <-d.done:
		return context.Canceled
	default:
		return nil
	}
}

// TestExportStoppedAnywhere stops an export of tables after every so many questions; run again, it leaves
// what one that never stopped leaves, byte by byte.
func TestExportStoppedAnywhere(t *testing.T) {
	g := newGrowing(t)
	w := exportWish{form: formCSV, byDay: true, batch: 40, tables: g.tables()}
	first, whole := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "whole")
	for i, n := range []int{len(g.log) / 2, len(g.log)} {
		g.to(n)
		if w.out = whole; g.export(t.Context(), w) != nil {
			t.Fatal("got an error, want none")
		}
		if i == 0 {
			copyTree(t, whole, first)
		}
	}
	want, stopped := tree(t, whole), 0
	for calls := int64(1); ; calls += 1 + calls/4 {
		w.out = filepath.Join(t.TempDir(), fmt.Sprint("stopped", calls))
		copyTree(t, first, w.out)
		d := &dying{Context: t.Context(), done: make(chan struct{})}
		d.left.Store(calls)
		if err := g.export(d, w); err == nil {
			break
		}
		stopped++
		m, err := readManifest(w.out)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range m.Tables { // what is named is whole
			if err := (&filesOf{folder: w.out, form: w.form}).holds(t.Context(), table); err != nil {
				t.Errorf("after %d calls: %s: %v", calls, table.Name, err)
			}
		}
		if err := g.export(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		sameTree(t, tree(t, w.out), want)
	}
	if stopped < 10 {
		t.Errorf("it was stopped %d times, want more", stopped)
	}
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
