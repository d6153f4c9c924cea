package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tillbook/tillbook/eventstore"
)

// eventFile is a file of events to be read. Its positions are the numbers of its lines.
type eventFile struct {
	name  location
	in    io.Reader // standard input, else nil
	lines eventstore.Position
}

// openEventFile reads a whole file first: one that is damaged or cut short changes nothing.
// Standard input can only be read once; there the first bad line ends a copy that has begun.
func openEventFile(ctx context.Context, in io.Reader, name location) (*eventFile, error) {
	f := &eventFile{name: name}
	if name == "-" {
		f.in = in
		return f, nil
	}
	for e, err := range f.events(ctx) {
		if err != nil {
			return nil, err
		}
		f.lines = e.Position
	}
	return f, nil
}

func (f *eventFile) end(context.Context) (eventstore.Position, error) { return f.lines, nil }

func (f *eventFile) Close() error { return nil }

// events yields the events of the file. An error names the line.
func (f *eventFile) events(ctx context.Context) iterEvents {
	return func(yield func(eventstore.Recorded, error) bool) {
		in := f.in
		if in == nil {
			file, err := os.Open(string(f.name))
			if err != nil {
				yield(eventstore.Recorded{}, err)
				return
			}
			defer file.Close()
			in = file
		}
		r := eventReader{in: bufio.NewReaderSize(in, exportLineMax)}
		for {
			e, end, err := r.next()
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(eventstore.Recorded{}, fmt.Errorf("line %d: %w", r.line, err))
				return
			}
			if end || !yield(e, nil) {
				return
			}
		}
	}
}

// eventReader reads lines until the last one, which must say what it has read.
type eventReader struct {
	in   *bufio.Reader
	line eventstore.Position
	read logTally
}

// next is the next event, or that the file has ended as it should.
func (r *eventReader) next() (e eventstore.Recorded, ended bool, err error) {
	r.line++
	text, err := r.text()
	if errors.Is(err, io.EOF) {
		return e, false, errors.New("the file was cut short: its last line is missing")
	}
	if err != nil {
		return e, false, err
	}
	e, end, err := readLine(text)
	if err != nil {
		return e, false, err
	}
	if end != nil {
		return e, true, r.agrees(end)
	}
	r.read.add(e)
	e.Position = r.line
	return e, false, nil
}

// text is the next line, for as long as no other is read.
func (r *eventReader) text() ([]byte, error) {
	text, err := r.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, fmt.Errorf("it has more than %d bytes", exportLineMax)
	case errors.Is(err, io.EOF) && len(text) > 0:
		return text, nil
	}
	return bytes.TrimSuffix(text, []byte{'\n'}), err
}

// agrees compares what the last line says with what was read. Nothing may follow it.
func (r *eventReader) agrees(end *exportEnd) error {
	if end.Format != exportFormat {
		return fmt.Errorf("the file has format %d, this program reads %d", end.Format, exportFormat)
	}
	if end.Events != r.read.events || end.Digest != r.read.sum() {
		return fmt.Errorf("the file had %d events, digest %v; it has %v", end.Events, end.Digest,
			&r.read)
	}
	r.line++
	if rest, err := r.text(); !errors.Is(err, io.EOF) {
		return errors.Join(err, fmt.Errorf("%.20q follows the last line", rest))
	}
	return nil
}

// newEventFile is a file of events to be written. It has its name once it is whole.
type newEventFile struct {
	eventFile
	file    *os.File // nil for standard output
	out     *bufio.Writer
	line    []byte
	written logTally
	whole   bool
}

// partial is what a file is called until it is whole.
func partial(name location) string { return string(name) + ".part" }

func createEventFile(out io.Writer, name location) (*newEventFile, error) {
	f := &newEventFile{eventFile: eventFile{name: name}}
	if name != "-" {
		if _, err := os.Lstat(string(name)); err == nil {
			return nil, errors.New("the file is there already")
		} else if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		var err error
		f.file, err = os.OpenFile(partial(name), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		out = f.file
	}
	f.out = bufio.NewWriterSize(out, 1<<20)
	return f, nil
}

// events are none while the file is not whole.
func (f *newEventFile) events(ctx context.Context) iterEvents {
	if !f.whole {
		return func(func(eventstore.Recorded, error) bool) {}
	}
	return f.eventFile.events(ctx)
}

func (f *newEventFile) add(_ context.Context, events []eventstore.Recorded) error {
	for i := range events {
		var err error
		if f.line, err = appendEvent(f.line[:0], &events[i]); err != nil {
			return err
		}
		if _, err = f.out.Write(f.line); err != nil {
			return err
		}
		f.written.add(events[i])
	}
	return nil
}

// flush ends the file, makes it durable, and gives it its name.
func (f *newEventFile) flush(context.Context) error {
	f.lines = eventstore.Position(f.written.events)
	_, err := f.out.Write(appendEnd(nil, &f.written))
	if err := errors.Join(err, f.out.Flush()); err != nil || f.file == nil {
		return err
	}
	if err := errors.Join(f.file.Sync(), f.file.Close()); err != nil {
		return err
	}
	if err := os.Rename(partial(f.name), string(f.name)); err != nil {
		return err
	}
	f.whole = true
	return syncFolder(filepath.Dir(string(f.name)))
}

func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Close removes what is not whole.
func (f *newEventFile) Close() error {
	if f.whole || f.file == nil {
		return nil
	}
	_ = f.file.Close() // flush may have closed it
	return os.Remove(partial(f.name))
}
