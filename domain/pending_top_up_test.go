package domain

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var (
	_ = telling(func(e TopUpInitiated) string { return e.Amount.Quantity.String() })
	_ = telling(func(e TopUpFailed) string { return strings.TrimSpace(e.Reason + string(e.Cause)) })
)

// initiated is a pending top-up paid by transfer under a reference, "" for none.
func initiated(amount, reference string, edits ...func(*TopUp)) TopUp {
	t := topUp(amount, "", edits...)
	t.Pending = true
	t.Payments = []Payment{{Method: "transfer", Reference: reference}}
	return t
}

// oldest is the top-up that has been pending longest.
func (b *book) oldest() (id [16]byte) {
	if len(b.account.pending) > 0 {
		id = b.account.pending[0].ID
	}
	return id
}

var (
	posting = didAs(func(b *book) Command { return PostTopUp{TopUpID: b.oldest()} })
	failing = didAs(func(b *book) Command { return FailTopUp{TopUpID: b.oldest(), Reason: "x"} })
)

// post posts the n-th operation of the book, a pending top-up, with payments.
func post(n int, payments ...Payment) ask {
	return func(b *book) Command { return PostTopUp{TopUpID: b.ids[n], Payments: payments} }
}

func failed(n int) ask {
	return func(b *book) Command { return FailTopUp{TopUpID: b.ids[n], Reason: "no money came"} }
}

func TestInitiateTopUp(t *testing.T) {
	var full []step
	for i := range MaxPendingTopUps {
		full = append(full, did(initiated("1", fmt.Sprint(i))))
	}
	waiting := did(initiated("100", "R-1"))
	run(t, []row{
		{"no value moves", []step{opened}, asks(initiated("100", "R-1")), "TopUpInitiated 100.00"},
		{"nothing can be spent", []step{opened, waiting}, asks(debit("1")),
			"insufficient_funds short 1.00 CNY\nOperationDeclined insufficient_funds"},
		{"amount", nil, asks(initiated("0", "")), "amount_not_positive"},
		{"no account", nil, asks(initiated("1", "")), "not_found"},
		{"frozen", []step{opened, frozen(FreezeCredit)}, asks(initiated("1", "")), "account_frozen"},
		{"reference used", []step{opened, ref("7"), waiting}, asks(initiated("1", "")),
			"reference_used"},
		{"reference used by a pending one", []step{opened, ref("7"), waiting}, asks(topUp("1", "")),
			"reference_used"},
		{"payment used by a pending one", []step{opened, waiting},
			asks(topUp("1", "", paying(Payment{Method: "transfer", Reference: "R-1"}))),
			"reference_used"},
		{"payment used by one that failed", []step{opened, waiting, failing},
			asks(initiated("1", "R-1")), "reference_used"},
		{"a bounded number", append([]step{opened}, full...), asks(initiated("1", "")),
			"limit_exceeded"},
		{"payment before the number", append([]step{opened}, full...), asks(initiated("1", "1")),
			"reference_used"},
		{"one that failed makes room", append(append([]step{opened}, full...), failing),
			asks(initiated("1", "")), "TopUpInitiated 1.00"},
	})
}

func TestPostTopUp(t *testing.T) {
	pending := []step{opened, did(initiated("100", "", expiring(9*day, 0)))}
	after := func(more ...step) []step { return append(pending[:2:2], more...) }
	tender := Payment{Method: "transfer", Reference: "R-9"}
	posted := "TopUpPosted 100.00, principal@2 100.00/100.00"
	owing := []step{opened, did(topUp("100", "30")), did(debit("65")),
		didAs(reversal(1, CauseChargeback)), did(initiated("80", ""))}
	run(t, []row{
		{"as asked", pending, post(1), posted},
		{"payments completed", pending, post(1, tender), posted},
		{"payments where there were none", []step{opened, did(func() TopUp {
			t := initiated("100", "")
			t.Payments = nil
			return t
		}())}, post(1, tender), posted},
		{"debts are settled", owing, post(4), `
TopUpPosted 80.00, principal@6 80.00/80.00
ReceivableSettled 50.00, principal@6 -50.00/-50.00, by top_up, left 0.00`},

		{"no account", nil, func(b *book) Command { return PostTopUp{} }, "not_found"},
		{"frozen", after(frozen(FreezeCredit)), post(1), "account_frozen"},
		{"frozen before the reference", after(ref("7"), did(initiated("1", "1")), didAs(post(2)),
			in(Context{}), frozen(FreezeCredit), ref("7")), post(1), "account_frozen"},
		{"reference used", after(did(initiated("1", "1")), ref("7"), didAs(post(2))), post(1),
			"reference_used"},
		{"reference cancelled", after(ref("7"), did(Cancel{})), post(1), "reference_cancelled"},
		{"reference before the top-up", after(did(initiated("1", "1")), ref("7"), didAs(post(2))),
			post(0), "reference_used"},
		{"no top-up", pending, post(0), "not_found"},
		{"one that never was pending", after(did(topUp("1", ""))), post(2), "not_found"},
		{"posted before", after(didAs(post(1))), post(1), "top_up_not_pending"},
		{"failed before", after(failing), post(1), "top_up_not_pending"},
		{"pending before payments", after(failing), post(1, Payment{}), "top_up_not_pending"},
		{"another tender", pending, post(1, Payment{Method: "cash"}), "malformed payments"},
		{"another amount", pending, post(1, Payment{Method: "transfer", Amount: cny("100")}),
			"malformed payments"},
		{"one tender more", pending, post(1, tender, tender), "malformed payments"},
		{"another reference", []step{opened, did(initiated("1", "R-1"))}, post(1, tender),
			"malformed payments"},
		{"its terms have ended", after(later(9 * day)), post(1), "malformed expires_at"},
		{"payment used since", after(did(topUp("1", "", paying(tender)))), post(1, tender),
			"reference_used"},
	})
}

