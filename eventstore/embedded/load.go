package embedded

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tillbook/tillbook/eventstore"
)

// errEarlier: an append of the same Loader, before this one, was refused.
var errEarlier = errors.New("an earlier event was refused")

// The bounds of what a Loader has under way: two commits' worth, so that one is made while the
// other is synced.
const (
	loadAppends = roundsAtOnce * roundAppends
	loadBytes   = roundsAtOnce * roundBytes
)

// Loader writes events that another log recorded, in that log's order and with the times they were
// recorded at. It does not wait for one append before it sends the next, and still keeps their
// order: what the log holds of them, after a refusal, a failed write or a crash too, is the first
// ones. Other appends may fall in between. A Loader belongs to one goroutine.
type Loader struct {
	store    *Store
	sequence *sequence
	under    []*pending // way, in their order
	bytes    int        // of under
	err      error      // the first failure, which is the answer to everything after it
}

// sequence is the appends of a Loader. It belongs to the committer.
type sequence struct{ refused bool }

// Load begins to load events.
func (s *Store) Load() *Loader { return &Loader{store: s, sequence: &sequence{}} }

// Add sends events that are neighbours in one stream, to be written at the revisions they carry.
// Their positions are not looked at. It answers the first failure of any Add so far, with Append's
// errors: after *eventstore.WrongRevision nothing from the refused events on is written.
func (l *Loader) Add(ctx context.Context, events []eventstore.Recorded) error {
	if l.err != nil {
		return l.err
	}
	if l.err = l.add(ctx, events); l.err != nil {
		return l.err
	}
	for len(l.under) > loadAppends || l.bytes > loadBytes {
		if err := l.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loader) add(ctx context.Context, events []eventstore.Recorded) error {
	if l.store.readOnly {
		return ErrReadOnly
	}
	size := 0
	for i := range events {
		if e := &events[i]; e.Stream != events[0].Stream ||
			e.Revision != events[0].Revision+eventstore.Revision(i) {
			return fmt.Errorf("%s@%d is no neighbour of %s@%d", e.Stream, e.Revision,
				events[0].Stream, events[0].Revision)
		}
		size += events[i].Size()
	}
	if len(events) == 0 || size > eventstore.MaxAppendBytes {
		return eventstore.ErrTooLarge
	}
	p := encodeRecorded(events)
	p.sequence = l.sequence
	if err := l.store.enqueue(ctx, p); err != nil {
		return err
	}
	l.under, l.bytes = append(l.under, p), l.bytes+len(p.buffer)
	return nil
}

// Flush waits until everything that was added is durable, or answers the first failure.
func (l *Loader) Flush(ctx context.Context) error {
	for len(l.under) > 0 && l.err == nil {
		_ = l.wait(ctx) // it is err too
	}
	return l.err
}

// wait takes the answer of the first append under way.
func (l *Loader) wait(ctx context.Context) error {
	p := l.under[0]
	select {
	case <-p.done:
	case <-ctx.Done():
		l.err = fmt.Errorf("load: %w: %w", eventstore.ErrOutcomeUnknown, ctx.Err())
		return l.err
	}
	l.under, l.bytes = l.under[1:], l.bytes-len(p.buffer)
	l.err = p.err
	p.spare()
	return l.err
}

// encodeRecorded makes the records as they were in the other log.
func encodeRecorded(events []eventstore.Recorded) *pending {
	first, bound := &events[0], 0
	for i := range events {
		bound += recordBound(first.Stream, &events[i].Event)
	}
	p := newPending(strings.Clone(first.Stream), first.Revision-1, bound)
	for i := range events {
		p.add(events[i].Created, &events[i].Event)
	}
	return p
}
