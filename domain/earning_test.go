package domain

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var _ = telling(func(e PointsRevoked) string {
	s := "of " + e.Due.Quantity.String()
	if e.Lapsed.unit != "" {
		s += ", lapsed " + e.Lapsed.Quantity.String()
	}
	if e.Uncollected.unit != "" {
		s += ", uncollected " + e.Uncollected.Quantity.String()
	}
	return s
})

// earning is a rule of one point for each CNY, which edits may change.
func earning(edits ...func(*PointsRule)) PointsRule {
	r := PointsRule{ID: "one", Points: pts("1"), Per: cny("1")}
	for _, edit := range edits {
		edit(&r)
	}
	return r
}

func earningBy(rules ...PointsRule) step { return ruledBy(Terms{Points: rules}) }

// selling is a checkout's part that earns: lines of a net amount by category, of which so much counts.
type selling struct {
	Counts Money
	Lines  []CheckoutLine
}

func (selling) Operation() Operation { return "selling" }

func (s selling) Decide(d *Draft) error {
	return d.earn(consumption{id: testCheckout, qualifying: s.Counts, lines: s.Lines})
}

func soldLine(category, net string, points ...string) CheckoutLine {
	l := CheckoutLine{Category: category, Net: cny(net).Quantity}
	for _, p := range points {
		l.Tenders = append(l.Tenders, TenderShare{Tender: TenderPoints, Amount: cny(p).Quantity})
	}
	return l
}