func TestFailTopUp(t *testing.T) {
	pending := []step{opened, did(initiated("100", "R-1"))}
	after := func(more ...step) []step { return append(pending[:2:2], more...) }
	run(t, []row{
		{"no value came", pending, failed(1), "TopUpFailed no money came"},
		{"whatever is frozen", after(frozen(FreezeLegal)), failed(1), "TopUpFailed no money came"},
		{"a long reason", nil, asks(FailTopUp{Reason: strings.Repeat("x", 201)}), "malformed reason"},
		{"no account", nil, asks(FailTopUp{}), "not_found"},
		{"reference used", after(did(initiated("1", "1")), ref("7"), didAs(failed(2))), failed(1),
			"reference_used"},
		{"no top-up", pending, failed(0), "not_found"},
		{"failed before", after(failing), failed(1), "top_up_not_pending"},
		{"posted before", after(posting), failed(1), "top_up_not_pending"},
	})
}

// What takes a top-up back knows one that was pending, or still is.
func TestTakeBackPending(t *testing.T) {
	pending := []step{opened, ref("7"), did(initiated("100", "R-1"))}
	after := func(more ...step) []step { return append(pending[:3:3], more...) }
	run(t, []row{
		{"cancel a pending one", pending, asks(Cancel{}), "TopUpFailed cancelled"},
		{"no late posting under the reference", after(did(Cancel{})), post(1),
			"reference_cancelled"},
		{"nor under none", after(did(Cancel{}), in(Context{})), post(1), "top_up_not_pending"},
		{"cancel a posted one", after(posting), asks(Cancel{}),
			"TopUpReversed 100.00, principal@2 -100.00/-100.00"},
		{"cancel its posting", after(ref("8"), posting), asks(Cancel{}),
			"TopUpReversed 100.00, principal@2 -100.00/-100.00"},
		{"cancel one that failed", after(failing), asks(Cancel{}), "ReferenceCancelled posted"},
		{"cancel one that was spent", after(posting, in(Context{}), did(debit("1")), ref("7")),
			asks(Cancel{}), "not_cancellable"},
		{"reverse a pending one", after(in(Context{})), reversal(1, CauseChargeback),
			"not_cancellable"},
		{"reverse a posted one", after(posting, in(Context{})), reversal(1, CauseError),
			"TopUpReversed 100.00, principal@2 -100.00/-100.00"},
		{"charge a posted one back", after(posting, in(Context{}), did(debit("30"))),
			reversal(1, CauseChargeback), `
TopUpReversed 70.00, principal@2 -70.00/-70.00
ReceivableOpened 30.00`},
	})
}

// The reversal of a top-up with several tenders says what each of them was.
func TestReversedTenders(t *testing.T) {
	b := newBook(t)
	opened(b)
	tenders := []Payment{{Method: "cash", Amount: cny("60")},
		{Method: "card", Reference: "A-1", Amount: cny("40")}}
	did(topUp("100", "30", paying(tenders...)))(b)
	did(debit("13"))(b)
	posted, err := b.do(ReverseTopUp{TopUpID: b.ids[1], Cause: CauseChargeback,
		PaymentReference: "A-1"})
	if err != nil {
		t.Fatal(err)
	}
	e := posted[0].Event.(TopUpReversed)
	if len(e.Payments) != 2 || e.Payments[1].Reference != "A-1" ||
		e.Payments[0].Amount.String() != "60.00 CNY" {
		t.Errorf("got the tenders %v, want %v", e.Payments, tenders)
	}
}

// What was pending keeps what it asked for, and is answered again under its key.
func TestPendingRepeats(t *testing.T) {
	b := newBook(t)
	opened(b)
	asked := initiated("100", "", expiring(day, 0))
	asked.ExpiresAt = asked.ExpiresAt.In(time.FixedZone("", 60))
	did(asked)(b)
	differs(t, b.log[1], asked, Context{}, "")
	differs(t, b.log[1], topUp("100", "", expiring(day, 0)), Context{}, "payments, pending")
	begun := b.ids[1]
	completed := PostTopUp{TopUpID: begun, Payments: []Payment{{Method: "transfer", Reference: "R"}}}
	did(completed)(b)
	differs(t, b.log[2], completed, Context{}, "")
	differs(t, b.log[2], PostTopUp{TopUpID: begun}, Context{}, "payments")
	differs(t, b.log[2], FailTopUp{TopUpID: begun}, Context{}, "operation")
	did(initiated("100", ""))(b)
	posting(b)
	differs(t, b.log[4], PostTopUp{TopUpID: b.ids[3]}, Context{}, "")
	did(initiated("100", "Q"))(b)
	failing(b)
	differs(t, b.log[6], FailTopUp{TopUpID: b.ids[5], Reason: "x"}, Context{}, "")
	differs(t, b.log[6], FailTopUp{TopUpID: b.ids[5]}, Context{}, "reason")
}
