package domain

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var _ = telling(func(e LotExtended) string {
	return fmt.Sprintf("by %s, again %t", e.To.Sub(e.From), e.Reactivated)
})

// extend lets the n-th lot of the book end at a time from noon.
func extend(n int, end time.Duration) ask {
	return func(b *book) Command {
		return ExtendLot{LotID: b.account.lots[n].ID, ExpiresAt: noon.Add(end), Reason: "asked"}
	}
}

func TestExtendLot(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30", expiring(2*day, 2*day)))}
	after := func(more ...step) []step { return append(sold[:2:2], more...) }
	swept := func(more ...step) []step { return append(after(did(debit("65")), later(2*day), did(Sweep{})), more...) }
	absent := asks(ExtendLot{LotID: newID(1, Seed{}, 1), ExpiresAt: noon.Add(9 * day), Reason: "r"})
	gift := GrantCredit{Amount: cny("10"), Cause: CausePromo, Reason: "r", ExpiresAt: noon.Add(2 * day)}
	run(t, []row{
		{"before its end", sold, extend(0, 5*day), "LotExtended 0.00 by 72h0m0s, again false"},
		{"a bonus before its end", sold, extend(1, 5*day), "LotExtended 0.00 by 72h0m0s, again false"},
		{"what expired comes back, not what was sold", swept(), extend(0, 5*day),
			"LotExtended 50.00, principal@1 50.00/50.00 by 72h0m0s, again true"},
		{"swept or not", after(did(debit("65")), later(2*day)), extend(0, 5*day), `
LotExpired 50.00, principal@1 -50.00/-50.00, n 1
LotExtended 50.00, principal@1 50.00/50.00 by 72h0m0s, again true`},
		{"a hold that lapsed is part of it", after(did(hold("65")), later(2*day)), extend(0, 5*day), `
HoldReleased 65.00, principal@1 held -50.00, bonus@1 held -15.00, lapsed
LotExpired 100.00, principal@1 -100.00/-100.00, n 1
LotExtended 100.00, principal@1 100.00/100.00 by 72h0m0s, again true`},
		{"it can be spent", swept(didAs(extend(0, 5*day))), asks(debit("50")),
			"DebitPosted 50.00, principal@1 -50.00/-50.00"},
		{"and expires again", swept(didAs(extend(0, 5*day)), did(debit("20")), later(4*day)),
			asks(Sweep{}), "LotExpired 30.00, principal@1 -30.00/-30.00, n 2"},
		{"and comes back again", swept(didAs(extend(0, 5*day)), did(debit("20")), later(4*day),
			did(Sweep{})), extend(0, 9*day),
			"LotExtended 30.00, principal@1 30.00/30.00 by 96h0m0s, again true"},
		{"once", swept(didAs(extend(0, 5*day))), extend(0, 9*day),
			"LotExtended 0.00 by 96h0m0s, again false"},
		{"what two expiries took", swept(didAs(refund(2, "13")), later(31*day), did(Sweep{})),
			extend(0, 99*day), "LotExtended 60.00, principal@1 60.00/60.00 by 1608h0m0s, again true"},
		{"frozen for debit and credit", swept(frozen(FreezeAll)), extend(0, 5*day),
			"LotExtended 50.00, principal@1 50.00/50.00 by 72h0m0s, again true"},

		{"an end that is over before reason", nil, asks(ExtendLot{ExpiresAt: noon}), "malformed expires_at"},
		{"no reason", nil, asks(ExtendLot{ExpiresAt: noon.Add(day)}), "malformed reason"},
		{"a long reason", nil, asks(ExtendLot{ExpiresAt: noon.Add(day), Reason: strings.Repeat("x", 201)}),
			"malformed reason"},
		{"no account", nil, absent, "not_found"},
		{"frozen by law before reference", after(ref("7"), didAs(extend(0, 5*day)), in(Context{}),
			frozen(FreezeLegal), ref("7")), extend(0, 9*day), "account_frozen"},
		{"reference before lot", after(ref("7"), didAs(extend(0, 5*day))), absent, "reference_used"},
		{"no such lot", []step{opened}, absent, "not_found"},
		{"it never ends", []step{opened, did(topUp("1", ""))}, extend(0, 5*day), "lot_not_extendable"},
		{"it was reversed", after(didAs(reversal(1, CauseError))), extend(0, 5*day), "lot_not_extendable"},
		{"it was revoked", []step{opened, did(gift), didAs(revoke(1))}, extend(0, 5*day),
			"lot_not_extendable"},
		{"it was given, and is over", after(later(2 * day)), extend(1, 5*day), "lot_not_extendable"},
		{"a grant that is over", []step{opened, did(gift), later(2 * day)}, extend(0, 5*day),
			"lot_not_extendable"},
		{"not earlier", sold, extend(0, day), "malformed expires_at"},
		{"nor the same", sold, extend(0, 2*day), "malformed expires_at"},
	})
}

// However often a lot expires and is extended, what was sold and what is there is what was paid, and
// so with its cost.
func TestExtensionsAreExact(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBook(t)
		opened(b)
		ten := cut("10", "99.99")
		ten.ExpiresAt = noon.Add(day)
		did(ten)(b)
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			switch rapid.IntRange(0, 3).Draw(r, "what") {
			case 0:
				_, _ = b.do(Debit{Amount: MustMoney("1", unit("CUT"))})
			case 1:
				_, _ = b.do(Sweep{})
			case 2:
				later(day)(b)
			default:
				end := b.now.Add(time.Duration(rapid.IntRange(1, 3).Draw(r, "days")) * day)
				_, _ = b.do(ExtendLot{LotID: b.account.lots[0].ID, ExpiresAt: end, Reason: "r"})
			}
			l := b.account.lots[0]
			if got := l.Remaining.Add(l.Consumed).Add(l.Lost); !got.Equal(l.Face) {
				t.Fatalf("got %s left, sold and lost, want %s", got, l.Face)
			}
			if got := l.CostLeft.Add(l.CostUsed).Add(l.LostCost); !got.Equal(l.Cost) {
				t.Fatalf("got a cost of %s left, sold and lost, want %s", got, l.Cost)
			}
		}
	})
}
