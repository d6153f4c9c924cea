package domain

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

var _ = telling(func(e TopUpPosted) string {
	if e.Ladder == nil {
		return ""
	}
	return e.Ladder.Version + " " + e.Ladder.Step
})

// steps are ladder terms with these steps.
func steps(all ...LadderStep) Terms { return Terms{Ladder: all} }

// step of fixed bonus, which edits may change.
func fixed(id, from, bonus string, edits ...func(*LadderStep)) LadderStep {
	s := LadderStep{ID: id, From: cny(from), Fixed: cny(bonus)}
	for _, edit := range edits {
		edit(&s)
	}
	return s
}

// TestLadder is what a till's top-up gets, rule by rule.
func TestLadder(t *testing.T) {
	under := func(terms Terms, more ...step) []step {
		return append([]step{opened, ruledBy(terms)}, more...)
	}
	tenth := ladder()
	two := steps(fixed("s", "100", "10"), fixed("m", "500", "60"))
	first := steps(fixed("welcome", "50", "25", func(s *LadderStep) { s.FirstTopUp = true }),
		fixed("s", "50", "5"))
	once := steps(fixed("once", "100", "30", func(s *LadderStep) { s.PerCustomer = 1 }))
	week := steps(fixed("w", "100", "30", func(s *LadderStep) {
		s.Begins, s.Ends = noon, noon.Add(7*day)
	}))
	web := steps(fixed("w", "100", "30", func(s *LadderStep) { s.Scope.Channels = []string{"web"} }))
	shop := steps(fixed("w", "100", "30", func(s *LadderStep) { s.Scope.Stores = []string{"S1"} }))
	mine := func(accounts ...uuid.UUID) Terms {
		return steps(fixed("w", "100", "30", func(s *LadderStep) { s.Accounts = accounts }))
	}
	none := "TopUpPosted 100.00, principal@1 100.00/100.00"
	gift := "TopUpPosted 130.00, principal@1 100.00/100.00, bonus@1 30.00"
	hundred := asks(topUp("100", ""))
	run(t, []row{
		{"percent", under(tenth), hundred,
			"TopUpPosted 110.00, principal@1 100.00/100.00, bonus@1 10.00 p@1 s"},
		{"rounded half up", under(ladder(func(s *LadderStep) { s.Percent = percent("0.005") })), hundred,
			"TopUpPosted 100.01, principal@1 100.00/100.00, bonus@1 0.01 p@1 s"},
		{"nothing after rounding", under(ladder(func(s *LadderStep) { s.Percent = percent("0.0049") })),
			hundred, none},
		{"capped", under(ladder(func(s *LadderStep) { s.Cap = cny("9.99") })), hundred,
			"TopUpPosted 109.99, principal@1 100.00/100.00, bonus@1 9.99 p@1 s"},
		{"from this much on", under(two), hundred,
			"TopUpPosted 110.00, principal@1 100.00/100.00, bonus@1 10.00 p@1 s"},
		{"not below", under(two), asks(topUp("99.99", "")),
			"TopUpPosted 99.99, principal@1 99.99/99.99"},
		{"the highest step", under(two), asks(topUp("500", "")),
			"TopUpPosted 560.00, principal@1 500.00/500.00, bonus@1 60.00 p@1 m"},
		{"the first among equals", under(steps(fixed("a", "100", "1"), fixed("b", "100", "2"))), hundred,
			"TopUpPosted 101.00, principal@1 100.00/100.00, bonus@1 1.00 p@1 a"},
		{"another unit", under(two), asks(cut("1000", "10")),
			"TopUpPosted 1000, principal@1 1000/10.00"},
		{"the first top-up", under(first), hundred,
			"TopUpPosted 125.00, principal@1 100.00/100.00, bonus@1 25.00 p@1 welcome"},
		{"not the second", under(first, did(topUp("1", ""))), hundred,
			"TopUpPosted 105.00, principal@2 100.00/100.00, bonus@2 5.00 p@1 s"},
		{"the first was reversed", under(first, did(topUp("1", "")), didAs(reversal(1, CauseError))),
			hundred, "TopUpPosted 125.00, principal@3 100.00/100.00, bonus@3 25.00 p@1 welcome"},
		{"as often as it may", under(once, did(topUp("100", ""))), hundred,
			"TopUpPosted 100.00, principal@2 100.00/100.00"},
		{"a new version goes on counting", under(once, did(topUp("100", "")), func(b *book) {
			next := *b.program
			next.Version = 2
			b.program = &next
		}), hundred, "TopUpPosted 100.00, principal@2 100.00/100.00"},
		{"given back", under(once, did(topUp("100", "")), didAs(reversal(1, CauseError))), hundred,
			"TopUpPosted 130.00, principal@3 100.00/100.00, bonus@3 30.00 p@1 once"},
		{"given back by a cancel", under(once, ref("7"), did(topUp("100", "")), did(Cancel{}), ref("8")),
			hundred, "TopUpPosted 130.00, principal@3 100.00/100.00, bonus@3 30.00 p@1 once"},
		{"not given back once it was spent", under(once, did(topUp("100", "")), did(debit("130")),
			didAs(reversal(1, CauseChargeback))), hundred,
			"TopUpPosted 100.00, principal@5 100.00/100.00\n" +
				"ReceivableSettled 100.00, principal@5 -100.00/-100.00, by top_up, left 0.00"},
		{"nor when the bonus alone was", under(once, did(topUp("100", "", drawn(BonusFirst))),
			did(debit("1")), didAs(reversal(1, CauseError))), hundred,
			"TopUpPosted 100.00, principal@4 100.00/100.00"},
		{"a first top-up that was spent was one", under(first, did(topUp("100", "")), did(debit("1")),
			didAs(reversal(1, CauseChargeback)), didAs(func(b *book) Command {
				return WriteOff{ReceivableID: b.account.receivables[0].ID, Reason: "x"}
			})), hundred, "TopUpPosted 105.00, principal@6 100.00/100.00, bonus@6 5.00 p@1 s"},
		{"as it begins", under(week), hundred, gift + " p@1 w"},
		{"before it ends", under(week, later(7*day-1)), hundred, gift + " p@1 w"},
		{"as it ends", under(week, later(7*day)), hundred, none},
		{"in its channel", under(web, in(Context{Channel: "web"})), hundred, gift + " p@1 w"},
		{"in another", under(web, in(Context{Channel: "pos"})), hundred, none},
		{"in its store", under(shop, in(Context{Store: "S1"})), hundred, gift + " p@1 w"},
		{"in no store", under(shop), hundred, none},
		{"on the list", under(mine(AccountID("C-1"))), hundred, gift + " p@1 w"},
		{"not on it", under(mine(AccountID("C-2"))), hundred, none},
		{"imported", under(two, in(Context{Channel: ChannelImport, OccurredAt: noon})), hundred, none},
		{"explicit bonus wins", under(two), asks(topUp("100", "30")), gift},
		{"and so does none", under(two),
			asks(topUp("100", "", func(t *TopUp) { t.NoBonus = true })), none},
		{"none and a bonus", under(two),
			asks(topUp("100", "1", func(t *TopUp) { t.NoBonus = true })), "malformed bonus"},
		{"none and its expiry", under(two), asks(topUp("100", "", func(t *TopUp) {
			t.NoBonus, t.BonusExpiresAt = true, noon.Add(day)
		})), "malformed bonus_expires_at"},
		{"the expiry of a bonus that the ladder gives", under(two), asks(topUp("100", "",
			expiring(0, day))),
			"TopUpPosted 110.00, principal@1 100.00/100.00, bonus@1 10.00 p@1 s"},
		{"a pending top-up gets it as it is posted", under(two, did(topUp("100", "",
			func(t *TopUp) { t.Pending = true }))), func(b *book) Command { return PostTopUp{TopUpID: b.ids[1]} },
			"TopUpPosted 110.00, principal@2 100.00/100.00, bonus@2 10.00 p@1 s"},
	})
}

