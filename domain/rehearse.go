package domain

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Rehearsal finds what a program's version would have given in a window of the past: the bonus of each
// top-up and the cashback of each debit, against what was given. Both are as granted, whatever was
// taken back later. What an import brought and what a request set by itself stays as it is.
//
// Events of an account come in their order. Those before the window are asked for what a ladder looks
// back on: a first top-up, and how often a step was had.
type Rehearsal struct {
	Program  *Program // the version
	From, To time.Time
	Now      time.Time // no tier's period has ended after it; zero: To
	// Ruling is the program that would have ruled an account at an instant, with the version in
	// force. History says that the ladder of one of them looks back.
	Ruling  func(account uuid.UUID, at time.Time) *Program
	History bool

	accounts map[uuid.UUID]*rehearsed
}

// rehearsed is an account in a rehearsal, as the version would have left it.
type rehearsed struct {
	bonuses bonuses
	taken   map[uuid.UUID]*Ladder // by top-up, where a step gave its bonus and History is asked for
	sums    []RehearsedSum
	tier    *rehearsedTier // nil: nothing that a version's tiers ask for has happened
}

// RehearsedSum is what was given and what would have been, in a unit as lots of a class: Bonus or
// Cashback.
type RehearsedSum struct {
	Unit            string
	Class           Class
	Recorded, Would Quantity
}

// RehearsedAccount is an account for which a version would have made a difference.
type RehearsedAccount struct {
	Account uuid.UUID
	RehearsedSum
}

// Rehearsed is what a rehearsal found, of the accounts alone for which something would have differed
// over the whole window.
type Rehearsed struct {
	Accounts int
	Sums     []RehearsedSum     // by unit and class
	Largest  []RehearsedAccount // by difference, the largest first, at most mostLargest
	Tiers    []TierMoves        // by tier: who would hold another
	Moved    []MovedAccount     // some of those, by id, at most mostLargest
}

const mostLargest = 100

// LooksBack reports whether the program's ladder asks what top-ups an account had before.
func (p *Program) LooksBack() bool {
	return slices.ContainsFunc(p.Terms.Ladder, func(s LadderStep) bool {
		return s.FirstTopUp || s.PerCustomer > 0
	})
}

// Wants reports whether events of that stored name matter.
func (r *Rehearsal) Wants(name string) bool {
	return r.Program.Terms.Tiers.averages() ||
		slices.Contains([]string{"TopUpPosted", "TopUpReversed", "DebitPosted", "CreditGranted"}, name) ||
		r.Program.Terms.Tiers != nil && slices.Contains(tierTypes, name)
}

// Len is the number of accounts that are held.
func (r *Rehearsal) Len() int { return len(r.accounts) }

// Halve forgets the upper half of the accounts by id, and is the first id that it forgot: those from
// there on are for another pass.
func (r *Rehearsal) Halve() uuid.UUID {
	var ids []uuid.UUID
	for id := range r.accounts {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, byID)
	middle := len(ids) / 2
	for _, id := range ids[middle:] {
		delete(r.accounts, id)
	}
	return ids[middle]
}

// Add folds an account's event.
func (r *Rehearsal) Add(account uuid.UUID, p Posted) {
	m := Moment{Context: p.Metadata.context()}
	m.Context.Channel, m.Context.OccurredAt = p.Metadata.Channel, p.Metadata.OccurredAt
	m.Decided = m.Context.Instant(p.Metadata.RecordedAt)
	r.tier(account, &m, p)
	inside := within(m.Decided, r.From, r.To)
	if inside {
		m.Program = r.Ruling(account, m.Decided)
		id, _, _ := strings.Cut(p.Metadata.ProgramVersion, "@")
		inside = id == r.Program.ID || m.Program == r.Program
	}
	switch e := p.Event.(type) {
	case TopUpPosted:
		r.topUp(account, &m, e, inside && !e.ownBonus(m.Context.Channel))
	case TopUpReversed:
		if a := r.accounts[account]; a != nil && !e.Used {
			a.bonuses.reverse(a.taken[e.TopUpID])
		}
	case DebitPosted:
		if inside {
			c := (&Draft{Account: NewAccount(account), Moment: m}).cashbackOf(e)
			r.of(account).add(Cashback, e.Amount, Money{}, c.amount)
		}
	case CreditGranted:
		if inside && e.Cause == CauseCashback {
			r.of(account).add(Cashback, e.Amount, e.Amount, Money{})
		}
	}
}

