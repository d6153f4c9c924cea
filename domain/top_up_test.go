package domain

import (
	"strings"
	"testing"
	"time"
)

func paying(payments ...Payment) func(*TopUp) { return func(t *TopUp) { t.Payments = payments } }

func cut(amount, paid string) TopUp {
	return TopUp{Amount: MustMoney(amount, unit("CUT")), TopUpTerms: DefaultTerms(),
		Payments: []Payment{{Method: "cash", Amount: cny(paid)}}}
}

func TestTopUp(t *testing.T) {
	with := func(edit func(*TopUp)) ask { return asks(topUp("100", "30", edit)) }
	terms := func(edit func(*TopUpTerms)) ask { return with(func(t *TopUp) { edit(&t.TopUpTerms) }) }
	jpy := MustMoney("5", unit("JPY"))
	paid := did(topUp("10", "", paying(Payment{Method: "cash", Reference: "R-1"})))
	run(t, []row{
		{"principal alone", []step{opened}, asks(topUp("100", "")),
			"TopUpPosted 100.00, principal@1 100.00/100.00"},
		{"principal and bonus", []step{opened}, asks(topUp("100", "30")),
			"TopUpPosted 130.00, principal@1 100.00/100.00, bonus@1 30.00"},
		{"several tenders", []step{opened}, with(paying(
			Payment{Method: "cash", Amount: cny("60")}, Payment{Method: "card", Amount: cny("40")})),
			"TopUpPosted 130.00, principal@1 100.00/100.00, bonus@1 30.00"},
		{"a count costs money", []step{opened}, asks(cut("10", "99.99")),
			"TopUpPosted 10, principal@1 10/99.99"},

		{"zero amount", nil, asks(TopUp{Amount: unit("CNY").Zero()}), "amount_not_positive"},
		{"amount before terms", nil, asks(TopUp{Amount: unit("CNY").Zero(),
			TopUpTerms: TopUpTerms{Priority: 101}}), "amount_not_positive"},
		{"negative bonus", nil, with(func(t *TopUp) { t.Bonus = cny("1").With(cny("1").Neg()) }),
			"amount_not_positive bonus"},
		{"bonus of another unit", nil, terms(func(t *TopUpTerms) { t.Bonus = jpy }), "malformed bonus"},
		{"bonus expiry without bonus", nil,
			asks(topUp("1", "", expiring(0, day))), "malformed bonus_expires_at"},
		{"priority below", nil, terms(func(t *TopUpTerms) { t.Priority = -1 }), "malformed priority"},
		{"priority above", nil, terms(func(t *TopUpTerms) { t.Priority = 101 }), "malformed priority"},
		{"unknown draw", nil, terms(func(t *TopUpTerms) { t.Draw = "x" }), "malformed draw"},
		{"long terms", nil, terms(func(t *TopUpTerms) { t.Terms = strings.Repeat("x", 65) }),
			"malformed terms"},
		{"empty store in the scope", nil, terms(func(t *TopUpTerms) { t.Scope.Stores = []string{""} }),
			"malformed scope"},
		{"expired already", nil, terms(func(t *TopUpTerms) { t.ExpiresAt = noon }),
			"malformed expires_at"},
		{"a year that cannot be written", nil, terms(func(t *TopUpTerms) {
			t.ExpiresAt = time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -3600*2))
		}), "malformed expires_at"},
		{"bonus expired already", nil, terms(func(t *TopUpTerms) { t.BonusExpiresAt = noon }),
			"malformed bonus_expires_at"},
		{"terms before payments", nil, with(func(t *TopUp) {
			t.Draw, t.Payments = "x", []Payment{{}}
		}), "malformed draw"},
		{"a count without its price", nil, asks(TopUp{Amount: MustMoney("10", unit("CUT")),
			TopUpTerms: DefaultTerms()}), "malformed payments"},
		{"a count paid in itself", nil, asks(TopUp{Amount: MustMoney("10", unit("CUT")),
			TopUpTerms: DefaultTerms(), Payments: []Payment{{Method: "cash",
				Amount: MustMoney("10", unit("CUT"))}}}), "malformed payments"},
		{"a currency paid in another", nil, with(paying(Payment{Method: "cash", Amount: jpy})),
			"malformed payments"},
		{"payment without method", nil, with(paying(Payment{})), "malformed payments"},
		{"payment with control character", nil, with(paying(Payment{Method: "a\x1fb"})),
			"malformed payments"},
		{"payment amounts in one of two", nil, with(paying(
			Payment{Method: "cash", Amount: cny("100")}, Payment{Method: "card"})), "malformed payments"},
		{"payment of nothing", nil, with(paying(Payment{Method: "cash", Amount: unit("CNY").Zero()})),
			"amount_not_positive payments"},
		{"one payment twice", nil, with(paying(
			Payment{Method: "a", Reference: "1"}, Payment{Method: "a", Reference: "1"})),
			"malformed payments"},
		{"payments that miss the amount", nil, with(paying(Payment{Method: "a", Amount: cny("99.99")})),
			"malformed payments"},

		{"payments before the account", nil, with(paying(Payment{})), "malformed payments"},
		{"no account", nil, asks(topUp("1", "")), "not_found"},
		{"frozen", []step{opened, frozen(FreezeCredit)}, asks(topUp("1", "")), "account_frozen"},
		{"frozen before a used reference", []step{opened, ref("7"), did(topUp("1", "")),
			in(Context{}), frozen(FreezeCredit), ref("7")}, asks(topUp("1", "")), "account_frozen"},
		{"reference used", []step{opened, ref("7"), did(topUp("1", ""))}, asks(topUp("1", "")),
			"reference_used"},
		{"another leg is another reference", []step{opened, ref("7"), did(topUp("1", "")),
			in(Context{Store: "S1", Terminal: "T1", PosTxnID: "7", Leg: "2"})}, asks(topUp("1", "")),
			"TopUpPosted 1.00, principal@2 1.00/1.00"},
		{"leg 1 is the default", []step{opened, ref("7"), did(topUp("1", "")),
			in(Context{Store: "S1", Terminal: "T1", PosTxnID: "7", Leg: "1"})}, asks(topUp("1", "")),
			"reference_used"},
		{"reference cancelled", []step{opened, ref("7"), did(Cancel{})}, asks(topUp("1", "")),
			"reference_cancelled"},
		{"reference before payment", []step{opened, paid, ref("7"), did(Cancel{})},
			with(paying(Payment{Method: "cash", Reference: "R-1"})), "reference_cancelled"},
		{"payment used", []step{opened, paid}, with(paying(Payment{Method: "cash", Reference: "R-1"})),
			"reference_used"},
		{"another method's payment", []step{opened, paid},
			asks(topUp("1", "", paying(Payment{Method: "card", Reference: "R-1"}))),
			"TopUpPosted 1.00, principal@2 1.00/1.00"},
	})
}

// What an account owes is settled from the principal of its next top-up, after that opened in full.
func TestTopUpSettles(t *testing.T) {
	owing := []step{opened, did(topUp("100", "30")), did(debit("65")), didAs(reversal(1,
		CauseChargeback))}
	run(t, []row{
		{"a part", owing, asks(topUp("20", "5")), `
TopUpPosted 25.00, principal@5 20.00/20.00, bonus@5 5.00
ReceivableSettled 20.00, principal@5 -20.00/-20.00, by top_up, left 30.00`},
		{"the rest", append(owing[:4:4], did(topUp("20", "5"))), asks(topUp("40", "")), `
TopUpPosted 40.00, principal@7 40.00/40.00
ReceivableSettled 30.00, principal@7 -30.00/-30.00, by top_up, left 0.00`},
		{"another unit owes nothing", owing, asks(cut("10", "50")),
			"TopUpPosted 10, principal@5 10/50.00"},
	})
}
