package domain

import (
	"strings"
	"testing"
)

func TestOpenAccount(t *testing.T) {
	open := func(ref string) ask { return asks(OpenAccount{CustomerRef: ref}) }
	run(t, []row{
		{"opens", nil, open("C-1"), "AccountOpened"},
		{"empty reference", nil, open(""), "malformed customer_ref"},
		{"65 characters", nil, open(strings.Repeat("a", 65)), "malformed customer_ref"},
		{"other characters", nil, open("ü"), "malformed customer_ref"},
		{"line end", nil, open("C-1\n"), "malformed customer_ref"},
		{"a mobile number", nil, open("13812345678"), "malformed customer_ref"},
		{"malformed before existing", []step{opened}, open(""), "malformed customer_ref"},
		{"twice", []step{opened}, open("C-1"), "account_exists"},
		{"control character in the context", []step{in(Context{Store: "S\x1f1"})}, open("C-1"),
			"malformed store"},
		{"text that is not UTF-8", []step{in(Context{PosTxnID: "\xff"})}, open("C-1"),
			"malformed pos_txn_id"},
		{"no day", []step{in(Context{BusinessDate: "2026-02-30"})}, open("C-1"),
			"malformed business_date"},
		{"a year that cannot be written", []step{in(Context{OccurredAt: noon.AddDate(9000, 0, 0)})},
			open("C-1"), "malformed occurred_at"},
	})
}

func TestStatus(t *testing.T) {
	b := newBook(t)
	statuses := []Status{b.account.Status(noon)}
	opened(b)
	statuses = append(statuses, b.account.Status(noon))
	did(FreezeAccount{Modes: []FreezeMode{FreezeDebit}, Reason: "lost", Until: noon.Add(day)})(b)
	statuses = append(statuses, b.account.Status(noon), b.account.Status(noon.Add(day)))
	if got, want := statuses, []Status{Unopened, Open, Frozen, Open}; !equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func equal[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
