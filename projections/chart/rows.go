package chart

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// Partition is the key under which a row has the name of its partition.
const Partition = "partition"

// largest bounds what is drawn, in both directions.
const largest = 1e15

// Row is a document by its keys, as text: strings without quotes, everything else as its JSON.
type Row map[string]string

// Rows are an answer's documents, in the order of the partitions' names. A document that is no object
// has the key "value". Where there is but one document and its members are objects, these are the
// rows: such is a state that partitions share. Beside partitions that state is no row.
func Rows(answer map[string]json.RawMessage) ([]Row, error) {
	if members, ok := Members(answer); ok {
		answer = members
	}
	var rows []Row
	for _, partition := range slices.Sorted(maps.Keys(answer)) {
		if partition == "" && len(answer) > 1 {
			continue
		}
		row, err := newRow(partition, answer[partition])
		if err != nil {
			return nil, fmt.Errorf("partition %q: %w", partition, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Members are the members of an answer's only document, that of the empty partition, where all of
// them are objects; false where there are other documents or members.
func Members(answer map[string]json.RawMessage) (map[string]json.RawMessage, bool) {
	var members map[string]json.RawMessage
	document, ok := answer[""]
	if !ok || len(answer) > 1 || json.Unmarshal(document, &members) != nil || len(members) == 0 {
		return nil, false
	}
	for _, member := range members {
		if member[0] != '{' {
			return nil, false
		}
	}
	return members, true
}

func newRow(partition string, document json.RawMessage) (Row, error) {
	row := Row{Partition: partition}
	if len(document) > 0 && document[0] != '{' {
		row["value"] = cell(document)
		return row, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(document, &members); err != nil {
		return nil, err
	}
	for key, value := range members {
		row[key] = cell(value)
	}
	return row, nil
}

// cell is a value as text, nothing for null.
func cell(value json.RawMessage) string {
	var text string
	if string(value) == "null" || value[0] == '"' && json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// number is a cell's value; false where it holds none that can be drawn.
func number(cell string) (float64, bool) {
	if cell == "" || cell[0] != '-' && (cell[0] < '0' || cell[0] > '9') || !json.Valid([]byte(cell)) {
		return 0, false
	}
	f, err := strconv.ParseFloat(cell, 64)
	return f, err == nil && math.Abs(f) <= largest
}
