package domain

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
)

var (
	_ = telling(func(e TransferSent) string { return string(e.Kind) })
	_ = telling(func(e TransferReceived) string { return string(e.Kind) })
	_ = telling(func(e TransferReturned) string { return string(e.Reason) })
	_ = telling(func(e MergeRefused) string { return string(e.Reason) })
)

// bookOf is the book of an account of its own, opened.
func bookOf(t testing.TB, ref string) *book {
	b := newBook(t)
	b.account, b.replayed = NewAccount(AccountID(ref)), NewAccount(AccountID(ref))
	b.salt = ref[len(ref)-1]
	did(OpenAccount{CustomerRef: ref})(b)
	return b
}

func send(amount string) SendTransfer {
	return SendTransfer{To: AccountID("C-2"), Amount: cny(amount), Kind: TransferGift}
}

func TestSendTransfer(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30"))}
	after := func(more ...step) []step { return append(sold[:2:2], more...) }
	owing := []step{opened, did(topUp("100", "")), did(debit("10")), did(topUp("50", "")),
		didAs(reversal(1, CauseChargeback))}
	scoped := did(topUp("10", "", func(t *TopUp) { t.Scope.Stores = []string{"S1"} }))
	capped := func(b *book) {
		b.program = &Program{ID: "p", Version: 1, Terms: Terms{Zone: "UTC", Limits: []Limits{
			{Unit: "CNY", MaxDebit: cny("20"), MaxDebitDay: cny("30")}}}}
	}
	to := func(id uuid.UUID) ask {
		s := send("1")
		s.To = id
		return asks(s)
	}
	run(t, []row{
		{"pro rata", sold, asks(send("13")),
			"TransferSent 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00 gift"},
		{"as much of the bonus as of the principal, whatever the draw", []step{opened,
			did(topUp("100", "30", drawn(BonusFirst)))}, asks(send("13")),
			"TransferSent 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00 gift"},
		{"of what is left of them", []step{opened, did(topUp("100", "30", drawn(PrincipalFirst))),
			did(debit("80"))}, asks(send("10")),
			"TransferSent 10.00, principal@1 -4.00/-4.00, bonus@1 -6.00 gift"},
		{"the cost that is left goes along", after(did(debit("13"))), asks(send("117")),
			"TransferSent 117.00, principal@1 -90.00/-90.00, bonus@1 -27.00 gift"},
		{"scope does not bar it", []step{opened, scoped, in(Context{Store: "S2"})}, asks(send("10")),
			"TransferSent 10.00, principal@1 -10.00/-10.00 gift"},
		{"value of a lapsed hold is freed first", after(did(hold("130")), later(600*time.Second)),
			asks(send("13")), `
HoldReleased 130.00, principal@1 held -100.00, bonus@1 held -30.00, lapsed
TransferSent 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00 gift`},
		{"no freeze of credit stops it", after(frozen(FreezeCredit)), asks(send("13")),
			"TransferSent 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00 gift"},

		{"zero amount", nil, asks(SendTransfer{Amount: unit("CNY").Zero()}), "amount_not_positive"},
		{"amount before kind", nil, asks(SendTransfer{Amount: cny("0"), Kind: "x"}), "amount_not_positive"},
		{"kind before receiver", nil, asks(SendTransfer{Amount: cny("1"), Kind: TransferMerge,
			To: AccountID("C-1")}), "malformed kind"},
		{"the sender itself", sold, to(AccountID("C-1")), "malformed to"},
		{"nobody before account", nil, asks(SendTransfer{Amount: cny("1"), Kind: TransferGift,
			Nobody: true}), "not_found"},
		{"no account", nil, asks(send("1")), "not_found"},
		{"closed", []step{opened, did(CloseAccount{Reason: "asked"})}, asks(send("1")),
			"account_not_open\nOperationDeclined account_not_open"},
		{"frozen before what it owes", append(owing[:5:5], frozen(FreezeDebit)), asks(send("1")),
			"account_frozen\nOperationDeclined account_frozen"},
		{"frozen by law", after(frozen(FreezeLegal)), asks(send("1")),
			"account_frozen\nOperationDeclined account_frozen"},
		{"it owes, before reference", append(owing[:5:5], ref("7"), tried(send("1"))), asks(send("1")),
			"receivable_open\nOperationDeclined receivable_open"},
		{"reference used before balance", after(ref("7"), did(send("1"))), asks(send("1000")),
			"reference_used"},
		{"reference cancelled before balance", after(ref("7"), did(Cancel{})), asks(send("1000")),
			"reference_cancelled"},
		{"insufficient", sold, asks(send("130.01")),
			"insufficient_funds short 0.01 CNY\nOperationDeclined insufficient_funds"},
		{"held", after(did(hold("100"))), asks(send("31")),
			"insufficient_funds short 1.00 CNY\nOperationDeclined insufficient_funds"},
		{"too many lots", many(mostTravelling + 1), asks(send(fmt.Sprint(mostTravelling + 1))),
			"limit_exceeded\nOperationDeclined limit_exceeded"},
		{"more than leaves at once", after(capped), asks(send("21")),
			"limit_exceeded short 1.00 CNY\nOperationDeclined limit_exceeded"},
		{"more than leaves in a day", after(capped, did(debit("20"))), asks(send("11")),
			"limit_exceeded short 1.00 CNY\nOperationDeclined limit_exceeded"},
		{"what came back counts no more", after(capped, did(send("20")), didAs(returning(2))),
			asks(send("20")), "TransferSent 20.00, principal@1 -15.38/-15.38, bonus@1 -4.62 gift"},
		{"it is not cancelled", after(ref("7"), did(send("1"))), asks(Cancel{}), "not_cancellable"},
	})
}

