package domain

import (
	"fmt"
	"testing"
	"time"
)

// averaging are the metals' tiers, by what is there on average.
func averaging(w TierWindow, edits ...func(*TierRules)) *TierRules {
	return metals(w, append(edits, func(r *TierRules) { r.Metric = MetricAverage })...)
}

// clock sets the time of what follows: a day, its hour in UTC.
func clock(day string, hour int) step {
	return func(b *book) { b.now = dayOf(day).Add(time.Duration(hour) * time.Hour) }
}

var (
	monthly = TierWindow{Kind: WindowCalendar, Of: "month"}
	tenDays = TierWindow{Kind: WindowRolling, Days: 10}
)

// holding is an account under an average since 1 April 2026, a Wednesday, with so much on it.
func holding(r *TierRules, amount string, more ...step) []step {
	given := []step{tiered(r), clock("2026-04-01", 9), opened}
	if amount != "" {
		given = append(given, did(topUp(amount, "")))
	}
	return append(given, more...)
}

func TestAverageReached(t *testing.T) {
	sweep := asks(Sweep{})
	thirds := averaging(TierWindow{Kind: WindowRolling, Days: 3}, func(r *TierRules) {
		r.Tiers = []TierTerms{{Name: "base"}, {Name: "silver", From: figures("33.34")}}
	})
	import97 := func(day string) step {
		return in(Context{Channel: ChannelImport, OccurredAt: dayOf(day).Add(12 * time.Hour)})
	}
	run(t, []row{
		{"by no day that has not ended", holding(averaging(tenDays), "1000", clock("2026-04-01", 23)), sweep, ""},
		{"at its end", holding(averaging(tenDays), "1000", clock("2026-04-02", 0)), sweep,
			"TierChanged base to silver, day_end by 100.00 from 2026-03-23, until 2026-04-12"},
		{"days that were before count as nothing", holding(averaging(tenDays), "999.99",
			clock("2026-04-02", 0)), sweep, ""},
		{"on the second", holding(averaging(tenDays), "999.99", clock("2026-04-03", 0)), sweep,
			"TierChanged base to silver, day_end by 199.99 from 2026-03-24, until 2026-04-13"},
		{"by the balance at the day's end", holding(averaging(tenDays), "2000", did(debit("1001")),
			clock("2026-04-02", 9)), sweep, ""},
		{"day by day, late", holding(averaging(tenDays), "1000", clock("2026-04-05", 9)), sweep, `
TierChanged base to silver, day_end by 100.00 from 2026-03-23, until 2026-04-12
TierChanged silver to gold, day_end by 300.00 from 2026-03-25, until 2026-04-14`},
		{"before what comes then", holding(averaging(tenDays), "1000", clock("2026-04-02", 9)),
			asks(debit("1000")), `
TierChanged base to silver, day_end by 100.00 from 2026-03-23, until 2026-04-12
` + fmt.Sprintf(spent, "1000.00")},
		{"by what was given, not", []step{tiered(averaging(tenDays)), opened,
			did(topUp("1", "5000")), later(10 * day)}, sweep, ""},
		{"in a month, by all its days", holding(averaging(monthly), "200", clock("2026-04-15", 12)), sweep, ""},
		{"as soon as the rest of it cannot matter", holding(averaging(monthly), "200", clock("2026-04-16", 0)),
			sweep, "TierChanged base to silver, day_end by 100.00 from 2026-04-01, until 2026-05-01"},
		{"by a month alone", holding(averaging(monthly), "150", clock("2026-04-16", 9), did(debit("150")),
			clock("2026-05-20", 9)), sweep, ""},
		{"rounded down, and so exactly", holding(thirds, "100.01", clock("2026-04-02", 9)), sweep, ""},
		{"a step more", holding(thirds, "100.02", clock("2026-04-02", 9)), sweep,
			"TierChanged base to silver, day_end by 33.34 from 2026-03-30, until 2026-04-05"},
		{"by points too", []step{tiered(averaging(tenDays, func(r *TierRules) { r.Unit = "PTS" })),
			opened}, sweep, ""},
		{"what is held is there", holding(averaging(tenDays), "1000", did(PlaceHold{Amount: cny("1000"),
			TTLSeconds: 5 * 86400}), clock("2026-04-02", 9)), sweep,
			"TierChanged base to silver, day_end by 100.00 from 2026-03-23, until 2026-04-12"},
		{"what came late may raise", holding(averaging(tenDays), "", clock("2026-04-03", 9),
			in(Context{Channel: ChannelOffline, OccurredAt: dayOf("2026-04-01").Add(12 * time.Hour)})),
			asks(topUp("500", "")), "TopUpPosted 500.00, principal@1 500.00/500.00\n" +
				"TierChanged base to silver, reached by 100.00 from 2026-03-24, until 2026-04-13"},
		{"an import, as it goes on", []step{tiered(averaging(monthly)), import97("1997-01-01"), opened,
			did(topUp("200", "")), import97("1997-01-20")}, asks(topUp("1", "")), `
TierChanged base to silver, day_end by 103.22 from 1997-01-01, until 1997-02-01
TopUpPosted 1.00, principal@3 1.00/1.00`},
	})
}

