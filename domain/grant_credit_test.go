package domain

import (
	"fmt"
	"strings"
	"testing"
)

var _ = telling(func(e CreditGranted) string {
	l := e.Lots[0]
	if l.ExpiresAt.IsZero() {
		return ""
	}
	return fmt.Sprint("for ", l.ExpiresAt.Sub(l.EffectiveAt))
})

func TestGrantCredit(t *testing.T) {
	good := GrantCredit{Amount: cny("10"), Class: Gift, Cost: cny("8"), Cause: CauseOpeningBalance}
	with := func(edit func(*GrantCredit)) ask { g := good; edit(&g); return asks(g) }
	run(t, []row{
		{"gives", []step{opened}, asks(good), "CreditGranted 10.00, gift@1 10.00/8.00"},
		{"a count at a cost", []step{opened}, with(func(g *GrantCredit) {
			g.Amount = MustMoney("10",
				unit("CUT"))
		}),
			"CreditGranted 10, gift@1 10/8.00"},
		{"for nothing", []step{opened}, with(func(g *GrantCredit) { g.Cost = cny("0") }),
			"CreditGranted 10.00, gift@1 10.00"},
		{"zero amount before class", nil, with(func(g *GrantCredit) { g.Amount, g.Class = cny("0"), "" }),
			"amount_not_positive"},
		{"unknown cause before class", nil, with(func(g *GrantCredit) { g.Cause, g.Class = "x", "" }),
			"malformed cause"},
		{"unknown class before cost", nil, with(func(g *GrantCredit) { g.Class, g.Cost = "x", Money{} }),
			"malformed class"},
		{"points", nil, with(func(g *GrantCredit) { g.Class = Earned }), "malformed class"},
		{"no cost before end", nil, with(func(g *GrantCredit) { g.Cost, g.ExpiresAt = Money{}, noon }),
			"malformed cost"},
		{"cost in another currency", nil, with(func(g *GrantCredit) {
			g.Cost = MustMoney("1",
				unit("JPY"))
		}),
			"malformed cost"},
		{"expired already", nil, with(func(g *GrantCredit) { g.ExpiresAt = noon }),
			"malformed expires_at"},
		{"no account", nil, asks(good), "not_found"},
		{"frozen before reference", []step{opened, ref("7"), did(good), in(Context{}),
			frozen(FreezeCredit),
			ref("7")}, asks(good), "account_frozen"},
		{"reference used", []step{opened, ref("7"), did(good)}, asks(good), "reference_used"},
		{"a tombstone stops only what can be cancelled", []step{opened, ref("7"), did(Cancel{})},
			asks(good),
			"CreditGranted 10.00, gift@2 10.00/8.00"},
	})
}

// capped is a program that allows unreferenced refunds of up to 20 CNY, and ends what it gives as
// compensation after a month.
var capped = ruled(&Program{ID: "p", Version: 3, Terms: Terms{
	Expiry:    map[Class]Expiry{Compensation: {Days: 30}},
	Approvals: []Approval{{Unit: "CNY", UnreferencedRefund: cny("20")}},
}.normal()})

func TestGiveCredit(t *testing.T) {
	good := GrantCredit{Amount: cny("10"), Cause: CauseGoodwill, Reason: "cold coffee"}
	with := func(edit func(*GrantCredit)) ask { g := good; edit(&g); return asks(g) }
	unreferenced := func(amount string) ask {
		return with(func(g *GrantCredit) { g.Amount, g.Cause = cny(amount), CauseUnreferencedRefund })
	}
	job := func(b *book) Command { g := good; g.JobID = AccountID("J"); return g }
	run(t, []row{
		{"goodwill", []step{opened}, asks(good), "CreditGranted 10.00, compensation@1 10.00"},
		{"promo", []step{opened}, with(func(g *GrantCredit) { g.Cause = CausePromo }),
			"CreditGranted 10.00, promo@1 10.00"},
		{"a count for nothing", []step{opened}, with(func(g *GrantCredit) {
			g.Amount = MustMoney("1", unit("CUT"))
		}), "CreditGranted 1, compensation@1 1"},
		{"an unreferenced refund up to its limit", []step{opened, capped}, unreferenced("20"),
			"CreditGranted 20.00, compensation@1 20.00 for 732h0m0s"},
		{"once for a job", []step{opened, didAs(job)}, job, "done by CreditGranted"},
		{"once for a job, frozen or not", []step{opened, didAs(job), frozen(FreezeCredit)}, job,
			"done by CreditGranted"},
		{"an end of its own", []step{opened, capped}, with(func(g *GrantCredit) {
			g.ExpiresAt = noon.Add(day)
		}), "CreditGranted 10.00, compensation@1 10.00 for 24h0m0s"},

		{"nobody asks for cashback", nil, with(func(g *GrantCredit) { g.Cause = CauseCashback }),
			"malformed cause"},
		{"another class than the cause's before cost", nil, with(func(g *GrantCredit) {
			g.Class, g.Cost = Principal, cny("1")
		}), "malformed class"},
		{"a cost before an end", nil, with(func(g *GrantCredit) { g.Cost, g.ExpiresAt = cny("1"), noon }),
			"malformed cost"},
		{"an end that is over before reason", nil, with(func(g *GrantCredit) {
			g.ExpiresAt, g.Reason = noon, ""
		}), "malformed expires_at"},
		{"no reason before campaign", nil, with(func(g *GrantCredit) {
			g.Reason, g.Campaign = "", strings.Repeat("x", 65)
		}), "malformed reason"},
		{"a long reason", nil, with(func(g *GrantCredit) { g.Reason = strings.Repeat("x", 201) }),
			"malformed reason"},
		{"a long campaign", nil, with(func(g *GrantCredit) { g.Campaign = strings.Repeat("x", 65) }),
			"malformed campaign"},
		{"no account", nil, asks(good), "not_found"},
		{"reference before limit", []step{opened, ref("7"), did(good)}, unreferenced("21"),
			"reference_used"},
		{"more than the limit", []step{opened, capped}, unreferenced("20.01"),
			"limit_exceeded short 0.01 CNY"},
		{"no limit is none allowed", []step{opened}, unreferenced("1"),
			"limit_exceeded short 1.00 CNY"},
	})
}

// A repeat is recognised whether its end was asked for or the program's.
func TestGrantRepeats(t *testing.T) {
	end := noon.Add(day)
	for _, c := range []GrantCredit{
		{Amount: cny("10"), Cause: CauseGoodwill, Reason: "r", Campaign: "c"},
		{Amount: cny("10"), Cause: CauseGoodwill, Reason: "r", ExpiresAt: end},
		{Amount: cny("10"), Class: Gift, Cost: cny("3"), Cause: CauseOpeningBalance, ExpiresAt: end},
		{Amount: MustMoney("3", unit("CUT")), Class: Gift, Cost: cny("3"), Cause: CauseOpeningBalance},
	} {
		b := newBook(t)
		opened(b)
		capped(b)
		posted, err := b.do(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := Differing(posted[0], c, Context{}); len(got) > 0 {
			t.Errorf("%+v: got %v differing, want none", c, got)
		}
		c.Amount = c.Amount.Add(c.Amount)
		if got := Differing(posted[0], c, Context{}); len(got) != 1 {
			t.Errorf("%+v: got %v differing, want amount", c, got)
		}
	}
}
