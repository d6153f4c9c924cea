package domain

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

var (
	_ = telling(func(e WithdrawalRequested) string { return tellVariants(e.Variants) + string(e.Chosen) })
	_ = telling(func(e WithdrawalApproved) string {
		return fmt.Sprintf("%s %s by %s", e.Variant, e.Payout.Quantity, e.Approver)
	})
	_ = telling(func(e WithdrawalPaidOut) string {
		return fmt.Sprintf("paid %s for %s, difference %s", e.Payout.Quantity, e.Extinguished.Quantity,
			e.Difference)
	})
	_ = telling(func(e WithdrawalRejected) string { return e.Reason })
	_ = telling(func(e WithdrawalFailed) string { return e.Reason })
)

func tellVariants(all []Variant) (s string) {
	for _, v := range all {
		amount := "unknown"
		if v.Amount != nil {
			amount = v.Amount.Quantity.String()
		}
		s += fmt.Sprintf("%s %s, ", v.Formula, amount)
	}
	return s
}

func withdraw(cause WithdrawalCause) RequestWithdrawal {
	return RequestWithdrawal{Unit: "CNY", Cause: cause, PayeeMethod: "bank"}
}

func atPrice(amount, list string) Debit {
	return Debit{Amount: cny(amount), ListAmount: cny(list)}
}

// as lets what follows be asked by another key.
func as(actor string) step { return func(b *book) { b.actor = actor } }

// threshold lets withdrawals and adjustments below an amount pass without a second person.
func threshold(amount string) step {
	p := *DefaultProgram()
	p.Terms.Approvals = []Approval{{Unit: "CNY", Withdrawal: cny(amount), Adjustment: cny(amount)}}
	return ruled(&p)
}

func approveWithdrawal(n int, f Formula) ask {
	return func(b *book) Command { return ApproveWithdrawal{WithdrawalID: b.ids[n], Variant: f} }
}

func rejectWithdrawal(n int) ask {
	return func(b *book) Command { return RejectWithdrawal{WithdrawalID: b.ids[n], Reason: "asked"} }
}

func paid(n int, payout string) ask {
	return func(b *book) Command {
		return SettleWithdrawal{WithdrawalID: b.ids[n], Outcome: OutcomePaid, Payout: cny(payout)}
	}
}

func bounced(n int) ask {
	return func(b *book) Command {
		return SettleWithdrawal{WithdrawalID: b.ids[n], Outcome: OutcomeFailed, Reason: "bank"}
	}
}

var (
	sold   = []step{opened, did(topUp("1000.00", "200.00"))}
	asked  = append(sold[:2:2], did(withdraw(WithdrawalByProvider)))
	agreed = append(asked[:3:3], as("boss"), didAs(approveWithdrawal(2, "")))
)

