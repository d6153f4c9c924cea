package domain

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// rewarding is a program with these rules of cashback, whose cashback lasts ten days.
func rewarding(rules ...CashbackRule) step {
	return ruled(&Program{ID: "p", Version: 2, Terms: Terms{
		Expiry: map[Class]Expiry{Cashback: {Days: 10}}, Cashback: rules,
	}.normal()})
}

func tenth(edits ...func(*CashbackRule)) CashbackRule {
	r := CashbackRule{ID: "ten", Unit: "CNY", Percent: percent("10")}
	for _, edit := range edits {
		edit(&r)
	}
	return r
}

func TestCashback(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30"))}
	by := func(rules ...CashbackRule) []step { return append(sold[:2:2], rewarding(rules...)) }
	with := func(edit func(*CashbackRule)) []step { return by(tenth(edit)) }
	const plain = "DebitPosted 65.00, principal@1 -50.00/-50.00, bonus@1 -15.00"
	const earned = plain + "\nCreditGranted 5.00, cashback@3 5.00 for 252h0m0s"
	run(t, []row{
		{"on principal, not on bonus", by(tenth()), asks(debit("65")), earned},
		{"not at top-up", by(tenth()), asks(topUp("10", "")),
			"TopUpPosted 10.00, principal@2 10.00/10.00"},
		{"none without a rule", sold, asks(debit("65")), plain},
		{"half a step is one", by(tenth()), asks(debit("0.60")), `
DebitPosted 0.60, principal@1 -0.46/-0.46, bonus@1 -0.14
CreditGranted 0.05, cashback@3 0.05 for 252h0m0s`},
		{"less than half a step is none", by(tenth()), asks(debit("0.05")),
			"DebitPosted 0.05, principal@1 -0.04/-0.04, bonus@1 -0.01"},
		{"a rule of another unit", with(func(r *CashbackRule) { r.Unit = "JPY" }), asks(debit("65")),
			plain},
		{"the minimum counts what was paid for", with(func(r *CashbackRule) { r.Minimum = cny("50") }),
			asks(debit("65")), earned},
		{"and not what was given", with(func(r *CashbackRule) { r.Minimum = cny("50.01") }),
			asks(debit("65")), plain},
		{"no more than the cap", with(func(r *CashbackRule) { r.Cap = cny("3") }), asks(debit("65")),
			plain + "\nCreditGranted 3.00, cashback@3 3.00 for 252h0m0s"},
		{"from its begin", with(func(r *CashbackRule) { r.Begins = noon }), asks(debit("65")), earned},
		{"not before", with(func(r *CashbackRule) { r.Begins = noon.Add(1) }), asks(debit("65")), plain},
		{"not at its end", with(func(r *CashbackRule) { r.Ends = noon }), asks(debit("65")), plain},
		{"in its stores alone", with(func(r *CashbackRule) { r.Scope.Stores = []string{"S1"} }),
			asks(debit("65")), plain},
		{"its accounts", with(func(r *CashbackRule) { r.Accounts = []uuid.UUID{AccountID("C-1")} }),
			asks(debit("65")), earned},
		{"no other account", with(func(r *CashbackRule) { r.Accounts = []uuid.UUID{{}} }),
			asks(debit("65")), plain},
		{"the rule that gives the most", by(tenth(func(r *CashbackRule) { r.Percent = percent("1") }),
			tenth(), tenth(func(r *CashbackRule) { r.Percent = percent("9.9") })), asks(debit("65")), earned},
		{"of a capture", append(by(tenth()), did(hold("65"))), capture(2, "65", true), `
DebitPosted 65.00, principal@1 -50.00 held -50.00/-50.00, bonus@1 -15.00 held -15.00, final
CreditGranted 5.00, cashback@4 5.00 for 252h0m0s`},
		{"before the rest of a hold is released", append(by(tenth()), did(hold("65"))),
			capture(2, "13", true), `
DebitPosted 13.00, principal@1 -10.00 held -10.00/-10.00, bonus@1 -3.00 held -3.00, final
CreditGranted 1.00, cashback@4 1.00 for 252h0m0s
HoldReleased 52.00, principal@1 held -40.00, bonus@1 held -12.00, remainder`},
		{"of what was taken in part", by(tenth()), asks(Debit{Amount: cny("200"), AcceptPartial: true}), `
DebitPosted 130.00, principal@1 -100.00/-100.00, bonus@1 -30.00, due 70.00
CreditGranted 10.00, cashback@3 10.00 for 252h0m0s`},
		{"spent cashback earns nothing", append(by(tenth()), did(debit("130"))), asks(debit("10")),
			"DebitPosted 10.00, cashback@3 -10.00"},
		{"an import earns nothing", append(by(tenth()), in(Context{Channel: ChannelImport})),
			asks(debit("65")), plain},
		{"frozen for credit", append(by(tenth()), frozen(FreezeCredit)), asks(debit("65")),
			plain + "\nCreditGranted 5.00, cashback@4 5.00 for 252h0m0s"},
	})
}