func TestSalesEarnPoints(t *testing.T) {
	sold := []step{opened, did(topUp("100", "30"))}
	by := func(rules ...PointsRule) []step { return append(sold[:2:2], earningBy(rules...)) }
	with := func(edit func(*PointsRule)) []step { return by(earning(edit)) }
	const plain = "DebitPosted 65.00, principal@1 -50.00/-50.00, bonus@1 -15.00"
	const earned = plain + "\nPointsEarned 50, earned@3 50 of 50.00 one"
	times := func(at Quantity) map[string]Quantity { return map[string]Quantity{"tea": at} }
	tea := selling{cny("9.99"), []CheckoutLine{soldLine("tea", "6.00", "1.00"), soldLine("cake", "5.00")}}
	campaigns := func(all ...PointsCampaign) []step {
		return with(func(r *PointsRule) { r.Campaigns = all })
	}
	two := earning(func(r *PointsRule) { r.ID, r.Points = "two", pts("2") })
	run(t, []row{
		{"on principal, not on bonus", by(earning()), asks(debit("65")), earned},
		{"none without a rule", sold, asks(debit("65")), plain},
		{"not at top-up", by(earning()), asks(topUp("10", "")),
			"TopUpPosted 10.00, principal@2 10.00/10.00"},
		{"rounded down", with(func(r *PointsRule) { r.Per = cny("0.03") }), asks(debit("0.64")), `
DebitPosted 0.64, principal@1 -0.49/-0.49, bonus@1 -0.15
PointsEarned 16, earned@3 16 of 0.49 one`},
		{"too little for one", by(earning()), asks(debit("1.29")),
			"DebitPosted 1.29, principal@1 -0.99/-0.99, bonus@1 -0.30"},
		{"at the scale of their unit", by(earning(func(r *PointsRule) { r.Points = miles("0.3") })),
			asks(debit("1.29")), `
DebitPosted 1.29, principal@1 -0.99/-0.99, bonus@1 -0.30
PointsEarned 0.2, earned@3 0.2 of 0.99 one`},
		{"a rule of another currency", with(func(r *PointsRule) { r.Per = MustMoney("1", unit("JPY")) }),
			asks(debit("65")), plain},
		{"a rule that earns nothing", with(func(r *PointsRule) { r.Points = pts("0") }),
			asks(debit("65")), plain},
		{"the minimum is reached", with(func(r *PointsRule) { r.Minimum = cny("50") }),
			asks(debit("65")), earned},
		{"the minimum is not", with(func(r *PointsRule) { r.Minimum = cny("50.01") }),
			asks(debit("65")), plain},
		{"from its begin", with(func(r *PointsRule) { r.Begins = noon }), asks(debit("65")), earned},
		{"not before", with(func(r *PointsRule) { r.Begins = noon.Add(1) }), asks(debit("65")), plain},
		{"not at its end", with(func(r *PointsRule) { r.Ends = noon }), asks(debit("65")), plain},
		{"in its stores alone", with(func(r *PointsRule) { r.Scope.Stores = []string{"S1"} }),
			asks(debit("65")), plain},
		{"the first rule of a unit", by(earning(), two), asks(debit("65")), earned},
		{"the next where the first does not match", by(earning(func(r *PointsRule) { r.Ends = noon }), two),
			asks(debit("65")), plain + "\nPointsEarned 100, earned@3 100 of 50.00 two"},
		{"units beside each other", by(earning(), earning(func(r *PointsRule) {
			r.ID, r.Points = "miles", miles("0.5")
		})), asks(debit("65")), earned + "\nPointsEarned 25.0, earned@4 25.0 of 50.00 miles"},
		{"a campaign", campaigns(PointsCampaign{ID: "spring", Times: percent("1.5")}), asks(debit("65")),
			plain + "\nPointsEarned 75, earned@3 75 of 50.00 one spring"},
		{"the campaign that gives the most", campaigns(PointsCampaign{ID: "spring", Times: percent("1.5")},
			PointsCampaign{ID: "may", Times: percent("3"), Ends: noon}, PointsCampaign{ID: "two",
				Times: percent("2")}), asks(debit("65")),
			plain + "\nPointsEarned 100, earned@3 100 of 50.00 one two"},
		{"categories by what they cost without points",
			with(func(r *PointsRule) { r.Categories = times(percent("2")) }), asks(tea), `
PointsEarned 5, earned@2 5 of 5.00 one
PointsEarned 9, earned@2 9 of 4.99 one tea, added`},
		{"a category that earns nothing", with(func(r *PointsRule) { r.Categories = times(percent("0")) }),
			asks(tea), "PointsEarned 5, earned@2 5 of 5.00 one"},
		{"of a capture", append(by(earning()), did(hold("65"))), capture(2, "65", true), `
DebitPosted 65.00, principal@1 -50.00 held -50.00/-50.00, bonus@1 -15.00 held -15.00, final
PointsEarned 50, earned@4 50 of 50.00 one`},
		{"an import earns nothing", append(by(earning()), in(Context{Channel: ChannelImport})),
			asks(debit("65")), plain},
		{"frozen for credit", append(by(earning()), frozen(FreezeCredit)), asks(debit("65")),
			plain + "\nPointsEarned 50, earned@4 50 of 50.00 one"},
		{"pending ones cannot be spent", append(with(func(r *PointsRule) { r.PendingDays = 7 }),
			did(debit("65")), later(7*day)), asks(spending{pts("1"), cny("1")}),
			"insufficient_funds short 1 PTS"},
		{"until the last day is over", append(with(func(r *PointsRule) { r.PendingDays = 7 }),
			did(debit("65")), later(7*day+12*time.Hour)), asks(spending{pts("1"), cny("1")}),
			"PointsSpent 1, earned@3 -1 worth 1.00"},
		{"pending ones are a lot of their own", append(with(func(r *PointsRule) { r.PendingDays = 7 }),
			did(prize("5"))), asks(debit("65")), plain + "\nPointsEarned 50, earned@4 50 of 50.00 one"},
		{"with those that begin with them", append(with(func(r *PointsRule) { r.PendingDays = 7 }),
			did(debit("6.5"))), asks(debit("65")), plain + "\nPointsEarned 50, earned@3 50 of 50.00 one, added"},
		{"the rule's own end", append(with(func(r *PointsRule) { r.Expiry = Expiry{Days: 1} }),
			did(debit("65")), later(2*day)), asks(Sweep{}), "LotExpired 50, earned@3 -50, n 1"},
	})
}

