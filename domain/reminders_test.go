package domain

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

var (
	_ = telling(func(e LotExpiring) string {
		return fmt.Sprintf("%s %s, %d days before", e.Class, e.Remaining.Quantity, e.Step)
	})
	_ = telling(func(e AccountDormant) string { return fmt.Sprint(e.Step, " days ", e.Balance) })
	_ = telling(func(e AccountReactivated) string { return fmt.Sprint(e.Step, " days ", e.Balance) })
)

// reminding is a program with both ladders.
func reminding(reminders, dormancy []int) step {
	p := defaultProgram
	p.ID, p.Version = "reminding", 1
	p.Terms.Reminders, p.Terms.Dormancy = reminders, dormancy
	return ruled(&p)
}

func TestReminders(t *testing.T) {
	sold := []step{reminding([]int{7, 1}, nil), opened, did(topUp("100", "30", expiring(10*day, 5*day)))}
	after := func(more ...step) []step { return append(sold[:3:3], more...) }
	sweep, swept := asks(Sweep{}), did(Sweep{})
	run(t, []row{
		{"none is due", after(later(3*day - 1)), sweep, ""},
		{"the first step", after(later(3 * day)), sweep,
			"LotExpiring principal 100.00, 7 days before"},
		{"once", after(later(3*day), swept), sweep, ""},
		{"late, each as of its day", after(later(9 * day)), sweep, `
LotExpiring principal 100.00, 7 days before
LotExpiring bonus 30.00, 1 days before
LotExpired 30.00, bonus@1 -30.00, n 1
LotExpiring principal 100.00, 1 days before`},
		{"before what changes the lot", after(later(3*day + 1)), asks(debit("13")), `
LotExpiring principal 100.00, 7 days before
DebitPosted 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00`},
		{"not before that is refused", after(later(3*day + 1)), asks(PlaceHold{Amount: cny("1"), TTLSeconds: 59}),
			"malformed ttl_seconds"},
		{"with a refusal that is remembered", after(later(3*day + 1)), asks(debit("131")), `
insufficient_funds short 1.00 CNY
LotExpiring principal 100.00, 7 days before
OperationDeclined insufficient_funds`},
		{"held value counts", after(did(PlaceHold{Amount: cny("130"), TTLSeconds: 604800}),
			later(3*day)), sweep, "LotExpiring principal 100.00, 7 days before"},
		{"an empty lot has none", after(did(debit("130")), later(9*day)), sweep, ""},
		{"what was due while it was empty is not made up for", after(did(debit("130")), later(3*day),
			didAs(refund(2, "130"))), sweep, ""},
		{"but what comes later is", after(did(debit("130")), later(3*day), didAs(refund(2, "130")),
			later(6*day)), sweep, `
LotExpiring bonus 30.00, 1 days before
LotExpired 30.00, bonus@1 -30.00, n 1
LotExpiring principal 100.00, 1 days before`},
		{"a step before the sale is none", []step{reminding([]int{10, 3}, nil), opened,
			did(topUp("1", "", expiring(10*day, 0))), later(9 * day)}, sweep,
			"LotExpiring principal 1.00, 3 days before"},
		{"a lot that opens again has them again", []step{reminding([]int{7}, nil), opened,
			did(topUp("9", "", expiring(10*day, 0))), did(debit("9")), later(10 * day),
			didAs(refund(2, "9")), later(23 * day)}, sweep, "LotExpiring principal 9.00, 7 days before"},
		{"the ladder is the one of the sale", after(reminding(nil, nil), later(3*day)), sweep,
			"LotExpiring principal 100.00, 7 days before"},
		{"what was sold without has none", []step{opened, did(topUp("1", "", expiring(10*day, 0))),
			reminding([]int{7}, nil), later(9 * day)}, sweep, ""},
		{"whatever is frozen", after(frozen(FreezeLegal), later(3*day)), sweep,
			"LotExpiring principal 100.00, 7 days before"},
		{"a hold that had lapsed comes first", after(did(hold("26")), didAs(reversal(1, CauseChargeback)),
			did(topUp("1", "", expiring(9*day, 0))), later(3*day)), sweep, `
HoldReleased 26.00, principal@1 held -20.00, bonus@1 held -6.00, lapsed
ReceivableSettled 19.00, principal@1 -19.00/-19.00, by release, left 0.00
CreditRevoked 6.00, bonus@1 -6.00
LotExpiring principal 1.00, 7 days before`},
	})
}

