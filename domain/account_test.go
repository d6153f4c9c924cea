package domain

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// No sequence of commands creates or destroys value, overdraws, gives back more than was taken, or
// leaves a state that its stored events do not make again. What book.do holds of every command
// holds here too.
func TestAccountProperties(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := newMachine(t)
		m.TB = fatal{t, r}
		opened(m.book)
		if rapid.Bool().Draw(r, "under a program") {
			ruledBy(everyRule())(m.book)
		}
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			m.now = m.now.Add(rapid.SampledFrom([]time.Duration{0, time.Minute, 11 * time.Minute, 20 * day}).
				Draw(r, "pass"))
			m.context = m.drawContext(r)
			m.step(r, m.draw(r))
		}
		m.reload()
	})
}

// everyRule are terms in which something of everything is.
func everyRule() Terms {
	return Terms{
		Zone: "Asia/Shanghai", Draw: BonusFirst,
		Ladder: []LadderStep{
			{ID: "s", From: cny("0"), Percent: percent("12.5"), Cap: cny("9")},
			fixed("m", "5", "3", func(s *LadderStep) { s.PerCustomer = 2 }),
		},
		Cashback: []CashbackRule{{ID: "c", Unit: "CNY", Percent: percent("3")}},
		Expiry:   map[Class]Expiry{Principal: {Days: 30}, Bonus: {EndOf: "month"}, Cashback: {Months: 1}},
		Holds:    HoldTerms{DefaultSeconds: 120, MaxSeconds: 600},
		Limits: []Limits{{Unit: "CNY", MaxTopUp: cny("100000"), MaxBalance: cny("200000"),
			MaxDebit: cny("50000"), MaxDebitDay: cny("60000"), Velocity: Velocity{Count: 5, Seconds: 60}}},
	}
}

// fatal lets a book's failures shrink.
type fatal struct {
	testing.TB
	r *rapid.T
}

func (f fatal) Fatalf(format string, args ...any) { f.r.Fatalf(format, args...) }
func (f fatal) Fatal(args ...any)                 { f.r.Fatal(args...) }
func (f fatal) Helper()                           {}

// machine keeps its own books, by what each type of event means, from the stored JSON alone.
type machine struct {
	*book
	books  map[string]*ledgerOf // by unit
	debits map[uuid.UUID]*taken
}

// ledgerOf is a unit's value and cost, in smallest steps.
type ledgerOf struct{ value, held, cost, sold, lost big.Int }

// taken is what a debit took, and what of it came back.
type taken struct{ value, cost, back, costBack big.Int }

func newMachine(t testing.TB) *machine {
	return &machine{book: newBook(t), books: map[string]*ledgerOf{}, debits: map[uuid.UUID]*taken{}}
}

func (m *machine) drawContext(r *rapid.T) Context {
	c := Context{Store: rapid.SampledFrom([]string{"", "S1", "S2"}).Draw(r, "store")}
	if rapid.IntRange(0, 2).Draw(r, "named") == 0 {
		c.PosTxnID = rapid.StringMatching("[1-5]").Draw(r, "pos_txn_id")
	}
	return c
}

func (m *machine) id(r *rapid.T) uuid.UUID {
	return rapid.SampledFrom(append(m.ids, newID(3, Seed{7}, 0))).Draw(r, "id")
}

