package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// Axis says which time a question about the past means.
type Axis string

// The axes.
const (
	Effective Axis = "effective" // when it happened: occurred_at
	Recorded  Axis = "recorded"  // when the ledger learned it: recorded_at
)

// Instant is an account as it stood at an instant.
type Instant struct {
	// Account is its state, on the recorded axis; nil on the other, where holds and what could be
	// spent do not exist.
	Account  *domain.Account
	Revision eventstore.Revision // of the last event that counts, −1 when none does
	Balances []BalanceAt         // by unit
	Lots     []LotAt             // in opening order
}

// BalanceAt is a balance at an instant. Its figures are at the unit's scale; see At for when they are
// below zero.
type BalanceAt struct {
	Unit    string                           `json:"unit"`
	Total   domain.Quantity                  `json:"total"`
	ByClass map[domain.Class]domain.Quantity `json:"by_class"` // classes without any are absent
}

// LotAt is a lot at an instant. Its figures are at the scales of their units; see At for when Remaining
// is below zero. One that had moved by the instant but was not opened yet has what its moves say: ID,
// Class, Funding, and a Face and a Cost of zero.
type LotAt struct {
	domain.LotOpened
	Unit      string          `json:"unit"`
	Remaining domain.Quantity `json:"remaining"`
}

// At reads one account as it stood at an instant from its own stream, on one axis. An event at the
// instant itself counts. An account that was not there yet has no balances. *eventstore.Damaged
// when the stream does not add up.
//
// On the effective axis figures may be negative: where an operation is dated before what it drew on,
// a debit before the top-up that paid for it, value has left by the instants between that has not
// come yet.
func At(ctx context.Context, store eventstore.Store, account uuid.UUID, at time.Time,
	axis Axis) (Instant, error) {
	switch axis {
	case Recorded:
		return recordedAt(ctx, store, account, at)
	case Effective:
		return effectiveAt(ctx, store, account, at)
	}
	return Instant{}, fmt.Errorf("axis %.20q is not effective or recorded", axis)
}

// recordedAt replays the stream up to the instant: recorded_at never falls within a stream.
func recordedAt(ctx context.Context, store eventstore.Store, account uuid.UUID,
	at time.Time) (Instant, error) {
	a := domain.NewAccount(account)
	err := eachPosted(ctx, store, account, func(p domain.Posted) error {
		if p.Metadata.RecordedAt.After(at) {
			return errEnough
		}
		return a.Apply(p)
	})
	if err != nil {
		return Instant{}, err
	}
	i := Instant{Account: a, Revision: eventstore.Revision(a.Revision()), Balances: []BalanceAt{},
		Lots: []LotAt{}}
	for _, b := range a.Balances(at) {
		i.Balances = append(i.Balances, BalanceAt{b.Unit, b.Total, b.ByClass})
	}
	for _, l := range a.Lots() {
		i.Lots = append(i.Lots, LotAt{l.LotOpened, l.Unit, l.Remaining})
	}
	return i, nil
}

// effectiveAt sums the moves of the events that had happened by the instant, whenever they were
// recorded.
func effectiveAt(ctx context.Context, store eventstore.Store, account uuid.UUID,
	at time.Time) (Instant, error) {
	s := sums{revision: eventstore.NoStream, lots: map[uuid.UUID]*LotAt{}}
	err := eachPosted(ctx, store, account, func(p domain.Posted) error {
		if p.Metadata.OccurredAt.After(at) {
			return nil
		}
		s.add(p)
		return nil
	})
	if err != nil {
		return Instant{}, err
	}
	return s.instant(), nil
}

// sums adds up moves lot by lot.
type sums struct {
	revision eventstore.Revision
	lots     map[uuid.UUID]*LotAt
}

func (s *sums) add(p domain.Posted) {
	s.revision = eventstore.Revision(p.Revision)
	v, ok := p.Event.(domain.Valued)
	if !ok {
		return
	}
	worth := v.Worth()
	if o, ok := v.(domain.Opening); ok {
		for _, lot := range o.Opened() {
			l := s.lot(lot.ID, worth, lot.Cost)
			lot.Face = lot.Face.Add(l.Face) // points may have been added before, on this axis
			l.LotOpened = lot
		}
	}
	earned, _ := v.(domain.PointsEarned)
	for _, m := range worth.Moves {
		l := s.lot(m.Lot, worth, m.Cost)
		if earned.Grown() {
			l.Face = l.Face.Add(m.Amount)
		}
		l.Class, l.Funding = m.Class, m.Funding
		l.Remaining = l.Remaining.Add(m.Amount)
	}
}

// lot is the lot's sum; where it is new, with a cost of zero at the scale of cost. A lot may move on
// this axis before it is opened: see At.
func (s *sums) lot(id uuid.UUID, v domain.Value, cost domain.Quantity) *LotAt {
	l, ok := s.lots[id]
	if !ok {
		l = &LotAt{Unit: v.Amount.Unit(), Remaining: v.Amount.Quantity.Zero()}
		l.ID, l.Face, l.Cost = id, l.Remaining, cost.Zero()
		s.lots[id] = l
	}
	return l
}

func (s *sums) instant() Instant {
	i := Instant{Revision: s.revision, Balances: []BalanceAt{}, Lots: []LotAt{}}
	for _, l := range s.lots {
		i.Lots = append(i.Lots, *l)
		at, found := slices.BinarySearchFunc(i.Balances, l.Unit, func(b BalanceAt, unit string) int {
			return cmp.Compare(b.Unit, unit)
		})
		if !found {
			i.Balances = slices.Insert(i.Balances, at, BalanceAt{l.Unit, l.Remaining.Zero(),
				map[domain.Class]domain.Quantity{}})
		}
		b := &i.Balances[at]
		b.Total = b.Total.Add(l.Remaining)
		b.ByClass[l.Class] = b.ByClass[l.Class].Add(l.Remaining)
	}
	for _, b := range i.Balances {
		for class, sum := range b.ByClass {
			if sum.IsZero() {
				delete(b.ByClass, class)
			}
		}
	}
	slices.SortFunc(i.Lots, func(l, o LotAt) int { return slices.Compare(l.ID[:], o.ID[:]) })
	return i
}

// eachPosted decodes an account's events in order until do answers an error; errEnough ends without
// one. What cannot be decoded or applied is *eventstore.Damaged.
func eachPosted(ctx context.Context, store eventstore.Store, account uuid.UUID,
	do func(domain.Posted) error) error {
	stream := domain.AccountStream(account)
	for e, err := range store.Read(ctx, stream, 0) {
		if err != nil {
			return fmt.Errorf("read %s: %w", stream, err)
		}
		p, err := domain.Decode(e.Type, e.Data, e.Metadata, int64(e.Revision))
		if err == nil {
			err = do(p)
		}
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return &eventstore.Damaged{Stream: stream, Revision: e.Revision, Reason: err.Error()}
		}
	}
	return nil
}
