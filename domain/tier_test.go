package domain

import (
	"fmt"
	"testing"
	"time"
)

var (
	_ = telling(func(e TierChanged) string { return e.told() })
	_ = telling(func(e TierRetained) string { return e.told() })
	_ = telling(func(e TierDowngradeScheduled) string {
		return fmt.Sprintf("%s to %s on %s, missing %s", e.From, e.To, e.On.Format(time.DateOnly),
			e.Missing)
	})
	_ = telling(func(e TierOverridden) string { return e.Tier + " by " + e.Approver })
	_ = telling(func(e TierOverrideEnded) string { return e.Tier })
)

// told is what tables print of a decision.
func (e TierDecision) told() string {
	until := "for ever"
	if !e.ValidUntil.IsZero() {
		until = "until " + e.ValidUntil.Format(time.DateOnly)
	}
	return fmt.Sprintf("%s to %s, %s by %s from %s, %s", e.From, e.To, e.Cause, e.Value, e.Window.From,
		until)
}

func figures(text string) Quantity {
	q, err := parseQuantity(text)
	if err != nil {
		panic(err)
	}
	return q
}

var yearly = TierWindow{Kind: WindowCalendar, Of: "year"}

// metals are tiers from 100, 300 and 1000 of spend, kept by 80, 200 and 1000.
func metals(w TierWindow, edits ...func(*TierRules)) *TierRules {
	r := &TierRules{Metric: MetricSpend, Unit: "CNY", Window: w, Downgrade: DowngradeReassess,
		Tiers: []TierTerms{{Name: "base"},
			{Name: "silver", From: figures("100.00"), Keep: figures("80.00")},
			{Name: "gold", From: figures("300.00"), Keep: figures("200.00")},
			{Name: "diamond", From: figures("1000.00")}}}
	for _, edit := range edits {
		edit(r)
	}
	return r
}

// tiered lets a program with these tiers rule.
func tiered(r *TierRules) step { return ruledBy(Terms{Tiers: r}) }

func loses(d Downgrade, grace int) func(*TierRules) {
	return func(r *TierRules) { r.Downgrade, r.GraceDays = d, grace }
}

// until lets it be a day's noon, in UTC.
func until(day string) step {
	return func(b *book) { b.now = dayOf(day).Add(12 * time.Hour) }
}

// rich is an account with 5000 to spend, opened on 2 March 2026 under tiers.
func rich(r *TierRules, more ...step) []step {
	return append([]step{tiered(r), opened, did(topUp("5000", ""))}, more...)
}

const spent = "DebitPosted %s, principal@1 -%[1]s/-%[1]s"

func TestTierReached(t *testing.T) {
	run(t, []row{
		{"not by less", rich(metals(yearly)), asks(debit("99.99")), fmt.Sprintf(spent, "99.99")},
		{"by as much", rich(metals(yearly)), asks(debit("100")), fmt.Sprintf(spent, "100.00") + `
TierChanged base to silver, reached by 100.00 from 2026-01-01, until 2027-01-01`},
		{"by all that the year has", rich(metals(yearly), did(debit("60"))), asks(debit("40")),
			fmt.Sprintf(spent, "40.00") + `
TierChanged base to silver, reached by 100.00 from 2026-01-01, until 2027-01-01`},
		{"of several the highest", rich(metals(yearly)), asks(debit("1000")),
			fmt.Sprintf(spent, "1000.00") + `
TierChanged base to diamond, reached by 1000.00 from 2026-01-01, until 2027-01-01`},
		{"from the one that is held", rich(metals(yearly), did(debit("150"))), asks(debit("150")),
			fmt.Sprintf(spent, "150.00") + `
TierChanged silver to gold, reached by 300.00 from 2026-01-01, until 2027-01-01`},
		{"not by what another year counted", rich(metals(yearly), did(debit("60")), until("2027-02-01")),
			asks(debit("60")), fmt.Sprintf(spent, "60.00")},
		{"by a quarter's alone", rich(metals(TierWindow{Kind: WindowCalendar, Of: "quarter"}),
			did(debit("60")), until("2026-04-01")), asks(debit("60")), fmt.Sprintf(spent, "60.00")},
		{"by the days before", rich(metals(TierWindow{Kind: WindowRolling, Days: 30}),
			did(debit("60")), until("2026-03-31")), asks(debit("60")), fmt.Sprintf(spent, "60.00") + `
TierChanged base to silver, reached by 120.00 from 2026-03-02, until 2026-04-30`},
		{"not by the day before them", rich(metals(TierWindow{Kind: WindowRolling, Days: 30}),
			did(debit("60")), until("2026-04-01")), asks(debit("60")), fmt.Sprintf(spent, "60.00")},
		{"by a membership year", rich(metals(TierWindow{Kind: WindowMembership}),
			did(debit("60")), until("2027-03-01")), asks(debit("60")), fmt.Sprintf(spent, "60.00") + `
TierChanged base to silver, reached by 120.00 from 2026-03-02, until 2027-03-02`},
		{"not by the year before", rich(metals(TierWindow{Kind: WindowMembership}),
			did(debit("60")), until("2027-03-02")), asks(debit("60")), fmt.Sprintf(spent, "60.00")},
		{"not by value that was given", []step{tiered(metals(yearly)), opened,
			did(topUp("1", "200", drawn(BonusFirst)))}, asks(debit("200")),
			"DebitPosted 200.00, bonus@1 -200.00"},
		{"not once more", rich(metals(yearly), did(debit("100"))), asks(debit("1")),
			fmt.Sprintf(spent, "1.00")},
		{"not after what came back", rich(metals(yearly), did(debit("60")), didAs(refund(2, "10"))),
			asks(debit("40")), fmt.Sprintf(spent, "40.00")},
		{"and not lost by what came back", rich(metals(yearly), did(debit("100"))), refund(2, "100"),
			"DebitRefunded 100.00, principal@1 100.00/100.00, total 100.00"},
	})
}