func (m *machine) draw(r *rapid.T) Command {
	u := unit(rapid.SampledFrom([]string{"CNY", "CNY", "CNY", "JPY", "CUT"}).Draw(r, "unit"))
	amount := Money{unit: u.Code, Quantity: fromMinor(
		big.NewInt(rapid.Int64Range(1, 20000).Draw(r, "minor")), u.Scale)}
	switch rapid.SampledFrom([]string{"top-up", "top-up", "top-up", "debit", "debit", "debit", "debit",
		"hold",
		"hold", "capture", "capture", "void", "refund", "refund", "refund", "cancel", "cancel", "reverse",
		"grant",
		"freeze", "unfreeze", "unfreeze", "sweep", "post", "fail", "write off"}).Draw(r, "kind") {
	case "debit":
		if rapid.IntRange(0, 4).Draw(r, "offline") == 0 {
			return OfflineDebit{Amount: amount}
		}
		return Debit{Amount: amount, AcceptPartial: rapid.Bool().Draw(r, "partial")}
	case "hold":
		return PlaceHold{Amount: amount, TTLSeconds: rapid.SampledFrom([]int64{60, 600, 604800}).Draw(r,
			"ttl")}
	case "capture":
		c := CaptureHold{HoldID: m.id(r), Amount: amount, Final: rapid.Bool().Draw(r, "final")}
		if len(m.account.holds) > 0 && rapid.IntRange(0, 4).Draw(r, "aimed") > 0 {
			h := rapid.SampledFrom(m.account.holds).Draw(r, "hold")
			c.HoldID, c.Amount = h.ID, m.part(r, h.Left())
		}
		return c
	case "void":
		return VoidHold{HoldID: m.id(r)}
	case "refund":
		id := m.id(r)
		if found := m.names[EventName(id)]; len(found) > 0 {
			if e, ok := found[0].Event.(DebitPosted); ok {
				amount = m.part(r, e.Amount)
			}
		}
		return Refund{DebitID: id, Amount: amount}
	case "cancel":
		return Cancel{}
	case "reverse":
		return ReverseTopUp{TopUpID: m.id(r), Cause: rapid.SampledFrom([]Cause{CauseError,
			CauseChargeback}).Draw(r, "cause")}
	case "grant":
		cost := Money{unit: "CNY", Quantity: fromMinor(big.NewInt(rapid.Int64Range(0, 9999).Draw(r,
			"cost")), 2)}
		if u.Code == "JPY" {
			cost = amount
		}
		return GrantCredit{Amount: amount, Cost: cost, Cause: CauseOpeningBalance,
			Class: rapid.SampledFrom(classOrder[:6]).Draw(r, "class"), ExpiresAt: m.expiry(r)}
	case "freeze":
		return FreezeAccount{Modes: []FreezeMode{rapid.SampledFrom(freezeModes).Draw(r, "mode")},
			Reason: "x",
			Until:  m.now.Add(time.Hour)}
	case "unfreeze":
		return UnfreezeAccount{Reason: "x"}
	case "sweep":
		return Sweep{}
	case "post":
		return PostTopUp{TopUpID: m.waiting(r)}
	case "write off":
		w := WriteOff{ReceivableID: m.id(r), Reason: "x"}
		if len(m.account.receivables) > 0 {
			w.ReceivableID = m.account.receivables[0].ID
		}
		return w
	case "fail":
		return FailTopUp{TopUpID: m.waiting(r)}
	}
	return m.topUp(r, u, amount)
}

func (m *machine) part(r *rapid.T, of Money) Money {
	n := rapid.Int64Range(1, max(1, of.minor().Int64())).Draw(r, "part")
	return of.With(fromMinor(big.NewInt(n), of.Scale()))
}

func (m *machine) expiry(r *rapid.T) time.Time {
	if days := rapid.SampledFrom([]int{0, 0, 1, 30}).Draw(r, "expires"); days > 0 {
		return m.now.AddDate(0, 0, days)
	}
	return time.Time{}
}

// waiting is a top-up, pending if there is one.
func (m *machine) waiting(r *rapid.T) uuid.UUID {
	if len(m.account.pending) > 0 {
		return rapid.SampledFrom(m.account.pending).Draw(r, "pending").ID
	}
	return m.id(r)
}

func (m *machine) topUp(r *rapid.T, u Unit, amount Money) TopUp {
	t := TopUp{Amount: amount, TopUpTerms: DefaultTerms()}
	t.Draw = rapid.SampledFrom(draws).Draw(r, "draw")
	t.Priority = rapid.SampledFrom([]int{0, 50, 50, 100}).Draw(r, "priority")
	t.ExpiresAt = m.expiry(r)
	if rapid.Bool().Draw(r, "scoped") {
		t.Scope.Stores = []string{"S1"}
	}
	if rapid.Bool().Draw(r, "with bonus") {
		t.Bonus, t.BonusExpiresAt = m.part(r, amount), m.expiry(r)
	}
	t.Pending = rapid.IntRange(0, 3).Draw(r, "pending") == 0
	if u.Kind == Count {
		t.Payments = []Payment{{Method: "cash", Amount: cny("99.97")}}
	}
	return t
}