// What is sent takes its share of the cost that is left, not of what was sold before: of ten for three,
// a third and then a half of the rest, which rounds up.
func TestTransferCost(t *testing.T) {
	b := newBook(t)
	opened(b)
	cuts := func(n string) Money { return MustMoney(n, unit("CUT")) }
	did(TopUp{Amount: cuts("3"), TopUpTerms: DefaultTerms(),
		Payments: []Payment{{Method: "cash", Amount: cny("10")}}})(b)
	var got []string
	for range 3 {
		posted, err := b.do(SendTransfer{To: AccountID("C-2"), Amount: cuts("1"), Kind: TransferGift})
		got = append(got, answer(posted, err))
	}
	for i, want := range []string{"3.33", "3.34", "3.33"} {
		if want = "TransferSent 1, principal@1 -1/-" + want + " gift"; got[i] != want {
			t.Errorf("got %s, want %s", got[i], want)
		}
	}
}

// What the receiver could not write in one append is not sent: it would never arrive.
func TestTransferFits(t *testing.T) {
	b := newBook(t)
	opened(b)
	wide := topUp("1", "", func(t *TopUp) {
		for n := range 100 {
			t.Scope.Stores = append(t.Scope.Stores, fmt.Sprintf("%064d", n))
		}
	})
	for range 80 {
		did(wide)(b)
	}
	for _, c := range []Command{send("80"), into2} {
		if posted, err := b.do(c); !errors.Is(err, ErrLimitExceeded) {
			t.Errorf("got %s, want limit_exceeded", answer(posted, err))
		}
	}
	did(send("70"))(b)
	other := bookOf(t, "C-2")
	posted, err := other.do(ReceiveTransfer{b.log[len(b.log)-1].Event.(TransferSent)})
	if err != nil {
		t.Fatal(err)
	}
	_, data, _, err := Encode(posted[0])
	if err != nil || len(data) > 1<<20 {
		t.Errorf("the receiver writes %d bytes, %v", len(data), err)
	}
}

// many is an account with n lots of 1.00.
func many(n int) []step {
	steps := []step{opened}
	for range n {
		steps = append(steps, did(topUp("1", "")))
	}
	return steps
}

// What was sent has left its top-up: a chargeback takes what is there, and the rest is owed.
func TestReverseTopUpAfterTransfer(t *testing.T) {
	sent := []step{opened, did(topUp("100", "30")), did(send("65"))}
	returned := append(sent[:3:3], didAs(returning(2)))
	run(t, []row{
		{"chargeback", sent, reversal(1, CauseChargeback), `
TopUpReversed 65.00, principal@1 -50.00/-50.00, bonus@1 -15.00
ReceivableOpened 50.00`},
		{"error", sent, reversal(1, CauseError), "top_up_spent"},
		{"returned before", returned, reversal(1, CauseError),
			"TopUpReversed 130.00, principal@1 -100.00/-100.00, bonus@1 -30.00"},
		{"returned after", append(sent[:3:3], didAs(reversal(1, CauseChargeback))), returning(2), `
TransferReturned 65.00, principal@1 50.00/50.00, bonus@1 15.00 account_frozen
ReceivableSettled 50.00, principal@1 -50.00/-50.00, by transfer, left 0.00
CreditRevoked 15.00, bonus@1 -15.00`},
		{"a receiver has no such top-up", []step{opened, didAs(receiving("13"))},
			func(b *book) Command {
				return ReverseTopUp{TopUpID: b.account.lots[0].Funding, Cause: CauseChargeback}
			}, "not_found"},
	})
}

// returning takes back the n-th operation of the book.
func returning(n int) ask {
	return func(b *book) Command {
		return ReturnTransfer{TransferID: b.ids[n], Why: ReferenceCancelled{Code: "account_frozen"}}
	}
}

