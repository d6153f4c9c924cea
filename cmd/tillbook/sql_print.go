package main

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tillbook/tillbook/projections"
)

// sheet prints an answer in one form. end prints what it has kept.
type sheet interface {
	projections.Answer
	end() error
}

// The other forms of answers, beside those of files of rows.
const (
	formTable = "table"
	formJSON  = "json"
)

// newSheet is a sheet of a form that --output names.
func newSheet(out io.Writer, form string) sheet {
	w := bufio.NewWriterSize(out, 1<<16)
	switch form {
	case formCSV:
		return &csvSheet{out: out}
	case formJSON:
		return &jsonSheet{out: w, open: "[\n", between: ",\n", close: "]\n"}
	case formNDJSON:
		return &jsonSheet{out: w, between: "\n"}
	}
	return &tableSheet{w: w}
}

// errShown ends an answer that has more rows than are wanted.
var errShown = errors.New("the rest is not shown")

// limited is a sheet of so many rows; 0 is any.
type limited struct {
	sheet
	most, rows int
}

func (l *limited) Row(values []any) error {
	if l.most > 0 && l.rows == l.most {
		return errShown
	}
	l.rows++
	return l.sheet.Row(values)
}

// cellOf is a value as text, and its kind: SQL's columns may hold several. Whole numbers and texts, and so
// amounts, are exact.
func cellOf(value any) (cell, kind) {
	switch v := value.(type) {
	case nil:
		return cell{}, asText
	case string:
		return text(v), asText
	case int64:
		return text(strconv.FormatInt(v, 10)), asInteger
	case float64:
		k := asNumber
		if math.IsInf(v, 0) || math.IsNaN(v) {
			k = asText // JSON has none
		}
		return text(strconv.FormatFloat(v, 'g', -1, 64)), k
	case bool:
		return text(strconv.FormatBool(v)), asBoolean
	case time.Time:
		return text(v.UTC().Format(time.RFC3339Nano)), asText
	case []byte:
		if !utf8.Valid(v) {
			return text(`\x` + hex.EncodeToString(v)), asText
		}
		return text(string(v)), asText
	}
	return text(fmt.Sprint(value)), asText
}

// csvSheet is csvRows.
type csvSheet struct {
	out  io.Writer
	rows *csvRows
	row  []cell
}

func (s *csvSheet) Columns(names []string) (err error) {
	columns := make([]rowColumn, len(names))
	for i, name := range names {
		columns[i].Name = name
	}
	s.rows, err = newCSVRows(s.out, columns)
	return err
}

func (s *csvSheet) Row(values []any) error {
	s.row = s.row[:0]
	for _, v := range values {
		c, _ := cellOf(v)
		s.row = append(s.row, c)
	}
	return s.rows.write(s.row)
}

func (s *csvSheet) end() error { return s.rows.end() }

// jsonSheet is one object a row, in an array or one a line.
type jsonSheet struct {
	out                  *bufio.Writer
	open, between, close string
	keys                 [][]byte
	line                 []byte
	rows                 int
}

func (s *jsonSheet) Columns(names []string) error {
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			return fmt.Errorf("two columns are called %.60q: name one of them with AS", name)
		}
		seen[name] = true
		key, err := appendCell(nil, asText, text(name))
		if err != nil {
			return err
		}
		s.keys = append(s.keys, append(key, ':'))
	}
	_, err := s.out.WriteString(s.open)
	return err
}

func (s *jsonSheet) Row(values []any) (err error) {
	s.line = s.line[:0]
	if s.rows > 0 {
		s.line = append(s.line, s.between...)
	}
	s.rows++
	sign := byte('{')
	for i, v := range values {
		s.line = append(append(s.line, sign), s.keys[i]...)
		c, k := cellOf(v)
		if s.line, err = appendCell(s.line, k, c); err != nil {
			return err
		}
		sign = ','
	}
	_, err = s.out.Write(append(s.line, '}'))
	return err
}

func (s *jsonSheet) end() error {
	if s.rows > 0 {
		s.out.WriteByte('\n')
	}
	s.out.WriteString(s.close)
	return s.out.Flush()
}