// TestTopUpUnderProgram: lots are sold under the program's terms, and the event tells what was asked
// from what was decided.
func TestTopUpUnderProgram(t *testing.T) {
	b := newBook(t)
	forfeit, term := RefundExpired{Policy: "forfeit"}, RefundExpired{Policy: "remaining_term"}
	for _, s := range []step{opened, ruledBy(Terms{
		Draw: BonusFirst, OnExpired: OnExpired{Paid: forfeit, Free: term},
		Ladder: []LadderStep{fixed("s", "100", "10")},
		Expiry: map[Class]Expiry{Principal: {Days: 10}, Bonus: {EndOf: "month"}},
	}), did(topUp("100", ""))} {
		s(b)
	}
	e := b.log[1].Event.(TopUpPosted)
	paid, bonus := e.Lots[0], e.Lots[1]
	if paid.Draw != BonusFirst || paid.Terms != "p@1" || paid.OnRefundExpired != forfeit ||
		bonus.OnRefundExpired != term || bonus.Ladder.Step != "s" || b.log[1].Metadata.ProgramVersion != "p@1" {
		t.Errorf("got %+v and %+v", paid, bonus)
	}
	if got, want := paid.ExpiresAt.Format(time.DateOnly), "2026-03-13"; got != want {
		t.Errorf("principal ends %s, want %s", got, want)
	}
	if got, want := bonus.ExpiresAt.Format(time.DateOnly), "2026-04-01"; got != want {
		t.Errorf("bonus ends %s, want %s", got, want)
	}
	differs(t, b.log[1], topUp("100", ""), Context{}, "")
	differs(t, b.log[1], topUp("100", "10"), Context{}, "bonus")
	differs(t, b.log[1], topUp("100", "", drawn(BonusFirst)), Context{}, "draw")
	differs(t, b.log[1], topUp("100", "", func(t *TopUp) { t.NoBonus = true }), Context{}, "bonus")

	did(topUp("100", "", expiring(0, day)))(b)
	if got := b.log[2].Event.(TopUpPosted).Lots[1].ExpiresAt; !got.Equal(noon.Add(day)) {
		t.Errorf("bonus ends %s, want the time that was asked for", got)
	}

	did(GrantCredit{Amount: cny("1"), Cause: CauseGoodwill, Reason: "x"})(b)
	if l := b.account.lots[len(b.account.lots)-1]; l.OnRefundExpired != term || l.Terms != "p@1" {
		t.Errorf("a grant follows %+v of %s", l.OnRefundExpired, l.Terms)
	}

	e.Asked = nil // as it was written before there were programs
	old := Posted{Event: e, Metadata: b.log[1].Metadata}
	differs(t, old, topUp("100", "10", drawn(BonusFirst), expiring(0, 0), func(t *TopUp) {
		t.Terms, t.ExpiresAt, t.BonusExpiresAt = "p@1", paid.ExpiresAt, bonus.ExpiresAt
	}), Context{}, "")
}

