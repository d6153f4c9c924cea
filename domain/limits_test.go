package domain

import (
	"fmt"
	"testing"
	"time"
)

// limited is terms with these limits in yuan.
func limited(l Limits) Terms {
	l.Unit = "CNY"
	return Terms{Zone: "Asia/Shanghai", Limits: []Limits{l}}
}

func TestLimits(t *testing.T) {
	filled := []step{opened, did(topUp("100", "30"))}
	under := func(l Limits, more ...step) []step {
		return append(append(filled[:2:2], ruledBy(limited(l))), more...)
	}
	declined := func(short string) string {
		return "limit_exceeded short " + short + " CNY\nOperationDeclined limit_exceeded"
	}
	least, most := Limits{MinTopUp: cny("10")}, Limits{MaxTopUp: cny("500")}
	balance := Limits{MaxBalance: cny("200")}
	single := Limits{MaxDebit: cny("13")}
	daily := Limits{MaxDebitDay: cny("26")}
	twice := Limits{Velocity: Velocity{Count: 2, Seconds: 60}}
	old := did(topUp("50", "", expiring(day, 0)))
	took := "DebitPosted 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00"
	imported := in(Context{Channel: ChannelImport, OccurredAt: noon})
	pending := func(amount string) ask {
		return asks(topUp(amount, "", func(t *TopUp) { t.Pending = true }))
	}
	post := func(b *book) Command { return PostTopUp{TopUpID: b.ids[2]} }
	run(t, []row{
		{"least", under(least), asks(topUp("10", "")), "TopUpPosted 10.00, principal@2 10.00/10.00"},
		{"below", under(least), asks(topUp("9.99", "")), "limit_exceeded"},
		{"most", under(most), asks(topUp("500", "")), "TopUpPosted 500.00, principal@2 500.00/500.00"},
		{"above", under(most), asks(topUp("500.01", "")), "limit_exceeded short 0.01 CNY"},
		{"after a used reference", under(most, ref("7"), did(topUp("1", ""))), asks(topUp("501", "")),
			"reference_used"},
		{"another unit", under(most), asks(cut("501", "10")), "TopUpPosted 501, principal@2 501/10.00"},
		{"imported", under(most, imported), asks(topUp("501", "")),
			"TopUpPosted 501.00, principal@2 501.00/501.00"},
		{"up to the balance", under(balance), asks(topUp("70", "")),
			"TopUpPosted 70.00, principal@2 70.00/70.00"},
		{"beyond it", under(balance), asks(topUp("70.01", "")), "limit_exceeded short 0.01 CNY"},
		{"beyond it by the bonus", under(balance), asks(topUp("60", "10.01")),
			"limit_exceeded short 0.01 CNY"},
		{"beyond it before", under(Limits{MaxBalance: cny("1")}), asks(topUp("1", "")),
			"limit_exceeded short 1.00 CNY"},
		{"held value counts", under(balance, did(hold("130"))), asks(topUp("71", "")),
			"limit_exceeded short 1.00 CNY"},
		{"expired value does not", under(balance, old, later(2*day)), asks(topUp("70", "")),
			"TopUpPosted 70.00, principal@3 70.00/70.00"},
		{"a pending top-up", under(most), pending("501"), "limit_exceeded short 1.00 CNY"},
		{"as it is posted", under(balance, didAs(pending("70")), did(topUp("1", ""))), post,
			"limit_exceeded short 1.00 CNY"},

		{"a debit", under(single), asks(debit("13")), took},
		{"a larger one", under(single), asks(debit("13.01")), declined("0.01")},
		{"a larger hold", under(single), asks(hold("13.01")), declined("0.01")},
		{"after the balance", under(single), asks(debit("131")),
			"insufficient_funds short 1.00 CNY\nOperationDeclined insufficient_funds"},
		{"a part of a debit is what counts", under(Limits{MaxDebit: cny("130")}),
			asks(Debit{Amount: cny("131"), AcceptPartial: true}),
			"DebitPosted 130.00, principal@1 -100.00/-100.00, bonus@1 -30.00, due 1.00"},

		{"a day", under(daily, did(debit("13"))), asks(debit("13")), took},
		{"more in a day", under(daily, did(debit("13"))), asks(debit("13.01")), declined("0.01")},
		{"more by a hold", under(daily, did(debit("13"))), asks(hold("13.01")), declined("0.01")},
		{"a hold counts once", under(daily, did(hold("13")), didAs(capture(2, "13", true))),
			asks(debit("13")), took},
		{"what was before the limit does not", append(filled[:2:2], did(debit("26")),
			ruledBy(limited(daily))), asks(debit("26")),
			"DebitPosted 26.00, principal@1 -20.00/-20.00, bonus@1 -6.00"},
		{"a day ends at midnight there", under(daily, did(debit("26")), later(4*time.Hour-1)),
			asks(debit("0.01")), declined("0.01")},
		{"and the next begins", under(daily, did(debit("26")), later(4*time.Hour)), asks(debit("13")),
			took},
		{"a voided hold gives back", under(daily, did(hold("26")), didAs(void(2))), asks(debit("13")), took},
		{"a lapsed one does", under(daily, did(hold("26")), later(time.Hour)), asks(debit("13")), `
HoldReleased 26.00, principal@1 held -20.00, bonus@1 held -6.00, lapsed
` + took},
		{"what a capture left does", under(daily, did(hold("26")), didAs(capture(2, "13", true))),
			asks(debit("13")), took},
		{"a capture does not", under(daily, did(hold("26")), didAs(capture(2, "26", true))),
			asks(debit("0.01")), declined("0.01")},
		{"a cancelled debit does", under(daily, ref("7"), did(debit("26")), did(Cancel{}), ref("8")),
			asks(debit("13")), took},
		{"a cancelled capture does", under(daily, did(hold("26")), ref("7"),
			didAs(capture(2, "26", true)), did(Cancel{}), ref("8")), asks(debit("13")), took},
		{"a refund does not", under(daily, did(debit("26")), didAs(refund(2, "26"))), asks(debit("1")),
			declined("1.00")},
		{"what happened offline counts, and is not refused", under(daily, did(debit("13"))),
			asks(OfflineDebit{Amount: cny("26")}),
			"DebitPosted 26.00, principal@1 -20.00/-20.00, bonus@1 -6.00"},
		{"and stops the next", under(daily, did(OfflineDebit{Amount: cny("26")})), asks(debit("1")),
			declined("1.00")},

		{"two in a minute", under(twice, did(debit("1"))), asks(debit("13")), "DebitPosted 13.00, " +
			"principal@1 -10.00/-10.00, bonus@1 -3.00"},
		{"not three", under(twice, did(debit("1")), did(hold("1"))), asks(debit("1")),
			"limit_exceeded\nOperationDeclined limit_exceeded"},
		{"but a minute later", under(twice, did(debit("13")), did(hold("13")), later(time.Minute)),
			asks(debit("13")), took},
		{"a declined one does not count", under(twice, did(debit("13")), tried(debit("1000"))),
			asks(debit("13")), took},
	})
}

