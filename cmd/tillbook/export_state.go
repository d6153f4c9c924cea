package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// changesMax is how many files of changes may follow a whole one: all of them are open at once when a
// table is read back.
const changesMax = 48

// lastWhole is where the files begin that say what a table that changes holds.
func (t *manifestTable) lastWhole() int {
	for i, p := range slices.Backward(t.Files) {
		if p.Whole {
			return i
		}
	}
	return 0
}

// wantsWhole says that a table is to be written whole: it was never, or what changed since outgrows it.
func (t *manifestTable) wantsWhole() bool {
	if len(t.Files) == 0 {
		return true
	}
	changes, rows := t.Files[t.lastWhole()+1:], int64(0)
	for _, p := range changes {
		rows += p.Rows
	}
	return len(changes) >= changesMax || rows > max(t.Contents.Rows, 1000)
}

// stateFile writes what changed of a table since its files were written.
type stateFile struct {
	*exporter
	keyed
	table    *manifestTable
	day      string
	as       cell // of the position
	position eventstore.Position
	whole    bool
	before   *standing
	old      []cell // before's row, nil behind the last
	file     *partFile
	row      []cell
	plain    []cell
	sum      contents
}

// exportState adds what changed of a table since it was exported, or all of it.
func (x *exporter) exportState(
	ctx context.Context, w *projections.Whole, rows *modelRows, t *manifestTable,
) (err error) {
	by, err := keyedBy(rows.table, rows.columns())
	if err != nil {
		return err
	}
	f := &stateFile{exporter: x, keyed: by, table: t, position: w.Last.Position, day: dayOf(w.Last),
		as: text(digits(w.Last.Position)), whole: t.wantsWhole()}
	if f.before, err = x.files().standing(t, by); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.before.close()) }()
	if err = f.write(ctx, w, rows); err != nil {
		if f.file != nil {
			_ = f.file.drop() // the next run removes what could not be
		}
		return err
	}
	return f.end()
}

func (f *stateFile) write(ctx context.Context, w *projections.Whole, rows *modelRows) error {
	if f.whole {
		if err := f.open(); err != nil {
			return err
		}
	}
	if err := f.older(); err != nil {
		return err
	}
	for cells, err := range w.Rows(ctx, rows.table) {
		if err == nil {
			err = f.pass(rows.of(cells))
		}
		if err != nil {
			return err
		}
	}
	return f.gone(nil)
}

// older takes before to its next row.
func (f *stateFile) older() (err error) {
	if f.old, err = f.before.next(); errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// pass writes a row of the table, unless the files have it as it is.
func (f *stateFile) pass(row []cell) error {
	f.plain = plainRow(f.plain[:0], row, f.columns)
	f.sum.add(f.plain)
	if err := f.gone(f.plain); err != nil {
		return err
	}
	same := f.old != nil && f.compare(f.old, f.plain) == 0
	if same && slices.Equal(f.old, f.plain) && !f.whole {
		return f.older()
	}
	if err := f.add(row, "false"); err != nil || !same {
		return err
	}
	return f.older()
}

// gone writes the rows that the files have, and the table has not, before a row of it; nil is its end.
func (f *stateFile) gone(row []cell) error {
	for f.old != nil && (row == nil || f.compare(f.old, row) < 0) {
		named := make([]cell, len(f.columns))
		for _, i := range f.at {
			named[i] = f.old[i]
		}
		if err := f.add(named, "true"); err != nil {
			return err
		}
		if err := f.older(); err != nil {
			return err
		}
	}
	return nil
}

func (f *stateFile) open() (err error) {
	f.file, err = f.begin(f.folder(f.table.Name, f.day), fmt.Sprintf("%019d", f.position), f.table.Columns)
	return err
}

func (f *stateFile) add(row []cell, gone string) error {
	if f.file == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	f.row = append(append(f.row[:0], row...), f.as, text(gone))
	return f.file.add(f.position, f.row)
}

// end names the file in the manifest, if there is any.
func (f *stateFile) end() error {
	if f.file == nil {
		f.table.Contents = &f.sum
		return nil
	}
	p, err := f.exporter.end(f.file)
	if err != nil {
		return err
	}
	p.First, p.Last, p.AsOf, p.Day, p.Whole = f.position, f.position, f.position, f.dayKept(f.day), f.whole
	if f.table.Last != nil {
		p.After = f.table.Last.Position
	}
	f.table.Files, f.table.Rows, f.table.Contents = append(f.table.Files, p), f.table.Rows+p.Rows, &f.sum
	return nil
}
