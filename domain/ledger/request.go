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

	Beside []domain.CouponGranted // of a dry run: coupons that are taken as granted before

	hops    int       // accounts it was passed on by
	settled uuid.UUID // the merge that is known to stand

	reserved []domain.Reservation // of campaigns' budgets, for this try
	needs    *domain.Unreserved   // the decision that they were made for
	tries    int                  // that needed reservations
}

// Answer is what an operation posted: its own events, the first business event first. An answer is
// built from these alone, so that a repeat's is the same.
type Answer struct {
	Account  uuid.UUID
	Events   []domain.Posted
	Position eventstore.Position // of the last event; Start for a dry run
	Replayed bool                // it was answered before

	committed []uuid.UUID // reservations, by all that was posted for it

	// Outcome is, of a transfer or merge, the event of the receiver's stream that ended it: a receipt
	// or a tombstone; nil while there is none.
	Outcome *domain.Posted
}

// First is the operation's first business event: its id is the operation's.
func (a Answer) First() domain.Posted { return a.Events[0] }

// Last is the operation's last event: the revision and the balance it left.
func (a Answer) Last() domain.Posted { return a.Events[len(a.Events)-1] }

// Refusal is the refusal that the log remembers: a decline, or that the receiver of a transfer or
// merge did not take it in. It is nil where there was none.
func (a Answer) Refusal() *domain.Refusal {
	if len(a.Events) == 0 {
		return nil
	}
	if e, ok := a.First().Event.(domain.OperationDeclined); ok {
		return e.Refusal()
	}
	if a.Outcome == nil {
		return nil
	}
	if e, ok := a.Outcome.Event.(domain.ReferenceCancelled); ok {
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
// events it was not. Of a transfer or merge the answer is its end; a failure after the sender's step
// leaves the rest to whoever asks again, or to RunTransfers. What is asked of an absorbed account is
// asked of its survivor, unless it is about what the account posted itself.
//
// Failures are ErrBusy, ErrStopping, ErrOutcomeUnknown, *Damaged and the store's own. The caller's ctx
// ends the waiting, never a round that has begun: when it ends, the outcome is not known here and the
// error is ctx's own.
func (l *Ledger) Do(ctx context.Context, r Request) (Answer, error) {
	if err := l.prepare(ctx, &r); err != nil {
		return Answer{}, err
	}
	w := &waiter{request: r}
	q, err := l.enqueue(w)
	if err != nil {
		return Answer{}, err
	}
	l.runHere(q, w)
	a, err := w.wait(ctx)
	return l.finish(ctx, r, a, err)
}

// Begin puts a command into its account's queue and returns; the function it returns waits for the
// answer, as Do does. Commands of one account are decided in the order in which they began.
func (l *Ledger) Begin(r Request) (func(context.Context) (Answer, error), error) {
	if err := l.prepare(context.Background(), &r); err != nil {
		return nil, err
	}
	w := &waiter{request: r, done: make(chan struct{})}
	q, err := l.enqueue(w)
	if err != nil {
		return nil, err
	}
	if q != nil {
		go l.run(r.Account, q, l.take(r.Account, q, 0, 0))
	}
	return func(ctx context.Context) (Answer, error) {
		a, err := w.wait(ctx)
		return l.finish(ctx, r, a, err)
	}, nil
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
