package projections

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// chronicle is a ledger with a clock of its own, whose log grows by what is asked of it. What is open on an
// account is asked of the ledger; what was answered is remembered by the type of event.
type chronicle struct {
	testing.TB
	*ledger.Ledger
	store    eventstore.Store
	now      time.Time
	asked    int
	accounts []uuid.UUID
	answered map[string][]answered
	jobs     []uuid.UUID
	shifts   []uuid.UUID
	seq      int64          // of the last item of a till's batch
	lived    map[string]int // how much was done in a life, by the move
	refused  error          // why the last thing was refused, if it was
}

// answered is an event that the ledger posted, on an account or elsewhere.
type answered struct {
	domain.Posted
	account uuid.UUID
}

func newChronicle(t testing.TB, store eventstore.Store) *chronicle {
	c := &chronicle{TB: t, store: store, now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC),
		answered: map[string][]answered{}, lived: map[string]int{}}
	c.Ledger = ledger.Open(store, ledger.Options{Now: func() time.Time { return c.now },
		Shared: enginetest.Shared()})
	if err := c.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// move is something that can be asked for, as often as its weight among all. Where there is nothing that it
// could be about it asks nothing.
type move struct {
	name   string
	weight int
	draw   func(c *chronicle, r *rapid.T)
}

// moves are all of them, each as often as its weight.
var moves = weighed(valueMoves, cardMoves, waitingMoves, voucherMoves, saleMoves, campaignMoves, tillMoves,
	registryMoves, timeMoves)

func weighed(tables ...[]move) (all []move) {
	for _, table := range tables {
		for _, m := range table {
			for range m.weight {
				all = append(all, m)
			}
		}
	}
	return all
}

// live lets so many random things happen.
func (c *chronicle) live(r *rapid.T, steps int) {
	for range steps {
		rapid.Custom(func(r *rapid.T) string { // so that rapid tells the step, not the numbers it drew
			seconds := evenly(r, []int{0, 0, 0, 30, 400}, "seconds")
			c.now = c.now.Add(time.Duration(seconds) * time.Second)
			m := evenly(r, moves, "move")
			m.draw(c, r)
			return m.name
		}).Draw(r, "step")
	}
}

// ask asks for a command on an account. A refusal is as good as an answer.
func (c *chronicle) ask(account uuid.UUID, command domain.Command, where domain.Context) ledger.Answer {
	c.Helper()
	return c.tell(command, domain.AccountStream(account), func(key string) (ledger.Answer, error) {
		return c.Do(c.Context(), c.request(account, command, key, where))
	})
}

func (c *chronicle) request(account uuid.UUID, command domain.Command, key string,
	where domain.Context) ledger.Request {
	return ledger.Request{Account: account, Command: command, Key: key, Context: where,
		CorrelationID: "req-" + key, Caller: c.caller()}
}

// caller is one of two people, in turn: what one proposes the other may decide.
func (c *chronicle) caller() ledger.Caller {
	return ledger.Caller{Actor: []string{"maker", "checker"}[c.asked%2], Role: domain.RoleAdmin}
}

// put asks for a registration.
func (c *chronicle) put(r domain.Registration) ledger.Answer {
	c.Helper()
	return c.tell(r, r.Stream(), func(key string) (ledger.Answer, error) {
		a, err := c.Register(c.Context(), c.registering(r, key))
		return a, errors.Join(err, c.CatchUp(c.Context()))
	})
}

func (c *chronicle) registering(r domain.Registration, key string) ledger.Registering {
	return ledger.Registering{Registration: r, Key: key, Caller: c.caller(), CorrelationID: "req-" + key}
}

// tell asks something of a stream, under a new key a second later, and remembers the answer.
func (c *chronicle) tell(what any, stream string, ask func(key string) (ledger.Answer, error)) ledger.Answer {
	c.Helper()
	c.asked++
	c.now = c.now.Add(time.Second + 123456*time.Microsecond)
	a, err := ask(fmt.Sprint("key-", c.asked))
	c.allow(what, err)
	c.refused = err
	var kinds []string
	for _, p := range a.Events {
		kind := domain.TypeOf(p.Event)
		kinds = append(kinds, kind)
		c.answered[kind] = append(c.answered[kind], answered{p, a.Account})
	}
	switch {
	case err != nil:
		c.Logf("%s %T of %s: %v", c.now.Format(time.DateTime), what, stream, err)
	case len(kinds) > 0:
		c.Logf("%s %T of %s: %s", c.now.Format(time.DateTime), what, stream, strings.Join(kinds, ", "))
	}
	return a
}

