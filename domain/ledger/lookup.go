package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// located is an event with its place in the log; Start while it waits to be appended.
type located struct {
	domain.Posted
	position eventstore.Position
}

// find are the events of the account, this round's among them, that used a name, newest first. A name
// that was never used costs no read. A failure is left in r.failed.
func (r *round) find(ctx context.Context, n domain.Name) []domain.Posted {
	var found []domain.Posted
	for _, e := range r.locate(ctx, n) {
		found = append(found, e.Posted)
	}
	return found
}

// used appends the revisions of this round's events, and of the one before it while that is not durable,
// that may have used a name, newest first.
func (r *round) used(to []int64, hash uint64) []int64 {
	for _, u := range slices.Backward(r.names) {
		if u.hash == hash {
			to = append(to, int64(u.revision))
		}
	}
	if r.before != nil {
		return r.before.used(to, hash)
	}
	return to
}

// candidates is how many events may have used a name, none of which is read.
func (r *round) candidates(n domain.Name) int {
	var few [8]int64
	h := hash(n)
	return len(r.base.names.find(r.used(few[:0], h), h))
}

func (r *round) locate(ctx context.Context, n domain.Name) []located {
	if id, ok := n.Event(); ok {
		return r.byID(ctx, id)
	}
	var few [4]int64
	var found []located
	h := hash(n)
	for _, revision := range r.base.names.find(r.used(few[:0], h), h) {
		e, ok := r.event(ctx, revision)
		if ok && slices.Contains(e.Uses(), n) {
			found = append(found, e)
		}
	}
	return found
}

// first is the first event that used a name.
func (r *round) first(ctx context.Context, n domain.Name) (located, bool) {
	found := r.locate(ctx, n)
	if len(found) == 0 {
		return located{}, false
	}
	return found[len(found)-1], true
}

// byID is the event with that id, if the account has it.
func (r *round) byID(ctx context.Context, id uuid.UUID) []located {
	revision, ok := domain.RevisionOf(id)
	if !ok {
		return nil
	}
	if e, ok := r.event(ctx, revision); ok && e.Metadata.EventID == id {
		return []located{e}
	}
	return nil
}

// event is the account's event at a revision: one read, unless it is this round's own, or of the one
// before it that is not durable.
func (r *round) event(ctx context.Context, revision int64) (located, bool) {
	next := r.base.account.Revision() + 1
	if revision >= next {
		if i := revision - next; i < int64(len(r.posted)) {
			return located{Posted: r.posted[i]}, true
		}
		return located{}, false
	}
	if r.before != nil {
		return r.before.event(ctx, revision)
	}
	for e, err := range r.store.Read(ctx, r.base.stream, eventstore.Revision(revision)) {
		if err != nil {
			r.failed = fmt.Errorf("read %s at %d: %w", r.base.stream, revision, err)
			return located{}, false
		}
		p, err := r.decode(e)
		if err != nil {
			r.failed = err
			return located{}, false
		}
		return located{p, e.Position}, true
	}
	return located{}, false
}

// operation are the events of the operation whose first business event is p.
func (r *round) operation(ctx context.Context, p domain.Posted) []located {
	var events []located
	for revision := p.Revision; ; revision++ {
		e, ok := r.event(ctx, revision)
		if !ok || e.Metadata.OperationID != p.Metadata.OperationID {
			return events
		}
		events = append(events, e)
	}
}

// repeat answers a key that was used before: with the first answer, if it asks for the same.
func (r *round) repeat(ctx context.Context, first located, q *Request) verdict {
	if differing := domain.Differing(first.Posted, q.Command, q.Context); len(differing) > 0 {
		refusal := domain.ErrKeyReused.By(first.Posted)
		for _, name := range differing {
			refusal = refusal.Field(name, "differs from the request this key answered")
		}
		return verdict{err: refusal.Because(domain.ErrKeyReused.Detail)}
	}
	return r.replay(ctx, first.Posted)
}

// replay is the answer that the operation of p's got.
func (r *round) replay(ctx context.Context, p domain.Posted) verdict {
	answer, stored := r.asAnswer(r.operation(ctx, p))
	answer.Replayed = true
	if r.failed != nil {
		return verdict{err: r.failed}
	}
	if refusal := answer.Refusal(); refusal != nil {
		return verdict{answer: answer, err: refusal, stands: stored}
	}
	return verdict{answer: answer, stands: stored}
}

// asAnswer is an operation's events as an answer, and whether all of them are in the log.
func (r *round) asAnswer(events []located) (Answer, bool) {
	a := Answer{Account: r.account.ID()}
	for _, e := range events {
		a.Events = append(a.Events, e.Posted)
		a.Position = e.position
	}
	return a, a.Position != eventstore.Start
}
