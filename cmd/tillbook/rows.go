package main

import (
	"database/sql"
	"fmt"
	"io"
)

// rowWriter writes the rows of a table into one file. A rowWriter belongs to one goroutine.
type rowWriter interface {
	// write adds a row: a cell for each column, in their order. It keeps no cell.
	write(row []cell) error
	// end writes what is left, and whatever ends the file; it closes nothing.
	end() error
}

// cell is a value as text, in the form of its column's kind; NULL where it is not Valid.
type cell = sql.NullString

// text is a cell that is not NULL.
func text(s string) cell { return cell{String: s, Valid: true} }

// rowColumn is a column of a table of rows.
type rowColumn struct {
	Name string `json:"name"`
	Kind kind   `json:"kind"`
}

// kind says what the text of a cell means, and by that what a typed file makes of it.
type kind string

const (
	asText    kind = "text"    // UTF-8
	asInteger kind = "integer" // of 64 bits
	asAmount  kind = "amount"  // a decimal of at most amountScale fraction digits
	asInstant kind = "instant" // RFC 3339, microseconds at the finest
	asDate    kind = "date"    // YYYY-MM-DD
	asNumber  kind = "number"  // of JavaScript: JSON's text of a double
	asBoolean kind = "boolean" // 1 or 0, true or false
	asJSON    kind = "json"
)

// amountScale is the finest scale of a unit: 4, CLF's and UYW's.
const amountScale = 4

// The forms of files of rows.
const (
	formNDJSON  = "ndjson"
	formCSV     = "csv"
	formParquet = "parquet"
)

// newRows is a writer of a form.
func newRows(form string, out io.Writer, columns []rowColumn) (rowWriter, error) {
	switch form {
	case formNDJSON:
		return newJSONRows(out, columns), nil
	case formCSV:
		return newCSVRows(out, columns)
	case formParquet:
		return newParquetRows(out, columns)
	}
	return nil, fmt.Errorf("%q is no form of rows: want %s, %s or %s", form, formNDJSON, formCSV,
		formParquet)
}
