package domain

import (
	"fmt"
	"strings"
	"testing"
)

var _ = telling(func(e MergeAdjusted) string {
	var s []string
	if e.Tier != nil {
		for _, c := range e.Tier.Counts {
			s = append(s, c.Day+" "+c.Sum.String())
		}
	}
	for _, u := range e.Earned {
		s = append(s, fmt.Sprint(u.Unit, " of days ", u.Days))
	}
	for _, p := range e.Prices {
		s = append(s, fmt.Sprintf("%s at list, %s without, for %s", p.AtList, p.Unlisted, p.Brought))
	}
	if e.Sales > 0 {
		s = append(s, fmt.Sprintf("%d cancelled", e.Sales))
	}
	for _, p := range e.Points {
		s = append(s, "missed "+p.Amount.String())
	}
	for _, c := range e.Cashback {
		s = append(s, "missed "+c.Amount.Quantity.String())
	}
	for _, o := range e.Owed {
		s = append(s, "owed "+o.Amount.Quantity.String())
	}
	for _, u := range e.Uses {
		s = append(s, fmt.Sprintf("use %d back", u.Used.Use))
	}
	return strings.Join(s, ", ")
})

var into2 = MergeAccount{Into: AccountID("C-2")}

func TestMergeAccount(t *testing.T) {
	cuts := did(TopUp{Amount: MustMoney("10", unit("CUT")), TopUpTerms: DefaultTerms(),
		Payments: []Payment{{Method: "cash", Amount: cny("300")}}})
	sold := []step{opened, did(topUp("100", "30")), cuts}
	after := func(more ...step) []step { return append(sold[:3:3], more...) }
	merged := `
AccountsMerged
TransferSent 130.00, principal@1 -100.00/-100.00, bonus@1 -30.00 merge
TransferSent 10, principal@2 -10/-300.00 merge`
	run(t, []row{
		{"everything", sold, asks(into2), merged},
		{"nothing", []step{opened}, asks(into2), "AccountsMerged"},
		{"what lapsed and expired is written first", []step{opened, did(topUp("5", "")),
			did(topUp("7", "", expiring(day, 0))), did(hold("5")), later(day)}, asks(into2), `
HoldReleased 5.00, principal@2 held -5.00, lapsed
LotExpired 7.00, principal@2 -7.00/-7.00, n 1
AccountsMerged
TransferSent 5.00, principal@1 -5.00/-5.00 merge`},

		{"itself", nil, asks(MergeAccount{Into: AccountID("C-1")}), "malformed into"},
		{"nobody before account", nil, asks(MergeAccount{Into: AccountID("C-2"), Nobody: true}), "not_found"},
		{"no account", nil, asks(into2), "not_found"},
		{"closed", []step{opened, did(CloseAccount{Reason: "x"})}, asks(into2), "account_not_open"},
		{"frozen", after(frozen(FreezeDebit)), asks(into2), "account_frozen"},
		{"a hold", after(did(hold("1"))), asks(into2), "holds_active"},
		{"a debt", after(did(debit("130")), didAs(reversal(1, CauseChargeback))), asks(into2),
			"receivable_open"},
		{"in flight", after(did(send("1"))), asks(into2), "transfer_in_flight"},
		{"again", after(did(into2)), asks(into2), "failure: the account was merged into " +
			AccountID("C-2").String()},
	})
}

// An absorbed account undoes what it posted itself, and what comes of it moves on; everything else is
// the survivor's.
func TestMergedAccount(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30")), ref("7"), did(debit("13")), in(Context{}), did(into2)}
	after := func(more ...step) []step { return append(sold[:6:6], more...) }
	moved := "failure: the account was merged into " + AccountID("C-2").String()
	rows := []row{
		{"refund", sold, refund(2, "13"), `
DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 13.00
MergeAdjusted 0.00 at list, -13.00 without, for -10.00
TransferSent 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00 merge`},
		{"refund while nobody knows whether the merge stands", after(func(b *book) { b.unsettled = true }),
			refund(2, "13"), moved},
		{"return", []step{opened, did(topUp("100", "30")), did(sells([]CartLine{line(1, 2, "6.50")})),
			did(into2)}, bringing(2, 1, 2), `
CheckoutReturned 2×1: 13.00, stored_value 13.00, qualifying -10.00, full, keep
DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 13.00
MergeAdjusted 0.00 at list, -13.00 without, for -10.00
TransferSent 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00 merge`},
		{"refund of too much", sold, refund(2, "14"), "refund_exceeds_debit short 1.00 CNY"},
		{"cancel", after(ref("7")), asks(Cancel{}), `
DebitReversed 13.00, principal@1 10.00/10.00, bonus@1 3.00, before 0.00
MergeAdjusted 0.00 at list, -13.00 without, for -10.00, 1 cancelled
TransferSent 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00 merge`},
		{"cancel of nothing", after(ref("8")), asks(Cancel{}), moved},
		{"chargeback", sold, reversal(1, CauseChargeback), `
TopUpReversed 0.00
MergeAdjusted owed 100.00`},
		{"chargeback while nobody knows whether the merge stands", after(func(b *book) { b.unsettled = true }),
			reversal(1, CauseChargeback), moved},
		{"chargeback again", after(didAs(reversal(1, CauseChargeback))), reversal(1, CauseChargeback),
			"not_cancellable"},
		{"a transfer that comes late", sold, receiving("13"), `
TransferReceived 13.00, principal@5 10.00/10.00, bonus@5 3.00 family
TransferSent 13.00, principal@5 -10.00/-10.00, bonus@5 -3.00 merge`},
		{"nothing is due", sold, asks(Sweep{}), ""},
		{"open", sold, asks(OpenAccount{CustomerRef: "C-1"}), "account_exists"},
	}
	for name, c := range map[string]Command{
		"top-up": topUp("1", ""), "debit": debit("1"), "hold": hold("1"),
		"freeze": FreezeAccount{Modes: []FreezeMode{FreezeAll}, Reason: "x"},
		"close":  CloseAccount{Reason: "x"}, "transfer": send("1"),
		"refund":    Refund{DebitID: newID(9, Seed{}, 0), Amount: cny("1")},
		"return":    ReturnCheckout{CheckoutID: newID(9, Seed{}, 0), Lines: []ReturnLine{{1, 1}}},
		"void":      VoidHold{HoldID: newID(9, Seed{}, 0)},
		"write-off": WriteOff{ReceivableID: newID(9, Seed{}, 0), Reason: "x"},
	} {
		rows = append(rows, row{"for the survivor: " + name, sold, asks(c), moved})
	}
	run(t, rows)
}