// The vectors of the reference: after paying 1 000 with 200 bonus and using 480, and 1 100.
func TestWithdrawalVectors(t *testing.T) {
	after := func(s ...step) []step { return append(sold[:2:2], s...) }
	const of480 = "WithdrawalRequested 720.00, principal@1 held 600.00, bonus@1 held 120.00 "
	const of1100 = "WithdrawalRequested 100.00, principal@1 held 83.33, bonus@1 held 16.67 "
	run(t, []row{
		{"480, not the customer", after(did(atPrice("480.00", "480.00"))),
			asks(withdraw(WithdrawalByProvider)), of480 + "ratio 600.00, list_price 520.00, ratio"},
		{"480, the customer", after(did(atPrice("480.00", "480.00"))),
			asks(withdraw(WithdrawalByCustomer)), of480 + "ratio 600.00, list_price 520.00, list_price"},
		{"1100, not the customer", after(did(atPrice("1100.00", "1100.00"))),
			asks(withdraw(WithdrawalCoolingOff)), of1100 + "ratio 83.33, list_price 0.00, ratio"},
		{"1100, the customer", after(did(atPrice("1100.00", "1100.00"))),
			asks(withdraw(WithdrawalByCustomer)), of1100 + "ratio 83.33, list_price 0.00, list_price"},
		{"without a list amount its price is not known", after(did(debit("480.00"))),
			asks(withdraw(WithdrawalByCustomer)), of480 + "ratio 600.00, list_price unknown, ratio"},
		{"refunded, it is known again", after(did(debit("400.00")), didAs(refund(2, "400.00")),
			did(atPrice("480.00", "500.00"))), asks(withdraw(WithdrawalByCustomer)),
			of480 + "ratio 600.00, list_price 500.00, list_price"},
		{"a refund returns its part of the list price", after(did(atPrice("600.00", "700.00")),
			didAs(refund(2, "70.00")), didAs(refund(2, "50.00"))), asks(withdraw(WithdrawalByCustomer)),
			of480 + "ratio 600.00, list_price 440.00, list_price"},
		{"a cancelled debit counts no more", after(did(atPrice("480.00", "480.00")), ref("1"),
			did(atPrice("100.00", "150.00")), did(Cancel{}), ref("")),
			asks(withdraw(WithdrawalByCustomer)), of480 + "ratio 600.00, list_price 520.00, list_price"},
		{"a part of the list price, where a part was taken", []step{opened, did(topUp("500.00", "")),
			did(hold("400.00")), did(Debit{Amount: cny("200.00"), ListAmount: cny("300.00"),
				AcceptPartial: true}), didAs(void(2))}, asks(withdraw(WithdrawalByCustomer)),
			"WithdrawalRequested 400.00, principal@1 held 400.00 ratio 400.00, list_price 350.00, list_price"},
		{"what was used up before keeps its discount", after(did(atPrice("1200.00", "1500.00")),
			did(topUp("300.00", "30.00")), did(atPrice("33.00", "40.00"))),
			asks(withdraw(WithdrawalByCustomer)), "WithdrawalRequested 297.00, principal@3 held 270.00, " +
				"bonus@3 held 27.00 ratio 270.00, list_price 260.00, list_price"},
		{"a capture says its list amount", after(did(hold("480.00")), didAs(func(b *book) Command {
			return CaptureHold{HoldID: b.ids[2], Amount: cny("480.00"), ListAmount: cny("490.00")}
		})), asks(withdraw(WithdrawalByCustomer)),
			of480 + "ratio 600.00, list_price 510.00, list_price"},
		{"each top-up at its own ratio", after(did(atPrice("1200.00", "1200.00")),
			did(topUp("300.00", "30.00"))), asks(withdraw(WithdrawalByProvider)),
			"WithdrawalRequested 330.00, principal@3 held 300.00, bonus@3 held 30.00 " +
				"ratio 300.00, list_price 300.00, ratio"},
	})
}

