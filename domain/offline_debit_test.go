package domain

import (
	"testing"

	"pgregory.net/rapid"
)

func offline(amount string) OfflineDebit { return OfflineDebit{Amount: cny(amount)} }

func TestOfflineDebit(t *testing.T) {
	sold := []step{opened, did(topUp("20", ""))}
	after := func(more ...step) []step { return append(sold[:2:2], more...) }
	run(t, []row{
		{"there is enough", sold, asks(offline("20")), "DebitPosted 20.00, principal@1 -20.00/-20.00"},
		{"what there is not is owed", sold, asks(offline("30")), `
DebitPosted 20.00, principal@1 -20.00/-20.00, due 10.00
ReceivableOpened 10.00`},
		{"there is nothing", []step{opened}, asks(offline("30")), `
DebitPosted 0.00, due 30.00
ReceivableOpened 30.00`},
		{"what a hold pins is not there", after(did(hold("15"))), asks(offline("20")), `
DebitPosted 5.00, principal@1 -5.00/-5.00, due 15.00
ReceivableOpened 15.00`},
		{"a lapsed hold pins nothing", after(did(hold("15")), later(day)), asks(offline("20")), `
HoldReleased 15.00, principal@1 held -15.00, lapsed
DebitPosted 20.00, principal@1 -20.00/-20.00`},
		{"frozen for debits, all is owed", after(frozen(FreezeDebit)), asks(offline("5")), `
DebitPosted 0.00, due 5.00
ReceivableOpened 5.00`},
		{"frozen by law, nothing moves", after(did(hold("15")), later(day), frozen(FreezeLegal)),
			asks(offline("5")), `
DebitPosted 0.00, due 5.00
ReceivableOpened 5.00`},
		{"frozen for credits alone", after(frozen(FreezeCredit)), asks(offline("5")),
			"DebitPosted 5.00, principal@1 -5.00/-5.00"},
		{"a later top-up pays", after(did(offline("30"))), asks(topUp("100", "")), `
TopUpPosted 100.00, principal@4 100.00/100.00
ReceivableSettled 10.00, principal@4 -10.00/-10.00, by top_up, left 0.00`},

		{"no amount", nil, asks(offline("0")), "amount_not_positive"},
		{"list amount in another unit", nil, asks(OfflineDebit{Amount: cny("1"),
			ListAmount: MustMoney("1", unit("USD"))}), "malformed list_amount"},
		{"no account", nil, asks(offline("1")), "not_found"},
		{"reference", after(ref("1"), did(debit("1"))), asks(offline("1")), "reference_used"},
		{"cancelled reference", after(ref("1"), did(Cancel{})), asks(offline("1")),
			"reference_cancelled"},
	})
}

// Of an offline debit of 30 on 20, first the 10 that are owed come back, then what the lots gave.
func TestOfflineDebitReturns(t *testing.T) {
	owing := []step{opened, did(topUp("20", "")), ref("1"), did(offline("30")), in(Context{})}
	after := func(more ...step) []step { return append(owing[:5:5], more...) }
	cancelled := after(ref("1"))
	run(t, []row{
		{"less than is owed", owing, refund(2, "4"), `
DebitRefunded 0.00, total 0.00
ReceivableSettled 4.00, by return, left 6.00`},
		{"more than is owed", owing, refund(2, "15"), `
DebitRefunded 5.00, principal@1 5.00/5.00, total 5.00
ReceivableSettled 10.00, by return, left 0.00`},
		{"all", owing, refund(2, "30"), `
DebitRefunded 20.00, principal@1 20.00/20.00, total 20.00
ReceivableSettled 10.00, by return, left 0.00`},
		{"in two steps", after(didAs(refund(2, "15"))), refund(2, "15"),
			"DebitRefunded 15.00, principal@1 15.00/15.00, total 20.00"},
		{"more than the debit", owing, refund(2, "30.01"), "refund_exceeds_debit short 0.01 CNY"},
		{"what a top-up paid stays paid", after(did(topUp("6", ""))), refund(2, "24.01"),
			"refund_exceeds_debit short 0.01 CNY"},
		{"what is left beside it", after(did(topUp("6", ""))), refund(2, "24"), `
DebitRefunded 20.00, principal@1 20.00/20.00, total 20.00
ReceivableSettled 4.00, by return, left 0.00`},
		{"cancelled", cancelled, asks(Cancel{}), `
DebitReversed 20.00, principal@1 20.00/20.00, before 0.00
ReceivableSettled 10.00, by return, left 0.00`},
		{"cancelled with nothing taken", []step{opened, ref("1"), did(offline("30"))}, asks(Cancel{}), `
DebitReversed 0.00, before 0.00
ReceivableSettled 30.00, by return, left 0.00`},
		{"cancelled after a part", append(after(didAs(refund(2, "15"))), ref("1")), asks(Cancel{}),
			"DebitReversed 15.00, principal@1 15.00/15.00, before 5.00"},
		{"cancelled when all came back", append(after(didAs(refund(2, "30"))), ref("1")),
			asks(Cancel{}), "ReferenceCancelled posted"},
	})
}

