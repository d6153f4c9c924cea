package ledger

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// rehearsedAtOnce bounds the accounts that one pass of a rehearsal holds in memory.
const rehearsedAtOnce = 100_000

// Rehearse finds what a version of a program would have given in [from, to), had it been in force then,
// by reading the log: as often as it needs so that memory is bounded, whatever the number of accounts.
// One runs at a time; another is ErrBusy. It stores nothing.
func (l *Ledger) Rehearse(
	ctx context.Context, p *domain.Program, from, to time.Time,
) (domain.Rehearsed, error) {
	if !l.rehearsing.TryLock() {
		return domain.Rehearsed{}, fmt.Errorf("%w: another rehearsal is running", ErrBusy)
	}
	defer l.rehearsing.Unlock()
	return l.rehearse(ctx, p, from, to, rehearsedAtOnce)
}

func (l *Ledger) rehearse(
	ctx context.Context, p *domain.Program, from, to time.Time, atOnce int,
) (all domain.Rehearsed, err error) {
	always := *p
	always.EffectiveFrom, always.CountsSince = time.Time{}, from
	p = &always
	would := l.registry.book.Load().with(p)
	first, rest := uuid.Nil, true
	for rest {
		r := &domain.Rehearsal{Program: p, From: from, To: to, Now: l.now(), History: would.looksBack(),
			Ruling: func(account uuid.UUID, at time.Time) *domain.Program {
				if ruling := would.ruling(account, at); ruling != nil {
					return ruling
				}
				return domain.DefaultProgram()
			}}
		next, err := l.pass(ctx, r, first, atOnce)
		if err != nil {
			return all, err
		}
		r.AddTo(&all)
		first, rest = next, next != uuid.Max
	}
	return all, nil
}

// pass folds the log's events of accounts from an id on, and is the id before which it stopped for lack
// of room; uuid.Max where it did not.
func (l *Ledger) pass(
	ctx context.Context, r *domain.Rehearsal, first uuid.UUID, atOnce int,
) (uuid.UUID, error) {
	end, last := uuid.Max, r.To.Add(2*domain.MaxSkew) // what is recorded later happened later
	for e, err := range l.store.ReadAll(ctx, eventstore.Start, accountStream) {
		if err != nil {
			return end, err
		}
		id, ok := accountOf(e.Stream)
		if !ok || !r.Wants(e.Type) || bytes.Compare(id[:], first[:]) < 0 || bytes.Compare(id[:], end[:]) >= 0 {
			continue
		}
		p, err := domain.Decode(e.Type, e.Data, e.Metadata, int64(e.Revision))
		if err != nil {
			continue // that account answers nothing anyway
		}
		if p.Metadata.RecordedAt.After(last) {
			return end, nil
		}
		r.Add(id, p)
		if r.Len() > atOnce {
			end = r.Halve()
		}
	}
	return end, nil
}

const accountStream = "account-" // and the account's id

func accountOf(stream string) (id uuid.UUID, ok bool) {
	text, ok := strings.CutPrefix(stream, accountStream)
	if !ok {
		return id, false
	}
	id, err := uuid.Parse(text)
	return id, err == nil
}

// with is a book that has one version of a program, in place of all there are.
func (b *book) with(p *domain.Program) *book {
	var all book
	placed := false
	if b != nil {
		for _, versions := range *b {
			if !placed && versions[0].ID >= p.ID {
				all, placed = append(all, []*domain.Program{p}), true
			}
			if versions[0].ID != p.ID {
				all = append(all, versions)
			}
		}
	}
	if !placed {
		all = append(all, []*domain.Program{p})
	}
	return &all
}

// looksBack reports whether the ladder of any version asks what top-ups an account had before.
func (b *book) looksBack() bool {
	for _, versions := range *b {
		for _, p := range versions {
			if p.LooksBack() {
				return true
			}
		}
	}
	return false
}
