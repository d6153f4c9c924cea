package main

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/projections/js"
)

// replayFrom says which events a replay reads.
type replayFrom struct {
	at                 place
	file               string
	begin, until, asOf bound
	streams            []string
	categories         []string
}

func (f *replayFrom) flags(flags *pflag.FlagSet) {
	f.at.flags(flags)
	flags.StringVar(&f.file, "file", "",
		"file of events to read in place of a log, *.ndjson or *.ndjson.gz")
	bind(flags, f.begin.setting(), "from", "first event that counts")
	bind(flags, f.until.setting(), "until", "last event that counts")
	bind(flags, f.asOf.setting(), "as-of", "answer as it stood then; not with --from or --until")
	flags.StringArrayVar(&f.streams, "stream", nil, "of what the script reads only this stream, and what\n"+
		"other --stream and --category name")
	flags.StringArrayVar(&f.categories, "category", nil,
		"of what the script reads only streams NAME-…, and what\nother --stream and --category name")
}

func (f *replayFrom) check() error {
	if f.asOf.is() && (f.begin.is() || f.until.is()) {
		return errors.New("--as-of goes without --from and --until")
	}
	if f.until.isBefore(&f.begin) {
		return errors.New("--until is before --from")
	}
	return nil
}

// bound is a place in the log: a position or, where that is zero, an instant.
type bound struct {
	text     string
	position eventstore.Position
	instant  time.Time
}

func (b *bound) is() bool { return b.text != "" }

// isBefore reports whether b is before a bound of the same kind.
func (b *bound) isBefore(a *bound) bool {
	return b.position > 0 && b.position < a.position ||
		!b.instant.IsZero() && b.instant.Before(a.instant)
}

func (b *bound) setting() setting {
	return setting{
		get:   func() string { return b.text },
		limit: "a position from 1, or an instant such as 2026-06-30T23:59:59Z",
		set: func(text string) error {
			*b = bound{text: text}
			if n, err := strconv.ParseUint(text, 10, 63); err == nil && n > 0 {
				b.position = eventstore.Position(n)
				return nil
			}
			at, err := time.Parse(time.RFC3339Nano, text)
			b.instant = at
			return err
		},
	}
}

// replayLog is a log that scripts are run over, one after the other. All see the same events.
type replayLog struct {
	from  *replayFrom
	store js.Reader // nil where there is a file
	file  *exportedFile
	head  eventstore.Position
	done  func()
}

// open opens the log and finds its end.
func (f *replayFrom) open(ctx context.Context) (*replayLog, error) {
	l := &replayLog{from: f, done: func() {}}
	var err error
	if f.file != "" {
		l.file, err = openExported(f.file)
		return l, err
	}
	store, done, err := openForReading(ctx, f.at)
	if err != nil {
		return nil, err
	}
	l.store, l.done = store, done
	if l.head, err = store.Head(ctx); err == nil {
		l.store, err = readable(ctx, store)
	}
	if err != nil {
		done()
		return nil, err
	}
	return l, nil
}

// readable is what of a store can be read: its lists, too, unless they were to be built first by
// somebody who may write.
func readable(ctx context.Context, store eventstore.Store) (js.Reader, error) {
	if indexed, ok := store.(eventstore.Indexed); ok {
		_, err := indexed.ListLength(ctx, eventstore.List{By: eventstore.Streams})
		if errors.Is(err, embedded.ErrReadOnly) {
			return narrow{Reader: store}, nil
		}
		return store, err
	}
	return store, nil
}

func (l *replayLog) close() error {
	l.done()
	return nil
}

// howFar says how far a reading is, of how much.
type howFar func(at, end eventstore.Position)

// tellEvery is after how many events a reading says how far it is.
const tellEvery = 1 << 10

// events are those that the definition reads and the flags leave.
func (l *replayLog) events(ctx context.Context, def *js.Definition, tell howFar,
) iter.Seq2[*js.Event, error] {
	last := l.last()
	return func(yield func(*js.Event, error) bool) {
		n := 0
		for e, err := range l.read(ctx, def, tell) {
			if err != nil {
				yield(nil, err)
				return
			}
			if n++; n%tellEvery == 0 && l.file == nil {
				tell(e.Position, l.head)
			}
			if last != 0 && e.Position > last {
				return
			}
			if l.counts(e) && !yield(e, nil) {
				return
			}
		}
	}
}

// last is the position behind which nothing counts, 0 if there is none.
func (l *replayLog) last() eventstore.Position {
	last := l.head
	for _, b := range []bound{l.from.until, l.from.asOf} {
		if b.position > 0 && (last == 0 || b.position < last) {
			last = b.position
		}
	}
	return last
}

// read reads what the definition wants, and perhaps more streams than the flags leave.
func (l *replayLog) read(ctx context.Context, def *js.Definition, tell howFar,
) iter.Seq2[*js.Event, error] {
	after := eventstore.Start
	if l.from.begin.position > 0 {
		after = l.from.begin.position - 1
	}
	if l.file != nil {
		return js.Scan(ctx, l.file.reading(tell), def, after)
	}
	if def.All && len(l.from.streams)+len(l.from.categories) > 0 {
		return js.Events(ctx, narrow{l.store, l.from.prefixes()}, def, after)
	}
	return js.Events(ctx, l.store, def, after)
}

// prefixes begin the names of all streams that the flags leave.
func (f *replayFrom) prefixes() []string {
	all := slices.Clone(f.streams)
	for _, category := range f.categories {
		all = append(all, category+"-")
	}
	for _, prefix := range slices.Clone(all) {
		all = append(all, "$$"+prefix)
	}
	return all
}

// narrow is a log without lists, of which only some streams are read where the reader names none.
type narrow struct {
	js.Reader
	prefixes []string
}

// ReadAll is eventstore.Store's.
func (n narrow) ReadAll(ctx context.Context, after eventstore.Position, prefixes ...string,
) iter.Seq2[eventstore.Recorded, error] {
	if len(prefixes) == 0 {
		prefixes = n.prefixes
	}
	return n.Reader.ReadAll(ctx, after, prefixes...)
}

// counts reports whether the flags leave the event. Metastreams go with their streams.
func (l *replayLog) counts(e *js.Event) bool {
	f := l.from
	if len(f.streams)+len(f.categories) > 0 {
		stream := strings.TrimPrefix(e.Stream, "$$")
		if !slices.Contains(f.streams, stream) &&
			!slices.Contains(f.categories, js.Category(stream)) {
			return false
		}
	}
	return !f.isOutside(e)
}

// isOutside reports whether the event was recorded before or after what the flags leave.
func (f *replayFrom) isOutside(e *js.Event) bool {
	if f.begin.instant.IsZero() && f.until.instant.IsZero() && f.asOf.instant.IsZero() {
		return false
	}
	at := e.At()
	return at.Before(f.begin.instant) ||
		!f.until.instant.IsZero() && at.After(f.until.instant) ||
		!f.asOf.instant.IsZero() && at.After(f.asOf.instant)
}
