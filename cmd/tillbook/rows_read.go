package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// rowReader reads the rows of a file of rows back. A rowReader belongs to one goroutine.
type rowReader interface {
	// next is the next row, good until the one after it; io.EOF behind the last.
	next() ([]cell, error)
	Close() error
}

// openRows opens a file that newRows wrote.
func openRows(form, name string, columns []rowColumn, unguard bool) (rowReader, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	switch form {
	case formNDJSON:
		d := jsontext.NewDecoder(bufio.NewReaderSize(file, 1<<16), jsontext.AllowDuplicateNames(true))
		return &jsonReader{Closer: file, in: d, columns: columns}, nil
	case formCSV:
		r := &csvReader{Closer: file, in: bufio.NewReaderSize(file, 1<<16), columns: columns, unguard: unguard}
		_, err = r.record() // the header
		return r, err
	case formParquet:
		return openParquet(file, columns)
	}
	return nil, errors.Join(fmt.Errorf("%q is no form of rows", form), file.Close())
}

// csvReader reads what csvRows writes, and of guardedRows, with unguard, what was given to it.
type csvReader struct {
	io.Closer
	in      *bufio.Reader
	columns []rowColumn
	unguard bool
	field   []byte
	row     []cell
}

func (r *csvReader) next() ([]cell, error) {
	row, err := r.record()
	if err != nil {
		return nil, err
	}
	for i := range row {
		if r.unguard && r.columns[i].Kind == asText {
			row[i].String = strings.TrimPrefix(row[i].String, "'")
		}
	}
	return row, nil
}

func (r *csvReader) record() ([]cell, error) {
	r.row = r.row[:0]
	for {
		c, sign, err := r.cell()
		if errors.Is(err, io.EOF) && len(r.row) > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		r.row = append(r.row, c)
		if sign == ',' {
			continue
		}
		if end, err := r.in.ReadByte(); err != nil || end != '\n' || len(r.row) != len(r.columns) {
			return nil, fmt.Errorf("a record of %d fields ends, want %d", len(r.row), len(r.columns))
		}
		return r.row, nil
	}
}

// cell is the next field, and the sign that ends it: a comma, or the return of a record's end.
func (r *csvReader) cell() (c cell, sign byte, err error) {
	r.field = r.field[:0]
	for quoted := false; ; {
		sign, err = r.in.ReadByte()
		switch {
		case err != nil:
			if len(r.field) > 0 || c.Valid {
				err = io.ErrUnexpectedEOF
			}
			return c, 0, err
		case sign == '"' && quoted:
			next, err := r.in.Peek(1)
			if quoted = err == nil && next[0] == '"'; !quoted {
				continue
			}
			_, _ = r.in.Discard(1) // it was peeked
		case sign == '"' && !c.Valid && len(r.field) == 0:
			quoted, c.Valid = true, true
			continue
		case !quoted && (sign == ',' || sign == '\r'):
			c.String, c.Valid = string(r.field), c.Valid || len(r.field) > 0
			return c, sign, nil
		}
		r.field = append(r.field, sign)
	}
}

// jsonReader reads what jsonRows writes.
type jsonReader struct {
	io.Closer
	in      *jsontext.Decoder
	columns []rowColumn
	row     []cell
}

func (r *jsonReader) next() ([]cell, error) {
	if _, err := r.in.ReadToken(); err != nil {
		return nil, err // io.EOF too
	}
	r.row = r.row[:0]
	for _, c := range r.columns {
		name, err := r.in.ReadToken()
		if err == nil && name.String() != c.Name {
			err = fmt.Errorf("a row has %.40q, want %s", name.String(), c.Name)
		}
		if err != nil {
			return nil, err
		}
		value, err := r.in.ReadValue()
		if err != nil {
			return nil, err
		}
		read, err := readCell(value, c.Kind)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		r.row = append(r.row, read)
	}
	_, err := r.in.ReadToken()
	return r.row, err
}

// readCell is a cell that appendCell wrote.
func readCell(value jsontext.Value, k kind) (cell, error) {
	switch {
	case value.Kind() == 'n':
		return cell{}, nil
	case value.Kind() == '"' && k != asJSON:
		s, err := jsontext.AppendUnquote(nil, value)
		return text(string(s)), err
	}
	return text(string(value)), nil
}
