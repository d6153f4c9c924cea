package main

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/tillbook/tillbook/eventstore"
)

// The bounds of what is added at once. One event may be larger.
const (
	copyEvents = 500
	copyBytes  = eventstore.MaxAppendBytes / 2
)

// copier carries one log to another place. What the target holds is always the first events of the
// source, so that it says itself how far the copy is.
type copier struct {
	from, to location
	source   copySource
	target   copyTarget
	scope    []string // prefixes of the streams that are copied; none: all
	bar      *scanBar

	read  logTally // of the source, what is copied
	there int64    // events of it that the target held before
	left  int64    // events of other streams

	waiting []eventstore.Recorded // neighbours in one stream, to be added
	size    int                   // of waiting, in bytes
}

// copy compares the target with the beginning of the source, then adds the rest.
func (c *copier) copy(ctx context.Context) error {
	end, err := c.source.end(ctx)
	if err != nil {
		return fmt.Errorf("read %s: %w", c.from, err)
	}
	next, stop := iter.Pull2(c.target.events(ctx))
	defer stop()
	held, more, err := c.held(next)
	if err != nil {
		return err
	}
	for e, err := range c.source.events(ctx) {
		if err != nil {
			return fmt.Errorf("read %s: %w", c.from, err)
		}
		if !c.takes(e.Stream) {
			continue
		}
		c.bar.to(e.Position, end)
		c.read.add(e)
		if !more {
			if err := c.add(ctx, e); err != nil {
				return err
			}
			continue
		}
		if what := difference(held, e); what != "" {
			return c.another(held, e, what)
		}
		c.there++
		if held, more, err = c.held(next); err != nil {
			return err
		}
	}
	if more {
		return fmt.Errorf("%s goes on where %s ends: it holds %s@%d %v", c.to, c.from, held.Stream,
			held.Revision, held.ID)
	}
	return c.flush(ctx)
}

// held is the next event of the target that the copy is about.
func (c *copier) held(next func() (eventstore.Recorded, error, bool)) (
	eventstore.Recorded, bool, error) {
	for {
		e, err, ok := next()
		if err != nil {
			return e, false, fmt.Errorf("read %s: %w", c.to, err)
		}
		if !ok || c.isOurs(e.Stream) {
			return e, ok, nil
		}
	}
}

// takes reports whether a stream of the source is copied, and counts what is left out.
func (c *copier) takes(stream string) bool {
	if c.isOurs(stream) {
		return true
	}
	if !isSnapshot(stream) {
		c.left++
	}
	return false
}

func (c *copier) isOurs(stream string) bool {
	return !isSnapshot(stream) && (len(c.scope) == 0 || slices.ContainsFunc(c.scope,
		func(prefix string) bool { return strings.HasPrefix(stream, prefix) }))
}

// isSnapshot tells the streams in which a server keeps snapshots, which are no events of anybody.
func isSnapshot(stream string) bool {
	return strings.HasPrefix(strings.TrimPrefix(stream, "$$"), "snapshot-")
}

// another names the event that keeps the target from being a copy of the source.
func (c *copier) another(held, want eventstore.Recorded, what string) error {
	return fmt.Errorf("%s holds another log: %s@%d %v is there in place of %s@%d %v (%s)",
		c.to, held.Stream, held.Revision, held.ID, want.Stream, want.Revision, want.ID, what)
}

// difference says in what two events differ that should be the same, "" where they do not.
func difference(a, b eventstore.Recorded) string {
	switch {
	case a.Stream != b.Stream || a.Revision != b.Revision:
		return "its place differs"
	case a.ID != b.ID:
		return "its id differs"
	case a.Type != b.Type:
		return "its type differs"
	case !bytes.Equal(a.Data, b.Data) || a.Binary != b.Binary:
		return "its data differ"
	case !bytes.Equal(a.Metadata, b.Metadata):
		return "its metadata differ"
	}
	return ""
}

// add hands neighbours in one stream to the target together.
func (c *copier) add(ctx context.Context, e eventstore.Recorded) error {
	size := e.Size()
	if n := len(c.waiting); n > 0 && (!follows(e, c.waiting[n-1]) || n >= copyEvents ||
		c.size+size > copyBytes) {
		if err := c.send(ctx); err != nil {
			return err
		}
	}
	c.waiting, c.size = append(c.waiting, e), c.size+size
	return nil
}

func follows(e, last eventstore.Recorded) bool {
	return e.Stream == last.Stream && e.Revision == last.Revision+1
}

func (c *copier) send(ctx context.Context) error {
	first := c.waiting[0]
	if err := c.target.add(ctx, c.waiting); err != nil {
		return fmt.Errorf("write to %s, near %s@%d: %w", c.to, first.Stream, first.Revision, err)
	}
	clear(c.waiting)
	c.waiting, c.size = c.waiting[:0], 0
	return nil
}

func (c *copier) flush(ctx context.Context) error {
	if len(c.waiting) > 0 {
		if err := c.send(ctx); err != nil {
			return err
		}
	}
	if err := c.target.flush(ctx); err != nil {
		return fmt.Errorf("write to %s: %w", c.to, err)
	}
	return nil
}

// compare reads the whole target, which must be what was read of the source.
func (c *copier) compare(ctx context.Context) error {
	end, err := c.target.end(ctx)
	if err != nil {
		return fmt.Errorf("read %s: %w", c.to, err)
	}
	var got logTally
	for e, err := range c.target.events(ctx) {
		if err != nil {
			return fmt.Errorf("read %s: %w", c.to, err)
		}
		if c.isOurs(e.Stream) {
			c.bar.to(e.Position, end)
			got.add(e)
		}
	}
	if got.String() != c.read.String() {
		return fmt.Errorf("%s is not the same log: it holds %v, want %v; copy again to see where",
			c.to, &got, &c.read)
	}
	return nil
}