func TestPointsLimits(t *testing.T) {
	sold := []step{opened, did(topUp("1000", ""))}
	by := func(l PointsLimits, more ...step) []step {
		return append(append(sold[:2:2], earningBy(earning(func(r *PointsRule) { r.Limits = l }))), more...)
	}
	told := func(points, said string) string {
		return "DebitPosted 60.00, principal@1 -60.00/-60.00\nPointsEarned " + points + " of 60.00 one" + said
	}
	reject := PointsLimits{Day: pts("100"), Over: OverReject}
	run(t, []row{
		{"of a sale", by(PointsLimits{Sale: pts("50")}), asks(debit("60")),
			told("50, earned@3 50", ", limited per_sale")},
		{"of a sale, met", by(PointsLimits{Sale: pts("60")}), asks(debit("60")), told("60, earned@3 60", "")},
		{"of a sale in categories", append(by(PointsLimits{Sale: pts("8")}), earningBy(earning(
			func(r *PointsRule) {
				r.Limits.Sale, r.Categories = pts("8"), map[string]Quantity{"tea": percent("2")}
			}))), asks(selling{cny("10"), []CheckoutLine{soldLine("tea", "5.00"), soldLine("cake", "5.00")}}), `
PointsEarned 5, earned@2 5 of 5.00 one
PointsEarned 3, earned@2 3 of 5.00 one tea, limited per_sale, added`},
		{"of a day", by(PointsLimits{Day: pts("100")}, did(debit("60"))), asks(debit("60")),
			told("40, earned@3 40", ", limited per_day, added")},
		{"of a day, used up", by(PointsLimits{Day: pts("60")}, did(debit("60"))), asks(debit("60")),
			told("0", ", limited per_day")},
		{"of another day", by(PointsLimits{Day: pts("60")}, did(debit("60")), later(day)), asks(debit("60")),
			told("60, earned@3 60", ", added")},
		{"of a month", by(PointsLimits{Month: pts("100"), Day: pts("90")}, did(debit("60")), later(day)),
			asks(debit("60")), told("40, earned@3 40", ", limited per_month, added")},
		{"of another month", by(PointsLimits{Month: pts("100")}, did(debit("60")), later(30*day)),
			asks(debit("60")), told("60, earned@3 60", ", added")},
		{"rejected whole", by(reject, did(debit("60"))), asks(debit("60")), told("0", ", limited per_day")},
		{"not rejected within", by(reject, did(debit("40"))), asks(debit("60")),
			told("60, earned@3 60", ", added")},
		{"what was given does not count", by(PointsLimits{Day: pts("60")}, did(prize("60"))),
			asks(debit("60")), told("60, earned@2 60", ", added")},
		{"what was taken back counts no more", by(PointsLimits{Day: pts("60")}, did(debit("60")),
			didAs(refund(2, "60"))), asks(debit("60")), told("60, earned@3 60", ", added")},
	})
}

func TestLosePoints(t *testing.T) {
	sold := []step{opened, did(topUp("1000", "")), earningBy(earning()), did(debit("60"))}
	after := func(more ...step) []step { return append(sold[:4:4], more...) }
	const back = "DebitRefunded 60.00, principal@1 60.00/60.00, total 60.00\n"
	spent := func(n string) step { return did(spending{pts(n), cny("1")}) }
	lapsing := []step{opened, did(topUp("1000", "")),
		earningBy(earning(func(r *PointsRule) { r.Expiry = Expiry{Days: 1} })), did(debit("60")),
		spent("20"), later(3 * day)}
	run(t, []row{
		{"all", sold, refund(2, "60"), back + "PointsRevoked 60, earned@3 -60 of 60"},
		{"a share", sold, refund(2, "20"), `
DebitRefunded 20.00, principal@1 20.00/20.00, total 20.00
PointsRevoked 20, earned@3 -20 of 20`},
		{"less than half a point", sold, refund(2, "0.49"),
			"DebitRefunded 0.49, principal@1 0.49/0.49, total 0.49"},
		{"whatever rules now", after(earningBy()), refund(2, "60"),
			back + "PointsRevoked 60, earned@3 -60 of 60"},
		{"pending ones", []step{opened, did(topUp("1000", "")),
			earningBy(earning(func(r *PointsRule) { r.PendingDays = 7 })), did(debit("60"))}, refund(2, "60"),
			back + "PointsRevoked 60, earned@3 -60 of 60"},
		{"from other lots", after(spent("50"), did(EarnPoints{Amount: pts("70"),
			Reason: "prize", ExpiresAt: noon.Add(day)})), refund(2, "60"),
			back + "PointsRevoked 60, earned@3 -10, earned@5 -50 of 60"},
		{"spent in part", after(spent("50")), refund(2, "60"), back + `
PointsRevoked 10, earned@3 -10 of 60, uncollected 50
ReceivableOpened 50`[1:]},
		{"gone with their time", lapsing, refund(2, "60"), back + `
LotExpired 40, earned@3 -40, n 1
PointsRevoked 0 of 60, lapsed 40, uncollected 20
ReceivableOpened 20`[1:]},
		{"what lapsed is lost once", append(lapsing[:6:6], didAs(refund(2, "30"))), refund(2, "30"), `
DebitRefunded 30.00, principal@1 30.00/30.00, total 60.00
PointsRevoked 0 of 30, lapsed 10, uncollected 20
ReceivableOpened 20`},
		{"a debt is settled by what is earned next", after(spent("50"), didAs(refund(2, "60"))),
			asks(debit("30")), `
DebitPosted 30.00, principal@1 -30.00/-30.00
PointsEarned 30, earned@3 30 of 30.00 one, added
ReceivableSettled 30, earned@3 -30, by earning, left 20`},
		{"by what is given", after(spent("50"), didAs(refund(2, "60"))), asks(prize("70")), `
PointsEarned 70, earned@3 70 for prize, added
ReceivableSettled 50, earned@3 -50, by earning, left 0`},
		{"by what comes back", after(spent("50"), didAs(refund(2, "60"))), asks(restoring{cny("1")}), `
PointsRestored 50, earned@3 50 worth 1.00, total 50 1.00
ReceivableSettled 50, earned@3 -50, by refund, left 0`},
		{"not by another unit's", after(spent("50"), didAs(refund(2, "60"))),
			asks(EarnPoints{Amount: miles("70"), Reason: "prize"}), "PointsEarned 70.0, earned@8 70.0 for prize"},
		{"by a cancel", []step{opened, did(topUp("1000", "")), earningBy(earning()), ref("7"),
			did(debit("60"))}, asks(Cancel{}), `
DebitReversed 60.00, principal@1 60.00/60.00, before 0.00
PointsRevoked 60, earned@3 -60 of 60`},
	})
}