// The sums beside a ratio are those of the top-ups of which something is left.
func TestWithdrawalInputs(t *testing.T) {
	b := newBook(t)
	for _, s := range append(sold[:2:2], did(atPrice("1200.00", "1500.00")), did(topUp("300.00", "30.00")),
		did(debit("33.00"))) {
		s(b)
	}
	posted, err := b.do(withdraw(WithdrawalByProvider))
	if err != nil {
		t.Fatal(err)
	}
	var got string
	for _, v := range posted[0].Event.(WithdrawalRequested).Variants {
		got += fmt.Sprintf("%s %v ", v.Formula, v.Inputs)
	}
	want := "ratio map[bonus:30.00 paid:300.00 used:33.00] list_price map[paid:1300.00 " +
		"used_at_list:1000.00 used_without_list_amount:33.00] "
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// One row per refusal, in the order of the checks.
func TestRequestWithdrawal(t *testing.T) {
	request := asks(withdraw(WithdrawalByProvider))
	run(t, []row{
		{"a unit that is no currency", sold, asks(RequestWithdrawal{Unit: "CUT"}), "malformed unit"},
		{"no cause", sold, asks(withdraw("boredom")), "malformed cause"},
		{"no method", sold, asks(RequestWithdrawal{Unit: "CNY", Cause: WithdrawalByProvider}),
			"malformed payee_method"},
		{"no account", nil, request, "not_found"},
		{"frozen", append(sold[:2:2], frozen(FreezeDebit)), request,
			"account_frozen\nOperationDeclined account_frozen"},
		{"reference used", []step{opened, did(topUp("9.00", "")), ref("1"),
			did(withdraw(WithdrawalByProvider))}, request, "reference_used"},
		{"another is open", asked, request, "withdrawal_open\nOperationDeclined withdrawal_open"},
		{"another is approved", agreed, request, "withdrawal_open\nOperationDeclined withdrawal_open"},
		{"a receivable is open", []step{opened, did(topUp("10.00", "")), did(debit("4.00")),
			didAs(reversal(1, CauseChargeback)), did(GrantCredit{Amount: cny("1.00"), Class: Principal,
				Cost: cny("1.00"), Cause: CauseOpeningBalance})}, request,
			"receivable_open\nOperationDeclined receivable_open"},
		{"a hold pins some", append(sold[:2:2], did(hold("1.00"))), request,
			"holds_active\nOperationDeclined holds_active"},
		{"nothing is left", []step{opened, did(topUp("10.00", "")), did(debit("10.00"))}, request,
			"insufficient_funds\nOperationDeclined insufficient_funds"},
		{"a lapsed hold is none", append(sold[:2:2], did(hold("1.00")), later(time.Hour)), request,
			"HoldReleased 1.00, principal@1 held -0.83, bonus@1 held -0.17, lapsed\n" +
				"WithdrawalRequested 1200.00, principal@1 held 1000.00, bonus@1 held 200.00 " +
				"ratio 1000.00, list_price 1000.00, ratio"},
		{"what has expired goes first", []step{opened, did(topUp("10.00", "2.00", expiring(0, day))),
			later(2 * day)}, request, "LotExpired 2.00, bonus@1 -2.00, n 1\n" +
			"WithdrawalRequested 10.00, principal@1 held 10.00 ratio 10.00, list_price 10.00, ratio"},
		{"what was given apart stays", []step{opened, did(topUp("10.00", "")),
			did(GrantCredit{Amount: cny("5.00"), Class: Promo, Cost: cny("0"), Cause: CauseOpeningBalance})},
			request, "WithdrawalRequested 10.00, principal@1 held 10.00 " +
				"ratio 10.00, list_price 10.00, ratio"},
		{"below the threshold nobody is asked", []step{opened, did(topUp("10.00", "")),
			threshold("10.01")}, request, "WithdrawalRequested 10.00, principal@1 held 10.00 " +
			"ratio 10.00, list_price 10.00, ratio\nWithdrawalApproved ratio 10.00 by none"},
		{"at the threshold somebody is", []step{opened, did(topUp("10.00", "")), threshold("10.00")},
			request, "WithdrawalRequested 10.00, principal@1 held 10.00 " +
				"ratio 10.00, list_price 10.00, ratio"},
	})
}

func TestApproveWithdrawal(t *testing.T) {
	approve := approveWithdrawal(2, "")
	boss := append(asked[:3:3], as("boss"))
	run(t, []row{
		{"no such formula", boss, approveWithdrawal(2, "dice"), "malformed variant"},
		{"no account", nil, asks(ApproveWithdrawal{WithdrawalID: uuid.UUID{1}}), "not_found"},
		{"frozen", append(boss[:4:4], frozen(FreezeAll)), approve, "account_frozen"},
		{"no such withdrawal", boss, approveWithdrawal(1, ""), "not_found"},
		{"rejected before", append(boss[:4:4], didAs(rejectWithdrawal(2))), approve,
			"withdrawal_not_open"},
		{"approved before", agreed, approve, "withdrawal_not_open"},
		{"by who asked", asked, approve, "maker_is_checker"},
		{"a receivable is open", append([]step{opened, did(topUp("10.00", "")),
			did(withdraw(WithdrawalByProvider)), didAs(reversal(1, CauseChargeback))}, as("boss")),
			approve, "receivable_open"},
		{"a variant that is not known", []step{opened, did(topUp("10.00", "")), did(debit("1.00")),
			did(withdraw(WithdrawalByCustomer)), as("boss")}, approveWithdrawal(3, FormulaListPrice),
			"malformed variant"},
		{"approved", boss, approve, "WithdrawalApproved ratio 1000.00 by boss"},
		{"as another variant", []step{opened, did(topUp("10.00", "")), did(atPrice("1.00", "3.00")),
			did(withdraw(WithdrawalByProvider)), as("boss")}, approveWithdrawal(3, FormulaListPrice),
			"WithdrawalApproved list_price 7.00 by boss"},
	})
}

func TestRejectWithdrawal(t *testing.T) {
	reject := rejectWithdrawal(2)
	run(t, []row{
		{"no reason", asked, asks(RejectWithdrawal{}), "malformed reason"},
		{"no account", nil, asks(RejectWithdrawal{Reason: "x"}), "not_found"},
		{"no such withdrawal", sold, rejectWithdrawal(1), "not_found"},
		{"approved", agreed, reject, "withdrawal_not_open"},
		{"frozen all the same", append(asked[:3:3], frozen(FreezeLegal)), reject,
			"WithdrawalRejected 1200.00, principal@1 held -1000.00, bonus@1 held -200.00 asked"},
		{"what a chargeback wants, it gets", append(asked[:3:3], didAs(reversal(1, CauseChargeback))),
			reject, "WithdrawalRejected 1200.00, principal@1 held -1000.00, bonus@1 held -200.00 asked\n" +
				"ReceivableSettled 1000.00, principal@1 -1000.00/-1000.00, by release, left 0.00\n" +
				"CreditRevoked 200.00, bonus@1 -200.00"},
	})
}

func TestSettleWithdrawal(t *testing.T) {
	pay := paid(2, "1000.00")
	settle := func(edit func(*SettleWithdrawal)) ask {
		return func(b *book) Command {
			s := pay(b).(SettleWithdrawal)
			edit(&s)
			return s
		}
	}
	const gone = "WithdrawalPaidOut 1200.00, principal@1 -1000.00 held -1000.00/-1000.00, " +
		"bonus@1 -200.00 held -200.00 "
	run(t, []row{
		{"no outcome", agreed, settle(func(s *SettleWithdrawal) { s.Outcome = "" }), "malformed outcome"},
		{"failed, with a payout", agreed, settle(func(s *SettleWithdrawal) { s.Outcome = OutcomeFailed }),
			"malformed payout"},
		{"failed, without a reason", agreed, asks(SettleWithdrawal{Outcome: OutcomeFailed}),
			"malformed reason"},
		{"paid nothing", agreed, settle(func(s *SettleWithdrawal) { s.Payout = Money{} }),
			"malformed payout"},
		{"paid, with a reason", agreed, settle(func(s *SettleWithdrawal) { s.Reason = "x" }),
			"malformed reason"},
		{"a long reference", agreed, settle(func(s *SettleWithdrawal) {
			s.PaymentReference = fmt.Sprintf("%065d", 1)
		}), "malformed payment_reference"},
		{"frozen", append(agreed[:5:5], frozen(FreezeDebit)), pay, "account_frozen"},
		{"no such withdrawal", agreed, paid(1, "1.00"), "not_found"},
		{"paid before", append(agreed[:5:5], didAs(pay)), pay, "withdrawal_not_open"},
		{"not approved", asked, pay, "withdrawal_not_approved"},
		{"a receivable is open", append(agreed[:5:5], didAs(reversal(1, CauseChargeback))), pay,
			"receivable_open"},
		{"another unit", agreed, settle(func(s *SettleWithdrawal) {
			s.Payout = MustMoney("1", unit("JPY"))
		}), "malformed payout"},
		{"more than approved", agreed, paid(2, "1000.01"), "limit_exceeded short 0.01 CNY"},
		{"paid", agreed, pay, gone + "paid 1000.00 for 1000.00, difference 0.00"},
		{"paid less", agreed, paid(2, "990.00"), gone + "paid 990.00 for 1000.00, difference -10.00"},
		{"failed", agreed, bounced(2),
			"WithdrawalFailed 1200.00, principal@1 held -1000.00, bonus@1 held -200.00 bank"},
		{"failed: what a chargeback wants, it gets", append(agreed[:5:5], didAs(reversal(1, CauseChargeback))),
			bounced(2), "WithdrawalFailed 1200.00, principal@1 held -1000.00, bonus@1 held -200.00 bank\n" +
				"ReceivableSettled 1000.00, principal@1 -1000.00/-1000.00, by release, left 0.00\n" +
				"CreditRevoked 200.00, bonus@1 -200.00"},
		{"failed, frozen all the same", append(agreed[:5:5], frozen(FreezeLegal)), bounced(2),
			"WithdrawalFailed 1200.00, principal@1 held -1000.00, bonus@1 held -200.00 bank"},
	})
}

// A payout begins a new count: what was sold before it counts at its cost, and so does what of it
// comes back.
func TestWithdrawalsAfterAPayout(t *testing.T) {
	once := []step{opened, did(topUp("1000.00", "200.00")), did(atPrice("480.00", "600.00")),
		did(withdraw(WithdrawalByCustomer)), as("boss"), didAs(approveWithdrawal(3, "")),
		didAs(paid(3, "400.00")), as("till")}
	const all = "WithdrawalRequested 500.00, principal@6 held 500.00 "
	run(t, []row{
		{"nothing is left", once, asks(withdraw(WithdrawalByCustomer)),
			"insufficient_funds\nOperationDeclined insufficient_funds"},
		{"a top-up later", append(once[:8:8], did(topUp("500.00", ""))),
			asks(withdraw(WithdrawalByCustomer)), all + "ratio 500.00, list_price 500.00, list_price"},
		{"a refund later", append(once[:8:8], didAs(refund(2, "120.00"))),
			asks(withdraw(WithdrawalByCustomer)), "WithdrawalRequested 120.00, " +
				"principal@1 held 100.00, bonus@1 held 20.00 ratio 100.00, list_price 100.00, list_price"},
	})
}

// A held value outlives its expiry until the withdrawal ends.
func TestWithdrawalOutlivesExpiry(t *testing.T) {
	held := []step{opened, did(topUp("10.00", "", expiring(day, 0))),
		did(withdraw(WithdrawalByProvider)), as("boss"), didAs(approveWithdrawal(2, "")), later(2 * day)}
	run(t, []row{
		{"swept", held, asks(Sweep{}), ""},
		{"paid", held, paid(2, "10.00"), "WithdrawalPaidOut 10.00, principal@1 -10.00 held -10.00/-10.00 " +
			"paid 10.00 for 10.00, difference 0.00"},
		{"failed, then swept", append(held[:6:6], didAs(bounced(2))), asks(Sweep{}),
			"LotExpired 10.00, principal@1 -10.00/-10.00, n 1"},
	})
}

// Whatever happens between a withdrawal's request and its end, no value is made or lost, the sums
// are what the standing sales add up to, and no ratio pays more than was paid.
func TestWithdrawalProperties(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := &machine{book: newBook(t), books: map[string]*ledgerOf{}, debits: map[uuid.UUID]*taken{}}
		m.TB = fatal{t, r}
		opened(m.book)
		m.step(r, topUp("900.00", "90.00"))
		for range rapid.IntRange(1, 30).Draw(r, "steps") {
			m.now = m.now.Add(time.Minute)
			m.context = m.drawContext(r)
			m.actor = rapid.SampledFrom([]string{"till", "boss"}).Draw(r, "actor")
			m.step(r, m.drawWithdrawal(r))
			m.sums(r)
		}
		m.reload()
	})
}

