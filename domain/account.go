// Package domain holds the rules of prepaid balances: what may happen to an account, and what did.
//
// It is pure: no I/O, no clock, no randomness, no context. A command decides on an Account at a
// Moment and answers with events, or with a Refusal from the one table in errors.go. Events record
// the decision (which lots, how much, what was left), never the policy, so that replaying them runs
// no rule; it only checks the arithmetic of whoever wrote them. Every command is one file: what is
// asked, what is recorded, Decide, and what the event does to an account.
package domain

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Status is where an account stands in its life.
type Status string

// The statuses of an account. Frozen is an open account with a freeze that lasts; what was closed or
// merged has ended, whatever freezes there are.
const (
	Unopened Status = ""
	Open     Status = "open"
	Frozen   Status = "frozen"
	Closed   Status = "closed"
	Merged   Status = "merged"
)

// Statuses are all statuses of an account that was opened.
var Statuses = []Status{Open, Frozen, Closed, Merged}

// Account is one account's state: what its events add up to. A published Account never changes;
// decisions work on a clone. Its JSON is the snapshot's and may change with SnapshotVersion.
type Account struct {
	id           uuid.UUID
	kind         string
	customerRef  string
	openedAt     time.Time
	lastRecorded time.Time
	revision     int64 // of the last event; −1 before the first
	freezes      []Freeze
	lots         []*Lot  // all there ever were, in opening order; see edit
	holds        []*Hold // active ones, in placing order
	receivables  []Receivable
	pending      []PendingTopUp
	sent         uuid.UUID     // the newest transfer that was sent
	ended        *ending       // nil: it has not
	prices       []priced      // by unit
	adjustments  []Adjustment  // that wait for a decision, oldest first
	mandates     []Mandate     // active ones, oldest first
	withdrawals  []*Withdrawal // open ones, at most one a unit; entries are replaced, not changed
	bonuses      bonuses
	usage        []usage      // of units whose limits count, in the order of their last use
	credentials  []Credential // in the order they were bound
	remindAt     time.Time    // the earliest of the lots' reminders
	dormancy     dormancy
	earnings     []earnings // of points units whose limits count, in the order of their last use
	coupons      []Coupon   // live ones, in the order they were granted
	sales        int        // that were posted and not cancelled, whatever was returned of them
	tiering      tiering    // where it stands among them
	edition      int        // one more than that of the account it was cloned from
}

// NewAccount is the account before its first event.
func NewAccount(id uuid.UUID) *Account { return &Account{id: id, revision: -1} }

// ID is the account's id.
func (a *Account) ID() uuid.UUID { return a.id }

// Kind is KindMember or KindBearer.
func (a *Account) Kind() string { return a.kind }

// CustomerRef is the caller's own name for the customer, none of a bearer's account.
func (a *Account) CustomerRef() string { return a.customerRef }

// OpenedAt is when the account was opened.
func (a *Account) OpenedAt() time.Time { return a.openedAt }

// Revision is the number of the last event, −1 before the first.
func (a *Account) Revision() int64 { return a.revision }

// LastRecorded is recorded_at of the last event; no later event is recorded before it.
func (a *Account) LastRecorded() time.Time { return a.lastRecorded }

// Status is the account's status at an instant.
func (a *Account) Status(at time.Time) Status {
	switch {
	case a.revision < 0:
		return Unopened
	case a.ended != nil:
		return a.ended.Status
	case len(a.FrozenModes(at)) > 0:
		return Frozen
	}
	return Open
}

// Lots are all lots in opening order, those that are used up included. They must not be changed.
func (a *Account) Lots() []*Lot { return a.lots }

// Holds are the active holds, in the order they were placed. They must not be changed.
func (a *Account) Holds() []*Hold { return a.holds }

// Receivables are what the account owes, oldest first.
func (a *Account) Receivables() []Receivable { return a.receivables }

// Clone is a copy that can be changed without changing a.
func (a *Account) Clone() *Account {
	c := *a
	c.edition++
	c.freezes = slices.Clone(a.freezes)
	c.lots = slices.Clone(a.lots)
	c.holds = slices.Clone(a.holds)
	c.receivables = slices.Clone(a.receivables)
	c.pending = slices.Clone(a.pending)
	c.prices = slices.Clone(a.prices)
	c.adjustments = slices.Clone(a.adjustments)
	c.mandates = slices.Clone(a.mandates)
	c.withdrawals = slices.Clone(a.withdrawals)
	c.credentials = slices.Clone(a.credentials)
	c.coupons = slices.Clone(a.coupons)
	return &c
}

// lot is the lot with that id, nil if there is none. Lots stand in the order of their ids, which
// begin with the revision that opened them.
func (a *Account) lot(id uuid.UUID) *Lot {
	if i, ok := a.lotIndex(id); ok {
		return a.lots[i]
	}
	return nil
}

func (a *Account) lotIndex(id uuid.UUID) (int, bool) {
	i, found := slices.BinarySearchFunc(a.lots, id, func(l *Lot, id uuid.UUID) int {
		return byID(l.ID, id)
	})
	return i, found
}

// edit is the lot, which may be changed: a's own copy of it, made on the first edit since a was cloned.
func (a *Account) edit(id uuid.UUID) (*Lot, error) {
	i, ok := a.lotIndex(id)
	if !ok {
		return nil, fmt.Errorf("lot %s does not exist", id)
	}
	if a.lots[i].edition != a.edition {
		l := *a.lots[i]
		l.edition, a.lots[i] = a.edition, &l
	}
	return a.lots[i], nil
}

// funding are the lots that one top-up opened, here or on an account that was merged into this one.
func (a *Account) funding(topUp uuid.UUID) []*Lot {
	var lots []*Lot
	for _, l := range a.lots {
		if (l.Funding == topUp || l.TopUp == topUp) && topUp != noID {
			lots = append(lots, l)
		}
	}
	return lots
}

// hold is the active hold with that id, nil if there is none.
func (a *Account) hold(id uuid.UUID) *Hold {
	for _, h := range a.holds {
		if h.ID == id {
			return h
		}
	}
	return nil
}

// lapsed are the holds whose time is over but whose release is not written, the first to lapse first.
func (a *Account) lapsed(at time.Time) []*Hold {
	var lapsed []*Hold
	for _, h := range a.holds {
		if h.Lapsed(at) {
			lapsed = append(lapsed, h)
		}
	}
	slices.SortStableFunc(lapsed, func(a, b *Hold) int { return a.ExpiresAt.Compare(b.ExpiresAt) })
	return lapsed
}
