package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/tillbook/tillbook/domain"
)

// survey is what the first reading of a file learns.
type survey struct {
	rows     int64 // those that cannot be read among them
	hash     string
	ordinals *ordinals
	currency bool           // some amount is money
	units    map[string]int // all others by the line that first names them; at most maxUnits
}

// maxUnits bounds how many registered units are asked for before anything is posted.
const maxUnits = 100

// read surveys the file. A file of which no row can be read is refused: nothing of it is what it
// should be.
func (i *importer) read() error {
	f, err := os.Open(i.path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("want a regular file: it is read twice")
	}
	hash := sha256.New()
	i.survey = survey{ordinals: newOrdinals(info.Size()), units: map[string]int{}}
	var first error
	readable := false
	err = i.each(io.TeeReader(f, hash), func(row *importRow, bad error) bool {
		i.survey.rows++
		switch {
		case bad == nil:
			readable = true
			i.survey.note(row)
		case first == nil:
			first = bad
		}
		return true
	})
	if err == nil && !readable && first != nil {
		err = fmt.Errorf("none of its %d rows can be read; the first: %w", i.survey.rows, first)
	}
	i.survey.hash = hex.EncodeToString(hash.Sum(nil))
	return err
}

func (s *survey) note(row *importRow) {
	if !row.named {
		s.ordinals.note(row.digest)
	}
	if unit := row.unit; unit != "" && len(s.units) < maxUnits {
		_, currency := domain.ISOUnit(unit)
		s.currency = s.currency || currency
		if !currency && s.units[unit] == 0 {
			s.units[unit] = row.line
		}
	}
}

// rows yields every row that can be read, with its key, and rejects the others.
func (i *importer) rows(yield func(*importRow) bool) error {
	f, err := os.Open(i.path)
	if err != nil {
		return err
	}
	defer f.Close()
	return i.each(f, func(row *importRow, bad error) bool {
		if broken := (*badRow)(nil); errors.As(bad, &broken) {
			i.results.reject(row, broken)
			return true
		}
		ordinal := uint32(0)
		if !row.named {
			ordinal = i.survey.ordinals.next(row.digest)
		}
		row.key = keyOf(row, ordinal)
		return yield(row)
	})
}

// each yields every row of in, those that cannot be read with a *badRow. Its error is of reading.
func (i *importer) each(in io.Reader, yield func(*importRow, error) bool) error {
	records, err := newRecordReader(in, i.format)
	if err != nil {
		return err
	}
	for {
		r, err := records.next()
		row := &importRow{line: r.line}
		broken := (*badRow)(nil)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err == nil:
			row, err = i.parser.parse(r)
		case !errors.As(err, &broken):
			return fmt.Errorf("read %s: %w", i.path, err)
		}
		if !yield(row, err) {
			return nil
		}
	}
}

// checkUnits refuses a file of whose units the service knows none, before anything is posted. One
// unknown unit among others makes bad rows.
func (i *importer) checkUnits(ctx context.Context) error {
	var first error
	if i.survey.currency {
		return nil
	}
	for unit, line := range i.survey.units {
		err := i.client.do(ctx, http.MethodGet, "/v1/units/"+unit, "", nil, nil)
		if err == nil {
			return nil
		}
		first = fmt.Errorf("%s: line %d: unit %s: %w", i.path, line, unit, err)
	}
	return first
}
