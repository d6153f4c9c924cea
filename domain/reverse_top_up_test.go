package domain

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestReverseTopUp(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30"))}
	after := func(more ...step) []step { return append(sold[:2:2], more...) }
	withdrawn := after(did(withdraw(WithdrawalByProvider)), as("boss"),
		didAs(approveWithdrawal(2, "")), didAs(paid(2, "100")))
	indebted := []step{opened, did(topUp("100", "")), did(debit("100")),
		didAs(reversal(1, CauseChargeback)), did(topUp("120", ""))}
	absent := func(cause Cause) ask {
		return asks(ReverseTopUp{TopUpID: newID(1, Seed{9}, 0),
			Cause: cause})
	}
	run(t, []row{
		{"untouched", sold, reversal(1, CauseError),
			"TopUpReversed 130.00, principal@1 -100.00/-100.00, bonus@1 -30.00"},
		{"65 used of 100 and 30 are 50 owed", after(did(debit("65"))), reversal(1, CauseChargeback), `
TopUpReversed 65.00, principal@1 -50.00/-50.00, bonus@1 -15.00
ReceivableOpened 50.00`},
		{"held principal is owed, held bonus stays", after(did(hold("65"))), reversal(1, CauseChargeback),
			`
TopUpReversed 65.00, principal@1 -50.00/-50.00, bonus@1 -15.00
ReceivableOpened 50.00`},
		{"all is held", after(did(hold("130"))), reversal(1, CauseChargeback), `
TopUpReversed 0.00
ReceivableOpened 100.00`},
		{"a lapsed hold is free", after(did(hold("65")), later(day)), reversal(1, CauseError), `
HoldReleased 65.00, principal@1 held -50.00, bonus@1 held -15.00, lapsed
TopUpReversed 130.00, principal@1 -100.00/-100.00, bonus@1 -30.00`},
		{"refunded in full", after(did(debit("65")), didAs(refund(2, "65"))), reversal(1, CauseError),
			"TopUpReversed 130.00, principal@1 -100.00/-100.00, bonus@1 -30.00"},
		{"only bonus was used", []step{opened, did(topUp("100", "30", drawn(BonusFirst))),
			did(debit("10"))},
			reversal(1, CauseError),
			"TopUpReversed 120.00, principal@1 -100.00/-100.00, bonus@1 -20.00"},
		{"what was paid out is owed", withdrawn, reversal(1, CauseChargeback), `
TopUpReversed 0.00
ReceivableOpened 100.00`},
		{"paid out, by error", withdrawn, reversal(1, CauseError), "top_up_spent"},
		{"what paid a debt is owed", indebted, reversal(4, CauseChargeback), `
TopUpReversed 20.00, principal@5 -20.00/-20.00
ReceivableOpened 100.00`},
		{"what paid a debt, by error", indebted, reversal(4, CauseError), "top_up_spent"},

		{"to cancel is Cancel's", nil, absent(CauseCancelled), "malformed cause"},
		{"cause before reference's length", nil, asks(ReverseTopUp{
			PaymentReference: strings.Repeat("x", 65)}), "malformed cause"},
		{"long payment reference", nil, asks(ReverseTopUp{Cause: CauseError,
			PaymentReference: strings.Repeat("x", 65)}), "malformed payment_reference"},
		{"no account", nil, absent(CauseError), "not_found"},
		{"frozen for credit and debit", after(frozen(FreezeAll)), reversal(1, CauseError),
			"TopUpReversed 130.00, principal@1 -100.00/-100.00, bonus@1 -30.00"},
		{"frozen by law before reference", after(did(topUp("1", "")), ref("7"),
			didAs(reversal(1, CauseError)), in(Context{}), frozen(FreezeLegal), ref("7")),
			reversal(2, CauseError), "account_frozen"},
		{"reference before top-up", after(ref("7"), didAs(reversal(1, CauseError))), absent(CauseError),
			"reference_used"},
		{"no such top-up", sold, absent(CauseError), "not_found"},
		{"the nil id", sold, asks(ReverseTopUp{TopUpID: uuid.Nil, Cause: CauseError}), "not_found"},
		{"a grant is no top-up", []step{opened, did(GrantCredit{Amount: cny("1"), Class: Gift,
			Cost: cny("1"), Cause: CauseOpeningBalance})}, reversal(1, CauseError), "not_found"},
		{"again, before spent", after(did(debit("65")), didAs(reversal(1, CauseChargeback))),
			reversal(1, CauseError), "not_cancellable"},
		{"spent, by error", after(did(debit("65"))), reversal(1, CauseError), "top_up_spent"},
	})
}

