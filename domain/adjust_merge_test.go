package domain

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// mergedInto has an account merged, as it stands, into another, which takes it in.
func mergedInto(from, to *book) {
	from.now = to.now
	posted, err := from.do(MergeAccount{Into: to.account.ID(), Settled: from.account.LastSent()})
	if err != nil {
		from.Fatal(err)
	}
	c := AbsorbAccount{}
	for _, p := range posted { // after what had lapsed
		switch e := p.Event.(type) {
		case AccountsMerged:
			c.Merged = e
		case TransferSent:
			c.Parts = append(c.Parts, e)
		}
	}
	did(c)(to)
}

// after lets the survivor take in what followed on the absorbed account, and is what it answered.
func after(to *book, posted []Posted) (answers []string) {
	for _, p := range posted {
		var c Command
		switch e := p.Event.(type) {
		case TransferSent:
			c = ReceiveTransfer{e}
		case MergeAdjusted:
			c = AdjustMerge{e}
		default:
			continue
		}
		posted, err := to.do(c)
		answers = append(answers, answer(posted, err))
	}
	return answers
}

// TestAdjustMerge is what a survivor answers to returns on the account that it took in.
func TestAdjustMerge(t *testing.T) {
	type steps = []step
	filled := did(topUp("1000", ""))
	earns := earningBy(earning())
	soon := earningBy(earning(func(r *PointsRule) { r.Expiry = Expiry{Days: 1} }))
	daily := earningBy(earning(func(r *PointsRule) { r.Limits = PointsLimits{Day: pts("100")} }))
	yearlyTiers := tiered(metals(yearly))
	growth := func(r *TierRules) { r.Metric, r.Unit = MetricEarned, "PTS" }
	grows := ruledBy(Terms{Points: []PointsRule{earning()}, Tiers: metals(yearly, growth)})
	spend := earningBy(earning(func(r *PointsRule) {
		r.Spend = &PointsSpend{Points: pts("1"), Worth: cny("0.01")}
	}))
	gives, takes := rewarding(tenth()), ruledBy(Terms{})
	paying := func(c *Checkout) { c.Points = pts("60") }
	for _, r := range []struct {
		name      string
		of, given steps // on C-1 and C-2 before the merge
		later     steps // on C-2 after it
		asked     ask   // of C-1
		then      string
	}{
		{"points that came are taken", steps{filled, earns, did(debit("60"))}, nil, nil, refund(2, "60"),
			"MergeAdjusted 0.00 at list, -60.00 without, for -60.00, missed 60 PTS\n" +
				"PointsRevoked 60, earned@3 -60 of 60"},
		{"and what is left of them", steps{filled, earns, did(debit("60"))}, steps{spend, did(prize("40"))},
			steps{spend, did(sells([]CartLine{line(1, 1, "1")}, paying))}, refund(2, "60"),
			"MergeAdjusted 0.00 at list, -60.00 without, for -60.00, missed 60 PTS\n" +
				"PointsRevoked 40, earned@4 -40 of 60, uncollected 20\nReceivableOpened 20"},
		{"and else are owed", steps{filled, spend, did(debit("60"))}, nil,
			steps{spend, did(sells([]CartLine{line(1, 1, "1")}, paying))}, refund(2, "60"),
			"MergeAdjusted 0.00 at list, -60.00 without, for -60.00, missed 60 PTS\n" +
				"PointsRevoked 0 of 60, uncollected 60\nReceivableOpened 60"},
		{"as are those that were spent before", steps{filled, spend, did(debit("60")),
			did(sells([]CartLine{line(1, 1, "1")}, paying))}, nil, nil, refund(2, "60"),
			"MergeAdjusted 0.00 at list, -60.00 without, for -60.00, missed 60 PTS\n" +
				"PointsRevoked 0 of 60, uncollected 60\nReceivableOpened 60"},
		{"what went with its time is not", steps{filled, soon, did(debit("60"))}, nil, steps{later(2 * day)},
			refund(2, "60"), "MergeAdjusted 0.00 at list, -60.00 without, for -60.00, missed 60 PTS\n" +
				"LotExpired 60, earned@3 -60, n 1\nPointsRevoked 0 of 60, lapsed 60"},
		{"of a survivor that was closed nothing is owed", steps{filled, spend, did(debit("60")),
			did(sells([]CartLine{line(1, 1, "1")}, paying)), ruledBy(Terms{}), did(debit("939.60"))}, nil,
			steps{did(CloseAccount{Reason: "x"})}, refund(2, "60"), "MergeAdjusted 0.00 at list, -60.00 without, " +
				"for -60.00, missed 60 PTS\nPointsRevoked 0 of 60, uncollected 60"},
		{"the tier counts less", steps{filled, yearlyTiers, did(debit("60"))},
			steps{filled, yearlyTiers, did(debit("30"))}, nil, refund(2, "60"),
			"MergeAdjusted 2026-01-01 -60.00, 0.00 at list, -60.00 without, for -60.00"},
		{"of points, too", steps{filled, grows, did(debit("60"))}, steps{grows, did(prize("30"))}, nil,
			refund(2, "60"), "MergeAdjusted 2026-01-01 -60, 0.00 at list, -60.00 without, for -60.00, " +
				"missed 60 PTS\nPointsRevoked 60, earned@4 -60 of 60"},
		{"not where another rule took over", steps{filled, yearlyTiers, did(debit("60"))},
			steps{filled, yearlyTiers, did(debit("30"))},
			steps{tiered(metals(TierWindow{Kind: WindowRolling, Days: 30})), did(debit("30"))},
			refund(2, "60"), "MergeAdjusted 0.00 at list, -60.00 without, for -60.00"},
		{"nor where this one has again", steps{filled, yearlyTiers, did(debit("60"))},
			steps{filled, yearlyTiers, did(debit("30"))},
			steps{tiered(metals(TierWindow{Kind: WindowRolling, Days: 30})), did(debit("30")), yearlyTiers,
				did(debit("30"))},
			refund(2, "60"), "MergeAdjusted 0.00 at list, -60.00 without, for -60.00"},
		{"nor where that ruled when it came", steps{filled, yearlyTiers, did(debit("60"))},
			steps{filled, tiered(metals(TierWindow{Kind: WindowRolling, Days: 30})), did(debit("30"))},
			steps{yearlyTiers, did(debit("30"))},
			refund(2, "60"), "MergeAdjusted 0.00 at list, -60.00 without, for -60.00"},
		{"an average counts what moves on", steps{filled, tiered(averaging(monthly)), did(debit("60"))},
			steps{filled, tiered(averaging(monthly)), did(debit("30"))}, nil, refund(2, "60"),
			"MergeAdjusted 0.00 at list, -60.00 without, for -60.00"},
		{"limits of points count less", steps{filled, daily, did(debit("60"))}, steps{daily}, nil,
			refund(2, "60"), "MergeAdjusted PTS of days [{2026-03-02 -60}], 0.00 at list, " +
				"-60.00 without, for -60.00, missed 60 PTS\nPointsRevoked 60, earned@3 -60 of 60"},
		{"and the list price", steps{filled, did(atPrice("60", "80"))}, nil, nil, refund(2, "30"),
			"MergeAdjusted -40.00 at list, 0.00 without, for -30.00"},
		{"not where its count began anew", steps{filled, did(atPrice("60", "80"))}, nil,
			steps{did(debit("940")), filled}, refund(2, "30"), "MergeAdjusted "},
		{"and the sales", steps{filled, ref("7"), did(sells([]CartLine{line(1, 1, "60")}))}, nil, nil,
			func(b *book) Command { ref("7")(b); return Cancel{} },
			"MergeAdjusted 0.00 at list, -60.00 without, for -60.00, 1 cancelled"},
		{"cashback that came is taken", steps{filled, gives, did(debit("50"))}, nil, nil, refund(2, "20"),
			"MergeAdjusted 0.00 at list, -20.00 without, for -20.00, missed 2.00\n" +
				"CreditRevoked 2.00, cashback@2 -2.00 by refund"},
		{"or what is left of it", steps{filled, gives, did(debit("50")), takes}, nil,
			steps{did(debit("3"))}, refund(2, "50"),
			"MergeAdjusted 0.00 at list, -50.00 without, for -50.00, missed 5.00\n" +
				"CreditRevoked 2.00, cashback@2 -2.00 by refund, uncollected 3.00"},
		{"or it went with its time", steps{filled, gives, did(debit("50"))}, nil, steps{later(11 * day)},
			refund(2, "50"), "MergeAdjusted 0.00 at list, -50.00 without, for -50.00, missed 5.00\n" +
				"LotExpired 5.00, cashback@2 -5.00, n 1\nCreditRevoked 0.00 by refund, uncollected 5.00"},
		{"not what never came", steps{filled, gives, did(debit("50")), takes, did(debit("5"))}, nil, nil,
			refund(2, "50"), "MergeAdjusted 0.00 at list, -50.00 without, for -50.00"},
	} {
		t.Run(r.name, func(t *testing.T) {
			from, to := bookOf(t, "C-1"), bookOf(t, "C-2")
			for _, s := range r.of {
				s(from)
			}
			for _, s := range r.given {
				s(to)
			}
			mergedInto(from, to)
			for _, s := range r.later {
				s(to)
			}
			posted, err := from.do(r.asked(from))
			if err != nil {
				t.Fatal(err)
			}
			if got := after(to, posted)[0]; strings.TrimSpace(got) != strings.TrimSpace(r.then) {
				t.Errorf("got\n%s\nwant\n%s", got, r.then)
			}
			for _, again := range after(to, posted) {
				if !strings.HasPrefix(again, "done by ") {
					t.Errorf("a second time: got %s, want it done", again)
				}
			}
		})
	}
}

