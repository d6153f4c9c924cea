package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// purse is what this process knows of a campaign's stream, and what waits to be decided on it. What
// waits together is decided together and appended at once: ten thousand claims are forty appends.
type purse struct {
	id string

	mu      sync.Mutex
	waiting []*asking
	running bool // somebody runs the purse

	state *purseState // of whoever runs; nil: it is to be read
}

// purseState is a campaign's stream as it was read or written last.
type purseState struct {
	stream   string
	budget   domain.Budget
	life     []located // the events that are not of its budget
	released *names    // by domain.ReleasedName
	hash     domain.Hash
	position eventstore.Position
	saved    int64 // revision of the last snapshot
}

// asking is a question to a campaign's stream. It may be decided several times, on later states, before
// it is answered.
type asking struct {
	decide func(*reckoning) error // posts with reckoning.add, or answers why not
	err    error
	place  eventstore.Position // of the last event of its append; of the stream where it posted nothing
	done   chan struct{}
}

// reckoning is one decision of what waits on a purse.
type reckoning struct {
	*Ledger
	ctx     context.Context
	base    *purseState
	budget  domain.Budget // base's after posted
	hash    domain.Hash
	posted  []domain.Posted
	encoder *domain.Encoder // nil while nothing is posted
	events  []eventstore.Event
	bytes   int
}

// ask answers a question to a campaign's stream, once what it posted is durable.
func (l *Ledger) ask(campaign string, decide func(*reckoning) error) (eventstore.Position, error) {
	if err := l.begin(); err != nil {
		return 0, err
	}
	defer l.end()
	p := l.purse(campaign)
	a := &asking{decide: decide, done: make(chan struct{})}
	p.mu.Lock()
	if len(p.waiting) >= l.opts.MaxWaiting {
		p.mu.Unlock()
		return 0, ErrBusy
	}
	p.waiting = append(p.waiting, a)
	idle := !p.running
	p.running = true
	p.mu.Unlock()
	if idle {
		go l.runPurse(p)
	}
	<-a.done
	return a.place, a.err
}

func (l *Ledger) purse(campaign string) *purse {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.purses[campaign]
	if p == nil {
		p = &purse{id: campaign}
		l.purses[campaign] = p
	}
	return p
}

// runPurse decides until nobody waits.
func (l *Ledger) runPurse(p *purse) {
	for {
		p.mu.Lock()
		n := min(len(p.waiting), roundCommands)
		batch := p.waiting[:n:n]
		p.waiting = p.waiting[n:]
		p.running = n > 0
		p.mu.Unlock()
		if n == 0 {
			return
		}
		answered := l.decideAll(p, batch)
		if s := p.state; s != nil && s.budget.Revision < 0 {
			l.forget(p) // whoever has it still may use it
		}
		l.savePurse(p.state)
		for _, a := range batch[:answered] {
			close(a.done)
		}
		if answered < n {
			p.mu.Lock()
			p.waiting = slices.Concat(batch[answered:], p.waiting)
			p.mu.Unlock()
		}
	}
}

// forget drops the purse of a campaign that there is not.
func (l *Ledger) forget(p *purse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.purses[p.id] == p {
		delete(l.purses, p.id)
	}
}

// decideAll answers what waits, or the first of it where it does not fit into one append, and says how
// much. It goes about old states, conflicts and unknown outcomes as an account's round does.
func (l *Ledger) decideAll(p *purse, batch []*asking) int {
	ctx := l.deadline()
	old := l.opts.Shared
	if p.state == nil {
		p.state, old = l.restorePurse(ctx, p.id), false
		if _, err := l.readOn(ctx, p.state); err != nil {
			p.state = nil
			return failAll(batch, err)
		}
	}
	for range attempts {
		t := &reckoning{Ledger: l, ctx: ctx, base: p.state, budget: p.state.budget, hash: p.state.hash}
		decided := t.decide(batch)
		if old && len(t.events) == 0 {
			old = false
			if more, err := l.readOn(ctx, p.state); err != nil {
				return failAll(batch, err)
			} else if more {
				continue
			}
		}
		err := t.append()
		if isConflict(err) {
			if _, err := l.readOn(ctx, p.state); err != nil {
				return failAll(batch, err)
			}
			continue
		}
		if errors.Is(err, ErrOutcomeUnknown) {
			p.state = nil
		}
		for _, a := range decided {
			a.place = t.base.position
			if err != nil {
				a.err = err
			}
		}
		return len(decided)
	}
	return failAll(batch, ErrBusy)
}

func failAll(batch []*asking, err error) int {
	for _, a := range batch {
		a.err = err
	}
	return len(batch)
}

