package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/tillbook/tillbook/eventstore"
)

// exportedFile is a file that `tillbook export events` wrote, as it is or compressed. Its positions
// are the numbers of its lines.
type exportedFile struct {
	name string
	size int64 // bytes
	tell howFar
}

func openExported(name string) (*exportedFile, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	return &exportedFile{name: name, size: info.Size()}, nil
}

// reading is the file as a log that tells how far it is, in bytes.
func (f *exportedFile) reading(tell howFar) *exportedFile {
	return &exportedFile{f.name, f.size, tell}
}

// ReadAll is eventstore.Store's. A file that was changed or cut short is an error, after the events
// before the damage.
func (f *exportedFile) ReadAll(ctx context.Context, after eventstore.Position, prefixes ...string,
) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		err := f.each(ctx, func(e eventstore.Recorded) bool {
			wanted := e.Position > after && (len(prefixes) == 0 || slices.ContainsFunc(prefixes,
				func(prefix string) bool { return strings.HasPrefix(e.Stream, prefix) }))
			return !wanted || yield(e, nil)
		})
		if err != nil {
			yield(eventstore.Recorded{}, err)
		}
	}
}

// Read is eventstore.Store's. It looks through the file from its beginning.
func (f *exportedFile) Read(ctx context.Context, stream string, from eventstore.Revision,
) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		quiet := f.reading(func(_, _ eventstore.Position) {})
		for e, err := range quiet.ReadAll(ctx, eventstore.Start, stream) {
			if err != nil {
				yield(e, err)
				return
			}
			if e.Stream == stream && e.Revision >= from && !yield(e, nil) {
				return
			}
		}
	}
}

// each hands on event by event until do has enough.
func (f *exportedFile) each(ctx context.Context, do func(eventstore.Recorded) bool) error {
	file, err := os.Open(f.name)
	if err != nil {
		return err
	}
	defer file.Close()
	counted := &countingReader{in: file}
	var in io.Reader = counted
	if strings.HasSuffix(f.name, ".gz") {
		if in, err = gzip.NewReader(counted); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	r := eventReader{in: bufio.NewReaderSize(in, exportLineMax)}
	for {
		e, end, err := r.next()
		if err = errors.Join(err, ctx.Err()); err != nil {
			return fmt.Errorf("%s: line %d: %w", f.name, r.line, err)
		}
		if r.line%tellEvery == 0 {
			f.tell(eventstore.Position(counted.read), eventstore.Position(f.size))
		}
		if end || !do(e) {
			return nil
		}
	}
}

// countingReader counts the bytes that were read.
type countingReader struct {
	in   io.Reader
	read int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	c.read += int64(n)
	return n, err
}
