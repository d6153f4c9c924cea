package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// attempts bounds how often a round is decided anew because another writer was faster.
const attempts = 16

// round is one decision of waiting commands in order, and the events that it will append.
type round struct {
	*Ledger
	base      *state
	found     func(domain.Name) []domain.Posted // find, until the round's time is over
	campaigns func(string) *domain.Campaign
	account   *domain.Account    // base after posted
	posted    []domain.Posted    // numbered on from base
	encoder   *domain.Encoder    // nil while nothing is posted
	events    []eventstore.Event // posted, encoded
	hash      domain.Hash        // of the last of events, or of base
	names     []entry            // what posted use
	bytes     int
	commands  int                 // that posted any
	place     eventstore.Position // of the last of events, once they are appended
	failed    error               // of a look-up while a command decides
	old       bool                // another process may have moved base on

	// What overlap knows of its rounds.
	ctx     context.Context // ends the look-ups
	decided []*waiter
	before  *round // leaves base, once it is durable; nil as soon as it is

	fewEvents [1]eventstore.Event // where events and names begin: most rounds have one command
	fewNames  [4]entry
	fewUses   [4]domain.Name // of one event
}

// round answers the batch's commands, or the first of them when they do not all fit into one append,
// and says how many it answered.
//
// An append at the state's revision proves that the state was current. Where nothing is appended and
// the state may be old, the stream is read on first: nothing may be refused or shown because of what
// another process has changed.
func (l *Ledger) round(id uuid.UUID, batch []*waiter) int {
	ctx := l.deadline()
	s, old, err := l.current(ctx, id)
	for range attempts {
		if err != nil {
			return fail(batch, err)
		}
		r := l.newRound(ctx, s, old)
		decided := r.decide(ctx, batch)
		if old && len(r.events) == 0 {
			before := s
			old = false
			if s, err = l.refresh(ctx, s); err != nil || s != before {
				continue
			}
		}
		err = r.append(ctx)
		if isConflict(err) {
			l.states.Invalidate(id)
			s, err = l.catchUp(ctx, s)
			continue
		}
		r.answer(decided, err)
		return len(decided)
	}
	return fail(batch, ErrBusy)
}

func (l *Ledger) newRound(ctx context.Context, s *state, old bool) *round {
	r := &round{Ledger: l, ctx: ctx, base: s, account: s.account, hash: s.hash, old: old}
	r.events, r.names = r.fewEvents[:0], r.fewNames[:0]
	r.found = func(n domain.Name) []domain.Posted { return r.find(ctx, n) }
	r.campaigns = func(id string) *domain.Campaign { return r.campaign(ctx, id) }
	return r
}

// term is the time that rounds share: a timer for each would cost more than its lookups do.
type term struct {
	ctx    context.Context
	cancel context.CancelFunc
	begins time.Time // no round begins with it after this, unless it is the last
	last   bool
}

// deadline ends a Timeout from now, or up to a tenth of that later; once Close has begun, a Timeout
// from there for all rounds together.
func (l *Ledger) deadline() context.Context {
	now := time.Now()
	for {
		t := l.term.Load()
		if t != nil && (now.Before(t.begins) || t.last) {
			return t.ctx
		}
		next := l.newTerm(now.Add(l.opts.Timeout / 10))
		if l.term.CompareAndSwap(t, next) {
			return next.ctx
		}
		next.cancel()
	}
}

func (l *Ledger) newTerm(begins time.Time) *term {
	t := &term{begins: begins}
	t.ctx, t.cancel = context.WithDeadline(context.Background(), begins.Add(l.opts.Timeout))
	return t
}

func fail(batch []*waiter, err error) int {
	for _, w := range batch {
		w.verdict = verdict{err: err}
	}
	return len(batch)
}

// answer completes the verdicts once the append's outcome is known.
func (r *round) answer(decided []*waiter, failure error) {
	for _, w := range decided {
		if failure != nil && !w.stands {
			w.verdict = verdict{err: failure}
		}
		if len(w.answer.Events) > 0 && w.answer.Position == eventstore.Start && !w.request.DryRun {
			w.answer.Position = r.place
		}
	}
}

// decide answers commands in order until the append is full, and says which.
func (r *round) decide(ctx context.Context, batch []*waiter) []*waiter {
	for i, w := range batch {
		if r.bytes >= roundBytes {
			return batch[:i]
		}
		if w.read != nil {
			w.verdict = verdict{err: w.read(ctx, r), stands: !r.old}
		} else {
			w.verdict = r.command(ctx, &w.request)
		}
	}
	return batch
}