func (m *machine) drawWithdrawal(r *rapid.T) Command {
	amount := Money{unit: "CNY", Quantity: fromSteps(rapid.Int64Range(1, 30000).Draw(r, "minor"), 2)}
	id := m.id(r)
	open := m.account.Withdrawals()
	if len(open) > 0 {
		id = open[0].ID
	}
	switch rapid.SampledFrom([]string{"debit", "debit", "listed", "refund", "top-up", "hold", "cancel",
		"reverse", "withdraw", "withdraw", "approve", "pay", "fail", "reject"}).Draw(r, "kind") {
	case "debit":
		return Debit{Amount: amount}
	case "listed":
		return Debit{Amount: amount, ListAmount: amount.Add(amount)}
	case "refund":
		if len(m.debits) > 0 {
			id = m.aDebit(r)
		}
		return Refund{DebitID: id, Amount: amount}
	case "hold":
		return PlaceHold{Amount: amount, TTLSeconds: 60}
	case "cancel":
		return Cancel{}
	case "reverse":
		return ReverseTopUp{TopUpID: m.id(r), Cause: CauseChargeback}
	case "withdraw":
		return withdraw(rapid.SampledFrom(withdrawalCauses).Draw(r, "cause"))
	case "approve":
		return ApproveWithdrawal{WithdrawalID: id}
	case "pay":
		payout := cny("0.00")
		if len(open) > 0 && open[0].Approved {
			payout = open[0].Payout
		}
		return SettleWithdrawal{WithdrawalID: id, Outcome: OutcomePaid, Payout: payout}
	case "fail":
		return SettleWithdrawal{WithdrawalID: id, Outcome: OutcomeFailed, Reason: "x"}
	case "reject":
		return RejectWithdrawal{WithdrawalID: id, Reason: "x"}
	}
	return m.topUp(r, unit("CNY"), amount)
}

