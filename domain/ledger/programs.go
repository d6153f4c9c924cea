package ledger

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

const programStream = "program-" // and the program's id

// book is every program as it stood when the book was made, by id, each with its versions in order.
// It never changes, so that a decision reads it without a lock; nil has none.
type book [][]*domain.Program

// newBook is a book of these programs, nil of none.
func newBook(programs map[string][]domain.ProgramPublished) *book {
	if len(programs) == 0 {
		return nil
	}
	var b book
	for _, id := range slices.Sorted(maps.Keys(programs)) {
		var versions []*domain.Program
		for _, e := range programs[id] {
			versions = append(versions, e.Rules())
		}
		b = append(b, versions)
	}
	return &b
}

// ruling is the program that rules an account at an instant: of those that list it the first by id,
// else the first by id that lists nobody, in the version in force. It is nil where none does: then
// default@1 rules.
func (b *book) ruling(account uuid.UUID, at time.Time) *domain.Program {
	if b == nil {
		return nil
	}
	var other *domain.Program
	for _, versions := range *b {
		p := InForce(versions, at)
		switch {
		case p == nil:
		case p.Lists(account):
			return p
		case len(p.Accounts) == 0 && other == nil:
			other = p
		}
	}
	return other
}

// InForce is the one of a program's versions that rules at an instant: the last that had begun by then;
// nil before the first.
func InForce(versions []*domain.Program, at time.Time) *domain.Program {
	for _, p := range slices.Backward(versions) {
		if !at.Before(p.EffectiveFrom) {
			return p
		}
	}
	return nil
}

// setProgram makes a version part of the registries, unless it is. Versions come in their order. The
// caller holds r.mu.
func (r *registry) setProgram(e domain.ProgramPublished) {
	versions := r.Programs[e.ID]
	if n := len(versions); n > 0 && versions[n-1].Version >= e.Version {
		return
	}
	r.Programs[e.ID] = append(versions, e)
	r.book.Store(newBook(r.Programs))
}

// Program is what rules an account at an instant; default@1 where nothing was published that does. It
// must not be changed.
//
// On a shared log a version that another node has just published may be missed for the moments that
// the log takes to tell of it: until then this node decides by the version before, and its events
// say so. An effective_from a minute ahead has all nodes change at one instant.
func (l *Ledger) Program(account uuid.UUID, at time.Time) *domain.Program {
	return cmp.Or(l.registry.book.Load().ruling(account, at), domain.DefaultProgram())
}

// Programs are all programs by id, each with its versions in order, default@1 among them. They must not
// be changed.
func (l *Ledger) Programs() [][]*domain.Program {
	builtIn := []*domain.Program{domain.DefaultProgram()}
	var all [][]*domain.Program
	if b := l.registry.book.Load(); b != nil {
		all = slices.Clone(*b)
	}
	i, published := slices.BinarySearchFunc(all, domain.DefaultProgramID,
		func(versions []*domain.Program, id string) int { return strings.Compare(versions[0].ID, id) })
	if published {
		all[i] = append(builtIn, all[i]...)
		return all
	}
	return slices.Insert(all, i, builtIn)
}

// ProgramVersions are all versions of a program, none if there is none of that id.
func (l *Ledger) ProgramVersions(id string) []*domain.Program {
	for _, versions := range l.Programs() {
		if versions[0].ID == id {
			return versions
		}
	}
	return nil
}

// NamedProgram is the version with that name, as lots record the terms that they were sold under.
func (l *Ledger) NamedProgram(name string) (*domain.Program, bool) {
	id, _, _ := strings.Cut(name, "@")
	for _, p := range l.ProgramVersions(id) {
		if p.Name() == name {
			return p, true
		}
	}
	return nil, false
}
