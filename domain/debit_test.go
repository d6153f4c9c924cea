package domain

import (
	"strings"
	"testing"
	"time"
)

func TestDebit(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30"))}
	after := func(more ...step) []step { return append(sold[:2:2], more...) }
	partial := func(amount string) ask { return asks(Debit{Amount: cny(amount), AcceptPartial: true}) }
	nothing := asks(Debit{Amount: unit("CNY").Zero()})
	scoped := func(scope LotScope) step {
		return did(topUp("10", "", func(t *TopUp) { t.Scope = scope }))
	}
	run(t, []row{
		{"pro rata", sold, asks(debit("13")),
			"DebitPosted 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00"},
		{"all", sold, asks(debit("130")),
			"DebitPosted 130.00, principal@1 -100.00/-100.00, bonus@1 -30.00"},
		{"in part", sold, partial("200"),
			"DebitPosted 130.00, principal@1 -100.00/-100.00, bonus@1 -30.00, due 70.00"},
		{"in part, but there is enough", sold, partial("13"),
			"DebitPosted 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00"},
		{"value of a lapsed hold is freed first", after(did(hold("130")), later(600*time.Second)),
			asks(debit("13")), `
HoldReleased 130.00, principal@1 held -100.00, bonus@1 held -30.00, lapsed
DebitPosted 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00`},
		{"scope by store", []step{opened, scoped(at("S1")),
			in(Context{Store: "S1"})},
			asks(debit("10")), "DebitPosted 10.00, principal@1 -10.00/-10.00"},
		{"scope by channel", []step{opened, scoped(LotScope{Scope: Scope{Channels: []string{"web"}}}),
			in(Context{Channel: "web"})}, asks(debit("10")), "DebitPosted 10.00, principal@1 -10.00/-10.00"},
		{"an expired lot is not there", []step{opened, did(topUp("5", "")),
			did(topUp("10", "", expiring(day, 0))), later(day)}, asks(debit("5")),
			"DebitPosted 5.00, principal@1 -5.00/-5.00"},
		{"the tick before it expires it is", []step{opened, did(topUp("10", "", expiring(day, 0))),
			later(day - 1)}, asks(debit("10")), "DebitPosted 10.00, principal@1 -10.00/-10.00"},

		{"zero amount", nil, nothing, "amount_not_positive"},
		{"list amount of another unit", nil, asks(Debit{Amount: cny("1"),
			ListAmount: MustMoney("1", unit("JPY"))}), "malformed list_amount"},
		{"amount before account", nil, nothing, "amount_not_positive"},
		{"no account", nil, asks(debit("1")), "not_found"},
		{"frozen before reference", after(ref("7"), did(debit("1")), in(Context{}), frozen(FreezeDebit),
			ref("7")), asks(debit("1")), "account_frozen\nOperationDeclined account_frozen"},
		{"reference used before balance", after(ref("7"), did(debit("1"))), asks(debit("1000")),
			"reference_used"},
		{"reference cancelled before balance", after(ref("7"), did(Cancel{})), asks(debit("1000")),
			"reference_cancelled"},
		{"another kind's reference is free", after(ref("7"), did(hold("1"))), asks(debit("13")),
			"DebitPosted 13.00, principal@1 -10.00/-10.00, bonus@1 -3.00"},
		{"insufficient", sold, asks(debit("130.01")),
			"insufficient_funds short 0.01 CNY\nOperationDeclined insufficient_funds"},
		{"insufficient, with a lapsed hold", after(did(hold("1")), later(day)), asks(debit("131")),
			"insufficient_funds short 1.00 CNY\nOperationDeclined insufficient_funds"},
		{"another unit", sold, asks(Debit{Amount: MustMoney("5", unit("JPY"))}),
			"insufficient_funds short 5 JPY\nOperationDeclined insufficient_funds"},
		{"held", after(did(hold("100"))), asks(debit("31")),
			"insufficient_funds short 1.00 CNY\nOperationDeclined insufficient_funds"},
		{"nothing at all to take in part", []step{opened}, partial("1"),
			"insufficient_funds short 1.00 CNY\nOperationDeclined insufficient_funds"},
		{"another store's scope", []step{opened, scoped(at("S1")),
			in(Context{Store: "S2"})}, asks(debit("10")),
			"insufficient_funds short 10.00 CNY\nOperationDeclined insufficient_funds"},
		{"no store's scope", []step{opened, scoped(at("S1"))}, asks(debit("10")),
			"insufficient_funds short 10.00 CNY\nOperationDeclined insufficient_funds"},
	})
}