func (m *machine) step(r *rapid.T, c Command) {
	posted, err := m.do(c)
	var refused *Refusal
	var done *Done
	var moved *Moved
	if err != nil && !errors.As(err, &refused) && !errors.As(err, &done) && !errors.As(err, &moved) {
		r.Fatalf("%#v: %v", c, err)
	}
	if err == nil && len(posted) > 0 {
		if got := Differing(m.log[len(m.log)-len(posted)+opening(posted)], c, m.context); len(got) > 0 &&
			!slices.Contains([]Operation{OpExpire, OpReceive, OpReturn, OpCharge}, c.Operation()) {
			r.Fatalf("%#v: repeated, it differs in %s", c, got)
		}
	}
	m.enterAll(posted)
}

// enterAll books what was just stored, and holds what must always be true.
func (m *machine) enterAll(posted []Posted) {
	m.Helper()
	for _, p := range m.log[len(m.log)-len(posted):] {
		m.enter(p)
	}
	m.check()
}

func opening(posted []Posted) int {
	for i, p := range posted {
		if p.Metadata.EventID == p.Metadata.OperationID {
			return i
		}
	}
	return 0
}

// enter books a stored event by what its type means.
func (m *machine) enter(p Posted) {
	v, ok := p.Event.(Valued)
	if !ok {
		return
	}
	w := v.Worth()
	l := m.books[w.Amount.Unit()]
	if l == nil {
		l = &ledgerOf{}
		m.books[w.Amount.Unit()] = l
	}
	var cost big.Int
	for _, move := range w.Moves {
		cost.Add(&cost, move.Cost.minor())
	}
	x := w.Amount.minor()
	l.cost.Add(&l.cost, &cost)
	switch e := p.Event.(type) {
	case TopUpPosted, CreditGranted, TransferReceived, LotExtended, PointsEarned:
		l.value.Add(&l.value, x)
	case PointsRestored:
		for _, f := range e.Forfeited {
			x.Sub(x, f.Amount.minor())
		}
		l.value.Add(&l.value, x)
	case TransferReturned:
		l.value.Add(&l.value, x)
		l.lost.Sub(&l.lost, &cost)
	case AdjustmentApproved:
		if e.Direction == DirectionCredit {
			l.value.Add(&l.value, x)
		} else {
			l.value.Sub(&l.value, x)
			l.lost.Sub(&l.lost, &cost)
		}
	case DebitPosted:
		l.value.Sub(&l.value, x)
		l.sold.Sub(&l.sold, &cost)
		if e.HoldID != noID {
			l.held.Sub(&l.held, x)
		}
		m.debits[e.DebitID] = &taken{value: *x, cost: *new(big.Int).Neg(&cost)}
	case DebitRefunded:
		m.gaveBack(l, e.DebitID, x, &cost, e.Forfeited)
	case DebitReversed:
		m.gaveBack(l, e.DebitID, x, &cost, e.Forfeited)
	case HoldPlaced, WithdrawalRequested:
		l.held.Add(&l.held, x)
	case HoldReleased, WithdrawalRejected, WithdrawalFailed:
		l.held.Sub(&l.held, x)
	case WithdrawalPaidOut:
		l.value.Sub(&l.value, x)
		l.held.Sub(&l.held, x)
		l.lost.Sub(&l.lost, &cost)
	default: // expired, reversed, revoked, settled
		if len(w.Moves) == 0 {
			break // written off: the account has nothing less
		}
		l.value.Sub(&l.value, x)
		l.lost.Sub(&l.lost, &cost)
	}
}