func TestDormancy(t *testing.T) {
	used := []step{reminding(nil, []int{30, 60}), opened, did(topUp("100", "30", expiring(0, 45*day))),
		later(day), did(debit("13"))}
	after := func(more ...step) []step { return append(used[:5:5], more...) }
	sweep, swept := asks(Sweep{}), did(Sweep{})
	run(t, []row{
		{"not yet", after(later(30*day - 1)), sweep, ""},
		{"the first step", after(later(30 * day)), sweep, "AccountDormant 30 days map[CNY:117.00]"},
		{"once", after(later(30*day), swept), sweep, ""},
		{"the next step, without what expired", after(later(30*day), swept, later(30*day)), sweep, `
LotExpired 27.00, bonus@1 -27.00, n 1
AccountDormant 60 days map[CNY:90.00]`},
		{"late, each with what it had then", after(later(90 * day)), sweep, `
AccountDormant 30 days map[CNY:117.00]
LotExpired 27.00, bonus@1 -27.00, n 1
AccountDormant 60 days map[CNY:90.00]`},
		{"a debit wakes", after(later(30*day), swept, later(day)), asks(debit("13")), `
DebitPosted 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00
AccountReactivated 30 days map[CNY:104.00]`},
		{"late, it was dormant all the same", after(later(31 * day)), asks(debit("13")), `
AccountDormant 30 days map[CNY:117.00]
DebitPosted 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00
AccountReactivated 30 days map[CNY:104.00]`},
		{"a top-up wakes", after(later(30*day), swept), asks(topUp("1", "")), `
TopUpPosted 1.00, principal@4 1.00/1.00
AccountReactivated 30 days map[CNY:118.00]`},
		{"a hold wakes", after(later(30*day), swept), asks(hold("13")), `
HoldPlaced 13.00, principal@1 held 10.00, bonus@1 held 3.00
AccountReactivated 30 days map[CNY:117.00]`},
		{"a refund wakes", after(later(30*day), swept), refund(2, "13"), `
DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 13.00
AccountReactivated 30 days map[CNY:130.00]`},
		{"a freeze does not", after(later(30*day), swept), asks(FreezeAccount{
			Modes: []FreezeMode{FreezeAll}, Reason: "x"}), "AccountFrozen [all]"},
		{"a pending top-up does not", after(later(30*day), swept), asks(initiated("1", "")),
			"TopUpInitiated 1.00"},
		{"what is declined does not", after(later(30*day), swept), asks(debit("999")), `
insufficient_funds short 882.00 CNY
OperationDeclined insufficient_funds`},
		{"again, after it woke", after(later(30*day), swept, did(debit("13")), later(30*day)), sweep, `
LotExpired 24.00, bonus@1 -24.00, n 1
AccountDormant 30 days map[CNY:80.00]`},
		{"an account that was never used is not", []step{reminding(nil, []int{30}), opened,
			later(90 * day)}, sweep, ""},
		{"an import passes over gaps", after(later(40*day), in(Context{Channel: ChannelImport,
			OccurredAt: noon.Add(35 * day)})), asks(debit("13")),
			"DebitPosted 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00"},
		{"and counts from when it happened", after(in(Context{Channel: ChannelImport,
			OccurredAt: noon.Add(20 * day)}), later(25*day), did(debit("13")), in(Context{}),
			later(24*day+1)), sweep,
			"LotExpired 24.00, bonus@1 -24.00, n 1\nAccountDormant 30 days map[CNY:80.00]"},
	})
}

