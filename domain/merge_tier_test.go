package domain

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// mergeAt has C-1, as these steps leave it, merged into C-2 at that book's time, and is what C-2 is asked.
func mergeAt(steps ...step) ask {
	return func(b *book) Command {
		from := bookOf(b, "C-1")
		for _, s := range append([]step{did(topUp("5000", ""))}, steps...) {
			s(from)
		}
		from.now = b.now
		posted, err := from.do(into2)
		if err != nil {
			b.Fatal(err)
		}
		c := AbsorbAccount{}
		for _, p := range posted {
			if e, ok := p.Event.(AccountsMerged); ok {
				c.Merged = e
			}
		}
		return c
	}
}

func TestMergeTier(t *testing.T) {
	of := func(r *TierRules, steps ...step) []step {
		into := func(b *book) {
			b.account, b.replayed = NewAccount(AccountID("C-2")), NewAccount(AccountID("C-2"))
			b.salt = '2'
		}
		given := []step{into, tiered(r), did(OpenAccount{CustomerRef: "C-2"}), did(topUp("5000", ""))}
		return append(given, steps...)
	}
	ruled := tiered(metals(yearly))
	member := TierWindow{Kind: WindowMembership}
	rolling := TierWindow{Kind: WindowRolling, Days: 30}
	guest := OverrideTier{Tier: "gold", Reason: "a guest"}
	const merged = "AccountsMerged"
	run(t, []row{
		{"nothing was counted", of(metals(yearly)), mergeAt(ruled), merged},
		{"too little in all", of(metals(yearly), did(debit("49"))), mergeAt(ruled, did(debit("50"))), merged},
		{"both reach it together", of(metals(yearly), did(debit("50"))), mergeAt(ruled, did(debit("50"))),
			merged + "\nTierChanged base to silver, reached by 100.00 from 2026-01-01, until 2027-01-01"},
		{"the better one was absorbed", of(metals(yearly), did(debit("100"))),
			mergeAt(ruled, did(debit("300"))),
			merged + "\nTierChanged silver to gold, merged by 400.00 from 2026-01-01, until 2027-01-01"},
		{"the better one survives", of(metals(yearly), did(debit("300"))),
			mergeAt(ruled, did(debit("100"))), merged},
		{"higher than either", of(metals(yearly), did(debit("700"))), mergeAt(ruled, did(debit("300"))),
			merged + "\nTierChanged gold to diamond, reached by 1000.00 from 2026-01-01, until 2027-01-01"},
		{"not by another year's", of(metals(yearly), did(debit("50")), until("2027-02-01")),
			mergeAt(ruled, did(debit("50"))), merged},
		{"held from another year", of(metals(yearly), until("2027-02-01")),
			mergeAt(ruled, did(debit("300"))),
			merged + "\nTierChanged base to gold, merged by 0.00 from 2027-01-01, until 2028-01-01"},
		{"days that roll", of(metals(rolling), did(debit("50")), until("2026-03-20")),
			mergeAt(tiered(metals(rolling)), until("2026-03-10"), did(debit("50"))),
			merged + "\nTierChanged base to silver, reached by 100.00 from 2026-02-19, until 2026-04-19"},
		{"and have rolled by", of(metals(rolling), did(debit("50")), until("2026-04-01")),
			mergeAt(tiered(metals(rolling)), until("2026-03-10"), did(debit("50"))), merged},
		{"a year that began on another day", append([]step{until("2026-03-31")}, of(metals(member),
			did(debit("50")), until("2026-06-01"))...), mergeAt(tiered(metals(member)), did(debit("50"))),
			merged + "\nTierChanged base to silver, reached by 100.00 from 2026-03-31, until 2027-03-31"},
		{"and is over", append([]step{until("2026-03-31")}, of(metals(member),
			did(debit("50")), until("2027-03-20"))...), mergeAt(tiered(metals(member)), did(debit("50"))),
			merged},
		{"what another rule counted", of(metals(yearly), did(debit("50"))),
			mergeAt(tiered(metals(rolling)), did(debit("50")), ruled), merged},
		{"what this rule counted, after another", of(metals(rolling), did(debit("99")), ruled),
			mergeAt(ruled, did(debit("1000"))),
			merged + "\nTierChanged base to diamond, merged by 1000.00 from 2026-01-01, until 2027-01-01"},
		{"set by a person", of(metals(yearly)), mergeAt(ruled, did(guest)),
			merged + "\nTierOverridden gold by till"},
		{"set to less than the survivor's", of(metals(yearly), did(debit("300"))),
			mergeAt(ruled, did(guest)), merged},
		{"set for a time that is over", of(metals(yearly), later(2*day)), func(b *book) Command {
			set := guest
			set.Until = noon.Add(day)
			return mergeAt(ruled, did(set))(b)
		}, merged},
		{"without tiers", of(metals(yearly), ruledBy(Terms{})), mergeAt(ruled, did(debit("300"))), merged},
	})
}