func (m *machine) gaveBack(l *ledgerOf, debit uuid.UUID, x, cost *big.Int, forfeited []Forfeited) {
	restored, returned := new(big.Int).Set(x), new(big.Int).Set(cost)
	for _, f := range forfeited {
		restored.Sub(restored, f.Amount.minor())
		returned.Add(returned, f.Cost.minor())
	}
	l.value.Add(&l.value, restored)
	l.sold.Sub(&l.sold, cost)
	d := m.debits[debit]
	d.back.Add(&d.back, x)
	d.costBack.Add(&d.costBack, returned)
}

func (m *machine) check() {
	m.Helper()
	for _, d := range m.debits {
		all := d.back.Cmp(&d.value)
		if all > 0 || d.costBack.Cmp(&d.cost) > 0 || all == 0 && d.costBack.Cmp(&d.cost) != 0 {
			m.Fatalf("a debit of %s (cost %s) gave back %s (%s)", &d.value, &d.cost, &d.back, &d.costBack)
		}
	}
	costs, held := map[string]*big.Int{}, map[string]*big.Int{}
	for _, l := range m.account.lots {
		if l.Remaining.IsZero() && !l.CostLeft.IsZero() || l.Consumed.Add(l.Remaining).Cmp(l.Face) > 0 {
			m.Fatalf("lot %+v", l)
		}
		if costs[l.Unit] == nil {
			costs[l.Unit], held[l.Unit] = new(big.Int), new(big.Int)
		}
		held[l.Unit].Add(held[l.Unit], l.Held.minor())
		costs[l.Unit].Add(costs[l.Unit], l.CostLeft.minor())
	}
	for _, b := range m.account.Balances(m.now) {
		l := m.books[b.Unit]
		parts := b.Available.Add(b.Held).Add(b.Pending).Add(b.ExpiredUnposted)
		classes := b.Total.Zero()
		for _, c := range b.ByClass {
			classes = classes.Add(c)
		}
		if b.Total.minor().Cmp(&l.value) != 0 || !parts.Equal(b.Total) || !classes.Equal(b.Total) ||
			b.Available.IsNegative() || b.Held.IsNegative() || b.Pending.IsNegative() ||
			b.ExpiredUnposted.IsNegative() || costs[b.Unit].Cmp(&l.cost) != 0 {
			m.Fatalf("balance %+v for booked %s, cost %s for booked %s", b, &l.value, costs[b.Unit], &l.cost)
		}
		if pinned := held[b.Unit]; pinned.Cmp(&l.held) != 0 {
			m.Fatalf("%s held for booked %s", pinned, &l.held)
		}
	}
	m.moves()
}

// moves rebuilds the lots from the stored JSON of moves alone.
func (m *machine) moves() {
	m.Helper()
	remaining, held := map[uuid.UUID]Quantity{}, map[uuid.UUID]Quantity{}
	for _, p := range m.log {
		_, data, _, _ := Encode(p)
		var v struct{ Moves []Move }
		if err := json.Unmarshal(data, &v); err != nil {
			m.Fatal(err)
		}
		for _, move := range v.Moves {
			remaining[move.Lot] = remaining[move.Lot].Add(move.Amount)
			held[move.Lot] = held[move.Lot].Add(move.Held)
		}
	}
	for _, l := range m.account.lots {
		if !remaining[l.ID].Equal(l.Remaining) || !held[l.ID].Equal(l.Held) {
			m.Fatalf("moves leave %s and %s held, want %+v", remaining[l.ID], held[l.ID], l)
		}
	}
}

// reload replays the log with a snapshot in the middle.
func (m *machine) reload() {
	a := NewAccount(m.account.ID())
	for i, p := range m.log {
		if i == len(m.log)/2 {
			var err error
			if a, err = UnmarshalSnapshot(m.snapshot(a)); err != nil {
				m.Fatal(err)
			}
		}
		if err := a.Apply(p); err != nil {
			m.Fatalf("apply %+v: %v", p, err)
		}
	}
	if got, want := m.snapshot(a), m.snapshot(m.account); !bytes.Equal(got, want) {
		m.Fatalf("a snapshot on the way leaves\n%s, want\n%s", got, want)
	}
}
