package projections

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// shop is a ledger in small: it decides commands and appends what they answer, one at a time.
type shop struct {
	t       testing.TB
	store   eventstore.Store
	now     time.Time
	seed    uint64
	open    map[uuid.UUID]*held
	program *domain.Program // nil: default@1

	campaigns func(id string) *domain.Campaign
}

// held is what a shop knows of one account.
type held struct {
	*domain.Account
	prev   domain.Hash
	events []domain.Posted
	used   map[domain.Name][]domain.Posted // newest first
}

var cny, _ = domain.ISOUnit("CNY")

func yuan(amount string) domain.Money { return domain.MustMoney(amount, cny) }

func newShop(t testing.TB, store eventstore.Store) *shop {
	return &shop{t: t, store: store, open: map[uuid.UUID]*held{},
		now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
}

// account opens an account.
func (s *shop) account(ref string) uuid.UUID {
	id := domain.AccountID(ref)
	s.open[id] = &held{Account: domain.NewAccount(id), used: map[domain.Name][]domain.Posted{}}
	s.must(id, domain.OpenAccount{CustomerRef: ref}, domain.Context{})
	return id
}

func (s *shop) must(id uuid.UUID, c domain.Command, where domain.Context) []domain.Posted {
	s.t.Helper()
	posted, err := s.do(id, c, where)
	if err != nil {
		s.t.Fatalf("%T: %v", c, err)
	}
	return posted
}

// do decides c a second later than what came before, and appends the answer.
func (s *shop) do(id uuid.UUID, c domain.Command, where domain.Context) ([]domain.Posted, error) {
	s.t.Helper()
	s.now = s.now.Add(time.Second + 123456*time.Microsecond)
	a := s.open[id]
	m := domain.Moment{
		Recorded: s.now, Decided: s.now, Seed: s.nextSeed(),
		Actor: "0b5b8e0e-6a51-4f3a-9e55-0d4b1c0f7d11", Role: "pos",
		CorrelationID: fmt.Sprintf("req-%016x", s.seed), IdempotencyKey: fmt.Sprintf("key-%d", s.seed),
		Context: where, Place: domain.UnregisteredStore(where.Store), Found: a.found,
		Program: s.program, Campaigns: s.campaigns,
	}
	posted, next, err := domain.Decide(a.Account, c, m)
	if moved, ok := errors.AsType[*domain.Moved](err); ok && moved.Unsettled {
		m.Settled = moved.Merge
		posted, next, err = domain.Decide(a.Account, c, m)
	}
	s.append(id, posted)
	a.Account = next
	return posted, err
}

func (s *shop) append(id uuid.UUID, posted []domain.Posted) {
	s.t.Helper()
	a, stream := s.open[id], domain.AccountStream(id)
	expected := eventstore.Revision(len(a.events)) - 1
	var events []eventstore.Event
	for _, p := range posted {
		p.Metadata.PrevHash = a.prev
		kind, data, metadata, err := domain.Encode(p)
		if err != nil {
			s.t.Fatal(err)
		}
		a.prev = domain.Link(stream, p.Revision, p.Metadata.EventID, kind, data, metadata)
		events = append(events, eventstore.Event{ID: p.Metadata.EventID, Type: kind, Data: data,
			Metadata: metadata})
		a.remember(p)
	}
	if len(events) == 0 {
		return
	}
	if _, err := s.store.Append(context.Background(), stream, expected, events); err != nil {
		s.t.Fatal(err)
	}
}

// register appends a registration to its own stream.
func (s *shop) register(r domain.Registration) {
	s.t.Helper()
	var before []domain.Posted
	var prev domain.Hash
	for e, err := range s.store.Read(context.Background(), r.Stream(), 0) {
		if err != nil {
			s.t.Fatal(err)
		}
		p, err := domain.Decode(e.Type, e.Data, e.Metadata, int64(e.Revision))
		if err != nil {
			s.t.Fatal(err)
		}
		before = append(before, p)
		prev = domain.Link(e.Stream, int64(e.Revision), e.ID, e.Type, e.Data, e.Metadata)
	}
	s.now = s.now.Add(time.Second)
	posted, err := domain.Register(before, r, domain.Moment{Recorded: s.now, Decided: s.now,
		Seed: s.nextSeed(), Actor: "admin", Role: "admin", Place: domain.UnregisteredStore("")})
	if err != nil {
		s.t.Fatal(err)
	}
	var events []eventstore.Event
	for _, p := range posted {
		p.Metadata.PrevHash = prev
		kind, data, metadata, err := domain.Encode(p)
		if err != nil {
			s.t.Fatal(err)
		}
		prev = domain.Link(r.Stream(), p.Revision, p.Metadata.EventID, kind, data, metadata)
		events = append(events, eventstore.Event{ID: p.Metadata.EventID, Type: kind, Data: data,
			Metadata: metadata})
	}
	_, err = s.store.Append(context.Background(), r.Stream(), eventstore.Revision(len(before))-1, events)
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) nextSeed() (seed domain.Seed) {
	s.seed++
	binary.BigEndian.PutUint64(seed[1:], s.seed*0x9e3779b97f4a7c15)
	return seed
}

func (a *held) remember(p domain.Posted) {
	a.events = append(a.events, p)
	for _, n := range p.Uses() {
		a.used[n] = slices.Insert(a.used[n], 0, p)
	}
}

func (a *held) found(n domain.Name) []domain.Posted {
	if n.Kind != "event" {
		return a.used[n]
	}
	id, err := uuid.Parse(n.Value)
	revision, ok := domain.RevisionOf(id)
	if err != nil || !ok || revision >= int64(len(a.events)) ||
		a.events[revision].Metadata.EventID != id {
		return nil
	}
	return a.events[revision : revision+1]
}

// till is the context of a sale at a store's till.
func till(store, txn string) domain.Context {
	return domain.Context{Store: store, Terminal: "T1", PosTxnID: txn, Shift: "2026-03-01-A",
		Operator: "anna", Channel: "pos"}
}

func topUp(amount, bonus string) domain.TopUp {
	terms := domain.DefaultTerms()
	if bonus != "" {
		terms.Bonus = yuan(bonus)
	}
	return domain.TopUp{Amount: yuan(amount), TopUpTerms: terms}
}

// open opens models on a store and waits until they hold its end.
func open(t testing.TB, folder string, store eventstore.Store, opts Options) *Models {
	t.Helper()
	if opts.Log == nil {
		opts.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	m, err := Open(context.Background(), folder, store, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	wait(t, m)
	return m
}

func wait(t testing.TB, m *Models) {
	t.Helper()
	if err := m.WaitHead(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// memory is an empty store that is closed with the test: in memory, unless the environment says else.
func memory(t testing.TB) eventstore.Store {
	t.Helper()
	return enginetest.Open(t)
}

// opened opens a store that is open already.
func opened(store eventstore.Store) func(context.Context) (eventstore.Store, error) {
	return func(context.Context) (eventstore.Store, error) { return store, nil }
}