// What was counted goes on from the merge: a sale reaches what both have spent together, and what the
// year counted keeps the tier when it ends.
func TestMergedTierGoesOn(t *testing.T) {
	b := bookOf(t, "C-2")
	tiered(metals(yearly))(b)
	did(topUp("5000", ""))(b)
	did(debit("60"))(b)
	didAs(mergeAt(tiered(metals(yearly)), did(debit("150"))))(b)
	posted, err := b.do(debit("90"))
	want := fmt.Sprintf(spent, "90.00") +
		"\nTierChanged silver to gold, reached by 300.00 from 2026-01-01, until 2027-01-01"
	if got := answer(posted, err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	until("2027-01-01")(b)
	posted, err = b.do(Sweep{})
	want = "TierRetained gold to gold, period_end by 300.00 from 2026-01-01, until 2028-01-01"
	if got := answer(posted, err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b.rehearsedAlike(time.Time{})
}

// What another rule had counted for the absorbed account leaves what this one counts here.
func TestMergedTierOfAnotherRule(t *testing.T) {
	b := bookOf(t, "C-2")
	tiered(metals(yearly))(b)
	did(topUp("5000", ""))(b)
	did(debit("60"))(b)
	rolling := TierWindow{Kind: WindowRolling, Days: 30}
	didAs(mergeAt(tiered(metals(rolling)), did(debit("50")), tiered(metals(yearly))))(b)
	posted, err := b.do(debit("40"))
	want := fmt.Sprintf(spent, "40.00") +
		"\nTierChanged base to silver, reached by 100.00 from 2026-01-01, until 2027-01-01"
	if got := answer(posted, err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A tier that came with a merge brings no coupon once more; one that both have reached brings its own.
func TestMergedTierCoupons(t *testing.T) {
	giving := metals(yearly, func(r *TierRules) {
		r.Tiers[1].Benefits.Coupons = []TierCoupon{{"spring", "five", "entry"}}
	})
	for amount, want := range map[string]string{
		"100": "AccountsMerged\nTierChanged base to silver, merged by 199.00 from 2026-01-01, until 2027-01-01",
		"1": "AccountsMerged\nTierChanged base to silver, reached by 100.00 from 2026-01-01, until 2027-01-01" +
			"\nCouponGranted five@2 until 03-10 00:00",
	} {
		b := bookOf(t, "C-2")
		for _, s := range []step{tiered(giving), offering(), did(topUp("100", "")), did(debit("99"))} {
			s(b)
		}
		posted, err := b.do(mergeAt(tiered(giving), offering(), did(debit(amount)))(b))
		if got := answer(posted, err); got != want {
			t.Errorf("of %s: got\n%s\nwant\n%s", amount, got, want)
		}
	}
}

// A merge that was undone has taken nothing of what was counted, nor of what is held.
func TestUndoneMergeKeepsTier(t *testing.T) {
	b := newBook(t)
	for _, s := range rich(metals(yearly), did(debit("300")), did(into2), later(day)) {
		s(b)
	}
	before := fmt.Sprint(b.account.tiering)
	did(UndoMerge{MergeID: b.ids[3], Why: ReferenceCancelled{Code: "account_frozen"}})(b)
	if got := fmt.Sprint(b.account.tiering); got != before || b.account.Tier() != "gold" {
		t.Errorf("got %s, want %s", got, before)
	}
}

// However sales fall to two accounts that are merged, in whatever window, nothing is lost: the survivor
// has counted what both have, and holds no less than either held, nor than one alone would have reached.
func TestMergedTierLosesNothing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		rules := metals(rapid.SampledFrom([]TierWindow{yearly, {Kind: WindowCalendar, Of: "quarter"},
			{Kind: WindowRolling, Days: 40}}).Draw(r, "window"))
		from, into := bookOf(fatal{t, r}, "C-1"), bookOf(fatal{t, r}, "C-2")
		for _, b := range []*book{from, into} {
			tiered(rules)(b)
			did(topUp("100000", ""))(b)
		}
		for range rapid.IntRange(0, 12).Draw(r, "sales") {
			pass := rapid.SampledFrom([]time.Duration{time.Minute, 5 * day, 33 * day}).Draw(r, "pass")
			later(pass)(from)
			later(pass)(into)
			minor := rapid.Int64Range(1, 20_000).Draw(r, "minor")
			did(Debit{Amount: cny("1").With(fromMinor(big.NewInt(minor), 2))})(
				rapid.SampledFrom([]*book{from, into}).Draw(r, "who"))
		}
		for _, b := range []*book{from, into} {
			_, _ = b.do(Sweep{})
		}
		span := rules.Window.around(dateOf(into.now), dateOf(into.account.openedAt))
		counted := func(b *book) Quantity { return b.account.tiering.counted(rules.rule(), span, zero(2)) }
		rank := func(b *book) int { return rules.rank(b.account.Tier()) }
		want, held := counted(from).Add(counted(into)), max(rank(from), rank(into))
		posted, err := from.do(into2)
		if err != nil {
			r.Fatal(err)
		}
		did(AbsorbAccount{Merged: posted[0].Event.(AccountsMerged)})(into)
		if got := counted(into); !got.Equal(want) {
			r.Fatalf("counted %s, want %s", got, want)
		}
		if got := rank(into); got != max(held, rules.reached(want)) {
			r.Fatalf("holds tier %d, want %d or what %s reaches", got, held, want)
		}
	})
}

// Goods that an absorbed account bought come back to it, and what they give back moves on.
func TestReturnToMergedAccount(t *testing.T) {
	moved := "failure: the account was merged into " + AccountID("C-2").String()
	bought := func() []step {
		return []step{opened, shops(), did(topUp("100", "30")), granted("amount"),
			didAs(using(sells([]CartLine{line(1, 2, "5")}, func(c *Checkout) {
				c.External = []Payment{elsewhere("cash", "1.50")}
			}), 2)), did(into2)}
	}
	run(t, []row{
		{"a piece", bought(), bringing(3, 1, 1), `
CheckoutReturned 1×1: 4.00, stored_value 3.25, cash 0.75, due by cash 0.75, qualifying -3.25, keep
CouponRestored use 0, 1.00 back
DebitRefunded 3.25, principal@1 2.50/2.50, bonus@1 0.75, total 3.25
MergeAdjusted 0.00 at list, -3.25 without, for -2.50
TransferSent 3.25, principal@1 -2.50/-2.50, bonus@1 -0.75 merge`},
		{"all, and the use of a coupon is the survivor's", bought(), bringing(3, 1, 2), `
CheckoutReturned 2×1: 8.00, stored_value 6.50, cash 1.50, due by cash 1.50, qualifying -6.50, full, keep
CouponRestored use 0, 2.00 back
DebitRefunded 6.50, principal@1 5.00/5.00, bonus@1 1.50, total 6.50
MergeAdjusted 0.00 at list, -6.50 without, for -5.00, use 1 back
TransferSent 6.50, principal@1 -5.00/-5.00, bonus@1 -1.50 merge`},
		{"too many", bought(), bringing(3, 1, 3), "return_exceeds_checkout lines.0.qty"},
		{"of no checkout here", bought(), asks(ReturnCheckout{CheckoutID: AccountID("x"),
			Lines: []ReturnLine{{1, 1}}}), moved},
	})
}
