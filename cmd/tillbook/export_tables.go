package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

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

// exportTables adds what has come to the tables, all up to one position.
func (x *exporter) exportTables(ctx context.Context, at place) error {
	models, err := projections.Open(ctx, at.models(), nil, projections.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer models.Close()
	return x.exportModels(ctx, models)
}

func (x *exporter) exportModels(ctx context.Context, models *projections.Models) error {
	return models.Whole(ctx, func(w *projections.Whole) error {
		if err := x.isOf(w.First); err != nil {
			return err
		}
		for i, t := range x.wish.tables {
			x.done = i
			if err := x.exportTable(ctx, w, t); err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
			x.pace(w.Last.Position, w.Last.Position)
		}
		return x.manifest.save(x.wish.out)
	})
}

// pace shows how far the table that is being exported is.
func (x *exporter) pace(at, last eventstore.Position) {
	x.bar.to(eventstore.Position(x.done)*last+at, eventstore.Position(len(x.wish.tables))*last)
}

// exportTable adds what has come to a table since it was exported.
func (x *exporter) exportTable(
	ctx context.Context, w *projections.Whole, t projections.Described,
) error {
	rows := &modelRows{raw: x.wish.raw, table: t}
	entry, err := x.entry(rows)
	if err != nil {
		return err
	}
	if last := entry.Last; last != nil {
		switch has, err := w.Has(ctx, last.Position, last.ID); {
		case err != nil:
			return err
		case !has && w.Last.Position < last.Position:
			return fmt.Errorf("the read models hold events up to position %d, the files up to %d: "+
				"let the service catch up", w.Last.Position, last.Position)
		case !has:
			return fmt.Errorf("the read models do not hold the last event of %s, %s@%d at position %d",
				x.wish.out, last.Stream, last.Revision, last.Position)
		case last.Position == w.Last.Position:
			return nil
		}
	}
	if w.Last == (projections.Fact{}) {
		return nil
	}
	add := x.exportState
	if t.Facts {
		add = x.exportFacts
	}
	written := x.parts
	if err := add(ctx, w, rows, entry); err != nil {
		return err
	}
	if entry.Last = lastOf(w.Last); x.parts == written {
		return nil // a run that is killed before the manifest is saved finds again that nothing changed
	}
	return x.manifest.save(x.wish.out)
}

// entry is what the manifest says of a table.
func (x *exporter) entry(rows *modelRows) (*manifestTable, error) {
	columns := rows.columns()
	if !rows.table.Facts {
		columns = stateColumns(columns)
	}
	t, err := x.manifest.table(rows.table.Name, columns)
	if err != nil || t.Contents != nil {
		return t, err
	}
	t.Contents, t.Facts, t.Key = &contents{}, rows.table.Facts, rows.table.Keys()
	if t.Facts {
		t.After = x.wish.from
	}
	return t, nil
}

func lastOf(f projections.Fact) *manifestEvent {
	return &manifestEvent{f.Position, f.Event, f.Stream, f.Revision}
}

// dayOf is the day on which an event was recorded, in UTC.
func dayOf(f projections.Fact) string {
	day, _, _ := strings.Cut(f.Recorded, "T")
	return day
}

func positionOf(c cell) (eventstore.Position, error) {
	n, err := strconv.ParseUint(c.String, 10, 63)
	return eventstore.Position(n), err
}