// Whether sales come back before a merge or after it, in whatever parts, the survivor counts as much, has as
// many points less those it owes, and as much value.
func TestAdjustMergeIsReturnBefore(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		rules := []CashbackRule{tenth()}
		earns := earning(func(p *PointsRule) {
			p.Limits = PointsLimits{Day: pts("70"), Month: pts("90")}
			p.Spend = &PointsSpend{Points: pts("1"), Worth: cny("0.01")}
		})
		terms := ruledBy(Terms{Tiers: metals(yearly), Cashback: rules, Points: []PointsRule{earns}})
		sales := rapid.SliceOfN(rapid.IntRange(0, 2), 1, 5).Draw(r, "sales")
		cents := rapid.SliceOfN(rapid.IntRange(1, 5000), len(sales), len(sales)).Draw(r, "cents")
		at := rapid.IntRange(0, len(sales)).Draw(r, "merged after")
		back := rapid.SliceOfN(rapid.IntRange(0, len(sales)-1), 1, 4).Draw(r, "returned")
		parts := rapid.SliceOfN(rapid.IntRange(1, 100), len(back), len(back)).Draw(r, "percent")
		split := rapid.IntRange(0, len(back)).Draw(r, "returned before")
		ends := func(before int) string {
			from, to := bookOf(fatal{t, r}, "C-1"), bookOf(fatal{t, r}, "C-2")
			for _, b := range []*book{from, to} {
				terms(b)
				did(topUp("1000", "200"))(b)
			}
			for i, kind := range sales {
				x := fromMinor(big.NewInt(int64(cents[i])), 2).String()
				b := from
				if i >= at {
					b = to
				}
				c := Command(debit(x))
				switch kind {
				case 1:
					c = atPrice(x, x)
				case 2:
					c = sells([]CartLine{line(1, 1, x)})
				}
				did(c)(b)
			}
			returns := func(back, parts []int, merged bool) {
				for i, n := range back {
					b, id := from, n+2
					if n >= at {
						b, id = to, n-at+2
					}
					c := bringing(id, 1, 1)(b)
					if sales[n] != 2 {
						x := fromMinor(big.NewInt(int64(max(1, cents[n]*parts[i]/100))), 2).String()
						c = refund(id, x)(b)
					}
					b.key = ""
					posted, err := b.do(c)
					if err == nil && merged && b == from {
						after(to, posted)
					}
				}
			}
			returns(back[:before], parts[:before], false)
			mergedInto(from, to)
			returns(back[before:], parts[before:], true)
			a := to.account
			worth := a.Balance("PTS", 0, to.now).Total.minor()
			for _, owed := range a.receivables {
				worth.Sub(worth, owed.Outstanding.minor())
			}
			prices := a.mergedPrices()
			slices.SortFunc(prices, func(a, b priced) int { return strings.Compare(a.Unit, b.Unit) })
			return fmt.Sprint(a.tiering.Counts, a.earnings, prices, a.sales, worth,
				a.Balance("CNY", 2, to.now).ByClass)
		}
		if got, want := ends(split), ends(len(back)); got != want {
			r.Fatalf("got %s, want %s", got, want)
		}
	})
}
