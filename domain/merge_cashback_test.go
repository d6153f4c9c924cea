package domain

import "testing"

// Cashback of a sale that came back after a merge is taken from whatever comes back of it then, on either
// account, and once.
func TestMergedCashbackMissed(t *testing.T) {
	type steps = []step
	earned := steps{opened, did(topUp("100", "")), rewarding(tenth()), did(debit("50")), ruledBy(Terms{})}
	spentTwo := append(earned[:5:5], did(debit("2")))
	for _, r := range []struct {
		name     string
		of       steps  // on C-1 before the merge
		given    steps  // on C-2 after it
		returned string // of what earned it, on C-1
		asked    ask    // of C-2, where spent is zero
		spent    int    // operation of C-1 that comes back, wholly
		then     string
	}{
		{"spent by the survivor", earned, steps{did(debit("3"))}, "50", refund(2, "3"), 0, `
DebitRefunded 3.00, cashback@2 3.00, total 3.00
CreditRevoked 3.00, cashback@2 -3.00`},
		{"no more than is missed", earned, steps{did(debit("4"))}, "20", refund(2, "4"), 0, `
DebitRefunded 4.00, cashback@2 4.00, total 4.00
CreditRevoked 1.00, cashback@2 -1.00`},
		{"spent before the merge", spentTwo, nil, "50", nil, 3, `
TransferReceived 2.00, cashback@6 2.00 merge
CreditRevoked 2.00, cashback@6 -2.00`},
		{"not what is not missed", spentTwo, nil, "20", nil, 3, `
TransferReceived 2.00, cashback@6 2.00 merge`},
		{"by both", spentTwo, steps{did(debit("3"))}, "30", nil, 3, `
TransferReceived 2.00, cashback@7 2.00 merge
CreditRevoked 2.00, cashback@7 -2.00`},
	} {
		t.Run(r.name, func(t *testing.T) {
			from, to := bookOf(t, "C-1"), bookOf(t, "C-2")
			for _, s := range r.of[1:] {
				s(from)
			}
			mergedInto(from, to)
			for _, s := range r.given {
				s(to)
			}
			posted, err := from.do(refund(2, r.returned)(from))
			if err != nil {
				t.Fatal(err)
			}
			after(to, posted)
			var got string
			if r.spent > 0 {
				posted, err := from.do(refund(r.spent, "2")(from))
				if err != nil {
					t.Fatal(err)
				}
				answers := after(to, posted)
				got = answers[len(answers)-1]
			} else {
				posted, err := to.do(r.asked(to))
				got = answer(posted, err)
			}
			if got != r.then[1:] {
				t.Errorf("got\n%s\nwant\n%s", got, r.then[1:])
			}
		})
	}
}

// Of an account that was absorbed twice the last survivor loses it.
func TestMergedCashbackMovesOn(t *testing.T) {
	first, second, last := bookOf(t, "C-1"), bookOf(t, "C-2"), bookOf(t, "C-3")
	must := func(b *book, c Command) []Posted {
		posted, err := b.do(c)
		if err != nil {
			t.Fatal(err)
		}
		return posted
	}
	for _, s := range []step{did(topUp("100", "")), rewarding(tenth()), did(debit("50")),
		ruledBy(Terms{}), did(debit("2"))} {
		s(first)
	}
	mergedInto(first, second)
	after(second, must(first, refund(3, "2")(first))) // two lots came of one
	must(second, debit("3"))
	mergedInto(second, last)
	must(last, debit("1"))
	told := must(first, refund(2, "50")(first))
	for _, p := range told {
		if e, ok := p.Event.(MergeAdjusted); ok {
			got := after(last, must(second, AdjustMerge{e}))[1] // the first is what C-2 was told
			const want = "MergeAdjusted 0.00 at list, -50.00 without, for -50.00, missed 5.00\n" +
				"CreditRevoked 1.00, cashback@2 -1.00 by refund, uncollected 4.00"
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		}
	}
}
