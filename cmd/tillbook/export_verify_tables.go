package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// holds demands that the files of a table of the read models come to what the manifest says it held.
func (x *filesOf) holds(ctx context.Context, t *manifestTable) error {
	sum := x.facts
	if !t.Facts {
		sum = x.state
	}
	got, err := sum(ctx, t)
	if err != nil || got.same(t.Contents) {
		return err
	}
	return fmt.Errorf("its files come to %d rows, sum %x; the manifest says %d, %x", got.Rows, got.Sum,
		t.Contents.Rows, t.Contents.Sum)
}

// state is what the files of a table that changes come to, as of the last of them.
func (x *filesOf) state(ctx context.Context, t *manifestTable) (sum contents, err error) {
	by := keyed{columns: t.Columns[:max(len(t.Columns)-2, 0)]}
	for _, name := range t.Key {
		at := slices.IndexFunc(by.columns, func(c rowColumn) bool { return c.Name == name })
		if at < 0 {
			return sum, fmt.Errorf("it has no column %.40q, which names its rows", name)
		}
		by.at = append(by.at, at)
	}
	s, err := x.standing(t, by)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for {
		row, err := s.next()
		if errors.Is(err, io.EOF) {
			return sum, ctx.Err()
		}
		if err != nil || ctx.Err() != nil {
			return sum, errors.Join(err, ctx.Err())
		}
		sum.add(row)
	}
}

// facts is what all files of a table of facts come to. Each must hold what its entry says.
func (x *filesOf) facts(ctx context.Context, t *manifestTable) (sum contents, err error) {
	for _, p := range t.Files {
		if err := x.factsOf(t, p, &sum); err != nil {
			return sum, fmt.Errorf("%s: %w", p.Name, err)
		}
		if ctx.Err() != nil {
			return sum, ctx.Err()
		}
	}
	return sum, nil
}

// factsOf adds the rows of a file, which are of its day, by position, behind After up to AsOf.
func (x *filesOf) factsOf(t *manifestTable, p manifestPart, sum *contents) (err error) {
	r, err := openRows(x.form, filepath.Join(x.folder, filepath.FromSlash(p.Name)), t.Columns, x.guarded)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	place := slices.IndexFunc(t.Columns, func(c rowColumn) bool { return c.Name == "position" })
	if place < 0 {
		return errors.New("its rows have no position")
	}
	var at, first eventstore.Position
	var row []cell
	for {
		read, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		row = plainRow(row[:0], read, t.Columns)
		sum.add(row)
		before := at
		if at, err = positionOf(row[place]); err != nil {
			return err
		}
		if first == 0 {
			first = at
		}
		if at <= max(before, p.After) || at > p.AsOf {
			return fmt.Errorf("position %d follows %d, behind %d up to %d", at, before, p.After, p.AsOf)
		}
		if day := dayOfRow(row, t.Columns); p.Day != "" && day != p.Day {
			return fmt.Errorf("position %d is of %s, want %s", at, day, p.Day)
		}
	}
	if first != p.First || at != p.Last {
		return fmt.Errorf("holds %d to %d, the manifest says %d to %d", first, at, p.First, p.Last)
	}
	return nil
}

// dayOfRow is the day of a fact, as projections.Whole.Between has it.
func dayOfRow(row []cell, columns []rowColumn) (day string) {
	for i, c := range columns {
		switch {
		case (c.Name == "business_date" || c.Name == "day") && row[i].Valid:
			return row[i].String
		case c.Name == "recorded_at" && len(row[i].String) > len("2006-01-02"):
			day = row[i].String[:len("2006-01-02")]
		}
	}
	return day
}

// compare compares the tables with those that the log makes up to the same positions.
func (v *verifier) compare(cmd *cobra.Command, at place) error {
	byPosition := map[eventstore.Position][]*manifestTable{}
	for _, t := range v.manifest.Tables {
		if t.Contents != nil && t.Last != nil {
			byPosition[t.Last.Position] = append(byPosition[t.Last.Position], t)
		}
	}
	for position, tables := range byPosition {
		a := asking{at: at, asOf: digits(position)}
		models, err := a.past(cmd)
		if err != nil {
			return err
		}
		err = models.Whole(cmd.Context(), func(w *projections.Whole) error {
			return v.compareAt(cmd.Context(), w, tables)
		})
		if err := errors.Join(err, models.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) compareAt(ctx context.Context, w *projections.Whole, tables []*manifestTable) error {
	all, err := projections.BuiltinTables()
	if err != nil {
		return err
	}
	if w.First != v.manifest.Log {
		return fmt.Errorf("the log begins with %s, that of the files with %s", w.First, v.manifest.Log)
	}
	for _, t := range tables {
		i := slices.IndexFunc(all, func(d projections.Described) bool { return d.Name == t.Name })
		if i < 0 {
			return fmt.Errorf("there is no table %.60q any more", t.Name)
		}
		got, err := contentsOf(ctx, w, &modelRows{raw: v.manifest.Raw, table: all[i]}, t.After)
		if err != nil {
			return err
		}
		if !got.same(t.Contents) {
			v.report(t.Name, fmt.Errorf("holds %d rows, sum %x; those of the log up to position %d are %d, %x",
				t.Contents.Rows, t.Contents.Sum, t.Last.Position, got.Rows, got.Sum))
		}
	}
	return nil
}

// contentsOf is what a table holds; of facts behind a position.
func contentsOf(
	ctx context.Context, w *projections.Whole, rows *modelRows, after eventstore.Position,
) (sum contents, err error) {
	columns, read := rows.columns(), w.Rows(ctx, rows.table)
	if rows.table.Facts {
		read = w.Between(ctx, rows.table, after, w.Last.Position, false)
	}
	var row []cell
	for cells, err := range read {
		if err != nil {
			return sum, err
		}
		row = plainRow(row[:0], rows.of(cells[:len(rows.table.Columns)]), columns)
		sum.add(row)
	}
	return sum, nil
}