func TestCashbackGivenBack(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30")), rewarding(tenth()), did(debit("65"))}
	after := func(more ...step) []step { return append(sold[:4:4], more...) }
	const back = "DebitRefunded 65.00, principal@1 50.00/50.00, bonus@1 15.00, total 65.00\n"
	run(t, []row{
		{"all", sold, refund(2, "65"), back + "CreditRevoked 5.00, cashback@3 -5.00 by refund"},
		{"a share", sold, refund(2, "13"), `
DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 13.00
CreditRevoked 1.00, cashback@3 -1.00 by refund`},
		{"whatever rules now", after(rewarding()), refund(2, "65"),
			back + "CreditRevoked 5.00, cashback@3 -5.00 by refund"},
		{"less than half a step", sold, refund(2, "0.06"),
			"DebitRefunded 0.06, principal@1 0.05/0.05, bonus@1 0.01, total 0.06"},
		{"spent in part", after(did(debit("3"))), refund(2, "65"),
			back + "CreditRevoked 2.00, cashback@3 -2.00 by refund, uncollected 3.00"},
		{"held in part", after(did(hold("3"))), refund(2, "65"),
			back + "CreditRevoked 2.00, cashback@3 -2.00 by refund, uncollected 3.00"},
		{"gone with its time", after(later(11 * day)), refund(2, "65"), back + `
LotExpired 5.00, cashback@3 -5.00, n 1
CreditRevoked 0.00 by refund, uncollected 5.00`[1:]},
		{"revoked as a mistake before", after(didAs(func(b *book) Command {
			return RevokeCredit{GrantID: b.log[3].Metadata.EventID, Reason: "r"}
		})), refund(2, "65"), strings.TrimSpace(back)},
		{"by a cancel", []step{opened, did(topUp("100", "30")), rewarding(tenth()), ref("7"),
			did(debit("65")), in(Context{}), did(debit("3")), ref("7")}, asks(Cancel{}), `
DebitReversed 65.00, principal@1 50.00/50.00, bonus@1 15.00, before 0.00
CreditRevoked 2.00, cashback@3 -2.00 by refund, uncollected 3.00`},
		{"of a capture", []step{opened, did(topUp("100", "30")), rewarding(tenth()), did(hold("65")),
			didAs(capture(2, "65", true))}, refund(3, "65"),
			back + "CreditRevoked 5.00, cashback@4 -5.00 by refund"},
	})
}

// Cashback that a refund could not collect is revoked when it comes back: else it could be had again and
// again, by who holds or spends it, has its debit refunded, and gives back what it bought.
func TestUncollectedCashback(t *testing.T) {
	earned := []step{opened, did(topUp("100", "")), rewarding(tenth()), did(debit("50"))}
	lost := func(more ...step) []step {
		return append(append(earned[:4:4], more...), didAs(refund(2, "50")))
	}
	run(t, []row{
		{"by a release", lost(did(hold("5"))), void(3), `
HoldReleased 5.00, cashback@3 held -5.00, void
CreditRevoked 5.00, cashback@3 -5.00`},
		{"by a refund", lost(did(debit("5"))), refund(3, "5"), `
DebitRefunded 5.00, cashback@3 5.00, total 5.00
CreditRevoked 5.00, cashback@3 -5.00`},
		{"by a transfer that comes back", lost(did(send("5"))), returning(3), `
TransferReturned 5.00, cashback@3 5.00 account_frozen
CreditRevoked 5.00, cashback@3 -5.00`},
		{"no more than was not collected", append(earned[:4:4], did(debit("5")), didAs(refund(2, "20"))),
			refund(3, "5"), `
DebitRefunded 5.00, cashback@3 5.00, total 5.00
CreditRevoked 2.00, cashback@3 -2.00`},
		{"once", append(lost(did(debit("5"))), didAs(refund(3, "3")), did(debit("1"))), refund(3, "2"), `
DebitRefunded 2.00, cashback@3 2.00, total 5.00
CreditRevoked 2.00, cashback@3 -2.00`},
		{"what was revoked as a mistake is not owed twice", append(lost(did(debit("5"))),
			didAs(func(b *book) Command {
				return RevokeCredit{GrantID: b.log[3].Metadata.EventID, Reason: "r"}
			})), refund(3, "5"), `
DebitRefunded 5.00, cashback@3 5.00, total 5.00
CreditRevoked 5.00, cashback@3 -5.00`},
	})
}

