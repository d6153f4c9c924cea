package domain

import (
	"errors"
	"reflect"
	"testing"
)

// Only debits and holds remember their refusals, and only those for reasons of state.
func TestDeclined(t *testing.T) {
	sold := []step{opened, did(topUp("100", ""))}
	after := func(more ...step) []step { return append(sold[:2:2], more...) }
	run(t, []row{
		{"debit", sold, asks(debit("101")),
			"insufficient_funds short 1.00 CNY\nOperationDeclined insufficient_funds"},
		{"hold", sold, asks(hold("101")),
			"insufficient_funds short 1.00 CNY\nOperationDeclined insufficient_funds"},
		{"frozen debit", after(frozen(FreezeDebit)), asks(debit("1")),
			"account_frozen\nOperationDeclined account_frozen"},
		{"frozen hold", after(frozen(FreezeAll)), asks(hold("1")),
			"account_frozen\nOperationDeclined account_frozen"},
		{"frozen top-up", after(frozen(FreezeCredit)), asks(topUp("1", "")), "account_frozen"},
		{"frozen refund", after(did(debit("1")), frozen(FreezeLegal)), refund(2, "1"), "account_frozen"},
		{"malformed debit", sold, asks(Debit{}), "amount_not_positive"},
		{"debit without account", nil, asks(debit("1")), "not_found"},
		{"a declined reference is not taken", after(ref("7"), tried(debit("101"))), asks(debit("100")),
			"DebitPosted 100.00, principal@1 -100.00/-100.00"},
		{"exceeded refund", after(did(debit("1"))), refund(2, "2"),
			"refund_exceeds_debit short 1.00 CNY"},
		{"exceeded capture", after(did(hold("1"))), capture(2, "2", false),
			"capture_exceeds_hold short 1.00 CNY"},
	})
}

func TestDeclinedBytes(t *testing.T) {
	b := newBook(t)
	opened(b)
	did(topUp("100", ""))(b)
	posted, refused := b.do(Debit{Amount: cny("100.5"), AcceptPartial: false})
	_, data, _, err := Encode(posted[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"operation":"debit","code":"insufficient_funds",` +
		`"detail":"the account does not hold that much","unit":"CNY",` +
		`"requested":{"amount":"100.50","unit":"CNY"},"available":{"amount":"100.00","unit":"CNY"},` +
		`"shortfall":{"amount":"0.50","unit":"CNY"},` +
		`"request":{"amount":{"amount":"100.50","unit":"CNY"}}}`
	if got := string(data); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var r *Refusal
	if !errors.As(refused, &r) {
		t.Fatalf("got %v, want a refusal", refused)
	}
	if got := b.log[2].Event.(OperationDeclined).Refusal(); !reflect.DeepEqual(got, r) {
		t.Errorf("got %+v back, want %+v", got, r)
	}
}
