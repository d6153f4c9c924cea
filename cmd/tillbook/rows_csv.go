package main

import (
	"bufio"
	"io"
	"strings"
)

// csvRows writes CSV as RFC 4180 has it: a header, records that end with CR LF, UTF-8 without a
// mark. NULL is an empty field, an empty text is "" in quotes. Every cell is written as it is, also a
// text that a spreadsheet would take for a formula: guardedRows is for those.
type csvRows struct{ out *bufio.Writer }

func newCSVRows(out io.Writer, columns []rowColumn) (*csvRows, error) {
	w := &csvRows{bufio.NewWriterSize(out, 1<<16)}
	header := make([]cell, len(columns))
	for i, c := range columns {
		header[i] = text(c.Name)
	}
	return w, w.write(header)
}

func (w *csvRows) write(row []cell) error {
	for i, c := range row {
		if i > 0 {
			w.out.WriteByte(',')
		}
		switch {
		case !c.Valid:
		case c.String == "" || strings.ContainsAny(c.String, "\",\r\n"):
			w.out.WriteByte('"')
			w.out.WriteString(strings.ReplaceAll(c.String, `"`, `""`))
			w.out.WriteByte('"')
		default:
			w.out.WriteString(c.String)
		}
	}
	_, err := w.out.WriteString("\r\n") // of a writer that has failed, its first error
	return err
}

func (w *csvRows) end() error { return w.out.Flush() }
