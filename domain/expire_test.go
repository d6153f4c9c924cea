package domain

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestSweep(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30", expiring(2*day, day)))}
	after := func(more ...step) []step { return append(sold[:2:2], more...) }
	sweep := asks(Sweep{})
	week := did(PlaceHold{Amount: cny("65"), TTLSeconds: 604800})
	run(t, []row{
		{"nothing is due", sold, sweep, ""},
		{"no account", nil, sweep, ""},
		{"the bonus", after(later(day)), sweep, "LotExpired 30.00, bonus@1 -30.00, n 1"},
		{"both, the first first", after(later(2 * day)), sweep, `
LotExpired 30.00, bonus@1 -30.00, n 1
LotExpired 100.00, principal@1 -100.00/-100.00, n 1`},
		{"once", after(later(2*day), did(Sweep{})), sweep, ""},
		{"held value outlives", after(week, later(2*day)), sweep, `
LotExpired 15.00, bonus@1 -15.00, n 1
LotExpired 50.00, principal@1 -50.00/-50.00, n 1`},
		{"and expires when its hold lapses, however late", after(week, later(9*day)), sweep, `
LotExpired 15.00, bonus@1 -15.00, n 1
LotExpired 50.00, principal@1 -50.00/-50.00, n 1
HoldReleased 65.00, principal@1 held -50.00, bonus@1 held -15.00, lapsed
LotExpired 15.00, bonus@1 -15.00, n 2
LotExpired 50.00, principal@1 -50.00/-50.00, n 2`},
		{"and can be captured", after(week, later(2*day), did(Sweep{})), capture(2, "65", true),
			"DebitPosted 65.00, principal@1 -50.00 held -50.00/-50.00, bonus@1 -15.00 held -15.00, final"},
		{"until its hold ends", after(week, later(2*day), did(Sweep{}), didAs(void(2))), sweep, `
LotExpired 15.00, bonus@1 -15.00, n 2
LotExpired 50.00, principal@1 -50.00/-50.00, n 2`},
		{"a hold lapses first", after(did(hold("65")), later(2*day)), sweep, `
HoldReleased 65.00, principal@1 held -50.00, bonus@1 held -15.00, lapsed
LotExpired 30.00, bonus@1 -30.00, n 1
LotExpired 100.00, principal@1 -100.00/-100.00, n 1`},
		{"of two holds the first to lapse does", []step{opened, did(topUp("100", "")),
			did(PlaceHold{Amount: cny("9"), TTLSeconds: 604800}), did(hold("1")), later(7 * day)}, sweep, `
HoldReleased 1.00, principal@1 held -1.00, lapsed
HoldReleased 9.00, principal@1 held -9.00, lapsed`},
		{"the law suspends it", after(frozen(FreezeLegal), later(2*day)), sweep, ""},
		{"but not lapses", after(did(hold("65")), frozen(FreezeLegal), later(2*day)), sweep,
			"HoldReleased 65.00, principal@1 held -50.00, bonus@1 held -15.00, lapsed"},
		{"no other freeze does", after(frozen(FreezeAll), later(day)), sweep,
			"LotExpired 30.00, bonus@1 -30.00, n 1"},
	})
}

// What time brought about is dated by when it was due, however late it is written.
func TestSweptTimes(t *testing.T) {
	b := newBook(t)
	b.place = Store{ID: "S1", Zone: "Asia/Shanghai", DayCut: "00:00"}
	opened(b)
	did(topUp("100", "", expiring(day, 0)))(b)
	later(9 * day)(b)
	posted, err := b.do(Sweep{})
	if err != nil || len(posted) != 1 {
		t.Fatalf("got %s, want one event", answer(posted, err))
	}
	m, e := posted[0].Metadata, posted[0].Event.(LotExpired)
	if !m.OccurredAt.Equal(noon.Add(day)) || !m.RecordedAt.Equal(noon.Add(9*day)) || m.Skewed ||
		m.BusinessDate != "2026-03-03" || !e.ExpiredAt.Equal(noon.Add(day)) {
		t.Errorf("got %+v of %+v", m, e)
	}
}

