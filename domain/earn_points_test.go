package domain

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
)

var (
	_ = telling(func(e PointsEarned) string {
		s := fmt.Sprint("of ", e.Base.Quantity)
		if e.Base.unit == "" {
			s = "for " + e.Reason
		}
		for _, name := range []string{e.Rule, e.Tier, e.Category, e.Campaign} {
			if name != "" {
				s += " " + name
			}
		}
		if e.LimitedBy != "" {
			s += ", limited " + e.LimitedBy
		}
		if e.Grown() {
			s += ", added"
		}
		return s
	})
	_ = telling(func(e PointsSpent) string { return "worth " + e.Paid.Quantity.String() })
	_ = telling(func(e PointsRestored) string {
		return fmt.Sprint("worth ", e.Paid.Quantity, ", total ", e.RestoredTotal, " ", e.PaidTotal) +
			given(e.Reopened, e.Forfeited)
	})
)

func pts(amount string) Money { return MustMoney(amount, Unit{Code: "PTS", Kind: Points}) }

func miles(amount string) Money {
	return MustMoney(amount, Unit{Code: "MILES", Kind: Points, Scale: 1})
}

func prize(amount string) EarnPoints { return EarnPoints{Amount: pts(amount), Reason: "prize"} }

// testCheckout is the id of a checkout of tests that try a part of one.
var testCheckout = uuid.MustParse("00000000-0000-4000-8000-000000000001")

// spending is the part of a checkout that takes points.
type spending struct{ Points, Worth Money }

func (spending) Operation() Operation { return "spending" }

func (s spending) Decide(d *Draft) error { return d.spendPoints(s.Points, s.Worth, testCheckout) }

// restoring is the part of a return that gives points back.
type restoring struct{ Worth Money }

func (restoring) Operation() Operation { return "restoring" }

func (r restoring) Decide(d *Draft) error {
	return d.restorePoints(testCheckout, newID(d.revision+1, d.Seed, 0), r.Worth)
}

func TestEarnPoints(t *testing.T) {
	with := func(edit func(*EarnPoints)) ask {
		p := prize("100")
		edit(&p)
		return asks(p)
	}
	lasting := func(days int) step { return ruledBy(Terms{Expiry: map[Class]Expiry{Earned: {Days: days}}}) }
	run(t, []row{
		{"nothing", []step{opened}, asks(prize("0")), "amount_not_positive"},
		{"no reason", []step{opened}, with(func(p *EarnPoints) { p.Reason = "" }), "malformed reason"},
		{"a long source", []step{opened}, with(func(p *EarnPoints) { p.Source = fmt.Sprintf("%065d", 1) }),
			"malformed source"},
		{"an end that is over", []step{opened}, with(func(p *EarnPoints) { p.ExpiresAt = noon }),
			"malformed expires_at"},
		{"no account", nil, asks(prize("100")), "not_found"},
		{"frozen for credit", []step{opened, frozen(FreezeCredit)}, asks(prize("100")), "account_frozen"},
		{"a reference twice", []step{opened, ref("1"), did(prize("1"))}, asks(prize("100")), "reference_used"},
		{"the first open a lot", []step{opened}, asks(prize("100")),
			"PointsEarned 100, earned@1 100 for prize"},
		{"more are added to it", []step{opened, did(prize("100")), later(day)}, asks(prize("50")),
			"PointsEarned 50, earned@1 50 for prize, added"},
		{"also when it is used up", []step{opened, did(prize("100")), did(spending{pts("100"), cny("1")})},
			asks(prize("50")), "PointsEarned 50, earned@1 50 for prize, added"},
		{"an end of its own", []step{opened, did(prize("100"))},
			with(func(p *EarnPoints) { p.ExpiresAt = noon.Add(day) }), "PointsEarned 100, earned@2 100 for prize"},
		{"the same end again", []step{opened, lasting(10), did(prize("100")), later(time.Hour)},
			asks(prize("50")), "PointsEarned 50, earned@1 50 for prize, added"},
		{"another end", []step{opened, lasting(10), did(prize("100")), later(day)}, asks(prize("50")),
			"PointsEarned 50, earned@2 50 for prize"},
		{"other terms", []step{opened, did(prize("100")), ruledBy(Terms{})}, asks(prize("50")),
			"PointsEarned 50, earned@2 50 for prize"},
		{"another unit", []step{opened, did(prize("100"))},
			with(func(p *EarnPoints) { p.Amount = miles("2.5") }), "PointsEarned 2.5, earned@2 2.5 for prize"},
		{"they expire", []step{opened, lasting(10), did(prize("100")), later(20 * day)}, asks(Sweep{}),
			"LotExpired 100, earned@1 -100, n 1"},
	})
}

