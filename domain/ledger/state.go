package ledger

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// state is what the ledger knows of one account. account, stream, hash and position never change once
// the state is published; names and saved belong to the account's runner.
type state struct {
	account  *domain.Account
	stream   string
	hash     domain.Hash         // of the last event's stored bytes
	position eventstore.Position // of the last event
	names    *names
	saved    *saved
}

// cached is an account's place in the cache. The account's runner replaces the state, anybody reads it:
// that is a fraction of the cost of telling the cache after every round.
type cached struct {
	state atomic.Pointer[state]
	bytes uint32 // what the state may grow to before it is weighed again
}

func newState(id uuid.UUID) *state {
	return &state{account: domain.NewAccount(id), stream: domain.AccountStream(id),
		names: newNames(), saved: unsaved()}
}

func (s *state) revision() eventstore.Revision { return eventstore.Revision(s.account.Revision()) }

// current is the account's state as the last answered command left it, from the cache or from the
// log, and whether another process may have moved it on since. It runs in the account's runner alone.
func (l *Ledger) current(ctx context.Context, id uuid.UUID) (s *state, old bool, err error) {
	if c, ok := l.states.GetIfPresent(id); ok {
		return c.state.Load(), l.opts.Shared, nil
	}
	s, err = l.refresh(ctx, l.restore(ctx, id))
	return s, false, err
}

// refresh is catchUp, seen by readers and the next round.
func (l *Ledger) refresh(ctx context.Context, s *state) (*state, error) {
	next, err := l.catchUp(ctx, s)
	if err == nil {
		l.publish(next)
	}
	return next, err
}

// publish makes s what readers and the next round see.
func (l *Ledger) publish(s *state) {
	if s.account.Revision() >= 0 {
		l.keep(s)
	}
	for seen := l.seen.Load(); uint64(s.position) > seen; seen = l.seen.Load() {
		if l.seen.CompareAndSwap(seen, uint64(s.position)) {
			return
		}
	}
}

// keep puts s into the cache. It is weighed with room to grow, and anew when it has outgrown that or
// fills less than half of it.
func (l *Ledger) keep(s *state) {
	bytes := uint32(512 + s.account.Size() + s.names.size())
	c, ok := l.states.GetIfPresent(s.account.ID())
	if ok && bytes <= c.bytes && bytes > c.bytes/2 {
		c.state.Store(s) // lost when c was evicted just now: then the log is read
		return
	}
	c = &cached{bytes: bytes + bytes/8}
	c.state.Store(s)
	l.states.Set(s.account.ID(), c)
}

// catchUp is s with the events that its stream has beyond it, s itself when it has none. The names of
// s grow.
func (l *Ledger) catchUp(ctx context.Context, s *state) (*state, error) {
	var account *domain.Account
	var few [4]domain.Name
	next := *s
	for e, err := range l.store.Read(ctx, s.stream, s.revision()+1) {
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", s.stream, err)
		}
		if account == nil {
			account = s.account.Clone()
		}
		p, err := l.decode(e)
		if err == nil {
			err = l.follows(account, next.hash, p, e)
		}
		if err != nil {
			return nil, err
		}
		next.names.add(uses(nil, &p, few[:]))
		next.hash, next.position = link(e), e.Position
	}
	if account == nil {
		return s, nil
	}
	next.account = account
	return &next, nil
}

// follows makes p part of the account, if it follows from what came before.
func (l *Ledger) follows(
	a *domain.Account, before domain.Hash, p domain.Posted, e eventstore.Recorded,
) error {
	if p.Metadata.PrevHash != before {
		return l.damaged(e, fmt.Errorf("prev_hash is %s, want %s", p.Metadata.PrevHash, before))
	}
	if err := a.Apply(p); err != nil {
		return l.damaged(e, err)
	}
	return nil
}

func (l *Ledger) decode(e eventstore.Recorded) (domain.Posted, error) {
	p, err := domain.Decode(e.Type, e.Data, e.Metadata, int64(e.Revision))
	if err != nil {
		return p, l.damaged(e, err)
	}
	return p, nil
}

func (l *Ledger) damaged(e eventstore.Recorded, cause error) error {
	l.opts.OnDamaged(e.Stream)
	return &Damaged{Stream: e.Stream, Revision: int64(e.Revision), Cause: cause}
}

func link(e eventstore.Recorded) domain.Hash {
	return domain.Link(e.Stream, int64(e.Revision), e.ID, e.Type, e.Data, e.Metadata)
}
