package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// withheld are the columns of read models that tell of a person, are a caller's secret, or are what
// people wrote in words, where a person may be named.
var withheld = []string{"about", "customer_ref", "description", "how", "key", "keyed_hash", "last4", "note",
	"operator", "reason"}

// reasoned are the tables whose reason is one of ours, and not in people's words.
var reasoned = []string{"holds", "transfers"}

// eventData are the columns that hold an event's data, of which such fields are left out.
var eventData = []string{"after", "before", "detail"}

// modelRows makes rows of a read model's.
type modelRows struct {
	raw   bool
	table projections.Described
	kinds []projections.Kind // of the table's columns
	row   []cell
}

func (r *modelRows) columns() (all []rowColumn) {
	r.kinds = nil
	for _, c := range r.table.Columns {
		r.kinds = append(r.kinds, r.table.Kind(c))
		if r.shows(c.Name) {
			all = append(all, rowColumn{c.Name, kind(r.table.Kind(c))})
		}
	}
	return all
}

func (r *modelRows) shows(column string) bool {
	return r.raw || !slices.Contains(withheld, column) ||
		column == "reason" && slices.Contains(reasoned, r.table.Name)
}

// of is a row, good until the next one.
func (r *modelRows) of(cells []cell) []cell {
	r.row = r.row[:0]
	for i, c := range cells {
		name := r.table.Columns[i].Name
		if !r.shows(name) {
			continue
		}
		switch {
		case !c.Valid:
		case r.kinds[i] == projections.KindBoolean:
			c.String = strconv.FormatBool(c.String == "1")
		case !r.raw && slices.Contains(eventData, name):
			c = jsonCell(api.Impersonal(r.event(cells, name)).Data)
		}
		r.row = append(r.row, c)
	}
	return r.row
}

// event is what a column tells of an event: its data, and its type unless it is of the one before.
func (r *modelRows) event(cells []cell, column string) (e eventstore.Recorded) {
	for i, c := range r.table.Columns {
		switch {
		case c.Name == column:
			e.Data = []byte(cells[i].String)
		case c.Name == "type" && column != "before":
			e.Type = cells[i].String
		}
	}
	return e
}

// exportTables adds the tables as they are now, all at one position.
func (x *exporter) exportTables(ctx context.Context, at place) error {
	models, err := projections.Open(ctx, at.models(), nil, projections.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer models.Close()
	return models.Whole(ctx, func(w *projections.Whole) error {
		if err := x.isOf(w.First); err != nil {
			return err
		}
		for i, t := range x.wish.tables {
			if err := x.exportTable(ctx, w, t); err != nil {
				return err
			}
			x.bar.to(eventstore.Position(i+1), eventstore.Position(len(x.wish.tables)))
		}
		return x.manifest.save(x.wish.out)
	})
}

// exportTable writes a table, unless it is there as it was at this position.
func (x *exporter) exportTable(
	ctx context.Context, w *projections.Whole, t projections.Described,
) error {
	rows := &modelRows{raw: x.wish.raw, table: t}
	entry, err := x.manifest.table(t.Name, rows.columns())
	if err != nil {
		return err
	}
	if slices.ContainsFunc(entry.Files, func(p manifestPart) bool { return p.Last == w.Position }) {
		return nil
	}
	folder := fmt.Sprintf("%s/position=%d", t.Name, w.Position)
	p, err := x.begin(folder, "1", entry.Columns)
	if err != nil {
		return err
	}
	for cells, err := range w.Rows(ctx, t) {
		if err == nil {
			err = p.add(w.Position, rows.of(cells))
		}
		if err != nil {
			_ = p.drop() // the next run removes what could not be
			return fmt.Errorf("%s: %w", t.Name, err)
		}
	}
	p.First, p.Last, p.After = w.Position, w.Position, w.Position
	whole, err := x.end(p)
	if err != nil {
		return err
	}
	entry.Files, entry.Rows = append(entry.Files, whole), entry.Rows+whole.Rows
	return nil
}
