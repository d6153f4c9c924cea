package domain

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestLimitedBalance: of what is available a debit takes all but what is limited to goods, and not a cent
// more; a balance without such value does not speak of it.
func TestLimitedBalance(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBook(fatal{t, r})
		opened(b)
		did(topUp("1", ""))(b)
		limited := cny("0.00").Quantity
		for range rapid.IntRange(1, 5).Draw(r, "lots") {
			x := drawCents(r, 1, 999, "amount")
			scope := rapid.SampledFrom([]LotScope{{}, on("tea"), on("", "drinks")}).Draw(r, "scope")
			posted, err := b.do(GrantCredit{Amount: x, Cause: CausePromo, Reason: "x", Scope: scope})
			if err != nil {
				r.Fatal(err)
			}
			if scope.ofGoods() {
				limited = limited.Add(x.Quantity)
			}
			e := posted[len(posted)-1].Event.(CreditGranted)
			if !e.Balance.Limited.Equal(limited) {
				r.Fatalf("got %s limited, want %s", e.Balance.Limited, limited)
			}
			_, data, _, _ := Encode(posted[len(posted)-1])
			if got := bytes.Contains(data, []byte(`"limited"`)); got == limited.IsZero() {
				r.Fatalf("%s are limited, and told is %s", limited, data)
			}
		}
		now := b.account.Balance("CNY", 2, b.now)
		rest := cny("1").With(now.Available.Sub(now.Limited))
		if _, err := b.do(Debit{Amount: rest.Add(cny("0.01"))}); refusedBy(err) != "insufficient_funds" {
			r.Fatalf("a cent more than %s: got %v", rest, err)
		}
		did(Debit{Amount: rest})(b)
	})
}

// What an event from before says of a balance is still what it left.
func TestLimitedBalanceOfOldEvents(t *testing.T) {
	b := newBook(t)
	opened(b)
	posted, err := b.do(GrantCredit{Amount: cny("5"), Cause: CausePromo, Reason: "x", Scope: on("tea")})
	if err != nil {
		t.Fatal(err)
	}
	kind, data, metadata, _ := Encode(posted[0])
	replay := func(from, to string) error {
		a := NewAccount(AccountID("C-1"))
		if err := a.Apply(b.log[0]); err != nil {
			t.Fatal(err)
		}
		p, err := Decode(kind, bytes.Replace(data, []byte(from), []byte(to), 1), metadata, 1)
		if err != nil {
			t.Fatal(err)
		}
		return a.Apply(p)
	}
	if err := replay(`"limited":"5.00",`, ""); err != nil {
		t.Error(err)
	}
	if replay(`"limited":"5.00",`, `"limited":"4.00",`) == nil {
		t.Error("a wrong figure is taken for what it left")
	}
}