// Refunds in any parts take back exactly the cashback, and never more of it than their share.
func TestCashbackSharesAddUp(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBook(t)
		opened(b)
		did(topUp("100", "30"))(b)
		rewarding(tenth(func(c *CashbackRule) {
			c.Percent = fromSteps(rapid.Int64Range(1, 1_000_000).Draw(r, "percent"), 4)
		}))(b)
		amount := rapid.Int64Range(1, 13_000).Draw(r, "amount")
		did(Debit{Amount: cents(amount)})(b)
		earned := b.account.Balance("CNY", 2, b.now).ByClass[Cashback]
		revoked := zero(2)
		for left := amount; left > 0; {
			part := rapid.Int64Range(1, left).Draw(r, "part")
			left -= part
			posted, err := b.do(Refund{DebitID: b.ids[2], Amount: cents(part)})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range posted {
				if e, ok := p.Event.(CreditRevoked); ok {
					revoked = revoked.Add(e.Amount.Quantity)
					if !e.Uncollected.IsZero() {
						t.Fatalf("got %s uncollected of cashback that is all there", e.Uncollected)
					}
				}
			}
		}
		if want := zero(2).Add(earned); !revoked.Equal(want) {
			t.Fatalf("got %s taken back, want %s", revoked, want)
		}
	})
}

func cents(n int64) Money { return Money{unit: "CNY", Quantity: fromSteps(n, 2)} }

// A sale in two parts earns at most one step more or less than in one, where as much counts. Captures
// of one hold show it: what they take is pinned, so the first one's cashback pays for no second.
func TestSplitSaleEarnsTheSame(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		share := fromSteps(rapid.Int64Range(1, 1_000_000).Draw(r, "percent"), 4)
		amount := rapid.Int64Range(2, 13_000).Draw(r, "amount")
		first := rapid.Int64Range(1, amount-1).Draw(r, "first")
		earn := func(parts ...int64) Quantity {
			b := newBook(t)
			opened(b)
			did(topUp("100", "30"))(b)
			rewarding(tenth(func(c *CashbackRule) { c.Percent = share }))(b)
			did(PlaceHold{Amount: cents(amount), TTLSeconds: 600})(b)
			for _, part := range parts {
				did(CaptureHold{HoldID: b.ids[2], Amount: cents(part)})(b)
			}
			return zero(2).Add(b.account.Balance("CNY", 2, b.now).ByClass[Cashback])
		}
		one, two := earn(amount), earn(first, amount-first)
		if difference := two.Sub(one); difference.steps < -1 || difference.steps > 1 {
			t.Fatalf("got %s in two parts and %s in one", two, one)
		}
	})
}

// Cashback ends as the program has it, and names it.
func TestCashbackTerms(t *testing.T) {
	b := newBook(t)
	opened(b)
	did(topUp("100", ""))(b)
	rewarding(tenth())(b)
	posted, err := b.do(debit("50"))
	if err != nil {
		t.Fatal(err)
	}
	e := posted[1].Event.(CreditGranted)
	ends := time.Date(2026, 3, 13, 0, 0, 0, 0, time.UTC)
	if l := e.Lots[0]; e.SourceID != b.ids[2] || e.Rule != "ten" || l.Terms != "p@2" ||
		!l.ExpiresAt.Equal(ends) || posted[1].Metadata.CausedBy != b.ids[2] {
		t.Errorf("got %+v", e)
	}
}