// command answers one request: a repeat with the first answer, else with a decision.
func (r *round) command(ctx context.Context, q *Request) verdict {
	r.failed = nil
	if q.Key != "" {
		if first, ok := r.first(ctx, domain.KeyName(q.Key)); ok {
			return r.repeat(ctx, first, q)
		}
	}
	if r.failed != nil {
		return verdict{err: r.failed}
	}
	place, err := r.storeOf(ctx, q.Context.Store)
	if err != nil {
		return verdict{err: err}
	}
	events, next, err := domain.Decide(r.account, q.Command, r.moment(q, place))
	done, isDone := errors.AsType[*domain.Done](err)
	switch {
	case r.failed != nil:
		return verdict{err: r.failed}
	case isDone:
		return r.replay(ctx, done.Original)
	case err != nil && len(events) == 0:
		return verdict{err: err}
	}
	answer := Answer{Account: q.Account, Events: own(events), committed: committed(events)}
	if q.DryRun {
		return verdict{answer: answer, err: err}
	}
	if err := r.add(events, next); err != nil {
		return verdict{err: err}
	}
	return verdict{answer: answer, err: err}
}

// own are the events from the operation's first business event on; upkeep stands before it.
func own(events []domain.Posted) []domain.Posted {
	for i, p := range events {
		if p.Metadata.EventID == p.Metadata.OperationID {
			return events[i:]
		}
	}
	return events
}

func (r *round) moment(q *Request, place domain.Store) domain.Moment {
	m := domain.Moment{
		Recorded: r.recorded(), Seed: seed(),
		Actor: q.Caller.Actor, Role: string(q.Caller.Role), OnBehalfOf: q.Caller.OnBehalfOf,
		CorrelationID: q.CorrelationID, IdempotencyKey: q.Key, Context: q.Context,
		Place:     place,
		Campaigns: r.campaigns, Reservations: q.reserved, Earlier: q.needs,
		Beside: q.Beside, Settled: q.settled,
		Found: r.found, Candidates: r.candidates,
	}
	m.Decided = q.Context.Instant(m.Recorded)
	programs := r.registry.book.Load()
	m.Program = programs.ruling(q.Account, m.Decided)
	if m.Present = m.Program; !m.Decided.Equal(m.Recorded) {
		m.Present = programs.ruling(q.Account, m.Recorded)
	}
	return m
}

// recorded is now, never before the account's last event.
func (r *round) recorded() time.Time {
	now := r.now()
	if last := r.account.LastRecorded(); now.Before(last) {
		return last
	}
	return now
}

// add makes a command's events part of the round, each linked to the one before it.
func (r *round) add(events []domain.Posted, next *domain.Account) error {
	if r.encoder == nil {
		r.encoder = domain.NewEncoder()
	}
	encoded, hash, err := chained(r.encoder, r.events, r.base.stream, r.hash, events)
	if err != nil {
		return err
	}
	for i := range events {
		r.names = uses(r.names, &events[i], r.fewUses[:])
	}
	if r.posted == nil {
		r.posted = slices.Clip(events)
	} else {
		r.posted = append(r.posted, events...)
	}
	r.bytes += bytesOf(encoded[len(r.events):])
	r.events, r.account, r.hash = encoded, next, hash
	r.commands++
	return nil
}

// bytesOf is what events take, without their names.
func bytesOf(events []eventstore.Event) (bytes int) {
	for i := range events {
		bytes += len(events[i].Data) + len(events[i].Metadata) + len(events[i].Type)
	}
	return bytes
}

// append writes the round's events and publishes the state they leave.
func (r *round) append(ctx context.Context) error {
	if len(r.events) == 0 {
		return nil
	}
	if err := r.write(ctx); err != nil {
		return err
	}
	r.land(r.left())
	return nil
}

// write appends the round's events. After an unknown outcome the same bytes go to the same revision
// again: the store recognises them by their ids.
func (r *round) write(ctx context.Context) error {
	defer r.encoder.Free()
	began := time.Now()
	appended, err := r.store.Append(ctx, r.base.stream, r.base.revision(), r.events)
	if errors.Is(err, ErrOutcomeUnknown) {
		appended, err = untilKnown(ctx, func() (eventstore.Appended, error) {
			return r.store.Append(ctx, r.base.stream, r.base.revision(), r.events)
		})
	}
	if errors.Is(err, ErrOutcomeUnknown) {
		r.states.Invalidate(r.account.ID())
	}
	if err != nil {
		return fmt.Errorf("append to %s: %w", r.base.stream, err)
	}
	r.opts.OnRound(r.commands, len(r.events), r.bytes, time.Since(began))
	r.place = appended.Position
	return nil
}

// left is the state that the round's events leave; land tells it their position and their names.
func (r *round) left() *state {
	return &state{account: r.account, stream: r.base.stream, hash: r.hash,
		names: r.base.names, saved: r.base.saved}
}

// land publishes the state that the round has left.
func (r *round) land(next *state) {
	next.position = r.place
	next.names.add(r.names)
	r.snapshots.offer(next, r.opts.SnapshotEvery)
	r.publish(next)
}
