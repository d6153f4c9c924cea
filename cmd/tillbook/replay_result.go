package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/tillbook/tillbook/projections/chart"
)

// replayResult is the answer of a projection: a JSON document for every partition, exactly as the
// script's state or its transforms left it. A script without partitions has one, the empty name. A
// state that all partitions share stands under the empty name, beside theirs. What a filter held back
// and what is null is absent.
type replayResult struct {
	name      string // of the script, without its folder and .js
	documents map[string]json.RawMessage
}

// partitions are the names there are, sorted.
func (r *replayResult) partitions() []string { return slices.Sorted(maps.Keys(r.documents)) }

// only is the answer of one partition alone.
func (r *replayResult) only(partition string) *replayResult {
	one := &replayResult{r.name, map[string]json.RawMessage{}}
	if document, ok := r.documents[partition]; ok {
		one.documents[partition] = document
	}
	return one
}

// resultTable is a result as rows and columns. The first column holds the partitions, one row for
// each, in order; the others are the top-level keys of all documents, in order. A document that is no
// object stands in the column "value". Cells hold JSON, nil for none and for null: numbers are never
// read as floats, and what is nested stays as it is. A sole document that holds nothing but objects,
// such as a state that partitions share, is a table itself: its members are the rows.
type resultTable struct {
	columns []rowColumn // no two names alike whatever their case
	rows    [][]json.RawMessage
}

// asMixed is the kind of a column whose cells are of several; one of nothing but nulls holds texts.
// The others of a result are asText, asInteger, asNumber, asBoolean, and asJSON for objects and lists.
const asMixed kind = "mixed"

// valueColumn holds documents that are no objects.
const valueColumn = "value"

// table is the result as rows and columns. An error names a document that is no JSON.
func (r *replayResult) table() (*resultTable, error) {
	if rows, ok := chart.Members(r.documents); ok {
		r = &replayResult{r.name, rows}
	}
	partitions := r.partitions()
	members := make([]map[string]json.RawMessage, len(partitions))
	keys := map[string]bool{}
	for i, partition := range partitions {
		var err error
		if members[i], err = membersOf(r.documents[partition]); err != nil {
			return nil, fmt.Errorf("partition %q: %w", partition, err)
		}
		for key := range members[i] {
			keys[key] = true
		}
	}
	names := slices.Sorted(maps.Keys(keys))
	t := &resultTable{columns: resultColumns(names), rows: make([][]json.RawMessage, len(partitions))}
	for i, partition := range partitions {
		name, _ := json.Marshal(partition) // a string always has JSON
		row := append(make([]json.RawMessage, 0, len(t.columns)), name)
		for _, key := range names {
			row = append(row, notNull(members[i][key]))
		}
		t.rows[i] = row
	}
	for i := range t.columns {
		t.columns[i].Kind = t.kindOf(i)
	}
	return t, nil
}

// membersOf are the members of a document, itself as "value" where it is no object.
func membersOf(document json.RawMessage) (map[string]json.RawMessage, error) {
	if len(document) > 0 && document[0] != '{' {
		return map[string]json.RawMessage{valueColumn: document}, nil
	}
	var members map[string]json.RawMessage
	err := json.Unmarshal(document, &members)
	return members, err
}

func notNull(value json.RawMessage) json.RawMessage {
	if string(value) == "null" {
		return nil
	}
	return value
}

// resultColumns names a column for each key, and one for the partitions before them. Where databases
// would take two names for one, the later gets a number.
func resultColumns(keys []string) []rowColumn {
	columns := []rowColumn{{Name: "partition"}}
	taken := map[string]bool{"partition": true}
	for _, key := range keys {
		name := key
		for n := 2; taken[strings.ToLower(name)]; n++ {
			name = fmt.Sprintf("%s_%d", key, n)
		}
		taken[strings.ToLower(name)] = true
		columns = append(columns, rowColumn{Name: name})
	}
	return columns
}

// kindOf is what all cells of a column are.
func (t *resultTable) kindOf(column int) kind {
	all, seen := asText, false
	for _, row := range t.rows {
		cell := row[column]
		if cell == nil {
			continue
		}
		k := cellKind(cell)
		switch {
		case !seen:
			all, seen = k, true
		case k == all:
		case isNumber(k) && isNumber(all):
			all = asNumber
		default:
			return asMixed
		}
	}
	return all
}

func isNumber(k kind) bool { return k == asInteger || k == asNumber }

// cellKind is what a value in JSON is.
func cellKind(cell json.RawMessage) kind {
	switch cell[0] {
	case '"':
		return asText
	case 't', 'f':
		return asBoolean
	case '{', '[':
		return asJSON
	}
	if _, err := json.Number(cell).Int64(); err == nil {
		return asInteger
	}
	return asNumber
}

// cellText is a value as text: strings without quotes, nothing for none, else its JSON.
func cellText(cell json.RawMessage) string {
	var text string
	if bytes.HasPrefix(cell, []byte{'"'}) && json.Unmarshal(cell, &text) == nil {
		return text
	}
	return string(cell)
}

// writeRows writes the table as a form of rows. CSV knows no kinds; elsewhere a mixed column is JSON.
func (t *resultTable) writeRows(form string, out io.Writer) error {
	columns := slices.Clone(t.columns)
	if form != formCSV {
		for i := range columns {
			if columns[i].Kind == asMixed {
				columns[i].Kind = asJSON
			}
		}
	}
	w, err := newRows(form, out, columns)
	if err != nil {
		return err
	}
	cells := make([]cell, len(columns))
	for _, row := range t.rows {
		for i, value := range row {
			switch {
			case value == nil:
				cells[i] = cell{}
			case columns[i].Kind == asJSON:
				cells[i] = text(string(value))
			default:
				cells[i] = text(cellText(value))
			}
		}
		if err := w.write(cells); err != nil {
			return err
		}
	}
	return w.end()
}