func TestAveragePeriodEnds(t *testing.T) {
	sweep := asks(Sweep{})
	half := func(edits ...func(*TierRules)) []step { // silver by April, 80.00 from then on
		return holding(averaging(monthly, edits...), "200", clock("2026-04-20", 9), did(debit("120")))
	}
	run(t, []row{
		{"kept by what was there", append(half(), clock("2026-05-01", 0)), sweep,
			"TierRetained silver to silver, period_end by 156.00 from 2026-04-01, until 2026-06-01"},
		{"and by just as much", append(half(), clock("2026-06-01", 0)), sweep, `
TierRetained silver to silver, period_end by 156.00 from 2026-04-01, until 2026-06-01
TierRetained silver to silver, period_end by 80.00 from 2026-05-01, until 2026-07-01`},
		{"lost by less", append(half(), clock("2026-05-31", 9), did(debit("1")), clock("2026-06-01", 0)), sweep,
			"TierChanged silver to base, period_end by 79.96 from 2026-05-01, for ever"},
		{"never lost", append(half(loses(DowngradeNone, 0)), did(debit("80")), clock("2027-06-01", 0)),
			sweep, ""},
		{"grace", append(half(loses(DowngradeReassess, 10)), clock("2026-05-31", 9), did(debit("1")),
			clock("2026-06-01", 0)), sweep, "TierDowngradeScheduled silver to base on 2026-06-11, missing 0.04"},
		{"grace, with its days", append(half(loses(DowngradeReassess, 10)), clock("2026-05-31", 9),
			did(debit("1")), clock("2026-06-05", 0), did(topUp("4", "")), clock("2026-06-11", 0)), sweep,
			"TierRetained silver to silver, grace_end by 80.31 from 2026-05-01, until 2026-07-01"},
		{"grace, with too little", append(half(loses(DowngradeReassess, 10)), clock("2026-05-31", 9),
			did(debit("1")), clock("2026-06-05", 0), did(topUp("1", "")), clock("2026-06-11", 0)), sweep,
			"TierChanged silver to base, grace_end by 79.87 from 2026-05-01, for ever"},
		{"rolling", holding(averaging(tenDays), "1000", clock("2026-04-02", 9), did(debit("1000")),
			clock("2026-04-12", 0)), sweep,
			"TierChanged silver to base, period_end by 0.00 from 2026-04-02, for ever"},
	})
}

// What expires counts through the day before its end, whenever that is written, and whatever asks first.
func TestAverageExpires(t *testing.T) {
	given := holding(averaging(tenDays), "", did(TopUp{Amount: cny("500"), TopUpTerms: func() TopUpTerms {
		terms := DefaultTerms()
		terms.ExpiresAt = dayOf("2026-04-03")
		return terms
	}()}), clock("2026-04-20", 9))
	run(t, []row{
		{"swept", given, asks(Sweep{}), `
LotExpired 500.00, principal@1 -500.00/-500.00, n 1
TierChanged base to silver, day_end by 100.00 from 2026-03-24, until 2026-04-13
TierChanged silver to base, period_end by 0.00 from 2026-04-03, for ever`},
		{"asked", given, asks(topUp("7", "")), `
TierChanged base to silver, day_end by 100.00 from 2026-03-24, until 2026-04-13
TierChanged silver to base, period_end by 0.00 from 2026-04-03, for ever
TopUpPosted 7.00, principal@4 7.00/7.00`},
	})
}