// decide answers questions in order until the append is full, and says which.
func (t *reckoning) decide(batch []*asking) []*asking {
	for i, a := range batch {
		if t.bytes >= roundBytes {
			return batch[:i]
		}
		a.err = a.decide(t)
	}
	return batch
}

// moment is when and by whom something is decided.
func (t *reckoning) moment(by Caller, correlation string) domain.Moment {
	m := domain.Moment{Recorded: t.now(), Seed: seed(), Actor: by.Actor, Role: string(by.Role),
		OnBehalfOf: by.OnBehalfOf, CorrelationID: correlation, Place: domain.UnregisteredStore("")}
	if m.Recorded.Before(t.budget.Recorded) {
		m.Recorded = t.budget.Recorded
	}
	m.Decided = m.Recorded
	return m
}

// add makes events part of the reckoning, each linked to the one before it; after is the budget as they
// leave it.
func (t *reckoning) add(after domain.Budget, posted ...domain.Posted) error {
	if t.encoder == nil {
		t.encoder = domain.NewEncoder()
	}
	events, hash, err := chained(t.encoder, t.events, t.base.stream, t.hash, posted)
	if err != nil {
		return err
	}
	t.bytes += bytesOf(events[len(t.events):])
	t.posted, t.events = append(t.posted, posted...), events
	t.budget, t.hash = after, hash
	return nil
}

// append writes the reckoning's events and makes them part of the state.
func (t *reckoning) append() error {
	if len(t.events) == 0 {
		return nil
	}
	defer t.encoder.Free()
	began := time.Now()
	appended, err := retryUnknown(t.ctx, func() (eventstore.Appended, error) {
		return t.store.Append(t.ctx, t.base.stream, eventstore.Revision(t.base.budget.Revision), t.events)
	})
	if err != nil {
		return fmt.Errorf("append to %s: %w", t.base.stream, err)
	}
	t.opts.OnRound(len(t.posted), len(t.events), t.bytes, time.Since(began))
	for _, p := range t.posted {
		t.base.keep(t.registry, located{p, appended.Position})
	}
	t.base.budget, t.base.hash, t.base.position = t.budget, t.hash, appended.Position
	return nil
}

// keep remembers of the stream's next event what is not in the budget.
func (s *purseState) keep(r *registry, e located) {
	switch e.Event.(type) {
	case domain.BudgetReserved:
	case domain.BudgetReleased:
		s.released.add(uses(nil, &e.Posted, nil))
	default:
		s.life = append(s.life, e)
		r.set(s.stream, e.Posted)
	}
}

// readOn reads what the stream has beyond the state, and says whether that was anything. What it has
// read before an error is in the state.
func (l *Ledger) readOn(ctx context.Context, s *purseState) (more bool, err error) {
	for e, err := range l.store.Read(ctx, s.stream, eventstore.Revision(s.budget.Revision+1)) {
		if err != nil {
			return more, fmt.Errorf("read %s: %w", s.stream, err)
		}
		p, err := l.decode(e)
		if err != nil {
			return more, err
		}
		if p.Metadata.PrevHash != s.hash {
			return more, l.damaged(e, fmt.Errorf("prev_hash is not %s", s.hash))
		}
		if err := s.budget.Apply(p); err != nil {
			return more, l.damaged(e, err)
		}
		s.keep(l.registry, located{p, e.Position})
		s.hash, s.position, more = link(e), e.Position, true
	}
	return more, nil
}

// event is the stream's event at a revision: one read, unless it is this reckoning's own.
func (t *reckoning) event(revision int64) (domain.Posted, error) {
	next := t.base.budget.Revision + 1
	if revision >= next {
		if i := revision - next; i < int64(len(t.posted)) {
			return t.posted[i], nil
		}
		return domain.Posted{}, domain.ErrNotFound
	}
	for e, err := range t.store.Read(t.ctx, t.base.stream, eventstore.Revision(revision)) {
		if err != nil {
			return domain.Posted{}, fmt.Errorf("read %s at %d: %w", t.base.stream, revision, err)
		}
		return t.decode(e)
	}
	return domain.Posted{}, domain.ErrNotFound
}

// releases are what was released of a reservation until now.
func (t *reckoning) releases(reservation uuid.UUID) ([]domain.Posted, error) {
	var found []domain.Posted
	name := domain.ReleasedName(reservation)
	for _, revision := range t.base.released.find(nil, hash(name)) {
		p, err := t.event(revision)
		if err != nil {
			return nil, err
		}
		if slices.Contains(p.Uses(), name) {
			found = append(found, p)
		}
	}
	for _, p := range t.posted {
		if slices.Contains(p.Uses(), name) {
			found = append(found, p)
		}
	}
	return found, nil
}
