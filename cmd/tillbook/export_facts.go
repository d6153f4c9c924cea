package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// factFiles writes the rows of a table of facts, a file a day, and begins new ones after partRows events:
// what a killed run may lose.
type factFiles struct {
	*exporter
	rows  *modelRows
	table *manifestTable
	file  *partFile // nil between two
	day   string
	plain []cell
	parts []manifestPart // of the batch, whole
	sum   contents       // of all files, with the batch
}

// exportFacts adds the rows behind those that are there.
func (x *exporter) exportFacts(
	ctx context.Context, w *projections.Whole, rows *modelRows, t *manifestTable,
) error {
	for {
		after := t.After
		if t.Last != nil {
			after = max(after, t.Last.Position)
		}
		at, more, err := w.At(ctx, after, w.Last.Position, x.wish.batch)
		if err != nil || !more {
			return err
		}
		f := &factFiles{exporter: x, rows: rows, table: t, sum: *t.Contents}
		if err := f.write(ctx, w, after, at.Position); err != nil {
			if f.file != nil {
				_ = f.file.drop() // the next run removes what could not be
			}
			return err
		}
		for i := range f.parts {
			f.parts[i].After, f.parts[i].AsOf = after, at.Position
			t.Rows += f.parts[i].Rows
		}
		t.Files, t.Contents, t.Last = append(t.Files, f.parts...), &f.sum, lastOf(at)
		if err := x.manifest.save(x.wish.out); err != nil {
			return err
		}
		x.pace(at.Position, w.Last.Position)
	}
}

func (f *factFiles) write(
	ctx context.Context, w *projections.Whole, after, through eventstore.Position,
) error {
	at := slices.IndexFunc(f.rows.table.Columns, func(c projections.DescribedColumn) bool {
		return c.Name == "position"
	})
	for cells, err := range w.Between(ctx, f.rows.table, after, through, f.manifest.ByDay) {
		if err == nil {
			err = f.add(cells, at)
		}
		if err != nil {
			return err
		}
	}
	return f.endFile()
}

// add adds a row, behind whose columns the day stands.
func (f *factFiles) add(cells []cell, at int) (err error) {
	last := len(cells) - 1
	day := f.dayKept(cells[last].String)
	position, err := positionOf(cells[at])
	if err != nil {
		return err
	}
	if f.file != nil && day != f.day {
		if err := f.endFile(); err != nil {
			return err
		}
	}
	if f.file == nil {
		f.day = day
		f.file, err = f.begin(f.folder(f.table.Name, day), fmt.Sprintf("%019d", position), f.table.Columns)
		if err != nil {
			return err
		}
	}
	row := f.rows.of(cells[:last])
	f.plain = plainRow(f.plain[:0], row, f.table.Columns)
	f.sum.add(f.plain)
	return f.file.add(position, row)
}

func (f *factFiles) endFile() error {
	if f.file == nil {
		return nil
	}
	file := f.file
	f.file = nil
	p, err := f.end(file)
	p.Day = f.day
	f.parts = append(f.parts, p)
	return err
}