// ownBonus reports whether a top-up's bonus, or that it has none, was not for a program to say.
func (e TopUpPosted) ownBonus(channel string) bool {
	switch {
	case channel == ChannelImport:
		return true
	case e.Asked == nil: // before programs were published
		return !e.Bonus.IsZero()
	}
	return !e.Asked.Bonus.IsZero() || e.Asked.NoBonus
}

// topUp folds a top-up, of which the version decides anew.
func (r *Rehearsal) topUp(account uuid.UUID, m *Moment, e TopUpPosted, anew bool) {
	if !anew && !r.History {
		return
	}
	a, ladder := r.of(account), e.Ladder
	if anew {
		d := &Draft{Account: &Account{id: account, bonuses: a.bonuses}, Moment: *m}
		var bonus Money
		bonus, ladder = m.program().bonus(d, e.Principal())
		a.add(Bonus, e.Amount, e.Bonus, bonus)
	}
	if r.History {
		a.bonuses.topUp(ladder)
		if ladder != nil {
			a.taken[e.TopUpID] = ladder
		}
	}
}

func (r *Rehearsal) of(account uuid.UUID) *rehearsed {
	a := r.accounts[account]
	if a == nil {
		if r.accounts == nil {
			r.accounts = map[uuid.UUID]*rehearsed{}
		}
		a = &rehearsed{taken: map[uuid.UUID]*Ladder{}}
		r.accounts[account] = a
	}
	return a
}

// add notes what was given of a class, in like's unit, and what would have been; each may be no money
// at all.
func (a *rehearsed) add(class Class, like, recorded, would Money) {
	none := like.With(like.Quantity.Zero())
	a.sums = addSum(a.sums, RehearsedSum{like.Unit(), class, none.plus(recorded).Quantity,
		none.plus(would).Quantity})
}

// addSum adds a sum to the one of its unit and class.
func addSum(sums []RehearsedSum, s RehearsedSum) []RehearsedSum {
	i, found := slices.BinarySearchFunc(sums, s, func(a, b RehearsedSum) int {
		return cmp.Or(strings.Compare(a.Unit, b.Unit), cmp.Compare(a.Class, b.Class))
	})
	if !found {
		return slices.Insert(sums, i, s)
	}
	sums[i].Recorded, sums[i].Would = sums[i].Recorded.Add(s.Recorded), sums[i].Would.Add(s.Would)
	return sums
}

// Difference is what the version would have given more; less, where it is negative.
func (s RehearsedSum) Difference() Quantity { return s.Would.Sub(s.Recorded) }

// AddTo adds what was found to a result.
func (r *Rehearsal) AddTo(all *Rehearsed) {
	r.addTiers(all)
	for id, a := range r.accounts {
		differs := false
		for _, s := range a.sums {
			if s.Difference().IsZero() {
				continue
			}
			differs = true
			all.Sums = addSum(all.Sums, s)
			all.Largest = append(all.Largest, RehearsedAccount{id, s})
		}
		if differs {
			all.Accounts++
		}
		if len(all.Largest) > 10*mostLargest {
			all.rank()
		}
	}
	all.rank()
}

// rank keeps the largest differences, whatever their units, in their order.
func (all *Rehearsed) rank() {
	slices.SortFunc(all.Largest, func(a, b RehearsedAccount) int {
		return cmp.Or(b.size().Cmp(a.size()), byID(a.Account, b.Account), strings.Compare(a.Unit, b.Unit),
			cmp.Compare(a.Class, b.Class))
	})
	all.Largest = all.Largest[:min(len(all.Largest), mostLargest)]
}

func (s RehearsedSum) size() Quantity {
	d := s.Difference()
	if d.IsNegative() {
		return d.Neg()
	}
	return d
}