// TestHoldTerms: how long a hold lasts is the program's to say.
func TestHoldTerms(t *testing.T) {
	b := newBook(t)
	short := Terms{Holds: HoldTerms{DefaultSeconds: 120, MaxSeconds: 300}}
	for _, s := range []step{opened, did(topUp("100", "")), ruledBy(short)} {
		s(b)
	}
	for _, c := range []struct {
		seconds int64
		want    string
	}{{0, "2m0s"}, {300, "5m0s"}, {60, "1m0s"},
		{301, "limit_exceeded\nOperationDeclined limit_exceeded"}} {
		h := PlaceHold{Amount: cny("1"), TTLSeconds: c.seconds}
		posted, err := b.do(h)
		got := answer(posted, err)
		if err == nil {
			got = posted[0].Event.(HoldPlaced).ExpiresAt.Sub(b.now).String()
		}
		if got != c.want {
			t.Errorf("%d seconds: got %s, want %s", c.seconds, got, c.want)
		}
		differs(t, b.log[len(b.log)-1], h, Context{}, "")
	}
	e := b.log[2].Event.(HoldPlaced) // nobody asked for its time
	differs(t, b.log[2], PlaceHold{Amount: cny("1"), TTLSeconds: 120}, Context{}, "ttl_seconds")
	old := func(lasts time.Duration) Posted {
		e.TTLSeconds, e.ExpiresAt = nil, noon.Add(lasts)
		return Posted{Event: e, Metadata: b.log[2].Metadata}
	}
	differs(t, old(DefaultHoldTTL), PlaceHold{Amount: cny("1")}, Context{}, "")
	differs(t, old(time.Minute), PlaceHold{Amount: cny("1"), TTLSeconds: 60}, Context{}, "")
}

// What limits make an account remember is bounded.
func TestUsageIsBounded(t *testing.T) {
	a := NewAccount(AccountID("C-1"))
	for i := range 500 {
		at := noon.Add(time.Duration(i) * day)
		a.count(&Counted{Day: at.Format(time.DateOnly), At: at}, cny("1"))
	}
	u := a.usageOf("CNY")
	if len(a.usage) != 1 || len(u.Days) != mostCountedDays || len(u.At) != mostVelocity {
		t.Errorf("got %d units, %d days, %d instants", len(a.usage), len(u.Days), len(u.At))
	}
	if got, want := u.Days[4].Day, noon.Add(499*day).Format(time.DateOnly); got != want {
		t.Errorf("the last day is %s, want %s", got, want)
	}
	if got := fmt.Sprint(u.At[99].Equal(noon.Add(499*day)), u.At[0].Equal(noon.Add(400*day))); got != "true true" {
		t.Errorf("got instants from %s to %s", u.At[0], u.At[99])
	}
}