// Sixteen debits of 7.77 and one of 5.68 consume exactly 100.00 of principal; each rounded by
// itself they would take 100.05.
func TestProRataEndsExactly(t *testing.T) {
	b := newBook(t)
	opened(b)
	did(topUp("100", "30"))(b)
	for range 16 {
		did(debit("7.77"))(b)
	}
	did(debit("5.68"))(b)
	lots := b.account.Lots()
	for i, want := range []string{"100.00", "30.00"} {
		if got := lots[i].Consumed.String(); got != want {
			t.Errorf("got %s of the %s consumed, want %s", got, lots[i].Class, want)
		}
	}
	if got := lots[0].CostUsed.String(); got != "100.00" {
		t.Errorf("got a cost of %s, want 100.00", got)
	}
}

// After principal paid alone, the bonus catches up.
func TestProRataCatchesUp(t *testing.T) {
	soon := expiring(0, day)
	run(t, []row{
		{"bonus is held", []step{opened, did(topUp("100", "30")), did(hold("13")), did(debit("13"))},
			asks(debit("104")), "DebitPosted 104.00, principal@1 -80.00/-80.00, bonus@1 -24.00"},
		{"expired bonus never counts as taken", []step{opened, did(topUp("100", "30", soon)),
			later(day), did(Sweep{})}, asks(debit("13")),
			"DebitPosted 13.00, principal@1 -13.00/-13.00"},
		{"bonus first", []step{opened, did(topUp("100", "30", drawn(BonusFirst)))}, asks(debit("31")),
			"DebitPosted 31.00, principal@1 -1.00/-1.00, bonus@1 -30.00"},
		{"principal first", []step{opened, did(topUp("100", "30", drawn(PrincipalFirst)))},
			asks(debit("101")), "DebitPosted 101.00, principal@1 -100.00/-100.00, bonus@1 -1.00"},
		{"principal first, then the bonus alone", []step{opened,
			did(topUp("100", "30", drawn(PrincipalFirst))), did(debit("100"))}, asks(debit("5")),
			"DebitPosted 5.00, bonus@1 -5.00"},
		{"principal that settled a debt ends sooner", []step{opened, did(topUp("100", "")),
			did(debit("80")),
			didAs(reversal(1, CauseChargeback)), did(topUp("100", "30"))}, asks(debit("40")),
			"DebitPosted 40.00, principal@5 -20.00/-20.00, bonus@5 -20.00"},
		{"catching up", []step{opened, did(topUp("100", "30", drawn(BonusFirst))), did(debit("30")),
			didAs(refund(2, "30"))}, asks(debit("13")),
			"DebitPosted 13.00, bonus@1 -13.00"},
	})
}

