package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// write writes a result to --out, or to standard output.
func (r *replay) write(to io.Writer, result *replayResult) error {
	if r.out == "" {
		return writeResult(to, r.output, result)
	}
	return writeWhole(r.out, func(part string) error {
		f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if r.output == "sqlite" {
			err = resultSQLite(part, result) // an empty file is an empty database
		} else {
			err = writeResult(f, r.output, result)
		}
		return errors.Join(err, f.Sync(), f.Close())
	})
}

// writeResult writes a result in one of the forms but SQLite.
func writeResult(to io.Writer, form string, result *replayResult) error {
	out := bufio.NewWriter(to)
	var err error
	switch form {
	case formJSON:
		err = resultJSON(out, result)
	case formNDJSON:
		err = resultNDJSON(out, result)
	default:
		var t *resultTable
		if t, err = result.table(); err != nil {
			return err
		}
		if form == formTable {
			err = resultRows(out, t)
		} else {
			err = t.writeRows(form, out)
		}
	}
	return errors.Join(err, out.Flush())
}

// resultJSON writes one object, a partition a line.
func resultJSON(out io.Writer, result *replayResult) error {
	end := "{"
	for _, partition := range result.partitions() {
		name, _ := json.Marshal(partition) // a string always has JSON
		_, err := fmt.Fprintf(out, "%s\n%s: %s", end, name, result.documents[partition])
		if err != nil {
			return err
		}
		end = ","
	}
	if end == "{" {
		_, err := io.WriteString(out, "{}\n")
		return err
	}
	_, err := io.WriteString(out, "\n}\n")
	return err
}

// savedLine is a line of a result as NDJSON.
type savedLine struct {
	Partition *string         `json:"partition"`
	Result    json.RawMessage `json:"result"`
}

func resultNDJSON(out io.Writer, result *replayResult) error {
	for _, partition := range result.partitions() {
		name, _ := json.Marshal(partition) // a string always has JSON
		_, err := fmt.Fprintf(out, `{"partition":%s,"result":%s}`+"\n", name,
			result.documents[partition])
		if err != nil {
			return err
		}
	}
	return nil
}

// longestCell bounds a value in a table for people, in characters.
const longestCell = 60

func resultRows(out io.Writer, t *resultTable) error {
	sheet := newSheet(out, formTable)
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = shortened(c.Name)
	}
	if err := sheet.Columns(names); err != nil {
		return err
	}
	values := make([]any, len(names))
	for _, row := range t.rows {
		for i, cell := range row {
			if values[i] = nil; cell != nil {
				values[i] = shortened(cellText(cell))
			}
		}
		if err := sheet.Row(values); err != nil {
			return err
		}
	}
	return sheet.end()
}

func shortened(text string) string {
	if runes := []rune(text); len(runes) > longestCell {
		return string(runes[:longestCell-1]) + "…"
	}
	return text
}

// printable is a text without what would move the cursor or end a line.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, text)
}

// mustBeNew refuses the name of a file that is there: what a verb writes is never written over.
func mustBeNew(name string) error {
	if name == "" {
		return nil
	}
	if _, err := os.Lstat(name); err == nil {
		return errors.New("the file is there already")
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// writeWhole has a file written that gets its name when it is whole.
func writeWhole(name string, write func(part string) error) error {
	part := partial(location(name))
	err := errors.Join(mustBeNew(name), removed(part))
	if err == nil {
		err = write(part)
	}
	if err == nil {
		err = os.Rename(part, name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, errors.Join(err, removed(part)))
	}
	return syncFolder(filepath.Dir(name))
}

// removed removes a file, if it is there.
func removed(name string) error {
	if err := os.Remove(name); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// newLines is a file of NDJSON that gets its name when it is finished.
type newLines struct {
	name string
	file *os.File
	out  *bufio.Writer
	json *json.Encoder
}

func createLines(name string) (*newLines, error) {
	if err := mustBeNew(name); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f, err := os.OpenFile(partial(location(name)), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	l := &newLines{name: name, file: f, out: bufio.NewWriterSize(f, 1<<16)}
	l.json = json.NewEncoder(l.out)
	l.json.SetEscapeHTML(false)
	return l, nil
}

func (l *newLines) add(line any) error { return l.json.Encode(line) }

// finish makes the lines durable and gives the file its name.
func (l *newLines) finish() error {
	if err := errors.Join(l.out.Flush(), l.file.Sync(), l.file.Close()); err != nil {
		return err
	}
	if err := os.Rename(l.file.Name(), l.name); err != nil {
		return err
	}
	l.file = nil
	return syncFolder(filepath.Dir(l.name))
}

// abandon removes what was not finished.
func (l *newLines) abandon() {
	if l.file != nil {
		_ = l.file.Close() // it is removed
		_ = os.Remove(l.file.Name())
	}
}