// A sweep writes a bounded number of events; the next one goes on.
func TestSweepIsBounded(t *testing.T) {
	b := newBook(t)
	opened(b)
	did(topUp("500", ""))(b)
	for range SweepEvents + 5 {
		did(hold("1"))(b)
	}
	for range 10 {
		did(topUp("1", "", expiring(day, 0)))(b)
	}
	later(day)(b)
	for _, want := range []int{SweepEvents, 15, 0} {
		if posted, err := b.do(Sweep{}); err != nil || len(posted) != want {
			t.Fatalf("got %d events and %v, want %d", len(posted), err, want)
		}
	}
	if got := b.account.Balance("CNY", 2, b.now); got.Available.String() != "500.00" {
		t.Errorf("got %s available, want 500.00", got.Available)
	}
}

func TestBalance(t *testing.T) {
	b := newBook(t)
	opened(b)
	did(topUp("100", "30", expiring(0, day)))(b)
	did(hold("13"))(b)
	in(Context{Channel: ChannelImport, OccurredAt: noon.Add(3 * day)})(b)
	did(topUp("7", ""))(b)
	for _, c := range []struct {
		at   time.Duration
		want string // total, available, held, pending, expired unposted
	}{
		{0, "137.00 117.00 13.00 7.00 0.00"},
		{600 * time.Second, "137.00 130.00 0.00 7.00 0.00"},
		{day, "137.00 100.00 0.00 7.00 30.00"},
		{3 * day, "137.00 107.00 0.00 0.00 30.00"},
	} {
		v := b.account.Balance("CNY", 2, noon.Add(c.at))
		got := v.Total.String() + " " + v.Available.String() + " " + v.Held.String() + " " +
			v.Pending.String() + " " + v.ExpiredUnposted.String()
		if got != c.want {
			t.Errorf("at %s: got %s, want %s", c.at, got, c.want)
		}
	}
	if got := b.account.Balance("JPY", 0, noon).Total.String(); got != "0" {
		t.Errorf("got %s of a unit it never had, want 0", got)
	}
	got := b.account.Balances(noon)
	if len(got) != 1 || got[0].ByClass[Principal].String() != "107.00" {
		t.Errorf("got %v, want one unit with 107.00 of principal", got)
	}
}

// A sweep that comes late writes what sweeps in time write, in the same order and with the same figures,
// whatever is held, expires, is to be reminded of, or sleeps.
func TestLateSweep(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		intime, late := newSwept(t, r), newSwept(t, r)
		var given []func([]uuid.UUID) Command
		for range rapid.IntRange(1, 10).Draw(r, "commands") {
			given = append(given, drawSwept(r))
		}
		for _, b := range []*sweptBook{intime, late} {
			reminding([]int{9, 5, 2}, []int{3, 8})(b.book)
			opened(b.book)
			for _, c := range given {
				b.now = b.now.Add(time.Hour)
				b.ask(c)
			}
		}
		intime.sweepUntil(noon.Add(40 * day))
		late.now = intime.now
		for posted := []Posted{{}}; len(posted) > 0; {
			posted, _ = late.do(Sweep{})
		}
		if got, want := late.told(), intime.told(); got != want {
			r.Fatalf("late:\n%s\nin time:\n%s", got, want)
		}
	})
}

var balanceLeft = regexp.MustCompile(`"balance":\{"unit":[^{]*"by_class":[^}]*\}\}`)

// told is all that a book's events say but when they were recorded, and the balance then; what a lapsed
// hold's value settled is settled when that is recorded.
func (b *book) told() string {
	var all strings.Builder
	for _, p := range b.log {
		_, data, _, err := Encode(p)
		if err != nil {
			b.Fatal(err)
		}
		at := p.Metadata.OccurredAt
		switch p.Event.(type) {
		case ReceivableSettled, CreditRevoked:
			at = time.Time{}
		}
		fmt.Fprintln(&all, p.Revision, TypeOf(p.Event), at,
			balanceLeft.ReplaceAllString(string(data), ""))
	}
	return all.String()
}