// Value that returns to a reversed top-up settles what is owed for it first; its bonus is revoked.
func TestReturnsSettle(t *testing.T) {
	owing := []step{opened, did(topUp("100", "30")), did(hold("26")), did(debit("39")),
		didAs(reversal(1, CauseChargeback))}
	after := func(more ...step) []step { return append(owing[:5:5], more...) }
	writtenOff := didAs(func(b *book) Command {
		return WriteOff{ReceivableID: b.account.receivables[0].ID, Reason: "x"}
	})
	run(t, []row{
		{"what was written off is taken back when it comes", after(writtenOff), refund(3, "13"), `
DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 13.00
CreditRevoked 10.00, principal@1 -10.00/-10.00
CreditRevoked 3.00, bonus@1 -3.00`},
		{"no more than was written off", after(did(topUp("45", "")), writtenOff), refund(3, "13"), `
DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 13.00
CreditRevoked 5.00, principal@1 -5.00/-5.00
CreditRevoked 3.00, bonus@1 -3.00`},
		{"once", after(did(topUp("45", "")), writtenOff, didAs(refund(3, "13"))), refund(3, "13"), `
DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 26.00
CreditRevoked 3.00, bonus@1 -3.00`},
		{"by a refund", owing, refund(3, "13"), `
DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 13.00
ReceivableSettled 10.00, principal@1 -10.00/-10.00, by refund, left 40.00
CreditRevoked 3.00, bonus@1 -3.00`},
		{"by a release", owing, void(2), `
HoldReleased 26.00, principal@1 held -20.00, bonus@1 held -6.00, void
ReceivableSettled 20.00, principal@1 -20.00/-20.00, by release, left 30.00
CreditRevoked 6.00, bonus@1 -6.00`},
		{"by a lapse", after(later(day)), asks(Sweep{}), `
HoldReleased 26.00, principal@1 held -20.00, bonus@1 held -6.00, lapsed
ReceivableSettled 20.00, principal@1 -20.00/-20.00, by release, left 30.00
CreditRevoked 6.00, bonus@1 -6.00`},
		{"by a lapse, before a top-up", after(later(day)), asks(topUp("40", "")), `
HoldReleased 26.00, principal@1 held -20.00, bonus@1 held -6.00, lapsed
ReceivableSettled 20.00, principal@1 -20.00/-20.00, by release, left 30.00
CreditRevoked 6.00, bonus@1 -6.00
TopUpPosted 40.00, principal@9 40.00/40.00
ReceivableSettled 30.00, principal@9 -30.00/-30.00, by top_up, left 0.00`},
		{"a capture changes nothing owed", owing, capture(2, "26", true),
			"DebitPosted 26.00, principal@1 -20.00 held -20.00/-20.00, bonus@1 -6.00 held -6.00, final"},
		{"what is paid already stays", after(did(topUp("50", ""))), refund(3, "13"), `
DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 13.00
CreditRevoked 3.00, bonus@1 -3.00`},
		{"paid in part", after(did(topUp("45", ""))), refund(3, "13"), `
DebitRefunded 13.00, principal@1 10.00/10.00, bonus@1 3.00, total 13.00
ReceivableSettled 5.00, principal@1 -5.00/-5.00, by refund, left 0.00
CreditRevoked 3.00, bonus@1 -3.00`},
		{"later debits take from elsewhere", after(did(topUp("60", ""))), asks(debit("10")),
			"DebitPosted 10.00, principal@6 -10.00/-10.00"},
	})
}