// aDebit is a debit of the past, drawn in the log's order.
func (m *machine) aDebit(r *rapid.T) uuid.UUID {
	var ids []uuid.UUID
	for _, p := range m.log {
		if e, ok := p.Event.(DebitPosted); ok {
			ids = append(ids, e.DebitID)
		}
	}
	return rapid.SampledFrom(ids).Draw(r, "debit")
}

// sums reckons the count of list prices from the log: of every sale since the last payout, what
// stands of it. The list amounts of this machine are twice the amounts; what was sold before a payout,
// or before value came when nothing was left, stands at its cost.
func (m *machine) sums(r *rapid.T) {
	none, paidOut := cny("0.00").Quantity, int64(0)
	standing, listed := map[uuid.UUID]Quantity{}, map[uuid.UUID]bool{}
	left := none
	for _, p := range m.log {
		if e, ok := p.Event.(TopUpPosted); ok && left.IsZero() && len(standing) > 0 &&
			e.Amount.unit == "CNY" {
			paidOut = p.Revision
		}
		if v, ok := p.Event.(Valued); ok && v.Worth().Amount.unit == "CNY" {
			for _, move := range v.Worth().Moves {
				left = left.Add(move.Amount)
			}
		}
		switch e := p.Event.(type) {
		case WithdrawalPaidOut:
			paidOut = p.Revision
		case DebitPosted:
			standing[e.DebitID], listed[e.DebitID] = e.Amount.Quantity, !e.ListAmount.IsZero()
		case DebitRefunded:
			standing[e.DebitID] = standing[e.DebitID].Sub(e.Amount.Quantity)
		case DebitReversed:
			standing[e.DebitID] = standing[e.DebitID].Sub(e.Amount.Quantity)
		}
	}
	atList, unlisted := none, none
	for id, left := range standing {
		revision, _ := RevisionOf(id)
		switch {
		case revision < paidOut:
		case listed[id]:
			atList = atList.Add(left).Add(left)
		default:
			unlisted = unlisted.Add(left)
		}
	}
	got := m.account.pricing(cny("0.00"))
	if !got.Unlisted.Equal(unlisted) || got.AtList.Less(atList) ||
		paidOut == 0 && !got.AtList.Equal(atList) {
		r.Fatalf("sums %+v, want %s at list price, unlisted %s", got, atList, unlisted)
	}
	for _, w := range m.account.Withdrawals() {
		for _, v := range w.Variants {
			if v.Amount != nil && (v.Amount.IsNegative() || v.Inputs["paid"].Less(v.Amount.Quantity)) {
				r.Fatalf("withdrawal %+v pays %s of what was paid", w, v.Amount)
			}
		}
	}
}
