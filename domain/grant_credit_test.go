package domain

import "testing"

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
		{"unknown class before cost", nil, with(func(g *GrantCredit) { g.Class, g.Cost = "x", Money{} }),
			"malformed class"},
		{"points", nil, with(func(g *GrantCredit) { g.Class = Earned }), "malformed class"},
		{"no cost before cause", nil, with(func(g *GrantCredit) { g.Cost, g.Cause = Money{}, "" }),
			"malformed cost"},
		{"cost in another currency", nil, with(func(g *GrantCredit) {
			g.Cost = MustMoney("1",
				unit("JPY"))
		}),
			"malformed cost"},
		{"unknown cause", nil, with(func(g *GrantCredit) { g.Cause = "x" }), "malformed cause"},
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