// A version that is published later begins with what is there, and counts no day before it ruled.
func TestAveragePublishedLater(t *testing.T) {
	later := func(r *TierRules, from string) step {
		return ruled(&Program{ID: "p", Version: 2, EffectiveFrom: dayOf(from), CountsSince: dayOf(from),
			Terms: Terms{Tiers: r}.normal()})
	}
	had := []step{clock("2026-04-01", 9), opened, did(topUp("400", "")), did(debit("100"))}
	after := func(more ...step) []step { return append(had[:4:4], more...) }
	run(t, []row{
		{"not at once", after(later(averaging(tenDays), "2026-05-01"), clock("2026-05-04", 9)), asks(Sweep{}),
			""},
		{"when enough of its days are over", after(later(averaging(tenDays), "2026-05-01"),
			clock("2026-05-05", 9)), asks(Sweep{}),
			"TierChanged base to silver, day_end by 120.00 from 2026-04-25, until 2026-05-15"},
		{"whatever moved since", after(later(averaging(tenDays), "2026-05-01"), clock("2026-05-02", 9),
			did(topUp("100", "")), clock("2026-05-04", 9)), asks(Sweep{}),
			"TierChanged base to silver, day_end by 110.00 from 2026-04-24, until 2026-05-14"},
		{"whatever version says the same", after(later(averaging(tenDays), "2026-05-01"), func(b *book) {
			next := *b.program
			next.Version, next.EffectiveFrom = 3, dayOf("2026-05-04")
			b.program = &next
		}, clock("2026-05-05", 9)), asks(Sweep{}),
			"TierChanged base to silver, day_end by 120.00 from 2026-04-25, until 2026-05-15"},
		{"by no day before a version that asks for less", after(later(averaging(tenDays), "2026-05-01"),
			func(b *book) {
				less := *b.program
				less.Version, less.EffectiveFrom = 3, dayOf("2026-05-03")
				less.Terms = Terms{Tiers: averaging(tenDays, func(r *TierRules) {
					r.Tiers[1].From, r.Tiers[1].Keep = figures("50.00"), figures("50.00")
				})}.normal()
				b.program = &less
			}, clock("2026-05-06", 9)), asks(Sweep{}),
			"TierChanged base to silver, day_end by 90.00 from 2026-04-24, until 2026-05-14"},
	})
}

// A survivor has had, day by day, what both had; what the merge sends does not count once more.
func TestMergedAverage(t *testing.T) {
	rules := averaging(monthly)
	for name, c := range map[string]struct {
		under step // rules when the accounts are opened
		want  string
	}{
		"counted":         {tiered(rules), "[{2026-03-02 5100.00} {2026-03-04 -1000.00} {2026-03-06 -50.00}]"},
		"not counted yet": {ruledBy(Terms{}), "[{2026-03-02 4100.00} {2026-03-06 -50.00}]"},
	} {
		b, from := bookOf(t, "C-2"), bookOf(t, "C-1")
		for _, s := range []step{c.under, did(topUp("100", "")), tiered(rules), clock("2026-03-05", 9)} {
			s(b)
		}
		for _, s := range []step{c.under, did(topUp("5000", "")), clock("2026-03-04", 9),
			did(debit("1000")), tiered(rules), clock("2026-03-05", 9)} {
			s(from)
		}
		posted, err := from.do(into2)
		if err != nil {
			t.Fatal(err)
		}
		absorb := AbsorbAccount{}
		for _, p := range posted {
			switch e := p.Event.(type) {
			case AccountsMerged:
				absorb.Merged = e
			case TransferSent:
				absorb.Parts = append(absorb.Parts, e)
			}
		}
		did(absorb)(b)
		clock("2026-03-06", 9)(b)
		did(debit("50"))(b)
		if got := fmt.Sprint(b.account.tiering.Counts); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
