package domain

import "testing"

func TestCancel(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30"))}
	after := func(more ...step) []step { return append(sold[:2:2], more...) }
	cancel := asks(Cancel{})
	chargeback := didAs(reversal(1, CauseChargeback))
	run(t, []row{
		{"a debit", after(ref("7"), did(debit("13"))), cancel,
			"DebitReversed 13.00, principal@1 10.00/10.00, bonus@1 3.00, before 0.00"},
		{"the rest of a debit", after(ref("7"), did(debit("65")), in(Context{}), didAs(refund(2, "13")),
			ref("7")), cancel,
			"DebitReversed 52.00, principal@1 40.00/40.00, bonus@1 12.00, before 13.00"},
		{"a debit whose lots expired", []step{opened, did(topUp("100", "30", expiring(day, day))),
			ref("7"),
			did(debit("13")), later(day)}, cancel, `
LotExpired 90.00, principal@1 -90.00/-90.00, n 1
DebitReversed 13.00, principal@1 10.00/10.00, before 0.00
  reopened until 2026-04-02
  forfeited bonus 3.00/0.00`},
		{"a hold", after(ref("7"), did(hold("65"))), cancel,
			"HoldReleased 65.00, principal@1 held -50.00, bonus@1 held -15.00, cancelled"},
		{"a hold and its capture", after(ref("7"), did(hold("65")), didAs(capture(2, "13", false))),
			cancel, `
DebitReversed 13.00, principal@1 10.00/10.00, bonus@1 3.00, before 0.00
HoldReleased 52.00, principal@1 held -40.00, bonus@1 held -12.00, cancelled`},
		{"a top-up", []step{opened, ref("7"), did(topUp("100", "30"))}, cancel,
			"TopUpReversed 130.00, principal@1 -100.00/-100.00, bonus@1 -30.00"},
		{"a top-up and the debit of it", []step{opened, ref("7"), did(topUp("100", "30")),
			did(debit("13"))}, cancel, `
DebitReversed 13.00, principal@1 10.00/10.00, bonus@1 3.00, before 0.00
TopUpReversed 130.00, principal@1 -100.00/-100.00, bonus@1 -30.00`},
		{"a debit beside a reversed top-up", []step{opened, ref("7"), did(topUp("100", "")),
			did(debit("13")),
			in(Context{}), chargeback, ref("7")}, cancel, `
DebitReversed 13.00, principal@1 13.00/13.00, before 0.00
ReceivableSettled 13.00, principal@1 -13.00/-13.00, by refund, left 0.00`},
		{"nothing", after(ref("7")), cancel, "ReferenceCancelled nothing"},
		{"a decline", after(ref("7"), tried(debit("131"))), cancel, "ReferenceCancelled declined"},
		{"frozen for debit and credit", after(ref("7"), did(debit("13")), frozen(FreezeAll)), cancel,
			"DebitReversed 13.00, principal@1 10.00/10.00, bonus@1 3.00, before 0.00"},

		{"no reference before no account", nil, cancel, "malformed pos_txn_id"},
		{"no account", []step{ref("7")}, cancel, "not_found"},
		{"frozen by law, a debit stands", after(ref("7"), did(debit("13")), frozen(FreezeLegal)), cancel,
			"account_frozen"},
		{"frozen by law, nothing stands", after(ref("7"), frozen(FreezeLegal)), cancel,
			"ReferenceCancelled nothing"},
		{"frozen by law, though done", after(ref("7"), did(Cancel{}), frozen(FreezeLegal)), cancel,
			"done by ReferenceCancelled"},
		{"again after a tombstone", after(ref("7"), did(Cancel{})), cancel, "done by ReferenceCancelled"},
		{"again after a debit", after(ref("7"), did(debit("13")), did(Cancel{})), cancel,
			"done by DebitReversed"},
		{"again after a hold", after(ref("7"), did(hold("13")), did(Cancel{})), cancel,
			"done by HoldReleased"},
		{"again after a top-up", []step{opened, ref("7"), did(topUp("1", "")), did(Cancel{})}, cancel,
			"done by TopUpReversed"},
		{"refunded already", after(ref("7"), did(debit("13")), in(Context{}), didAs(refund(2, "13")),
			ref("7")), cancel, "ReferenceCancelled posted"},
		{"voided already", after(ref("7"), did(hold("13")), didAs(void(2))), cancel,
			"ReferenceCancelled posted"},
		{"lapsed", after(ref("7"), did(hold("13")), later(day)), cancel,
			"HoldReleased 13.00, principal@1 held -10.00, bonus@1 held -3.00, lapsed\nReferenceCancelled posted"},
		{"spent top-up", []step{opened, ref("7"), did(topUp("1", "")), in(Context{}), did(debit("1")),
			ref("7")}, cancel, "not_cancellable"},
		{"a refund is not cancelled", after(did(debit("13")), ref("7"), didAs(refund(2, "13"))), cancel,
			"not_cancellable"},
		{"another store's reference is not this one", after(ref("7"), did(debit("13")),
			in(Context{Store: "S2", Terminal: "T1", PosTxnID: "7"})), cancel, "ReferenceCancelled nothing"},

		{"a late debit", after(ref("7"), did(Cancel{})), asks(debit("1")), "reference_cancelled"},
		{"a late hold", after(ref("7"), did(Cancel{})), asks(hold("1")), "reference_cancelled"},
		{"a late top-up", after(ref("7"), did(Cancel{})), asks(topUp("1", "")), "reference_cancelled"},
		{"a late refund", after(did(debit("13")), ref("7"), did(Cancel{})), refund(2, "1"),
			"reference_cancelled"},
		{"a late hold after a debit's cancellation", after(ref("7"), did(debit("1")), did(Cancel{})),
			asks(hold("1")), "reference_cancelled"},
		{"a late debit after its cancellation", after(ref("7"), did(debit("1")), did(Cancel{})),
			asks(debit("1")), "reference_used"},
		{"refund of a cancelled debit", after(ref("7"), did(debit("1")), did(Cancel{}), in(Context{})),
			refund(2, "0.01"), "refund_exceeds_debit short 0.01 CNY"},
	})
}