// A ladder whose steps rise in percent and cap gives more for more, and never more than its caps.
func TestLadderIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		yuan := func(fen int64) Money { return Money{unit: "CNY", Quantity: fromSteps(fen, 2)} }
		var terms Terms
		var from, rate, most int64
		for i := range rapid.IntRange(1, 5).Draw(t, "steps") {
			from += rapid.Int64Range(0, 50_000).Draw(t, "from")
			rate = min(1_000_000, rate+rapid.Int64Range(1, 100_000).Draw(t, "rate"))
			most += rapid.Int64Range(1, 20_000).Draw(t, "cap")
			terms.Ladder = append(terms.Ladder, LadderStep{ID: fmt.Sprint(i), From: yuan(from),
				Percent: fromSteps(rate, 4), Cap: yuan(most)})
		}
		p := &Program{ID: "p", Version: 1, Terms: terms.normal()}
		d := &Draft{Account: NewAccount(AccountID("C-1"))}
		bonus := func(fen int64) Money {
			m, _ := p.bonus(d, yuan(fen))
			return yuan(0).plus(m)
		}
		less := rapid.Int64Range(1, 300_000).Draw(t, "less")
		more := less + rapid.Int64Range(0, 100_000).Draw(t, "more")
		if bonus(more).Less(bonus(less)) {
			t.Errorf("%s for %s, %s for %s", bonus(less), yuan(less), bonus(more), yuan(more))
		}
		if yuan(most).Less(bonus(more)) || yuan(more).Less(bonus(more)) {
			t.Errorf("%s for %s, capped at %s", bonus(more), yuan(more), yuan(most))
		}
	})
}

// An account forgets the step that it used least lately, and keeps a bounded number.
func TestStepUsesAreBounded(t *testing.T) {
	var b bonuses
	for i := range mostStepUses + 50 {
		b.topUp(&Ladder{"p@1", "kept"})
		b.topUp(&Ladder{"p@1", fmt.Sprint(i)})
	}
	if len(b.Steps) != mostStepUses || b.count("p/kept") != mostStepUses+50 || b.count("p/0") != 0 {
		t.Errorf("got %d steps, kept %d times", len(b.Steps), b.count("p/kept"))
	}
}