// What was counted before another rule ruled in between does not come back, and so it cannot be taken back.
func TestTierRuleReturns(t *testing.T) {
	monthly := tiered(metals(TierWindow{Kind: WindowCalendar, Of: "month"}))
	visits := metals(yearly, func(r *TierRules) {
		r.Metric, r.Unit = MetricVisits, ""
		r.Tiers = []TierTerms{{Name: "base"}, {Name: "silver", From: fromSteps(2, 0)}}
	})
	const reached = "\nTierChanged base to silver, reached by 2 from 2026-01-01, until 2027-01-01"
	again := rich(metals(yearly), did(debit("90")), monthly, did(debit("1")), tiered(metals(yearly)),
		did(debit("60")), didAs(refund(2, "90")))
	run(t, []row{
		{"what was counted since stays", again, asks(debit("40")), fmt.Sprintf(spent, "40.00") + `
TierChanged base to silver, reached by 100.00 from 2026-01-01, until 2027-01-01`},
		{"and comes back", append(again[:len(again):len(again)], didAs(refund(4, "60"))),
			asks(debit("99.99")), fmt.Sprintf(spent, "99.99")},
		{"visits", rich(visits, did(debit("1")), monthly, did(debit("1")), tiered(visits), did(debit("1")),
			didAs(refund(2, "1"))), asks(debit("1")), fmt.Sprintf(spent, "1.00") + reached},
		{"nothing since", rich(visits, did(debit("1")), monthly, did(debit("1")), tiered(visits),
			didAs(refund(2, "1")), did(debit("1"))), asks(debit("1")), fmt.Sprintf(spent, "1.00") + reached},
	})
}

func TestTierVisits(t *testing.T) {
	visits := metals(yearly, func(r *TierRules) {
		r.Metric, r.Unit = MetricVisits, ""
		r.Tiers = []TierTerms{{Name: "base"}, {Name: "silver", From: fromSteps(2, 0)}}
	})
	run(t, []row{
		{"the second", rich(visits, did(debit("1"))), asks(debit("1")), fmt.Sprintf(spent, "1.00") + `
TierChanged base to silver, reached by 2 from 2026-01-01, until 2027-01-01`},
		{"of which a part came back", rich(visits, did(debit("1")), didAs(refund(2, "0.50"))),
			asks(debit("1")), fmt.Sprintf(spent, "1.00") + `
TierChanged base to silver, reached by 2 from 2026-01-01, until 2027-01-01`},
		{"of which one came back", rich(visits, did(debit("1")), didAs(refund(2, "0.50")),
			didAs(refund(2, "0.50"))), asks(debit("1")), fmt.Sprintf(spent, "1.00")},
	})
}

