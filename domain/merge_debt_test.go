package domain

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// What is owed for a top-up of an absorbed account that is reversed after the merge is the survivor's debt,
// and what it has of the top-up pays it first.
func TestMergedChargeback(t *testing.T) {
	type steps = []step
	sold := steps{did(topUp("100", "30"))}
	spent := append(sold[:1:1], did(debit("65")))
	const owed = "MergeAdjusted owed 100.00\nReceivableOpened 100.00"
	const half = "\nReceivableSettled 50.00, principal@2 -50.00/-50.00, by reversal, left 50.00" +
		"\nCreditRevoked 15.00, bonus@2 -15.00"
	writtenOff := didAs(func(b *book) Command {
		return WriteOff{ReceivableID: b.account.receivables[0].ID, Reason: "x"}
	})
	sends := asks(SendTransfer{To: AccountID("C-3"), Amount: cny("1"), Kind: TransferGift})
	for _, r := range []struct {
		name      string
		of, given steps // on C-1 before the merge, on C-2 after it
		then      string
		later     steps // on C-2, after that
		asked     ask   // of C-2, or where it is nil, of C-1 back comes: that is answered on C-2
		back      string
		last      string
	}{
		{"all of it is there", sold, nil, owed + `
ReceivableSettled 100.00, principal@2 -100.00/-100.00, by reversal, left 0.00
CreditRevoked 30.00, bonus@2 -30.00`, steps{did(topUp("5", ""))}, asks(debit("1")), "",
			"DebitPosted 1.00, principal@7 -1.00/-1.00"},
		{"some was spent before", spent, nil, owed + half, nil, nil, "13",
			`TransferReceived 10.00, principal@8 10.00/10.00 merge
ReceivableSettled 10.00, principal@8 -10.00/-10.00, by transfer, left 40.00`},
		{"some was spent by the survivor", sold, steps{did(debit("65"))}, strings.ReplaceAll(owed+half,
			"@3", "@2"), nil, refund(2, "13"), "", `
DebitRefunded 13.00, principal@2 10.00/10.00, bonus@2 3.00, total 13.00
ReceivableSettled 10.00, principal@2 -10.00/-10.00, by refund, left 40.00
CreditRevoked 3.00, bonus@2 -3.00`},
		{"some is held", sold, steps{did(hold("65"))}, owed + half, nil, void(2), "", `
HoldReleased 65.00, principal@2 held -50.00, bonus@2 held -15.00, void
ReceivableSettled 50.00, principal@2 -50.00/-50.00, by release, left 0.00
CreditRevoked 15.00, bonus@2 -15.00`},
		{"a lapsed hold is free", sold, steps{did(hold("65")), later(day)}, `
MergeAdjusted owed 100.00
HoldReleased 65.00, principal@2 held -50.00, bonus@2 held -15.00, lapsed
CreditRevoked 15.00, bonus@2 -15.00
ReceivableOpened 100.00
ReceivableSettled 100.00, principal@2 -100.00/-100.00, by reversal, left 0.00
CreditRevoked 15.00, bonus@2 -15.00`, nil, asks(debit("1")), "", "insufficient_funds short 1.00 CNY\n" +
			"OperationDeclined insufficient_funds"},
		{"it settles from the survivor's top-up", spent, nil, owed + half, nil, asks(topUp("60", "")), "", `
TopUpPosted 60.00, principal@7 60.00/60.00
ReceivableSettled 50.00, principal@7 -50.00/-50.00, by top_up, left 0.00`},
		{"not from what it had before", append(spent[:2:2], later(0)), steps{did(topUp("60", ""))},
			owed + half, nil, sends, "", "receivable_open\nOperationDeclined receivable_open"},
		{"it blocks a close", spent, nil, owed + half, nil, asks(CloseAccount{Reason: "x"}), "",
			"receivable_open"},
		{"a freeze does not stop it", spent, steps{frozen(FreezeLegal)}, owed + half, nil,
			asks(debit("1")), "", "account_frozen\nOperationDeclined account_frozen"},
		{"of a survivor that was closed", spent, steps{did(debit("65")), did(CloseAccount{Reason: "x"})},
			owed, nil, func(b *book) Command {
				return WriteOff{ReceivableID: b.account.receivables[0].ID, Reason: "x"}
			}, "", "ReceivableSettled 100.00, by write_off, left 0.00"},
		{"after a write-off it is taken back", spent, nil, owed + half, steps{writtenOff}, nil, "13",
			`TransferReceived 10.00, principal@9 10.00/10.00 merge
CreditRevoked 10.00, principal@9 -10.00/-10.00`},
		{"what is paid stays", spent, nil, owed + half, steps{did(topUp("50", ""))}, nil, "13",
			"TransferReceived 10.00, principal@10 10.00/10.00 merge"},
	} {
		t.Run(r.name, func(t *testing.T) {
			from, to := bookOf(t, "C-1"), bookOf(t, "C-2")
			for _, s := range r.of {
				s(from)
			}
			mergedInto(from, to)
			for _, s := range r.given {
				s(to)
			}
			posted, err := from.do(reversal(1, CauseChargeback)(from))
			if err != nil {
				t.Fatal(err)
			}
			wants(t, after(to, posted)[0], r.then)
			wants(t, after(to, posted)[0], "done by MergeAdjusted")
			for _, s := range r.later {
				s(to)
			}
			if r.asked == nil {
				posted, err := from.do(refund(2, r.back)(from))
				if err != nil {
					t.Fatal(err)
				}
				answers := after(to, posted)
				wants(t, answers[len(answers)-1], r.last)
				return
			}
			posted, err = to.do(r.asked(to))
			wants(t, answer(posted, err), r.last)
		})
	}
}

