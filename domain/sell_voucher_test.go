package domain

import "testing"

// bearer gives the book the account of a code's hash, which was not opened.
func bearer(n int) step {
	return func(b *book) {
		id := BearerID(hashed(n).KeyedHash)
		b.account, b.replayed = NewAccount(id), NewAccount(id)
	}
}

func giftCard(amount string) SellVoucher {
	return SellVoucher{VoucherTerms{Amount: cny(amount)}, hashed(1)}
}

func redeem(amount string, all bool) SendTransfer {
	return SendTransfer{To: AccountID("C-2"), Amount: cny(amount), Kind: TransferRedeem, All: all}
}

func TestSellVoucher(t *testing.T) {
	ready := []step{bearer(1), did(giftCard("100"))}
	after := func(more ...step) []step { return append(ready[:2:2], more...) }
	alter := func(edit func(*SellVoucher)) ask { v := giftCard("100"); edit(&v); return asks(v) }
	cash := []Payment{{Method: "cash", Reference: "R-1"}}
	program := func(terms Terms) step {
		return func(b *book) { b.program = &Program{ID: "p", Version: 1, Terms: terms.normal()} }
	}
	run(t, []row{
		{"sold", ready[:1], alter(func(v *SellVoucher) { v.Payments = cash }), `
AccountOpened
TopUpPosted 100.00, gift@1 100.00/100.00
CredentialBound code 0001`},
		{"no bonus of a ladder", []step{bearer(1), program(Terms{Ladder: []LadderStep{{ID: "s",
			From: cny("50"), Percent: percent("10")}}})}, asks(giftCard("100")), `
AccountOpened
TopUpPosted 100.00, gift@1 100.00/100.00
CredentialBound code 0001`},
		{"ten haircuts", ready[:1], alter(func(v *SellVoucher) {
			v.Amount = Money{unit: "HAIRCUT", Quantity: fromSteps(10, 0)}
			v.Payments = []Payment{{Method: "cash", Amount: cny("88")}}
		}), `
AccountOpened
TopUpPosted 10, gift@1 10/88.00
CredentialBound code 0001`},

		{"amount before payments", ready, alter(func(v *SellVoucher) {
			v.Amount, v.Payments = cny("0"), []Payment{{}}
		}), "amount_not_positive"},
		{"expiry before payments", ready, alter(func(v *SellVoucher) {
			v.ExpiresAt, v.Payments = noon, []Payment{{}}
		}), "malformed expires_at"},
		{"payments before hash", ready, alter(func(v *SellVoucher) {
			v.Payments, v.KeyedHash = []Payment{{}}, ""
		}), "malformed payments"},
		{"a code in clear", ready, alter(func(v *SellVoucher) { v.KeyedHash = "W3C3G1C1TESP" }),
			"malformed value"},
		{"sold before", ready, asks(giftCard("50")), "credential_used"},
		{"its code finds another account", ready[:1], alter(func(v *SellVoucher) { v.Elsewhere = true }),
			"credential_used"},
		{"more than may be", []step{bearer(1), program(Terms{Limits: []Limits{{Unit: "CNY",
			MaxBalance: cny("99")}}})}, asks(giftCard("100")), "limit_exceeded short 1.00 CNY"},

		{"used at a till", ready, asks(debit("30")), "DebitPosted 30.00, gift@1 -30.00/-30.00"},
		{"redeemed in part", ready, asks(redeem("30", false)),
			"TransferSent 30.00, gift@1 -30.00/-30.00 gift_redeem"},
		{"redeemed", after(did(debit("30"))), asks(redeem("0", true)),
			"TransferSent 70.00, gift@1 -70.00/-70.00 gift_redeem"},
		{"nothing is left", after(did(debit("100"))), asks(redeem("0", true)),
			"insufficient_funds short 0.00 CNY\nOperationDeclined insufficient_funds"},
		{"all, and how much", ready, asks(redeem("1", true)), "amount_not_positive"},
		{"neither", ready, asks(redeem("0", false)), "amount_not_positive"},
		{"a member's account redeems nothing", []step{opened, did(topUp("10", ""))},
			asks(redeem("1", false)), "malformed kind"},
		{"cancelled", []step{bearer(1), ref("7"), did(giftCard("100"))}, asks(Cancel{}),
			"TopUpReversed 100.00, gift@1 -100.00/-100.00"},
		{"used, and cancelled", []step{bearer(1), ref("7"), did(giftCard("100")), in(Context{}),
			did(debit("1")), ref("7")}, asks(Cancel{}), "not_cancellable"},
		{"taken back, and cancelled", []step{bearer(1), ref("7"), did(giftCard("100")), in(Context{}),
			didAs(takenBack), ref("7")}, asks(Cancel{}), "ReferenceCancelled posted"},
		{"taken back", ready, takenBack, "TopUpReversed 100.00, gift@1 -100.00/-100.00"},
		{"used, and taken back", after(did(debit("1"))), takenBack, "top_up_spent"},
		{"its code is lost", ready, func(b *book) Command {
			return ReplaceCredential{b.log[2].Metadata.EventID, hashed(2)}
		}, "CredentialReplaced code 0002"},
	})
}

// takenBack voids a voucher.
func takenBack(b *book) Command {
	return ReverseTopUp{TopUpID: b.log[1].Metadata.EventID, Cause: CauseError}
}

// A voucher ends as the program has it for its class, and what it was sold for is its cost until then.
func TestVoucherExpires(t *testing.T) {
	b := newBook(t)
	b.program = &Program{ID: "p", Version: 1, Terms: Terms{
		Expiry: map[Class]Expiry{Gift: {Days: 1}, Principal: {Days: 9}}}.normal()}
	for _, s := range []step{bearer(1), did(giftCard("100")), did(debit("30")), later(2 * day)} {
		s(b)
	}
	posted, err := b.do(Sweep{})
	if got, want := answer(posted, err), "LotExpired 70.00, gift@1 -70.00/-70.00, n 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Where master keys were rotated between a sale and its repeat, the code has another hash.
func TestVoucherSoldAgain(t *testing.T) {
	b := newBook(t)
	bearer(1)(b)
	did(giftCard("100"))(b)
	again := SellVoucher{VoucherTerms{Amount: cny("100")}, hashed(2)}
	again.Others = []string{hashed(1).KeyedHash}
	again.Last4 = hashed(1).Last4
	if got := Differing(b.log[0], again, Context{}); len(got) > 0 {
		t.Errorf("differs in %v", got)
	}
	again.Amount = cny("99")
	if got := Differing(b.log[0], again, Context{}); len(got) != 1 {
		t.Errorf("got %v, want the amount", got)
	}
}
