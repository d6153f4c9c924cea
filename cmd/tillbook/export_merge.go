package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/tillbook/tillbook/projections"
)

// Columns that the files of a table that changes have behind its own: the position that a row is as of,
// and whether the table has it no longer. Of rows of one key the one with the greatest as_of stands.
const (
	asOfColumn = "as_of"
	goneColumn = "gone"
)

func stateColumns(columns []rowColumn) []rowColumn {
	return append(slices.Clip(columns), rowColumn{asOfColumn, asInteger}, rowColumn{goneColumn, asBoolean})
}

// keyed compares rows by the columns that name them, in the order of projections.Whole.
type keyed struct {
	columns []rowColumn
	at      []int // places of the key's columns
}

func keyedBy(t projections.Described, columns []rowColumn) (k keyed, err error) {
	k.columns = columns
	for _, name := range t.Keys() {
		at := slices.IndexFunc(columns, func(c rowColumn) bool { return c.Name == name })
		if at < 0 {
			return k, fmt.Errorf("%s.%s names a row, and is left out", t.Name, name)
		}
		k.at = append(k.at, at)
	}
	if len(k.at) == 0 {
		return k, fmt.Errorf("nothing names the rows of %s", t.Name)
	}
	return k, nil
}

func (k keyed) compare(a, b []cell) int {
	for _, i := range k.at {
		is := cmp.Compare(a[i].String, b[i].String)
		if k.columns[i].Kind == asInteger {
			m, _ := strconv.ParseInt(a[i].String, 10, 64) // a column of SQL's integers
			n, _ := strconv.ParseInt(b[i].String, 10, 64)
			is = cmp.Compare(m, n)
		}
		if is != 0 {
			return is
		}
	}
	return 0
}

// standing reads a table that changes as its files have it: of each key the row that stands, by key.
// Memory does not grow with the table.
type standing struct {
	keyed
	all   []rowColumn     // of the files
	files []*standingFile // the oldest first
}

// standingFile is one of the files, and the row where it stands; nil behind its last.
type standingFile struct {
	rowReader
	part manifestPart
	row  []cell // plain
}

// standing opens the files of a table that say what it holds: the last that is whole, and all behind it.
func (x *filesOf) standing(t *manifestTable, by keyed) (_ *standing, err error) {
	s := &standing{keyed: by, all: t.Columns}
	for _, p := range t.Files[t.lastWhole():] {
		name := filepath.Join(x.folder, filepath.FromSlash(p.Name))
		r, err := openRows(x.form, name, t.Columns, x.guarded)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", p.Name, err), s.close())
		}
		f := &standingFile{rowReader: r, part: p}
		s.files = append(s.files, f)
		if err := s.step(f); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// step takes a file to its next row, which must be of a greater key, and as of the file's position.
func (s *standing) step(f *standingFile) error {
	row, err := f.next()
	if errors.Is(err, io.EOF) {
		f.row = nil
		return nil
	}
	if err == nil {
		before := f.row
		f.row = plainRow(nil, row, s.all)
		if before != nil && s.compare(before, f.row) >= 0 {
			err = errors.New("its rows are not by key")
		}
		if of := len(f.row) - 2; f.row[of].String != digits(f.part.AsOf) {
			err = fmt.Errorf("a row is as of %s, want %d", f.row[of].String, f.part.AsOf)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.part.Name, err)
	}
	return nil
}

// next is the next row of the table's own columns, plain; io.EOF behind the last.
func (s *standing) next() ([]cell, error) {
	for {
		var newest *standingFile
		for _, f := range s.files {
			if f.row != nil && (newest == nil || s.compare(f.row, newest.row) <= 0) {
				newest = f
			}
		}
		if newest == nil {
			return nil, io.EOF
		}
		row := newest.row
		for _, f := range s.files {
			if f.row != nil && s.compare(f.row, row) == 0 {
				if err := s.step(f); err != nil {
					return nil, err
				}
			}
		}
		if own := len(s.columns); row[own+1].String != "true" {
			return row[:own], nil
		}
	}
}

func (s *standing) close() (err error) {
	for _, f := range s.files {
		err = errors.Join(err, f.Close())
	}
	return err
}
