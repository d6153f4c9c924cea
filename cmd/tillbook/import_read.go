package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxLine bounds a line of an import file, in bytes.
const maxLine = 64 << 10

// record is a row as the file has it: the text of each column, "" where there is none.
type record struct {
	line   int
	values [columnCount]string
}

// badRow says why a row is not in the ledger: a code of the API's closed list, and what is wrong.
type badRow struct {
	line         int
	code, detail string
}

func (b *badRow) Error() string { return fmt.Sprintf("line %d: %s: %s", b.line, b.code, b.detail) }

func malformed(line int, format string, args ...any) *badRow {
	return &badRow{line, "malformed", fmt.Sprintf(format, args...)}
}

// recordReader reads records one by one. A record is one line, so that whatever is wrong with it
// ends with it.
type recordReader struct {
	in     *bufio.Reader
	line   int
	decode func(line []byte, r *record) error
}

// newRecordReader reads a file in format csv or ndjson. Of CSV it reads the header; what is wrong
// with that is wrong with the file.
func newRecordReader(in io.Reader, format string) (*recordReader, error) {
	r := &recordReader{in: bufio.NewReaderSize(in, maxLine)}
	if start, _ := r.in.Peek(3); string(start) == "\xef\xbb\xbf" {
		_, _ = r.in.Discard(3) // the byte order mark that spreadsheets write; Peek has it in memory
	}
	if format == "ndjson" {
		r.decode = decodeJSON
		return r, nil
	}
	header, err := r.text()
	var bad *badRow
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the file is empty: want a header line with the names of its columns")
	case errors.As(err, &bad):
		return nil, fmt.Errorf("header: %w", err)
	case err != nil:
		return nil, err
	}
	r.decode, err = decodeCSV(header)
	return r, err
}

// next is the next record. A *badRow concerns that line alone; io.EOF is the end; every other error
// is of reading.
func (r *recordReader) next() (rec record, err error) {
	text, err := r.text()
	rec.line = r.line
	if err != nil {
		return rec, err
	}
	if err := r.decode(text, &rec); err != nil {
		return rec, malformed(r.line, "%v", err)
	}
	return rec, nil
}

// text is the next line that is not blank, without its end. It is good until the next call.
func (r *recordReader) text() ([]byte, error) {
	for {
		text, err := r.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			r.line++
			return nil, r.tooLong()
		}
		if len(text) == 0 || err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		r.line++
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		if !utf8.Valid(text) {
			return nil, malformed(r.line, "want UTF-8")
		}
		return text, nil
	}
}

// tooLong skips the rest of a line.
func (r *recordReader) tooLong() error {
	for {
		_, err := r.in.ReadSlice('\n')
		switch {
		case err == nil || errors.Is(err, io.EOF):
			return malformed(r.line, "want lines of less than %d bytes", maxLine)
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// oneLine is the input of a CSV reader that is given its lines one by one: each ends it.
type oneLine struct{ text []byte }

func (l *oneLine) Read(p []byte) (int, error) {
	if len(l.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p, l.text)
	l.text = l.text[n:]
	return n, nil
}

// decodeCSV reads lines under a header, whose columns stand in any order.
func decodeCSV(header []byte) (func([]byte, *record) error, error) {
	input := &oneLine{header}
	lines := csv.NewReader(input)
	lines.FieldsPerRecord = -1
	lines.ReuseRecord = true
	names, err := lines.Read()
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	columns, err := columnsOf(names)
	if err != nil {
		return nil, err
	}
	decode := func(text []byte, r *record) error {
		input.text = text
		fields, err := lines.Read()
		var syntax *csv.ParseError
		switch {
		case errors.As(err, &syntax):
			return fmt.Errorf("column %d of the line: %w", syntax.Column, syntax.Err)
		case err != nil:
			return err
		case len(fields) != len(columns):
			return fmt.Errorf("got %d fields, want %d as in the header", len(fields), len(columns))
		}
		for i, c := range columns {
			r.values[c] = strings.TrimSpace(fields[i])
		}
		return nil
	}
	return decode, nil
}

// columnsOf finds the columns that a header names.
func columnsOf(names []string) ([]column, error) {
	var seen [columnCount]bool
	columns := make([]column, len(names))
	for i, name := range names {
		c, ok := columnNamed(strings.TrimSpace(name))
		switch {
		case !ok:
			return nil, fmt.Errorf("header: unknown column %q; the columns are %s", name, columnNames())
		case seen[c]:
			return nil, fmt.Errorf("header: column %q stands twice", c.name())
		}
		columns[i], seen[c] = c, true
	}
	for _, c := range []column{colAccount, colKind, colOccurredAt} {
		if !seen[c] {
			return nil, fmt.Errorf("header: column %q is missing", c.name())
		}
	}
	if seen[colAmount] && !seen[colUnit] {
		return nil, fmt.Errorf("header: column %q is missing", colUnit.name())
	}
	return columns, nil
}

// decodeJSON reads a line that is one flat object. A number counts as it is written.
func decodeJSON(text []byte, r *record) error {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	if start, err := in.Token(); err != nil || start != json.Delim('{') {
		return errors.New("want one JSON object")
	}
	var seen [columnCount]bool
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return err
		}
		c, ok := columnNamed(name.(string)) // JSON has no other names
		if !ok {
			return fmt.Errorf("unknown column %q", name)
		}
		if seen[c] {
			return fmt.Errorf("column %q stands twice", name)
		}
		seen[c] = true
		if r.values[c], err = jsonText(in); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if _, err := in.Token(); err != nil {
		return err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return errors.New("want one JSON object a line")
	}
	return nil
}

func jsonText(in *json.Decoder) (string, error) {
	value, err := in.Token()
	if err != nil {
		return "", err
	}
	switch v := value.(type) {
	case string:
		return strings.TrimSpace(v), nil
	case json.Number:
		return v.String(), nil
	case nil:
		return "", nil
	}
	return "", errors.New("want a string")
}