// A repeat is known by what the event says of the request.
func TestOfflineDebitRepeats(t *testing.T) {
	b := newBook(t)
	opened(b)
	posted, err := b.do(OfflineDebit{Amount: cny("30"), ListAmount: cny("40")})
	if err != nil {
		t.Fatal(err)
	}
	again := OfflineDebit{Amount: cny("30"), ListAmount: cny("40")}
	if got := Differing(posted[0], again, Context{}); got != nil {
		t.Errorf("got %v of a repeat", got)
	}
	if got := Differing(posted[0], offline("30"), Context{}); len(got) != 1 || got[0] != "list_amount" {
		t.Errorf("got %v, want list_amount", got)
	}
}

// TestOfflineDebitOwesOnce: whatever comes and goes, what is owed and what was taken for a debit is
// never more than it, and all that is given back never more than that.
func TestOfflineDebitOwesOnce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBook(t)
		opened(b)
		amount := rapid.IntRange(1, 3000)
		money := func() Money { return fromCents(amount.Draw(r, "cents")) }
		_, _ = b.do(TopUp{Amount: money(), TopUpTerms: DefaultTerms()})
		sold, err := b.do(OfflineDebit{Amount: money()})
		if err != nil {
			t.Fatal(err)
		}
		e := sold[0].Event.(DebitPosted)
		back := e.Requested.Sub(e.Requested)
		for range rapid.IntRange(1, 8).Draw(r, "steps") {
			if rapid.Bool().Draw(r, "top up") {
				_, _ = b.do(TopUp{Amount: money(), TopUpTerms: DefaultTerms()})
				continue
			}
			posted, err := b.do(Refund{DebitID: e.DebitID, Amount: money()})
			if err == nil {
				back = back.Add(posted[0].Event.(DebitRefunded).Asked())
			}
		}
		if e.Requested.Less(back) {
			t.Fatalf("%s came back of %s", back, e.Requested)
		}
	})
}

func fromCents(cents int) Money {
	return Money{unit: "CNY", Quantity: fromSteps(int64(cents), 2)}
}

// A till that was cut off at 11:00 sells 30 then; what was topped up since pays what the account
// lacked.
func TestOfflineDebitBeforeTopUp(t *testing.T) {
	sold := func(s ...step) []step {
		before := []step{func(b *book) { b.now = noon.Add(-2 * day) }, opened, did(topUp("20", ""))}
		cut := in(Context{Channel: ChannelOffline, OccurredAt: noon.Add(-day)})
		return append(append(append(before, later(2*day)), s...), cut)
	}
	run(t, []row{
		{"it pays", sold(did(topUp("100", "50"))), asks(offline("30")), `
DebitPosted 20.00, principal@1 -20.00/-20.00, due 10.00
ReceivableOpened 10.00
ReceivableSettled 10.00, principal@2 -10.00/-10.00, by top_up, left 0.00`},
		{"in part", sold(did(topUp("4", "50"))), asks(offline("30")), `
DebitPosted 20.00, principal@1 -20.00/-20.00, due 10.00
ReceivableOpened 10.00
ReceivableSettled 4.00, principal@2 -4.00/-4.00, by top_up, left 6.00`},
		{"two of them", sold(did(topUp("4", "")), did(topUp("9", ""))), asks(offline("30")), `
DebitPosted 20.00, principal@1 -20.00/-20.00, due 10.00
ReceivableOpened 10.00
ReceivableSettled 4.00, principal@2 -4.00/-4.00, by top_up, left 6.00
ReceivableSettled 6.00, principal@3 -6.00/-6.00, by top_up, left 0.00`},
		{"not of a frozen account", sold(did(topUp("100", "")), frozen(FreezeDebit)),
			asks(offline("30")), `
DebitPosted 0.00, due 30.00
ReceivableOpened 30.00`},
	})
}
