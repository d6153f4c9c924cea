package ledger

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// Caller is who asks.
type Caller struct {
	Actor      string // an API key's id, or domain.SystemActor
	Role       domain.Role
	OnBehalfOf string
}

// Request is a command for an account, with everything that stands around it. Context.Channel
// domain.ChannelImport makes the rules be asked at Context.OccurredAt.
type Request struct {
	Account       uuid.UUID
	Command       domain.Command
	Key           string // the caller's Idempotency-Key; empty for what the service does by itself
	Context       domain.Context
	Caller        Caller
	CorrelationID string
	DryRun        bool // decide and answer, store nothing
}

// Answer is what an operation posted: its own events, the first business event first. An answer is
// built from these alone, so that a repeat's is the same.
type Answer struct {
	Account  uuid.UUID
	Events   []domain.Posted
	Position eventstore.Position // of the last event; Start for a dry run
	Replayed bool                // it was answered before
}

// First is the operation's first business event: its id is the operation's.
func (a Answer) First() domain.Posted { return a.Events[0] }

// Last is the operation's last event: the revision and the balance it left.
func (a Answer) Last() domain.Posted { return a.Events[len(a.Events)-1] }

// refusal is the refusal that the answer remembers, nil if it was none.
func (a Answer) refusal() error {
	if e, ok := a.First().Event.(domain.OperationDeclined); ok {
		return e.Refusal()
	}
	return nil
}

// Damaged says that an account's stream cannot be read back: an event in it is not ours or does not
// follow from those before. The account answers nothing until an operator has looked.
type Damaged struct {
	Stream   string
	Revision int64
	Cause    error
}

func (e *Damaged) Error() string {
	return fmt.Sprintf("stream %s is damaged at revision %d: %v", e.Stream, e.Revision, e.Cause)
}

func (e *Damaged) Unwrap() error { return e.Cause }

// Do answers a command. When it returns without an error the events are durable.
//
// A *domain.Refusal with events in the Answer was remembered: the same key gets it again; without
// events it was not. Failures are ErrBusy, ErrStopping, ErrOutcomeUnknown, *Damaged and the store's
// own. The caller's ctx ends the waiting, never a round that has begun: when it ends, the outcome is
// not known here and the error is ctx's own.
func (l *Ledger) Do(ctx context.Context, r Request) (Answer, error) {
	w := &waiter{request: r}
	q, err := l.enqueue(w)
	if err != nil {
		return Answer{}, err
	}
	l.runHere(q, w)
	return w.wait(ctx)
}

// Begin puts a command into its account's queue and returns; the function it returns waits for the
// answer, as Do does. Commands of one account are decided in the order in which they began.
func (l *Ledger) Begin(r Request) (func(context.Context) (Answer, error), error) {
	w := &waiter{request: r, done: make(chan struct{})}
	q, err := l.enqueue(w)
	if err != nil {
		return nil, err
	}
	if q != nil {
		go l.rounds(r.Account, q, l.take(r.Account, q, 0), nil)
	}
	return w.wait, nil
}

// wait waits for the answer. When ctx ends first, the outcome is not known here.
func (w *waiter) wait(ctx context.Context) (Answer, error) {
	if w.done == nil { // runHere has answered it
		return w.answer, w.err
	}
	select {
	case <-w.done:
		return w.answer, w.err
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("%w: %w", ErrOutcomeUnknown, ctx.Err())
	}
}