func TestTierPeriodEnd(t *testing.T) {
	sweep := asks(Sweep{})
	held := func(edits ...func(*TierRules)) []step {
		return rich(metals(yearly, edits...), did(debit("300")))
	}
	after := func(given []step, more ...step) []step { return append(given[:len(given):len(given)], more...) }
	year := func(amount string, edits ...func(*TierRules)) []step {
		return after(held(edits...), until("2027-06-01"), did(debit(amount)), until("2028-01-01"))
	}
	none, one := loses(DowngradeNone, 0), loses(DowngradeOne, 0)
	grace := loses(DowngradeReassess, 30)
	run(t, []row{
		{"not before it", after(held(), until("2026-12-31")), sweep, ""},
		{"kept by what the period counted", after(held(), until("2027-01-01")), sweep,
			"TierRetained gold to gold, period_end by 300.00 from 2026-01-01, until 2028-01-01"},
		{"kept by less than it takes", year("200"), sweep,
			"TierRetained gold to gold, period_end by 200.00 from 2027-01-01, until 2029-01-01"},
		{"lost to the one that was kept", year("80"), sweep,
			"TierChanged gold to silver, period_end by 80.00 from 2027-01-01, until 2029-01-01"},
		{"lost to the first", year("79.99"), sweep,
			"TierChanged gold to base, period_end by 79.99 from 2027-01-01, for ever"},
		{"lost to the one below", year("1", one), sweep,
			"TierChanged gold to silver, period_end by 1.00 from 2027-01-01, until 2029-01-01"},
		{"never lost", after(held(none), until("2028-01-01")), sweep, ""},
		{"what came back counts no more", after(held(), didAs(refund(2, "250")), until("2027-01-01")),
			sweep, "TierChanged gold to base, period_end by 50.00 from 2026-01-01, for ever"},
		{"late, one after the other", after(held(), until("2029-03-01")), sweep, `
TierRetained gold to gold, period_end by 300.00 from 2026-01-01, until 2028-01-01
TierChanged gold to base, period_end by 0.00 from 2027-01-01, for ever`},
		{"before what comes then", after(held(), until("2028-06-01")), asks(debit("100")), `
TierRetained gold to gold, period_end by 300.00 from 2026-01-01, until 2028-01-01
TierChanged gold to base, period_end by 0.00 from 2027-01-01, for ever
` + fmt.Sprintf(spent, "100.00") + `
TierChanged base to silver, reached by 100.00 from 2028-01-01, until 2029-01-01`},
		{"grace", year("150", grace), sweep, "TierDowngradeScheduled gold to silver on 2028-01-31, missing 50.00"},
		{"grace that was used", after(year("150", grace), did(Sweep{}), did(debit("50")), until("2028-01-31")),
			sweep, "TierRetained gold to gold, grace_end by 200.00 from 2027-01-01, until 2029-01-01"},
		{"grace that was not", after(year("150", grace), did(Sweep{}), did(debit("49")), until("2028-01-31")),
			sweep, "TierChanged gold to silver, grace_end by 199.00 from 2027-01-01, until 2029-01-01"},
		{"grace with a sale after it", after(year("150", grace), until("2028-01-31")), asks(debit("50")), `
TierDowngradeScheduled gold to silver on 2028-01-31, missing 50.00
TierChanged gold to silver, grace_end by 150.00 from 2027-01-01, until 2029-01-01
` + fmt.Sprintf(spent, "50.00")},
		{"rolling", rich(metals(TierWindow{Kind: WindowRolling, Days: 30}), did(debit("100")),
			until("2026-03-20"), did(debit("80")), until("2026-05-01")), sweep, `
TierRetained silver to silver, period_end by 180.00 from 2026-03-02, until 2026-05-01
TierChanged silver to base, period_end by 0.00 from 2026-04-01, for ever`},
		{"not of an account that has ended", []step{tiered(metals(yearly)), opened, did(topUp("100", "")),
			did(debit("100")), did(CloseAccount{Reason: "asked"}), until("2028-01-01")}, sweep, ""},
		{"not without tiers", after(held(), ruledBy(Terms{}), until("2028-01-01")), sweep, ""},
		{"by tiers that know it no more", after(held(), tiered(metals(yearly, func(r *TierRules) {
			r.Tiers[2].Name = "jade"
		})), until("2027-01-01")), sweep,
			"TierChanged gold to jade, period_end by 300.00 from 2026-01-01, until 2028-01-01"},
	})
}

