package domain

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// book is one account with its log in memory. It answers a decision's look-ups from the log's
// names, as the shell does, and after every append holds what is true of all of them: see do.
type book struct {
	testing.TB
	account  *Account
	replayed *Account // by the stored bytes alone
	log      []Posted // as decoded
	names    map[Name][]Posted
	ids      []uuid.UUID // of the operations, in their order
	now      time.Time
	context  Context
	place    Store
	program  *Program // that rules; nil: default@1
	offers   map[string]*Campaign
	key      string
	actor    string // who asks; the till, unless it is said
	asked    int
	salt     byte // tells the ids of this book from those of others

	reservations []Reservation // of budgets, for what is asked next
	exhausted    bool          // no budget has anything left
	unsettled    bool          // nobody knows whether the merge stands that absorbed the account
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func newBook(t testing.TB) *book {
	id := AccountID("C-1")
	return &book{TB: t, account: NewAccount(id), replayed: NewAccount(id), names: map[Name][]Posted{},
		now: noon, actor: "till", place: UnregisteredStore(""), salt: 1}
}

func (b *book) moment() Moment {
	m := Moment{Recorded: b.now, Decided: b.now, Seed: Seed{b.salt, 2, byte(b.asked >> 8), byte(b.asked)},
		Actor: b.actor, Role: "pos", IdempotencyKey: b.key, Context: b.context, Place: b.place,
		Program: b.program, Campaigns: func(id string) *Campaign { return b.offers[id] },
		Reservations: b.reservations, Settled: b.settled(),
		Found:      func(n Name) []Posted { return b.names[n] },
		Candidates: func(n Name) int { return len(b.names[n]) }}
	m.Decided = b.context.Instant(b.now)
	return m
}

// settled is the merge that absorbed the account: unless it is said, the survivor has taken it in.
func (b *book) settled() uuid.UUID {
	if b.account.ended == nil || b.unsettled {
		return noID
	}
	return b.account.ended.Merge
}

// do decides a command and appends its answer. A decision leaves the account as it was, and made
// again gives the same bytes; what was stored, read back, makes the same account.
func (b *book) do(c Command) ([]Posted, error) {
	b.Helper()
	b.asked++
	before := b.snapshot(b.account)
	posted, after, err := Decide(b.account, c, b.moment())
	if u := (*Unreserved)(nil); errors.As(err, &u) {
		b.reserve(u.Wanted)
		defer func() { b.reservations = nil }()
		m := b.moment()
		m.Earlier = u // what is made again below is not
		posted, after, err = Decide(b.account, c, m)
	}
	again, _, _ := Decide(b.account, c, b.moment())
	if got := b.snapshot(b.account); !bytes.Equal(got, before) {
		b.Fatalf("%T changed its account to\n%s, want\n%s", c, got, before)
	}
	if got, want := written(b, again), written(b, posted); got != want {
		b.Fatalf("%T made again posts\n%s, want\n%s", c, got, want)
	}
	if len(posted) == 0 {
		return nil, err
	}
	for i, p := range posted {
		b.append(p, posted[0].Revision+int64(i))
	}
	b.ids = append(b.ids, posted[0].Metadata.OperationID)
	b.account = b.restored(after)
	if got, want := b.snapshot(b.replayed), b.snapshot(after); !bytes.Equal(got, want) {
		b.Fatalf("%T replays to\n%s, want\n%s", c, got, want)
	}
	return posted, err
}

// reserve reserves what is wanted of budgets, as the shell does.
func (b *book) reserve(wanted []BudgetPart) {
	for i, w := range wanted {
		r := Reservation{ID: uuid.UUID{b.salt, 7, byte(b.asked), byte(i)},
			Operation: uuid.UUID{b.salt, 8, byte(b.asked)}, BudgetPart: w, At: b.now}
		if b.exhausted {
			r.Refused, r.Free = ErrBudgetExhausted, Budget{Campaign: b.offers[w.Campaign]}
			all := b.offers[w.Campaign].Terms.Budgets
			r.Free.Redeemed, r.Free.Discount = all.Redemptions, all.Discount
		}
		b.reservations = append(b.reservations, r)
	}
}

func (b *book) append(p Posted, revision int64) {
	b.Helper()
	kind, data, metadata, err := Encode(p)
	if err != nil {
		b.Fatal(err)
	}
	read, err := Decode(kind, data, metadata, revision)
	if err != nil {
		b.Fatalf("decode %s: %v\n%s", kind, err, data)
	}
	if got, want := written(b, []Posted{read}), written(b, []Posted{p}); got != want {
		b.Fatalf("%s is read back as\n%s, want\n%s", kind, got, want)
	}
	if err := b.replayed.Apply(read); err != nil {
		b.Fatalf("apply %s: %v\n%s", kind, err, data)
	}
	b.log = append(b.log, read)
	b.names[EventName(read.Metadata.EventID)] = []Posted{read}
	for _, n := range read.Uses() {
		b.names[n] = append([]Posted{read}, b.names[n]...)
	}
}

// restored is a as its snapshot brings it back: what a snapshot left out, the next decision would miss.
func (b *book) restored(a *Account) *Account {
	b.Helper()
	r, err := UnmarshalSnapshot(b.snapshot(a))
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func (b *book) snapshot(a *Account) []byte {
	b.Helper()
	s, err := a.MarshalSnapshot()
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func written(t testing.TB, posted []Posted) string {
	t.Helper()
	var s strings.Builder
	for _, p := range posted {
		kind, data, metadata, err := Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&s, "%s %s %s\n", kind, data, metadata)
	}
	return s.String()
}

// A step is what was given: something done, or the time and context of what follows.
type step func(*book)

// An ask is a command that may name what was done before.
type ask func(*book) Command

// A row is one rule: given these steps, when that is asked, then it is told so.
type row struct {
	name  string
	given []step
	when  ask
	then  string // a refusal's code, or what told says
}

func run(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			b := newBook(t)
			for _, given := range r.given {
				given(b)
			}
			posted, err := b.do(r.when(b))
			if got, want := answer(posted, err), strings.TrimSpace(r.then); got != want {
				t.Fatalf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func answer(posted []Posted, err error) string {
	var r *Refusal
	var done *Done
	switch {
	case errors.As(err, &r):
		s := string(r.Code)
		if len(r.Fields) > 0 {
			s += " " + r.Fields[0].Field
		}
		if r.Shortfall != nil {
			s += " short " + r.Shortfall.String()
		}
		return strings.TrimSpace(s + "\n" + told(posted))
	case errors.As(err, &done):
		return "done by " + TypeOf(done.Original.Event)
	case err != nil:
		return "failure: " + err.Error()
	}
	return told(posted)
}

// told prints events one a line, figures and what is particular of their type.
func told(posted []Posted) string {
	var lines []string
	for _, p := range posted {
		line := TypeOf(p.Event)
		if v, ok := p.Event.(Valued); ok {
			line += " " + v.Worth().Amount.Quantity.String() + moved(v.Worth().Moves)
		}
		lines = append(lines, line+particulars(p.Event))
	}
	return strings.Join(lines, "\n")
}

func moved(moves []Move) (s string) {
	for _, m := range moves {
		revision, _ := RevisionOf(m.Lot)
		s += fmt.Sprintf(", %s@%d", m.Class, revision)
		if !m.Amount.IsZero() {
			s += " " + m.Amount.String()
		}
		if !m.Held.IsZero() {
			s += " held " + m.Held.String()
		}
		if !m.Cost.IsZero() {
			s += "/" + m.Cost.String()
		}
	}
	return s
}

func particulars(e Event) (s string) {
	switch e := e.(type) {
	case DebitPosted:
		if !e.RemainingDue.IsZero() {
			s += ", due " + e.RemainingDue.Quantity.String()
		}
		if e.HoldFinal {
			s += ", final"
		}
	case HoldReleased:
		s += ", " + string(e.Reason)
	case ReceivableOpened:
		s += " " + e.Amount.Quantity.String()
	case ReceivableSettled:
		s += ", by " + string(e.By) + ", left " + e.Outstanding.Quantity.String()
	case DebitRefunded:
		s += ", total " + e.RefundedTotal.Quantity.String() + given(e.Reopened, e.Forfeited)
	case DebitReversed:
		s += ", before " + e.RefundedBefore.Quantity.String() + given(e.Reopened, e.Forfeited)
	case LotExpired:
		s += fmt.Sprintf(", n %d", e.N)
	case OperationDeclined:
		s += " " + string(e.Code)
	case ReferenceCancelled:
		s += " " + e.Found
	case AccountFrozen:
		s += fmt.Sprint(" ", e.Modes)
	case AccountUnfrozen:
		s += fmt.Sprint(" ", e.Modes)
	default:
		if tell := tellers[TypeOf(e)]; tell != nil && tell(e) != "" {
			s += " " + tell(e)
		}
	}
	return s
}

// tellers print what is particular of further types of event; see telling.
var tellers = map[string]func(Event) string{}

// telling has tables print what is particular of a type of event. A test file says so once:
//
//	var _ = telling(func(e TransferSent) string { return string(e.Kind) })
func telling[E Event](tell func(E) string) bool {
	var zero E
	tellers[TypeOf(zero)] = func(e Event) string { return tell(e.(E)) } // it is found by its type
	return true
}

func given(reopened []Reopened, forfeited []Forfeited) (s string) {
	for _, r := range reopened {
		s += "\n  reopened until " + r.ExpiresAt.Format(time.DateOnly)
	}
	for _, f := range forfeited {
		s += fmt.Sprintf("\n  forfeited %s %s/%s", f.Class, f.Amount, f.Cost)
	}
	return s
}

// did asks and must be answered with events.
func did(c Command) step { return didAs(func(*book) Command { return c }) }

func didAs(when ask) step {
	return func(b *book) {
		b.Helper()
		c := when(b)
		if posted, err := b.do(c); err != nil || len(posted) == 0 {
			b.Fatalf("given %#v: got %v", c, answer(posted, err))
		}
	}
}

// tried asks, whatever the answer.
func tried(c Command) step { return func(b *book) { _, _ = b.do(c) } }

func asks(c Command) ask { return func(*book) Command { return c } }

func later(d time.Duration) step { return func(b *book) { b.now = b.now.Add(d) } }

func in(c Context) step { return func(b *book) { b.context = c } }

// ruled lets a program rule what follows.
func ruled(p *Program) step { return func(b *book) { b.program = p } }

// ruledBy is ruled by a program with these terms, published as p@1.
func ruledBy(t Terms) step {
	return ruled(&Program{ID: "p", Version: 1, EffectiveFrom: noon, Terms: t.normal()})
}

// ref sets the reference of what follows; "" ends that.
func ref(n string) step { return in(Context{Store: "S1", Terminal: "T1", PosTxnID: n}) }

var opened = did(OpenAccount{CustomerRef: "C-1"})

func unit(code string) Unit {
	if u, ok := ISOUnit(code); ok {
		return u
	}
	return Unit{Code: code, Kind: Count, Scale: 0}
}

func cny(amount string) Money { return MustMoney(amount, unit("CNY")) }

// topUp sells an amount, with a bonus where one is given, under terms that edits may change.
func topUp(amount, bonus string, edits ...func(*TopUp)) TopUp {
	t := TopUp{Amount: cny(amount), TopUpTerms: DefaultTerms()}
	if bonus != "" {
		t.Bonus = cny(bonus)
	}
	for _, edit := range edits {
		edit(&t)
	}
	return t
}

func drawn(d Draw) func(*TopUp) { return func(t *TopUp) { t.Draw = d } }

// expiring lets the principal expire after a time from noon, and the bonus after another.
func expiring(principal, bonus time.Duration) func(*TopUp) {
	return func(t *TopUp) {
		if principal > 0 {
			t.ExpiresAt = noon.Add(principal)
		}
		if bonus > 0 {
			t.BonusExpiresAt = noon.Add(bonus)
		}
	}
}

func debit(amount string) Debit { return Debit{Amount: cny(amount)} }

func hold(amount string) PlaceHold { return PlaceHold{Amount: cny(amount), TTLSeconds: 600} }

// refund gives back an amount of the n-th operation of the book, from 0.
func refund(n int, amount string) ask {
	return func(b *book) Command { return Refund{DebitID: b.ids[n], Amount: cny(amount)} }
}

func capture(n int, amount string, final bool) ask {
	return func(b *book) Command {
		return CaptureHold{HoldID: b.ids[n], Amount: cny(amount), Final: final}
	}
}

func reversal(n int, cause Cause) ask {
	return func(b *book) Command { return ReverseTopUp{TopUpID: b.ids[n], Cause: cause} }
}

func void(n int) ask { return func(b *book) Command { return VoidHold{HoldID: b.ids[n]} } }

func frozen(modes ...FreezeMode) step { return did(FreezeAccount{Modes: modes, Reason: "asked"}) }

const day = 24 * time.Hour