// Each row holds two lots that differ in one tie-breaker; the second one opened comes first.
func TestDrawOrder(t *testing.T) {
	grant := func(class Class, expires time.Duration) step {
		g := GrantCredit{Amount: cny("10"), Class: class, Cost: cny("0"), Cause: CauseOpeningBalance}
		if expires > 0 {
			g.ExpiresAt = noon.Add(expires)
		}
		return did(g)
	}
	sold := func(edit func(*TopUp)) step { return did(topUp("10", "", edit)) }
	plain := sold(func(*TopUp) {})
	priority := func(n int) step { return sold(func(t *TopUp) { t.Priority = n }) }
	home := in(Context{Store: "S1"})
	scope := sold(func(t *TopUp) { t.Scope, t.Priority = at("S1"), 99 })
	imported := func(at time.Duration) step {
		return in(Context{Channel: ChannelImport, OccurredAt: noon.Add(at)})
	}
	rows := []row{
		{"scoped before priority", []step{opened, priority(1), scope, home}, nil, "principal@2"},
		{"priority before expiry", []step{opened, sold(expiring(day, 0)), priority(49)}, nil,
			"principal@2"},
		{"expiry before none", []step{opened, plain, sold(expiring(day, 0))}, nil, "principal@2"},
		{"sooner expiry", []step{opened, sold(expiring(2*day, 0)), sold(expiring(day, 0))}, nil,
			"principal@2"},
		{"expiry before class", []step{opened, grant(Promo, 2*day), grant(Principal, day)}, nil,
			"principal@2"},
		{"promo before cashback", []step{opened, grant(Cashback, 0), grant(Promo, 0)}, nil, "promo@2"},
		{"cashback before compensation", []step{opened, grant(Compensation, 0), grant(Cashback, 0)}, nil,
			"cashback@2"},
		{"compensation before bonus", []step{opened, grant(Bonus, 0), grant(Compensation, 0)}, nil,
			"compensation@2"},
		{"bonus before gift", []step{opened, grant(Gift, 0), grant(Bonus, 0)}, nil, "bonus@2"},
		{"gift before principal", []step{opened, grant(Principal, 0), grant(Gift, 0)}, nil, "gift@2"},
		{"class before effective", []step{opened, imported(-2 * day), grant(Gift, 0), imported(-day),
			grant(Bonus, 0), in(Context{})}, nil, "bonus@2"},
		{"effective sooner", []step{opened, imported(-day), plain, imported(-2 * day), plain,
			in(Context{})}, nil, "principal@2"},
		{"opened sooner", []step{opened, plain, plain}, nil, "principal@1"},
		{"a funding stands at its principal's place", []step{opened, grant(Gift, 0),
			did(topUp("100", "30"))}, nil, "gift@1"},
		{"bonus alone stands at its own", []step{opened, grant(Gift, 0),
			did(topUp("1", "30", drawn(PrincipalFirst))), did(debit("11"))}, nil, "bonus@2"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			b := newBook(t)
			for _, given := range r.given {
				given(b)
			}
			posted, err := b.do(debit("1"))
			if got, want := answer(posted, err), "DebitPosted 1.00, "+r.then+" -1.00"; err != nil ||
				!strings.HasPrefix(got, want) {
				t.Fatalf("got %s, want %s", got, want)
			}
		})
	}
}

// The id of an operation is its first business event's, never the lapsed release before it.
func TestOperationID(t *testing.T) {
	b := newBook(t)
	opened(b)
	did(topUp("100", ""))(b)
	did(hold("100"))(b)
	later(day)(b)
	b.key, b.context = "k", Context{PosTxnID: "7", Store: "S1"}
	posted, err := b.do(debit("1"))
	if err != nil || len(posted) != 2 {
		t.Fatalf("got %s, want two events", answer(posted, err))
	}
	lapsed, sold := posted[0], posted[1]
	id := sold.Metadata.EventID
	if sold.Metadata.OperationID != id || lapsed.Metadata.OperationID != id ||
		lapsed.Metadata.CausedBy != id || sold.Metadata.CausedBy != noID ||
		sold.Event.(DebitPosted).DebitID != id {
		t.Fatalf("got %+v and %+v, want the debit's id in both", lapsed.Metadata, sold.Metadata)
	}
	if got, want := lapsed.Metadata.OccurredAt, noon.Add(600*time.Second); !got.Equal(want) {
		t.Errorf("got a lapse at %s, want %s", got, want)
	}
	if got := len(b.names[KeyName("k")]); got != 1 {
		t.Errorf("got %d events under the key, want 1", got)
	}
	if got, ok := RevisionOf(id); got != 4 || !ok {
		t.Errorf("got revision %d of the id, want 4", got)
	}
}