// TestPointsOfPartialRefunds: whatever parts a sale comes back in, each leaves what it had earned less
// its share, rounded once, and the last leaves nothing; the balance is never negative, and what is owed
// is exactly what was spent of it.
func TestPointsOfPartialRefunds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBook(t)
		opened(b)
		did(topUp("100", "30"))(b)
		earningBy(earning(func(p *PointsRule) {
			p.Points = Money{unit: "PTS", Quantity: fromSteps(rapid.Int64Range(1, 500).Draw(r, "points"), 0)}
			p.Per = cents(rapid.Int64Range(1, 300).Draw(r, "per"))
			p.PendingDays = rapid.IntRange(0, 1).Draw(r, "pending")
		}))(b)
		amount := rapid.Int64Range(1, 13_000).Draw(r, "amount")
		did(Debit{Amount: cents(amount)})(b)
		all := b.account.Balance("PTS", 0, b.now)
		spent := zero(0)
		if all.Available.IsPositive() {
			spent = fromSteps(rapid.Int64Range(1, all.Available.steps).Draw(r, "spent"), 0)
			did(spending{Money{unit: "PTS", Quantity: spent}, cny("1")})(b)
		}
		for back := int64(0); back < amount; {
			part := rapid.Int64Range(1, amount-back).Draw(r, "part")
			back += part
			did(Refund{DebitID: b.ids[2], Amount: cents(part)})(b)
			left := all.Total.Sub(portion(all.Total, fromSteps(back, 2), fromSteps(amount, 2)))
			have := b.account.Balance("PTS", 0, b.now).Total
			for _, o := range b.account.receivables {
				have = have.Sub(o.Outstanding.Quantity)
			}
			if want := left.Sub(spent); !have.Equal(want) {
				t.Fatalf("got %s less what is owed after %d of %d came back, want %s", have, back, amount, want)
			}
		}
	})
}

// TestPointsLimitsOverSplits: whatever sales there are, each earns what it would have, or what the
// limits leave of it: never more in a day or month than they say.
func TestPointsLimitsOverSplits(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBook(t)
		opened(b)
		did(topUp("10000", ""))(b)
		limit := func(name string) Money {
			return Money{unit: "PTS", Quantity: fromSteps(rapid.Int64Range(1, 200).Draw(r, name), 0)}
		}
		l := PointsLimits{Sale: limit("sale"), Day: limit("day"), Month: limit("month")}
		earningBy(earning(func(p *PointsRule) { p.Limits = l }))(b)
		days, month := map[string]Quantity{}, zero(0)
		for range rapid.IntRange(1, 12).Draw(r, "sales") {
			amount := rapid.Int64Range(1, 150).Draw(r, "amount")
			today := b.now.Format(time.DateOnly)
			room := least(least(l.Sale.Quantity, l.Day.Quantity.Sub(zero(0).Add(days[today]))),
				l.Month.Quantity.Sub(month))
			want, got := least(fromSteps(amount, 0), room), zero(0)
			posted, err := b.do(Debit{Amount: cents(amount * 100)})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range posted {
				if e, ok := p.Event.(PointsEarned); ok {
					got = got.Add(e.Amount.Quantity)
				}
			}
			if !got.Equal(want) {
				t.Fatalf("got %s points of a sale of %d, want %s", got, amount, want)
			}
			days[today], month = zero(0).Add(days[today]).Add(got), month.Add(got)
			later(time.Duration(rapid.IntRange(0, 15).Draw(r, "hours")) * time.Hour)(b)
		}
	})
}