// What the service does by itself is no activity, but for what it imports.
func TestActivity(t *testing.T) {
	at := noon.Add(-time.Hour)
	for _, c := range []struct {
		what string
		e    Event
		m    Metadata
		want time.Time
	}{
		{"a debit", DebitPosted{}, Metadata{OccurredAt: at, RecordedAt: noon}, at},
		{"a capture", DebitPosted{HoldID: uuid.New()}, Metadata{OccurredAt: at, RecordedAt: noon}, at},
		{"of the future", DebitPosted{}, Metadata{OccurredAt: noon.Add(1), RecordedAt: noon}, noon},
		{"skewed", DebitPosted{}, Metadata{OccurredAt: at, RecordedAt: noon, Skewed: true}, noon},
		{"the service's", DebitPosted{}, Metadata{OccurredAt: at, RecordedAt: noon,
			Actor: SystemActor}, time.Time{}},
		{"a standing charge", DebitPosted{MandateID: uuid.New()}, Metadata{OccurredAt: at,
			RecordedAt: noon}, time.Time{}},
		{"imported", DebitPosted{}, Metadata{OccurredAt: at, RecordedAt: noon, Actor: SystemActor,
			Channel: ChannelImport}, at},
		{"an expiry", LotExpired{}, Metadata{OccurredAt: at, RecordedAt: noon}, time.Time{}},
		{"a cancel", DebitReversed{}, Metadata{OccurredAt: at, RecordedAt: noon}, time.Time{}},
	} {
		if got, ok := Activity(c.e, &c.m); !got.Equal(c.want) || ok == c.want.IsZero() {
			t.Errorf("%s: got %s, %t, want %s", c.what, got, ok, c.want)
		}
	}
}

// Reminders are dated by when they were due.
func TestRemindedTimes(t *testing.T) {
	b := newBook(t)
	for _, s := range []step{reminding([]int{7}, []int{5}), opened,
		did(topUp("1", "", expiring(10*day, 0))), later(9 * day)} {
		s(b)
	}
	posted, err := b.do(Sweep{})
	if err != nil || len(posted) != 2 {
		t.Fatalf("got %s, want two reminders", answer(posted, err))
	}
	for i, want := range []time.Time{noon.Add(3 * day), noon.Add(5 * day)} {
		if m := posted[i].Metadata; !m.OccurredAt.Equal(want) || !m.RecordedAt.Equal(noon.Add(9*day)) {
			t.Errorf("got %+v, want it at %s", m, want)
		}
	}
}

// One sweep writes a bounded number of reminders; the next one goes on.
func TestUpkeepIsBounded(t *testing.T) {
	b := newBook(t)
	reminding([]int{7}, nil)(b)
	opened(b)
	for range SweepEvents + 5 {
		did(topUp("1", "", expiring(10*day, 0)))(b)
	}
	later(5 * day)(b)
	for _, want := range []int{SweepEvents, 5, 0} {
		if posted, err := b.do(Sweep{}); err != nil || len(posted) != want {
			t.Fatalf("got %d events and %v, want %d", len(posted), err, want)
		}
	}
}

// Sweeping at any instants, or at none but the last, ends in the same reminders, as of the same
// instants and with the same figures, as sweeping whenever something is due.
func TestSweepsCatchUp(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		intime, late := newSwept(t, r), newSwept(t, r)
		ladder := func(name string) []int {
			all := rapid.SliceOfNDistinct(rapid.IntRange(1, 9), 0, 3, rapid.ID).Draw(r, name)
			slices.Sort(all)
			return all
		}
		reminders := ladder("reminders")
		slices.Reverse(reminders)
		rules := reminding(reminders, ladder("dormancy"))
		for _, b := range []*sweptBook{intime, late} {
			rules(b.book)
			opened(b.book)
		}
		for range rapid.IntRange(1, 15).Draw(r, "steps") {
			pass := time.Duration(rapid.IntRange(0, 100).Draw(r, "pass")) * time.Hour
			intime.sweepUntil(late.now.Add(pass))
			late.now = late.now.Add(pass)
			if rapid.IntRange(0, 3).Draw(r, "sweep") == 0 {
				_, _ = late.do(Sweep{})
			}
			c := drawSwept(r)
			intime.ask(c)
			late.ask(c)
		}
		intime.sweepUntil(late.now.Add(20 * day))
		late.now = intime.now
		for posted := []Posted{{}}; len(posted) > 0; {
			posted, _ = late.do(Sweep{})
		}
		if got, want := late.reminders(), intime.reminders(); !slices.Equal(got, want) {
			r.Fatalf("late:\n%q\nin time:\n%q", got, want)
		}
	})
}

