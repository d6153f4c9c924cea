package domain

import (
	"strings"
	"testing"
)

func TestRefund(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30")), did(debit("65"))}
	after := func(more ...step) []step { return append(sold[:3:3], more...) }
	absent := asks(Refund{DebitID: newID(1, Seed{}, 0), Amount: cny("1")})
	jpy := func(b *book) Command {
		return Refund{DebitID: b.ids[2], Amount: MustMoney("1",
			unit("JPY"))}
	}
	run(t, []row{
		{"all", sold, refund(2, "65"),
			"DebitRefunded 65.00, principal@1 50.00/50.00, bonus@1 15.00, total 65.00"},
		{"a part", sold, refund(2, "13"),
			"DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 13.00"},
		{"the rest of odd parts", after(didAs(refund(2, "0.01")), didAs(refund(2, "0.03"))), refund(2,
			"64.96"),
			"DebitRefunded 64.96, principal@1 49.97/49.97, bonus@1 14.99, total 65.00"},
		{"of a capture", []step{opened, did(topUp("100", "30")), did(hold("65")),
			didAs(capture(2, "13", true))}, refund(3, "13"),
			"DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 13.00"},
		{"frozen for credit and debit", after(frozen(FreezeAll)), refund(2, "13"),
			"DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 13.00"},

		{"zero amount before reason", nil, asks(Refund{Amount: unit("CNY").Zero(),
			Reason: strings.Repeat("x", 201)}), "amount_not_positive"},
		{"long reason", nil, asks(Refund{Amount: cny("1"), Reason: strings.Repeat("x", 201)}),
			"malformed reason"},
		{"no account", nil, absent, "not_found"},
		{"frozen by law before reference", after(ref("7"), didAs(refund(2, "1")), in(Context{}),
			frozen(FreezeLegal), ref("7")), refund(2, "1"), "account_frozen"},
		{"reference before debit", after(ref("7"), didAs(refund(2, "1"))), absent, "reference_used"},
		{"no such debit", sold, absent, "not_found"},
		{"a top-up is no debit", sold, refund(1, "1"), "not_found"},
		{"another unit", sold, jpy, "malformed amount"},
		{"more than the debit", sold, refund(2, "65.01"), "refund_exceeds_debit short 0.01 CNY"},
		{"more than is left", after(didAs(refund(2, "60"))), refund(2, "6"),
			"refund_exceeds_debit short 1.00 CNY"},
		{"reversed", after(ref("9"), did(debit("1")), did(Cancel{}), in(Context{})), refund(3, "1"),
			"refund_exceeds_debit short 1.00 CNY"},
		{"not more than was taken in part", []step{opened, did(topUp("10", "")),
			did(Debit{Amount: cny("15"), AcceptPartial: true})}, refund(2, "11"),
			"refund_exceeds_debit short 1.00 CNY"},
	})
}

// Ten pieces for 99.99: each has its cost, all together exactly what was paid, and a refund gives
// back the cost that its own debit took.
func TestRefundCost(t *testing.T) {
	one := Debit{Amount: MustMoney("1", unit("CUT"))}
	three := Debit{Amount: MustMoney("3", unit("CUT"))}
	back := func(n int, amount string) ask {
		return func(b *book) Command {
			return Refund{DebitID: b.ids[n], Amount: MustMoney(amount, unit("CUT"))}
		}
	}
	sold := []step{opened, did(cut("10", "99.99")), did(three)}
	after := func(more ...step) []step { return append(sold[:3:3], more...) }
	run(t, []row{
		{"first", sold[:2], asks(one), "DebitPosted 1, principal@1 -1/-10.00"},
		{"three", sold[:2], asks(three), "DebitPosted 3, principal@1 -3/-30.00"},
		{"one of three back", sold, back(2, "1"), "DebitRefunded 1, principal@1 1/10.00, total 1"},
		{"all of three back", after(didAs(back(2, "1"))), back(2, "2"),
			"DebitRefunded 2, principal@1 2/20.00, total 3"},
		{"the last takes the rest", after(did(three), did(three)), asks(one),
			"DebitPosted 1, principal@1 -1/-10.00"},
		{"the last after a refund", after(did(three), did(three), did(one), didAs(back(3, "1"))),
			asks(one),
			"DebitPosted 1, principal@1 -1/-10.00"},
	})
}

// Cost without value would never be earned: the last debit takes what rounding left.
func TestLastDebitTakesAllCost(t *testing.T) {
	all := did(Debit{Amount: MustMoney("2", unit("CUT"))})
	run(t, []row{
		{"after two settlements at no cost", []step{opened, did(cut("1", "1")), did(cut("1", "1")), all,
			didAs(reversal(1, CauseChargeback)), didAs(reversal(2, CauseChargeback)), did(cut("10",
				"0.04"))},
			asks(Debit{Amount: MustMoney("8", unit("CUT"))}), "DebitPosted 8, principal@8 -8/-0.04"},
	})
}

func TestRefundIntoExpired(t *testing.T) {
	both := expiring(day, day)
	sold := []step{opened, did(topUp("100", "30", both)), did(debit("65"))}
	after := func(more ...step) []step { return append(sold[:3:3], more...) }
	run(t, []row{
		{"paid value is reopened with grace, free value forfeited", after(later(day)), refund(2, "13"), `
LotExpired 50.00, principal@1 -50.00/-50.00, n 1
DebitRefunded 13.00, principal@1 10.00/10.00, total 13.00
  reopened until 2026-04-02
  forfeited bonus 3.00/0.00`},
		{"after the sweep", after(later(day), did(Sweep{})), refund(2, "13"),
			`
DebitRefunded 13.00, principal@1 10.00/10.00, total 13.00
  reopened until 2026-04-02
  forfeited bonus 3.00/0.00`},
		{"the tick before", after(later(day - 1)), refund(2, "13"),
			"DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 13.00"},
		{"what a lapsed hold pinned expires first", after(did(hold("65")), later(day)), refund(2, "13"), `
HoldReleased 65.00, principal@1 held -50.00, bonus@1 held -15.00, lapsed
LotExpired 50.00, principal@1 -50.00/-50.00, n 1
DebitRefunded 13.00, principal@1 10.00/10.00, total 13.00
  reopened until 2026-04-02
  forfeited bonus 3.00/0.00`},
		{"it can be spent again", after(later(day), didAs(refund(2, "13"))), asks(debit("10")),
			"DebitPosted 10.00, principal@1 -10.00/-10.00"},
		{"and expires again", after(later(day), didAs(refund(2, "13")), later(31*day)), asks(Sweep{}), `
LotExpired 15.00, bonus@1 -15.00, n 1
LotExpired 10.00, principal@1 -10.00/-10.00, n 2`},
		{"all is forfeited", []step{opened, did(topUp("100", "30", both, drawn(BonusFirst))),
			did(debit("10")), later(2 * day)}, refund(2, "10"),
			`
DebitRefunded 10.00, total 10.00
  forfeited bonus 10.00/0.00`},
		{"an import decides at its own time", after(later(2*day),
			in(Context{Channel: ChannelImport, OccurredAt: noon.Add(day - 1)})), refund(2, "13"),
			"DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 13.00"},
	})
}