// TestEarningsStayBounded: an account remembers a few days and months of what limits count, and has one
// lot for all it earns under the same terms.
func TestEarningsStayBounded(t *testing.T) {
	b := newBook(t)
	opened(b)
	did(topUp("1000", ""))(b)
	earningBy(earning(func(r *PointsRule) { r.Limits.Day = pts("60") }))(b)
	for range 200 {
		did(debit("1"))(b)
		later(day)(b)
	}
	e := b.account.earningsOf("PTS")
	if len(e.Days) != mostCountedDays || len(e.Months) != mostCountedDays {
		t.Errorf("got %d days and %d months, want %d", len(e.Days), len(e.Months), mostCountedDays)
	}
	if n := len(slices.DeleteFunc(slices.Clone(b.account.lots), func(l *Lot) bool {
		return l.Class != Earned
	})); n != 1 {
		t.Errorf("got %d lots of points, want 1", n)
	}
	if got := fmt.Sprint(b.account.Balance("PTS", 0, b.now).Total); got != "200" {
		t.Errorf("got %s points, want 200", got)
	}
}

// TestPointsAndTiers: a tier multiplies what its account earns from the next sale on, and points of the
// unit that tiers count raise one.
func TestPointsAndTiers(t *testing.T) {
	by := func(tiers *TierRules, edit func(*PointsRule)) []step {
		return []step{opened, did(topUp("1000", "")), ruledBy(Terms{Points: []PointsRule{earning(edit)},
			Tiers: tiers})}
	}
	none := func(*PointsRule) {}
	twice := func(r *PointsRule) { r.Tiers = map[string]Quantity{"silver": percent("2")} }
	half := metals(yearly)
	half.Tiers[1].Benefits.PointsRate = percent("1.5")
	grown := metals(yearly, func(r *TierRules) { r.Metric, r.Unit = MetricEarned, "PTS" })
	for i, from := range []string{"100", "300", "1000"} {
		grown.Tiers[i+1].From, grown.Tiers[i+1].Keep = figures(from), Quantity{}
	}
	const sale = "DebitPosted 10.00, principal@1 -10.00/-10.00\n"
	silver := func(tiers *TierRules, edit func(*PointsRule)) []step {
		return append(by(tiers, edit), did(debit("100")))
	}
	run(t, []row{
		{"the tier before the sale", by(metals(yearly), twice), asks(debit("100")), `
DebitPosted 100.00, principal@1 -100.00/-100.00
PointsEarned 100, earned@3 100 of 100.00 one
TierChanged base to silver, reached by 100.00 from 2026-01-01, until 2027-01-01`},
		{"the tier's rate", silver(metals(yearly), twice), asks(debit("10")),
			sale + "PointsEarned 20, earned@3 20 of 10.00 one silver, added"},
		{"its benefit", silver(half, none), asks(debit("10")),
			sale + "PointsEarned 15, earned@3 15 of 10.00 one silver, added"},
		{"the rule goes before the benefit", silver(half, twice), asks(debit("10")),
			sale + "PointsEarned 20, earned@3 20 of 10.00 one silver, added"},
		{"growth raises", by(grown, none), asks(prize("100")), `
PointsEarned 100, earned@2 100 for prize
TierChanged base to silver, reached by 100 from 2026-01-01, until 2027-01-01`},
		{"what comes back counts no more", append(by(grown, none), did(debit("60")), didAs(refund(2, "30"))),
			asks(prize("69")), "PointsEarned 69, earned@3 69 for prize, added"},
		{"and what stays does", append(by(grown, none), did(debit("60")), didAs(refund(2, "30"))),
			asks(prize("70")), `
PointsEarned 70, earned@3 70 for prize, added
TierChanged base to silver, reached by 100 from 2026-01-01, until 2027-01-01`},
	})
}

// What is earned without big integers is what is earned with them: a factor of one brings them in.
func TestEarnedOfSmallAmounts(t *testing.T) {
	one := fromSteps(1, 0)
	rapid.Check(t, func(t *rapid.T) {
		amount := func(name string, scale int32) Money {
			return Money{unit: "X", Quantity: fromSteps(rapid.Int64Range(1, 1<<33).Draw(t, name), scale)}
		}
		base, r := amount("base", 2), PointsRate{Points: amount("points", 1), Per: amount("per", 2)}
		got := r.of(base)
		if r.Tier = &one; !got.Equal(r.of(base)) || got.Scale() != 1 {
			t.Fatalf("got %s, want %s", got, r.of(base))
		}
	})
}