// sweptBook is a book that knows its operations whatever was swept between them.
type sweptBook struct {
	*book
	asked []uuid.UUID
}

func newSwept(t *testing.T, r *rapid.T) *sweptBook {
	b := &sweptBook{book: newBook(t)}
	b.TB = fatal{t, r}
	return b
}

// drawSwept is a command by the ids of the operations before it.
func drawSwept(r *rapid.T) func([]uuid.UUID) Command {
	n := rapid.IntRange(0, 20).Draw(r, "n")
	of := func(ids []uuid.UUID) uuid.UUID { return append(ids, noID)[n%(len(ids)+1)] }
	amount := Money{unit: "CNY", Quantity: fromSteps(int64(rapid.IntRange(1, 9).Draw(r, "yuan"))*100, 2)}
	switch rapid.IntRange(0, 7).Draw(r, "kind") {
	case 0:
		return func([]uuid.UUID) Command { return Debit{Amount: amount, AcceptPartial: true} }
	case 1:
		return func([]uuid.UUID) Command { return PlaceHold{Amount: amount, TTLSeconds: 86400} }
	case 2:
		return func(ids []uuid.UUID) Command { return Refund{DebitID: of(ids), Amount: amount} }
	case 3:
		return func(ids []uuid.UUID) Command { return CaptureHold{HoldID: of(ids), Amount: amount} }
	case 4:
		return func(ids []uuid.UUID) Command {
			return ReverseTopUp{TopUpID: of(ids), Cause: CauseChargeback}
		}
	}
	t := TopUp{Amount: amount, TopUpTerms: DefaultTerms()}
	t.ExpiresAt = noon.Add(time.Duration(rapid.IntRange(1, 60).Draw(r, "expires")) * 12 * time.Hour)
	return func([]uuid.UUID) Command { return t }
}

func (b *sweptBook) ask(c func([]uuid.UUID) Command) {
	posted, _ := b.do(c(b.asked))
	id := noID
	if len(posted) > 0 {
		id = posted[0].Metadata.OperationID
	}
	b.asked = append(b.asked, id)
}

// sweepUntil sweeps at each instant at which something is due, until then.
func (b *sweptBook) sweepUntil(end time.Time) {
	for {
		next := end
		for _, at := range b.dues() {
			if at.After(b.now) && at.Before(next) {
				next = at
			}
		}
		b.now = next
		_, _ = b.do(Sweep{})
		if next.Equal(end) {
			return
		}
	}
}

func (b *sweptBook) dues() []time.Time {
	a := b.account
	dues := []time.Time{a.remindAt,
		NextDormancy(b.program.Terms.Dormancy, a.dormancy.Step, a.dormancy.ActiveAt)}
	for _, h := range a.holds {
		dues = append(dues, h.ExpiresAt)
	}
	for _, l := range a.lots {
		dues = append(dues, l.ExpiresAt)
	}
	return dues
}

// reminders are the reminders of a book in their order, with lots by their place: their ids carry
// revisions, which sweeps move.
func (b *sweptBook) reminders() (all []string) {
	for _, p := range b.log {
		text := ""
		switch e := p.Event.(type) {
		case LotExpiring:
			i, _ := b.account.lotIndex(e.Lot)
			text = fmt.Sprint(i, " ", e.Remaining, " ", e.Step)
		case AccountDormant:
			text = fmt.Sprint(e.Since, e.Step, e.Balance)
		case AccountReactivated:
			text = fmt.Sprint(e.Since, e.Step, e.Balance)
		default:
			continue
		}
		all = append(all, TypeOf(p.Event)+" "+text+" "+p.Metadata.OccurredAt.String())
	}
	return all
}