// allow fails the test unless err is no answer of the rules.
func (c *chronicle) allow(what any, err error) {
	c.Helper()
	if _, refused := errors.AsType[*domain.Refusal](err); err != nil && !refused {
		c.Fatalf("%T %+v: %v", what, what, err)
	}
}

// must is an answer that is no refusal, and holds an event of that type.
func (c *chronicle) must(kind string, a ledger.Answer) domain.Posted {
	c.Helper()
	for _, p := range a.Events {
		if domain.TypeOf(p.Event) == kind {
			return p
		}
	}
	c.Fatalf("got %+v, %v, want a %s", a.Events, c.refused, kind)
	return domain.Posted{}
}

// open opens an account.
func (c *chronicle) open(ref string) uuid.UUID {
	id := domain.AccountID(ref)
	c.ask(id, domain.OpenAccount{CustomerRef: ref}, domain.Context{})
	c.accounts = append(c.accounts, id)
	return id
}

// view is an account as it is.
func (c *chronicle) view(id uuid.UUID) ledger.View {
	c.Helper()
	v, err := c.Account(c.Context(), id)
	if err != nil {
		c.Fatal(err)
	}
	return v
}

// some is one of the accounts, as it is.
func (c *chronicle) some(r *rapid.T) ledger.View {
	return c.view(evenly(r, c.accounts, "account"))
}

// earlier is an event of a type that was answered, mostly one of the last; false where there is none.
func (c *chronicle) earlier(r *rapid.T, kinds ...string) (answered, bool) {
	var all []answered
	for _, kind := range kinds {
		all = append(all, c.answered[kind]...)
	}
	if len(all) == 0 {
		return answered{}, false
	}
	return all[len(all)-1-between(r, 0, min(len(all)-1, 7), "back")], true
}

// evenly is one of a few, each as often as any other: rapid by itself prefers the first ones.
func evenly[T any](r *rapid.T, all []T, name string) T { return all[between(r, 0, len(all)-1, name)] }

// between is a number from least to most, each as often as any other.
func between[N int | int64 | uint32](r *rapid.T, least, most N, name string) N {
	const golden = 0x9e3779b97f4a7c15 // spreads the small numbers that rapid prefers
	drawn := rapid.Uint64().Draw(r, name) * golden >> 32
	return least + N(drawn%uint64(most-least+1))
}

// owned is one of the things that accounts have, false where none has any.
func owned[T any](c *chronicle, r *rapid.T, of func(*domain.Account) []T) (owner uuid.UUID, one T, ok bool) {
	var owners []uuid.UUID
	var all []T
	for _, id := range c.accounts {
		for _, one := range of(c.view(id).Account) {
			owners, all = append(owners, id), append(all, one)
		}
	}
	if len(all) == 0 {
		return owner, one, false
	}
	n := between(r, 0, len(all)-1, "owned")
	return owners[n], all[n], true
}

// oneOf is one of a few, false where there are none.
func oneOf[T any](r *rapid.T, all []T, name string) (one T, ok bool) {
	if len(all) == 0 {
		return one, false
	}
	return evenly(r, all, name), true
}

// somewhere is the context of a request: at a till, at another's, or of no place.
func (c *chronicle) somewhere(r *rapid.T) domain.Context {
	if between(r, 0, 5, "nowhere") == 0 {
		return domain.Context{Channel: "online"}
	}
	where := domain.Context{PosTxnID: fmt.Sprint("T-", c.asked), Operator: "anna", Channel: "pos",
		Store:    evenly(r, []string{"S1", "S1", "S2", "S3"}, "store"),
		Terminal: evenly(r, []string{"T1", "T2"}, "terminal"),
		Shift:    evenly(r, []string{"", "morning", "late"}, "shift")}
	if between(r, 0, 9, "earlier") == 0 {
		where.OccurredAt = c.now.Add(-time.Duration(between(r, 1, 200, "hours")) * time.Hour)
		where.Channel = domain.ChannelOffline
	}
	return where
}

// money is an amount of yuan up to so many.
func money(r *rapid.T, most int64) domain.Money {
	return cny.Steps(between(r, 1, 100*most, "fen"))
}

var ptsUnit = domain.Unit{Code: "PTS", Kind: domain.Points}

// fromJSON reads a value of the domain from its JSON, as it is stored.
func fromJSON[T any](t testing.TB, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
