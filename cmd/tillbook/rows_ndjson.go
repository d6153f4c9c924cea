package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonRows writes a JSON object a line, with every column in its order. Integers are numbers, JSON
// stands as JSON, amounts, instants and dates are text.
type jsonRows struct {
	out     *bufio.Writer
	columns []rowColumn
	names   [][]byte // as JSON, with what stands around them
	line    []byte
}

func newJSONRows(out io.Writer, columns []rowColumn) *jsonRows {
	w := &jsonRows{out: bufio.NewWriterSize(out, 1<<16), columns: columns}
	for i, c := range columns {
		sign := byte(',')
		if i == 0 {
			sign = '{'
		}
		w.names = append(w.names, append(strconv.AppendQuote([]byte{sign}, c.Name), ':'))
	}
	return w
}

func (w *jsonRows) write(row []cell) (err error) {
	w.line = w.line[:0]
	for i, c := range row {
		w.line = append(w.line, w.names[i]...)
		if w.line, err = appendCell(w.line, w.columns[i].Kind, c); err != nil {
			return fmt.Errorf("column %s: %w", w.columns[i].Name, err)
		}
	}
	_, err = w.out.Write(append(w.line, '}', '\n'))
	return err
}

func (w *jsonRows) end() error { return w.out.Flush() }

// appendCell adds a cell as JSON to dst.
func appendCell(dst []byte, k kind, c cell) ([]byte, error) {
	if !c.Valid {
		return append(dst, "null"...), nil
	}
	switch k {
	case asInteger:
		n, err := strconv.ParseInt(c.String, 10, 64)
		return strconv.AppendInt(dst, n, 10), err
	case asBoolean:
		yes, err := strconv.ParseBool(c.String)
		return strconv.AppendBool(dst, yes), err
	case asJSON, asNumber:
		b := bytes.NewBuffer(dst)
		err := json.Compact(b, []byte(c.String))
		return b.Bytes(), err
	}
	return jsontext.AppendQuote(dst, c.String)
}
