package domain

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var _ = telling(func(e CreditRevoked) string {
	if e.Cause == RevokedReversal {
		return ""
	}
	s := "by " + e.Cause
	if !e.Uncollected.IsZero() {
		s += ", uncollected " + e.Uncollected.Quantity.String()
	}
	return s
})

// revoke takes back the n-th operation of the book.
func revoke(n int) ask {
	return func(b *book) Command { return RevokeCredit{GrantID: b.ids[n], Reason: "sent by mistake"} }
}

func TestRevokeCredit(t *testing.T) {
	gift := GrantCredit{Amount: cny("10"), Cause: CausePromo, Reason: "spring"}
	paid := GrantCredit{Amount: cny("10"), Class: Gift, Cost: cny("8"), Cause: CauseOpeningBalance}
	job := AccountID("J")
	ofJob := RevokeCredit{JobID: job, Amount: cny("10"), Reason: "sent by mistake"}
	jobs := gift
	jobs.JobID = job
	given := []step{opened, did(gift)}
	after := func(more ...step) []step { return append(given[:2:2], more...) }
	absent := asks(RevokeCredit{GrantID: newID(1, Seed{}, 0), Reason: "r"})
	run(t, []row{
		{"all", given, revoke(1), "CreditRevoked 10.00, promo@1 -10.00 by error"},
		{"what is left", after(did(debit("4"))), revoke(1),
			"CreditRevoked 6.00, promo@1 -6.00 by error, uncollected 4.00"},
		{"what is not held", after(did(hold("4"))), revoke(1),
			"CreditRevoked 6.00, promo@1 -6.00 by error, uncollected 4.00"},
		{"what a lapsed hold frees", after(did(hold("4")), later(day)), revoke(1), `
HoldReleased 4.00, promo@1 held -4.00, lapsed
CreditRevoked 10.00, promo@1 -10.00 by error`},
		{"nothing is left", after(did(debit("10"))), revoke(1),
			"CreditRevoked 0.00 by error, uncollected 10.00"},
		{"a refund that returns is revoked", after(did(debit("4")), didAs(revoke(1))), refund(2, "3"), `
DebitRefunded 3.00, promo@1 3.00, total 3.00
CreditRevoked 3.00, promo@1 -3.00`},
		{"a void that returns is revoked", after(did(hold("4")), didAs(revoke(1))), void(2), `
HoldReleased 4.00, promo@1 held -4.00, void
CreditRevoked 4.00, promo@1 -4.00`},
		{"frozen for debit and credit", after(frozen(FreezeAll)), revoke(1),
			"CreditRevoked 10.00, promo@1 -10.00 by error"},

		{"no reason", nil, asks(RevokeCredit{}), "malformed reason"},
		{"a long reason", nil, asks(RevokeCredit{Reason: strings.Repeat("x", 201)}), "malformed reason"},
		{"no account", nil, absent, "not_found"},
		{"frozen by law before reference", after(ref("7"), didAs(revoke(1)), in(Context{}),
			frozen(FreezeLegal), ref("7")), revoke(1), "account_frozen"},
		{"reference before grant", after(ref("7"), didAs(revoke(1))), absent, "reference_used"},
		{"no such grant", given, absent, "not_found"},
		{"a top-up is no grant", after(did(topUp("1", ""))), revoke(2), "not_found"},
		{"it was paid for", []step{opened, did(paid)}, revoke(1), "not_cancellable"},
		{"revoked before", after(didAs(revoke(1))), revoke(1), "not_cancellable"},

		{"a job's", []step{opened, did(jobs)}, asks(ofJob),
			"CreditRevoked 10.00, promo@1 -10.00 by error"},
		{"a job's, again", []step{opened, did(jobs), did(ofJob)}, asks(ofJob), "done by CreditRevoked"},
		{"a job's, revoked alone before", []step{opened, did(jobs), didAs(revoke(1))}, asks(ofJob),
			"done by CreditRevoked"},
		{"a job that granted nothing here", []step{opened}, asks(ofJob), "CreditRevoked 0.00 by error"},
		{"and comes late", []step{opened, did(ofJob)}, asks(jobs), "reference_cancelled"},
		{"granted again after it", []step{opened, did(jobs), did(ofJob)}, asks(jobs),
			"done by CreditGranted"},
		{"a job's on no account", nil, asks(ofJob), "not_found"},
	})
}

// Whatever becomes of a grant that nothing but sales and holds diminish: revoked and uncollected are
// the grant, and in the end what was revoked in all and what is still consumed.
func TestRevokedAddsUp(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBook(t)
		opened(b)
		did(GrantCredit{Amount: cny("100"), Cause: CausePromo, Reason: "r"})(b)
		did(topUp("50", ""))(b)
		grant := b.ids[1]
		revoked := cny("0")
		for range rapid.IntRange(1, 20).Draw(r, "steps") {
			cents := Money{unit: "CNY", Quantity: fromSteps(rapid.Int64Range(1, 4000).Draw(r, "cents"), 2)}
			var c Command
			switch rapid.IntRange(0, 4).Draw(r, "what") {
			case 0:
				c = Debit{Amount: cents}
			case 1:
				c = PlaceHold{Amount: cents, TTLSeconds: 600}
			case 2:
				c = Refund{DebitID: b.ids[rapid.IntRange(0, len(b.ids)-1).Draw(r, "of")], Amount: cents}
			case 3:
				c = VoidHold{HoldID: b.ids[rapid.IntRange(0, len(b.ids)-1).Draw(r, "hold")]}
			default:
				c = RevokeCredit{GrantID: grant, Reason: "r"}
			}
			posted, _ := b.do(c)
			for _, p := range posted {
				e, ok := p.Event.(CreditRevoked)
				if !ok {
					continue
				}
				revoked = revoked.Add(e.Amount)
				whole := e.Cause == RevokedError
				if got := e.Amount.Quantity.Add(e.Uncollected.Quantity); whole && !got.Equal(cny("100").Quantity) {
					t.Fatalf("got %s revoked and uncollected, want 100.00", got)
				}
			}
		}
		l := b.account.lot(partOf(grant, 1))
		if got := l.Remaining.Add(l.Consumed).Add(revoked.Quantity); !got.Equal(l.Face) {
			t.Fatalf("got %s left, sold and revoked, want %s", got, l.Face)
		}
		if l.Reversed && !l.Remaining.Equal(l.Held) {
			t.Fatalf("got %s left and %s held of a revoked grant", l.Remaining, l.Held)
		}
	})
}