func TestTierLate(t *testing.T) {
	from := func(day string) step {
		return in(Context{Channel: ChannelOffline, OccurredAt: dayOf(day).Add(12 * time.Hour)})
	}
	imported := func(day string) step {
		return in(Context{Channel: ChannelImport, OccurredAt: dayOf(day).Add(12 * time.Hour)})
	}
	eve := func(amount string, more ...step) []step {
		return append(rich(metals(yearly), until("2026-12-31"), did(debit(amount)), until("2027-01-01")),
			more...)
	}
	old := func(day string, more ...step) []step {
		return append(append([]step{imported(day)}, rich(metals(yearly))...), more...)
	}
	lost := append(rich(metals(yearly), did(debit("300")), until("2027-12-31"), did(debit("199"))),
		until("2028-01-02"), did(Sweep{}))
	run(t, []row{
		{"raises by the year that has ended", eve("60", from("2026-12-31")), asks(debit("40")),
			fmt.Sprintf(spent, "40.00") + `
TierChanged base to silver, reached_late by 100.00 from 2026-01-01, until 2028-01-01`},
		{"not by both", eve("60", from("2027-01-01")), asks(debit("40")), fmt.Sprintf(spent, "40.00")},
		{"gives back what would have been kept", append(lost[:len(lost):len(lost)], from("2027-12-31")),
			asks(debit("1")), fmt.Sprintf(spent, "1.00") + `
TierChanged silver to gold, reached_late by 200.00 from 2027-01-01, until 2029-01-01`},
		{"lowers nothing", append(lost[:len(lost):len(lost)], from("2027-12-31")), asks(debit("0.50")),
			fmt.Sprintf(spent, "0.50")},
		{"an import counts, by its own date", old("1997-05-05"),
			asks(debit("100")), fmt.Sprintf(spent, "100.00") + `
TierChanged base to silver, reached by 100.00 from 1997-01-01, until 1998-01-01`},
		{"whose years end as it goes on", old("1997-05-05", did(debit("100")),
			imported("1998-05-05")), asks(debit("300")), `
TierRetained silver to silver, period_end by 100.00 from 1997-01-01, until 1999-01-01
` + fmt.Sprintf(spent, "300.00") + `
TierChanged silver to gold, reached by 300.00 from 1998-01-01, until 1999-01-01`},
		{"and when it is over", old("1997-05-05", did(debit("100")),
			imported("1998-05-05"), did(debit("80")), in(Context{})), asks(Sweep{}), `
TierRetained silver to silver, period_end by 80.00 from 1998-01-01, until 2000-01-01
TierChanged silver to base, period_end by 0.00 from 1999-01-01, for ever`},
		{"a date to come is today", rich(metals(yearly), in(Context{BusinessDate: "2031-01-01"})),
			asks(debit("100")), fmt.Sprintf(spent, "100.00") + `
TierChanged base to silver, reached by 100.00 from 2026-01-01, until 2027-01-01`},
	})
}

func TestOverrideTier(t *testing.T) {
	set := OverrideTier{Tier: "diamond", Reason: "a guest", Until: noon.Add(day)}
	run(t, []row{
		{"reason", rich(metals(yearly)), asks(OverrideTier{Tier: "gold"}), "malformed reason"},
		{"until", rich(metals(yearly), later(2*day)), asks(set), "malformed until"},
		{"account", nil, asks(set), "not_found"},
		{"tier", rich(metals(yearly)), asks(OverrideTier{Tier: "tin", Reason: "r"}), "malformed tier"},
		{"no tiers", []step{opened}, asks(set), "malformed tier"},
		{"set", rich(metals(yearly)), asks(set), "TierOverridden diamond by till"},
		{"over with its time", rich(metals(yearly), did(set), later(day)), asks(debit("1")),
			"TierOverrideEnded diamond\n" + fmt.Sprintf(spent, "1.00")},
		{"ended", rich(metals(yearly), did(set)), asks(EndTierOverride{Reason: "gone"}),
			"TierOverrideEnded diamond"},
		{"ended without a reason", rich(metals(yearly), did(set)), asks(EndTierOverride{}),
			"malformed reason"},
		{"ended of no account", nil, asks(EndTierOverride{Reason: "gone"}), "not_found"},
		{"none to end", rich(metals(yearly)), asks(EndTierOverride{Reason: "gone"}), "not_found"},
		{"counting goes on beneath", rich(metals(yearly), did(set)), asks(debit("100")),
			fmt.Sprintf(spent, "100.00") + `
TierChanged base to silver, reached by 100.00 from 2026-01-01, until 2027-01-01`},
	})
	b := newBook(t)
	for _, given := range rich(metals(yearly), did(set), did(debit("100"))) {
		given(b)
	}
	if got := b.program.TierOf(b.account).Name; got != "diamond" {
		t.Errorf("overridden: got %s, want diamond", got)
	}
	did(EndTierOverride{Reason: "gone"})(b)
	if got := b.account.Tier(); got != "silver" {
		t.Errorf("no longer overridden: got %s, want silver", got)
	}
}