// absorbing is a merge of C-1, which holds 100 + 30, into the account of a book.
func absorbing(b *book) Command {
	other := bookOf(b, "C-1")
	did(topUp("100", "30"))(other)
	c := AbsorbAccount{}
	posted, err := other.do(into2)
	if err != nil {
		b.Fatal(err)
	}
	for _, p := range posted {
		switch e := p.Event.(type) {
		case AccountsMerged:
			c.Merged = e
		case TransferSent:
			c.Parts = append(c.Parts, e)
		}
	}
	return c
}

func TestAbsorbAccount(t *testing.T) {
	absorbed := "AccountsMerged\nTransferReceived 130.00, principal@3 100.00/100.00, bonus@3 30.00 merge"
	for name, r := range map[string]struct {
		given step
		then  string
	}{
		"all":    {func(*book) {}, absorbed},
		"again":  {didAs(absorbing), "done by AccountsMerged"},
		"frozen": {frozen(FreezeCredit), "ReferenceCancelled nothing"},
		"closed": {did(CloseAccount{Reason: "x"}), "ReferenceCancelled nothing"},
		"merged": {did(MergeAccount{Into: AccountID("C-3")}), "ReferenceCancelled nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			b := bookOf(t, "C-2")
			r.given(b)
			if name == "all" {
				frozen(FreezeDebit)(b)
			}
			posted, err := b.do(absorbing(b))
			if got := answer(posted, err); got != r.then {
				t.Errorf("got\n%s\nwant\n%s", got, r.then)
			}
		})
	}
}

func TestUndoMerge(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30")), did(into2)}
	undo := func(b *book) Command {
		return UndoMerge{MergeID: b.ids[2], Why: ReferenceCancelled{Code: "account_frozen"}}
	}
	run(t, []row{
		{"all", sold, undo, `
MergeRefused account_frozen
TransferReturned 130.00, principal@1 100.00/100.00, bonus@1 30.00 account_frozen`},
		{"it lives on", append(sold[:3:3], didAs(undo)), asks(debit("13")),
			"DebitPosted 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00"},
		{"it may be merged again", append(sold[:3:3], didAs(undo)), func(b *book) Command {
			return MergeAccount{Into: AccountID("C-2"), Settled: b.account.LastSent()}
		}, `
AccountsMerged
TransferSent 130.00, principal@1 -100.00/-100.00, bonus@1 -30.00 merge`},
		{"again", append(sold[:3:3], didAs(undo)), undo, "done by MergeRefused"},
		{"no such merge", sold, asks(UndoMerge{MergeID: newID(9, Seed{}, 0)}), "not_found"},
	})
}

// A merge parts no funding, however many lots there are.
func TestMergeOfManyLots(t *testing.T) {
	b := newBook(t)
	opened(b)
	did(topUp("1", ""))(b)
	for range mostTravelling {
		did(topUp("10", "3"))(b)
	}
	posted, err := b.do(into2)
	if err != nil || len(posted) != 4 {
		t.Fatalf("got %d events, %v, want 4", len(posted), err)
	}
	lots := 0
	for _, p := range posted[1:] {
		e := p.Event.(TransferSent)
		lots += len(e.Lots)
		if n := len(e.Lots); n > mostTravelling || e.Lots[n-1].Class != Bonus && n > 1 {
			t.Errorf("got %d lots, the last of class %s", n, e.Lots[n-1].Class)
		}
	}
	if want := 2*mostTravelling + 1; lots != want {
		t.Errorf("got %d lots, want %d", lots, want)
	}
}
