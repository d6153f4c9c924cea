package domain

import "testing"

func TestCloseAccount(t *testing.T) {
	closing := CloseAccount{Reason: "asked"}
	closed := []step{opened, did(closing)}
	sold := []step{opened, did(topUp("100", ""))}
	sent := append(sold[:2:2], did(send("100")))
	settled := func(b *book) Command {
		return CloseAccount{Reason: "asked", Settled: b.account.LastSent()}
	}
	rows := []row{
		{"empty", []step{opened}, asks(closing), "AccountClosed"},
		{"all was sold", append(sold[:2:2], did(debit("100"))), asks(closing), "AccountClosed"},
		{"all was sent, and arrived", sent, settled, "AccountClosed"},
		{"what expired is written first", []step{opened, did(topUp("5", "", expiring(day, 0))), later(day)},
			asks(closing), "LotExpired 5.00, principal@1 -5.00/-5.00, n 1\nAccountClosed"},
		{"a freeze of debit does not stop it", []step{opened, frozen(FreezeAll)}, asks(closing),
			"AccountClosed"},

		{"no reason", nil, asks(CloseAccount{}), "malformed reason"},
		{"no account", nil, asks(closing), "not_found"},
		{"again", closed, asks(closing), "account_not_open"},
		{"frozen by law", []step{opened, frozen(FreezeLegal)}, asks(closing), "account_frozen"},
		{"reference before holds", append(sold[:2:2], did(hold("1")), ref("7"),
			did(FreezeAccount{Modes: []FreezeMode{FreezeDebit}, Reason: "x"})), asks(closing), "holds_active"},
		{"a hold", append(sold[:2:2], did(hold("1"))), asks(closing), "holds_active"},
		{"a withdrawal", append(sold[:2:2], did(withdraw(WithdrawalByProvider))), asks(closing), "withdrawal_open"},
		{"a debt", append(sold[:2:2], did(debit("100")), didAs(reversal(1, CauseChargeback))),
			asks(closing), "receivable_open"},
		{"a pending top-up", []step{opened, did(topUp("1", "", func(t *TopUp) { t.Pending = true }))},
			asks(closing), "top_up_pending"},
		{"in flight before what is left", append(sold[:2:2], did(send("99"))), asks(closing),
			"transfer_in_flight"},
		{"something is left", sold, asks(closing), "account_not_empty"},
	}
	for name, c := range map[string]Command{
		"top-up": topUp("1", ""), "freeze": FreezeAccount{Modes: []FreezeMode{FreezeAll}, Reason: "x"},
		"unfreeze": UnfreezeAccount{Reason: "x"}, "merge": MergeAccount{Into: AccountID("C-2")},
		"grant": GrantCredit{Amount: cny("1"), Class: Promo, Cost: cny("0"), Cause: CauseOpeningBalance},
	} {
		rows = append(rows, row{"nothing after: " + name, closed, asks(c), "account_not_open"})
	}
	cancelled := append(closed[:2:2], ref("7"))
	run(t, append(rows,
		row{"nothing after: cancel", cancelled, asks(Cancel{}), "account_not_open"},
		row{"nothing after: refund", append(sold[:2:2], did(debit("100")), did(closing)),
			refund(2, "1"), "account_not_open"},
		row{"but a chargeback", append(sold[:2:2], did(debit("100")), did(closing)),
			reversal(1, CauseChargeback), "TopUpReversed 0.00\nReceivableOpened 100.00"},
		row{"and its write-off", append(sold[:2:2], did(debit("100")), did(closing),
			didAs(reversal(1, CauseChargeback))), func(b *book) Command {
			return WriteOff{ReceivableID: b.account.receivables[0].ID, Reason: "x"}
		}, "ReceivableSettled 100.00, by write_off, left 0.00"},
		row{"nothing after: reversal by error", append(sold[:2:2], did(debit("100")), did(closing)),
			reversal(1, CauseError), "account_not_open"},
		row{"nothing after: debit", closed, asks(debit("1")),
			"account_not_open\nOperationDeclined account_not_open"},
		row{"but a return", append(sent[:3:3], didAs(settled)), returning(2),
			"TransferReturned 100.00, principal@1 100.00/100.00 account_frozen"},
	))
}