func TestReturnTransfer(t *testing.T) {
	sent := []step{opened, did(topUp("100", "30")), did(send("13"))}
	after := func(more ...step) []step { return append(sent[:3:3], more...) }
	back := "TransferReturned 13.00, principal@1 10.00/10.00, bonus@1 3.00 account_frozen"
	run(t, []row{
		{"all", sent, returning(2), back},
		{"no freeze stops it", after(frozen(FreezeLegal)), returning(2), back},
		{"again", after(didAs(returning(2))), returning(2), "done by TransferReturned"},
		{"what is no transfer", sent, returning(1), "not_found"},
		{"no such transfer", sent, asks(ReturnTransfer{TransferID: newID(9, Seed{}, 0)}), "not_found"},
		{"what came back divides as before", after(didAs(returning(2))), asks(debit("13")),
			"DebitPosted 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00"},
	})
}

// sending is what C-2 sent to C-1 of 100 + 30, under terms that edits change.
func sending(b *book, amount string, edits ...func(*TopUp)) TransferSent {
	other := bookOf(b, "C-2")
	did(topUp("100", "30", edits...))(other)
	did(SendTransfer{To: AccountID("C-1"), Amount: cny(amount), Kind: TransferFamily})(other)
	return other.log[len(other.log)-1].Event.(TransferSent)
}

func receiving(amount string, edits ...func(*TopUp)) ask {
	return func(b *book) Command { return ReceiveTransfer{sending(b, amount, edits...)} }
}

func TestReceiveTransfer(t *testing.T) {
	received := "TransferReceived 13.00, principal@1 10.00/10.00, bonus@1 3.00 family"
	refused := "ReferenceCancelled nothing"
	capped := func(b *book) Command {
		b.program = &Program{ID: "p", Version: 1, Terms: Terms{
			Limits: []Limits{{Unit: "CNY", MaxBalance: cny("12.99")}}}}
		return receiving("13")(b)
	}
	run(t, []row{
		{"all", []step{opened}, receiving("13"), received},
		{"a freeze of debit does not stop it", []step{opened, frozen(FreezeDebit)}, receiving("13"),
			"TransferReceived 13.00, principal@2 10.00/10.00, bonus@2 3.00 family"},
		{"a funding stays one", []step{opened, didAs(receiving("65"))}, asks(debit("13")),
			"DebitPosted 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00"},
		{"its draw goes on", []step{opened, didAs(receiving("65", drawn(PrincipalFirst)))},
			asks(debit("40")), "DebitPosted 40.00, principal@1 -40.00/-40.00"},
		{"its expiry goes on", []step{opened, didAs(receiving("65", expiring(day, day))), later(day)},
			asks(Sweep{}), `
LotExpired 50.00, principal@1 -50.00/-50.00, n 1
LotExpired 15.00, bonus@1 -15.00, n 1`},
		{"no account", nil, receiving("13"), "not_found"},
		{"again", []step{opened, didAs(receiving("13"))}, receiving("13"), "done by TransferReceived"},
		{"again, after it was refused", []step{opened, frozen(FreezeAll), didAs(receiving("13")),
			did(UnfreezeAccount{Reason: "x"})}, receiving("13"), "done by ReferenceCancelled"},
		{"frozen", []step{opened, frozen(FreezeCredit)}, receiving("13"), refused},
		{"closed", []step{opened, did(CloseAccount{Reason: "asked"})}, receiving("13"), refused},
		{"above the most it may hold", []step{opened}, capped, refused},
		{"what moves on from a merged account is above no limit", []step{opened}, func(b *book) Command {
			c := capped(b).(ReceiveTransfer)
			c.Sent.Kind = TransferMerge
			return c
		}, "TransferReceived 13.00, principal@1 10.00/10.00, bonus@1 3.00 merge"},
	})
}

// The terms of a lot stay what they were sold under.
func TestTermsTravel(t *testing.T) {
	b := newBook(t)
	opened(b)
	sent := sending(b, "13", expiring(day, 2*day), drawn(BonusFirst), func(t *TopUp) {
		t.Priority, t.Terms, t.Scope = 7, "vip", at("S1")
	})
	did(ReceiveTransfer{sent})(b)
	for i, got := range b.account.Lots() {
		want := sent.Lots[i]
		if got.OriginLot != want.ID {
			t.Errorf("lot %d comes from %s, want %s", i, got.OriginLot, want.ID)
		}
		want.ID, want.OriginLot, want.Funding = got.ID, got.OriginLot, b.account.Lots()[0].ID
		if got, want := fmt.Sprintf("%+v", got.LotOpened), fmt.Sprintf("%+v", want); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// However small the parts, what is sent of a funding parts it evenly: no sum of rounded steps keeps the
// bonus behind.
func TestSendingInPartsIsEven(t *testing.T) {
	for _, draw := range draws {
		b := newBook(t)
		opened(b)
		did(topUp("100", "30", drawn(draw)))(b)
		for range 650 {
			did(send("0.02"))(b)
		}
		if got := b.account.lots[0].Transferred.String(); got != "10.00" {
			t.Errorf("%s: got %s of principal sent of 13.00, want 10.00", draw, got)
		}
	}
}