func wants(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimSpace(want); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Of an account that was absorbed twice the last survivor owes it, and what it has of the top-up pays.
func TestMergedChargebackMovesOn(t *testing.T) {
	first, second, last := bookOf(t, "C-1"), bookOf(t, "C-2"), bookOf(t, "C-3")
	did(topUp("100", "30"))(first)
	mergedInto(first, second)
	did(debit("65"))(second)
	mergedInto(second, last)
	posted, err := first.do(reversal(1, CauseChargeback)(first))
	if err != nil {
		t.Fatal(err)
	}
	e := posted[1].Event.(MergeAdjusted)
	posted, err = second.do(AdjustMerge{e})
	wants(t, answer(posted, err), "MergeAdjusted owed 100.00\nMergeAdjusted owed 100.00")
	wants(t, after(last, posted[1:])[0], `
MergeAdjusted owed 100.00
ReceivableOpened 100.00
ReceivableSettled 50.00, principal@2 -50.00/-50.00, by reversal, left 50.00
CreditRevoked 15.00, bonus@2 -15.00`)
	posted, err = second.do(refund(2, "13")(second))
	if err != nil {
		t.Fatal(err)
	}
	answers := after(last, posted)
	wants(t, answers[len(answers)-1], `
TransferReceived 10.00, principal@8 10.00/10.00 merge
ReceivableSettled 10.00, principal@8 -10.00/-10.00, by transfer, left 40.00`)
}

// inTurn asks a command of an account, and takes what follows from it to those that absorbed it in turn.
func inTurn(accounts []*book, c Command) ([]Posted, error) {
	posted, err := accounts[0].do(c)
	if err != nil || len(accounts) == 1 {
		return posted, err
	}
	for _, p := range posted {
		switch e := p.Event.(type) {
		case TransferSent:
			_, err = inTurn(accounts[1:], ReceiveTransfer{e})
		case MergeAdjusted:
			if e.Absorbed == accounts[0].account.ID() {
				_, err = inTurn(accounts[1:], AdjustMerge{e})
			}
		}
		if err != nil {
			accounts[0].Fatal(err)
		}
	}
	return posted, nil
}

// Whether a customer's accounts are merged or he has had one alone, he owes as much in the end and has as much:
// whatever he spent, wherever his top-up is reversed between.
func TestMergedChargebackIsUnmerged(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		type act struct {
			kind   string
			n, of  int // times 13, which a draw parts evenly; which sale
			merges bool
		}
		var acts []act
		for range rapid.IntRange(3, 14).Draw(r, "acts") {
			acts = append(acts, act{rapid.SampledFrom([]string{"debit", "debit", "hold", "void", "void",
				"refund", "refund", "top up", "reverse"}).Draw(r, "act"), rapid.IntRange(1, 5).Draw(r, "n"),
				rapid.IntRange(0, 3).Draw(r, "of"), rapid.IntRange(0, 3).Draw(r, "merges") == 0})
		}
		ends := func(merges bool) string {
			all := []*book{bookOf(fatal{t, r}, "C-1")}
			did(topUp("100", "30"))(all[0])
			sold := all[0].ids[1]
			type sale struct {
				book   int
				id     uuid.UUID
				amount string
			}
			var sales, holds []sale
			for _, a := range acts {
				for _, b := range all {
					later(time.Second)(b) // the order of draws is that in which value was sold
				}
				last := len(all) - 1
				if a.merges && merges && last < 2 && len(all[last].account.holds) == 0 &&
					len(all[last].account.receivables) == 0 {
					all = append(all, bookOf(fatal{t, r}, fmt.Sprint("C-", last+2)))
					all[last+1].now = all[last].now
					mergedInto(all[last], all[last+1])
					last++
				}
				x := fmt.Sprint(13 * a.n)
				switch a.kind {
				case "debit":
					if posted, err := inTurn(all[last:], debit(x)); err == nil {
						sales = append(sales, sale{last, posted[0].Metadata.EventID, x})
					}
				case "hold":
					if posted, err := inTurn(all[last:], hold(x)); err == nil {
						holds = append(holds, sale{last, posted[0].Metadata.EventID, x})
					}
				case "refund":
					if a.of < len(sales) {
						s := sales[a.of]
						_, _ = inTurn(all[s.book:], Refund{DebitID: s.id, Amount: cny(s.amount)})
					}
				case "void":
					if a.of < len(holds) {
						_, _ = inTurn(all[holds[a.of].book:], VoidHold{HoldID: holds[a.of].id})
					}
				case "top up":
					_, _ = inTurn(all[last:], topUp(x, ""))
				case "reverse":
					_, _ = inTurn(all, ReverseTopUp{TopUpID: sold, Cause: CauseChargeback})
				}
			}
			a := all[len(all)-1].account
			owed := zero(2)
			for _, r := range a.receivables {
				owed = owed.Add(r.Outstanding.Quantity)
			}
			return fmt.Sprint(a.Balance("CNY", 2, noon.Add(time.Hour)).ByClass, " owing ", owed)
		}
		if got, want := ends(true), ends(false); got != want {
			r.Fatalf("got %s, want %s", got, want)
		}
	})
}
