package domain

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

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

// Of cashback that was spent or given away before the merge, the survivor has nothing: it is missed where it comes
// back, on the absorbed account.
func TestMergedCashbackGivenAway(t *testing.T) {
	from, to := bookOf(t, "C-1"), bookOf(t, "C-2")
	for _, s := range []step{did(topUp("100", "")), rewarding(tenth()), did(debit("50")),
		ruledBy(Terms{}), did(debit("2")),
		did(SendTransfer{To: AccountID("C-9"), Amount: cny("3"), Kind: TransferGift})} {
		s(from)
	}
	mergedInto(from, to)
	posted, err := from.do(refund(2, "50")(from))
	if err != nil {
		t.Fatal(err)
	}
	wants(t, after(to, posted)[0], "MergeAdjusted 0.00 at list, -50.00 without, for -50.00")
	posted, err = from.do(refund(3, "2")(from))
	wants(t, answer(posted, err), `
DebitRefunded 2.00, cashback@3 2.00, total 2.00
CreditRevoked 2.00, cashback@3 -2.00`)
}

// What comes back of cashback that several lots are missed of pays all of them.
func TestMergedCashbackSiblings(t *testing.T) {
	from, to := bookOf(t, "C-1"), bookOf(t, "C-2")
	for _, s := range []step{did(topUp("100", "")), rewarding(tenth()), did(debit("50")),
		ruledBy(Terms{}), did(debit("2")), did(debit("1"))} {
		s(from)
	}
	mergedInto(from, to)
	did(debit("1"))(to)
	var last []string
	for _, back := range []Command{refund(2, "30")(from), refund(4, "1")(from), refund(2, "20")(from),
		refund(3, "2")(from)} {
		posted, err := from.do(back)
		if err != nil {
			t.Fatal(err)
		}
		last = after(to, posted)
	}
	wants(t, last[len(last)-1], `
TransferReceived 2.00, cashback@12 2.00 merge
CreditRevoked 1.00, cashback@12 -1.00
CreditRevoked 1.00, cashback@12 -1.00`)
}

// Whether a customer's account is merged or he has had one alone, he has as much cashback in the end: whatever he
// spent of it and gave away, whatever came back.
func TestMergedCashbackIsUnmerged(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		type act struct {
			kind   string
			n, of  int
			merges bool
		}
		var acts []act
		for range rapid.IntRange(4, 16).Draw(r, "acts") {
			acts = append(acts, act{rapid.SampledFrom([]string{"earn", "debit", "debit", "gift", "refund",
				"refund", "refund"}).Draw(r, "act"), rapid.IntRange(1, 9).Draw(r, "n"),
				rapid.IntRange(0, 4).Draw(r, "of"), rapid.IntRange(0, 3).Draw(r, "merges") == 0})
		}
		ends := func(merges bool) string {
			all := []*book{bookOf(fatal{t, r}, "C-1")}
			did(topUp("10000", ""))(all[0])
			type sale struct {
				book   int
				id     uuid.UUID
				amount string
			}
			var sales []sale
			for _, a := range acts {
				last := len(all) - 1
				if a.merges && merges && last < 1 { // of two see takeCashback
					all = append(all, bookOf(fatal{t, r}, fmt.Sprint("C-", last+2)))
					last++
					all[last].now = all[0].now
					mergedInto(all[last-1], all[last])
				}
				rules := ruledBy(Terms{})
				if a.kind == "earn" {
					rules = rewarding(tenth())
				}
				for _, b := range all {
					later(time.Second)(b) // the order of draws is that in which value was sold
					rules(b)
				}
				switch a.kind {
				case "earn", "debit":
					x := fmt.Sprint(a.n)
					if a.kind == "earn" {
						x = fmt.Sprint(10 * a.n)
					}
					if posted, err := inTurn(all[last:], debit(x)); err == nil {
						sales = append(sales, sale{last, posted[0].Metadata.EventID, x})
					}
				case "gift":
					_, _ = all[last].do(SendTransfer{To: AccountID("C-9"), Amount: cny(fmt.Sprint(a.n)),
						Kind: TransferGift})
				case "refund":
					if a.of < len(sales) {
						s := sales[a.of]
						_, _ = inTurn(all[s.book:], Refund{DebitID: s.id, Amount: cny(s.amount)})
					}
				}
			}
			b := all[len(all)-1]
			return fmt.Sprint(b.account.Balance("CNY", 2, b.now).ByClass)
		}
		if got, want := ends(true), ends(false); got != want {
			r.Fatalf("got %s, want %s", got, want)
		}
	})
}