func TestSpendPoints(t *testing.T) {
	have := []step{opened, did(prize("100"))}
	run(t, []row{
		{"more than there are", have, asks(spending{pts("101"), cny("1")}), "insufficient_funds short 1 PTS"},
		{"some", have, asks(spending{pts("40"), cny("0.40")}), "PointsSpent 40, earned@1 -40 worth 0.40"},
		{"those that end first", []step{opened, did(prize("100")),
			did(EarnPoints{Amount: pts("30"), Reason: "prize", ExpiresAt: noon.Add(day)})},
			asks(spending{pts("40"), cny("0.40")}), "PointsSpent 40, earned@2 -30, earned@1 -10 worth 0.40"},
		{"not those that have ended", []step{opened,
			did(EarnPoints{Amount: pts("30"), Reason: "prize", ExpiresAt: noon.Add(day)}), later(day)},
			asks(spending{pts("30"), cny("0.40")}), "insufficient_funds short 30 PTS"},
	})
}

func TestRestorePoints(t *testing.T) {
	spent := []step{opened, did(prize("100")), did(spending{pts("10"), cny("0.33")})}
	after := func(more ...step) []step { return append(spent[:3:3], more...) }
	ending := EarnPoints{Amount: pts("30"), Reason: "prize", ExpiresAt: noon.Add(day)}
	back := Terms{OnExpired: OnExpired{Free: RefundExpired{Policy: "grace_days", Days: 5}}}
	run(t, []row{
		{"a checkout without points", []step{opened}, asks(restoring{cny("1")}), ""},
		{"all", spent, asks(restoring{cny("0.33")}),
			"PointsRestored 10, earned@1 10 worth 0.33, total 10 0.33"},
		{"a part, rounded", spent, asks(restoring{cny("0.12")}),
			"PointsRestored 4, earned@1 4 worth 0.12, total 4 0.12"},
		{"the rest is exact", after(did(restoring{cny("0.12")}), did(restoring{cny("0.12")})),
			asks(restoring{cny("0.09")}), "PointsRestored 3, earned@1 3 worth 0.09, total 10 0.33"},
		{"too little for a point", spent, asks(restoring{cny("0.01")}),
			"PointsRestored 0 worth 0.01, total 0 0.01"},
		{"more than was paid", after(did(restoring{cny("0.12")})), asks(restoring{cny("0.22")}),
			"refund_exceeds_debit short 0.01 CNY"},
		{"into a lot that has ended", []step{opened, did(ending), did(spending{pts("10"), cny("1")}),
			later(2 * day)}, asks(restoring{cny("1")}), `
PointsRestored 10 worth 1.00, total 10 1.00
  forfeited earned 10/0`},
		{"into one that opens again", []step{opened, ruledBy(back), did(ending),
			did(spending{pts("10"), cny("1")}), later(2 * day)}, asks(restoring{cny("1")}), `
LotExpired 20, earned@1 -20, n 1
PointsRestored 10, earned@1 10 worth 1.00, total 10 1.00
  reopened until 2026-03-09`},
	})
}
