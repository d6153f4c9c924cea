package domain

import (
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// PublishProgram adds a version to a program. What is absent of the terms is as in default@1.
type PublishProgram struct {
	ID            string            `json:"program_id"`
	New           bool              `json:"new,omitempty"`           // it must not exist yet; else it must
	EffectiveFrom time.Time         `json:"effective_from,omitzero"` // none: at once
	Accounts      []uuid.UUID       `json:"accounts,omitempty"`
	Terms         Terms             `json:"terms"`
	TermsText     map[string]string `json:"terms_text,omitempty"`
}

// ProgramPublished records a version of business rules, whole: Terms says every rule, also those
// that nobody asked for.
type ProgramPublished struct {
	Program
	AtOnce     bool   `json:"at_once,omitempty"`  // nobody asked for an effective_from
	Previous   string `json:"previous,omitempty"` // the version before, as program_id@version
	ApprovedBy string `json:"approved_by"`        // the API key that published it
}

func (ProgramPublished) event() {}

// Rules are the version, which must not be changed.
func (e ProgramPublished) Rules() *Program {
	p := e.Program
	p.name = p.Name()
	return &p
}

// Stream is program-<id>.
func (p PublishProgram) Stream() string { return "program-" + p.ID }

// Operation is publish_program.
func (PublishProgram) Operation() Operation { return "publish_program" }

var programID = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// Decide refuses a program that exists, or does not, then terms that make no sense, naming every
// field that is to blame, and a version that would rule in the past or before the one it follows.
// The first version of the program default that is published is its second: default@1 is built in.
func (p PublishProgram) Decide(before []Posted, m Moment) ([]Event, error) {
	if !programID.MatchString(p.ID) {
		return nil, ErrMalformed.Field("program_id", "want 1 to 32 of [a-z0-9-], a letter first")
	}
	previous, known := lastVersion(p.ID, before)
	switch {
	case p.New && known:
		return nil, ErrReferenceUsed.Because("there is a program " + p.ID + " already")
	case !p.New && !known:
		return nil, ErrNotFound.Because("there is no such program")
	}
	p = p.normal()
	e := ProgramPublished{Program: Program{ID: p.ID, Version: previous.Version + 1,
		EffectiveFrom: p.EffectiveFrom, Accounts: p.Accounts, Terms: p.Terms, TermsText: p.TermsText},
		AtOnce: p.EffectiveFrom.IsZero(), ApprovedBy: m.Actor}
	if known {
		e.Previous = previous.Name()
	}
	if e.AtOnce {
		e.EffectiveFrom = latest(m.Recorded, previous.EffectiveFrom)
	}
	e.CountsSince = e.countsSince(previous)
	var f faults
	f.want(!e.EffectiveFrom.Before(m.Recorded) && e.EffectiveFrom.Year() <= 9999, "effective_from",
		"want now or a time to come")
	f.want(!e.EffectiveFrom.Before(previous.EffectiveFrom), "effective_from",
		"want no time before "+previous.Name()+" rules")
	e.Program.faults(&f)
	if err := f.err(); err != nil {
		return nil, err
	}
	return []Event{e}, nil
}

// countsSince is CountsSince of a version, after the one before.
func (p *Program) countsSince(previous *Program) time.Time {
	r, before := p.Terms.Tiers, previous.Terms.Tiers
	switch {
	case !r.averages():
		return time.Time{}
	case before.averages() && before.rule() == r.rule():
		return previous.CountsSince
	}
	return p.EffectiveFrom
}

// lastVersion is the last version of a program with that history, if it has any.
func lastVersion(id string, before []Posted) (*Program, bool) {
	for _, p := range slices.Backward(before) {
		if e, ok := p.Event.(ProgramPublished); ok {
			return e.Rules(), true
		}
	}
	if id == DefaultProgramID {
		return DefaultProgram(), true
	}
	return &Program{ID: id}, false
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// normal is the one form of what can be said in several: whole terms, instants in UTC, lists of
// accounts sorted and each account once.
func (p PublishProgram) normal() PublishProgram {
	p.EffectiveFrom = p.EffectiveFrom.UTC()
	p.Accounts = distinct(p.Accounts)
	p.Terms = p.Terms.normal()
	if len(p.TermsText) == 0 {
		p.TermsText = nil
	}
	return p
}

func (p PublishProgram) canonical() any { return p.normal() }

func (e ProgramPublished) command() any {
	p := PublishProgram{ID: e.ID, New: e.Previous == "", EffectiveFrom: e.EffectiveFrom,
		Accounts: e.Accounts, Terms: e.Terms, TermsText: e.TermsText}
	if e.AtOnce {
		p.EffectiveFrom = time.Time{}
	}
	return p
}

// check refuses a program that no PublishProgram could have made.
func (e ProgramPublished) check() error {
	var f faults
	f.want(programID.MatchString(e.ID), "program_id", "want 1 to 32 of [a-z0-9-], a letter first")
	f.want(e.Version >= 1, "version", "want 1 or more")
	e.Program.faults(&f)
	return f.err()
}

// distinct is a list of accounts in the order of byID, each once; nil for an empty one.
func distinct(accounts []uuid.UUID) []uuid.UUID {
	if len(accounts) == 0 {
		return nil
	}
	sorted := slices.Clone(accounts)
	slices.SortFunc(sorted, byID)
	return slices.Compact(sorted)
}
