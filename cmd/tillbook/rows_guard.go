package main

import "strings"

// guardedRows puts ' before texts that spreadsheets would take for formulas, as OWASP advises
// (https://owasp.org/www-community/attacks/CSV_Injection). It is put before those that begin with '
// too, so that a reader who takes one ' away from each text that begins with it has what was written.
type guardedRows struct {
	rowWriter
	columns []rowColumn
	row     []cell
}

// guarded are the signs with which a text is not written as it is.
const guarded = "=+-@\t\r'"

func (w *guardedRows) write(row []cell) error {
	w.row = append(w.row[:0], row...)
	for i, c := range w.row {
		if w.columns[i].Kind == asText && c.String != "" && strings.IndexByte(guarded, c.String[0]) >= 0 {
			w.row[i].String = "'" + c.String
		}
	}
	return w.rowWriter.write(w.row)
}
