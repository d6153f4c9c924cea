package domain

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// till is a book whose campaigns' budgets are counted: it quotes, and rings up what was quoted.
type till struct {
	*book
	budgets map[string]Budget
}

// decided is a sale as it would be posted, once it has reserved what it needs as the shell does.
func (s *till) decided(c Command) ([]Posted, error) {
	left, m := maps.Clone(s.budgets), s.moment()
	free := func(campaign string) Budget { b := left[campaign]; return b.Without(m.Reservations) }
	for n := range 20 {
		posted, _, err := Decide(s.account, c, m)
		u, wants := errors.AsType[*Unreserved](err)
		if !wants {
			return posted, err
		}
		m.Earlier = u
		m.Reservations = slices.DeleteFunc(m.Reservations, func(r Reservation) bool {
			b, unused := left[r.Campaign], slices.Contains(u.Unused, r.ID)
			if unused {
				b.count(r.BudgetPart, -1)
				left[r.Campaign] = b
			}
			return unused
		})
		for i, w := range u.Wanted {
			b, r := left[w.Campaign], Reservation{ID: uuid.UUID{9, byte(n), byte(i)}, BudgetPart: w, At: s.now}
			if r.Refused = b.lacks(w, s.now); r.Refused == nil {
				b.count(w, +1)
				left[w.Campaign] = b
			}
			m.Reservations = append(m.Reservations, r)
		}
		for i, r := range m.Reservations {
			m.Reservations[i].Free = free(r.Campaign)
		}
	}
	return nil, errors.New("it never has what it needs")
}

func (s *till) quote(q Quote) (Quoted, error) {
	m := s.moment()
	m.Budgets = func(campaign string) (Budget, bool) { b, ok := s.budgets[campaign]; return b, ok }
	return q.Of(s.account, m)
}

// drawTill is an account with lots, points, a tier, coupons of capped campaigns, holds, limits, freezes.
func drawTill(r *rapid.T) *till {
	s := &till{newBook(fatal{&testing.T{}, r}), map[string]Budget{}}
	points := func(n string) Money { return MustMoney(n, Unit{Code: "POINTS"}) }
	terms := Terms{Tiers: metals(yearly), Points: []PointsRule{{ID: "r", Points: points("0"),
		Per: cny("1.00"), Spend: &PointsSpend{Points: points("100"), Worth: cny("1.00"), Step: points("50"),
			Share: fromSteps(50, 0)}}}}
	terms.Tiers.Tiers[1].From, terms.Tiers.Tiers[1].Keep = figures("10.00"), Quantity{}
	terms.Tiers.Tiers[1].Benefits.Discount = fromSteps(7, 0)
	if rapid.Bool().Draw(r, "limits") {
		terms.Limits = []Limits{{Unit: "CNY", MaxDebit: drawCents(r, 500, 3000, "most"),
			MaxDebitDay: drawCents(r, 500, 4000, "a day")}}
		terms.Limits[0].Velocity = Velocity{Count: rapid.IntRange(1, 3).Draw(r, "as often"), Seconds: 3600}
	}
	ruledBy(terms)(s.book)
	opened(s.book)
	did(topUp("20", "3.33", expiring(0, day)))(s.book)
	for range rapid.IntRange(0, 2).Draw(r, "top-ups") {
		did(TopUp{Amount: drawCents(r, 1, 2000, "top-up"), TopUpTerms: DefaultTerms()})(s.book)
	}
	if rapid.Bool().Draw(r, "for tea") {
		did(topUp("6", "2", func(t *TopUp) { t.Scope = LotScope{Products: []string{"tea"}} }))(s.book)
	}
	if rapid.Bool().Draw(r, "points") {
		did(EarnPoints{Amount: points("999"), Reason: "gift"})(s.book)
	}
	tried(debit("10"))(s.book) // reaches the tier, where limits let it
	if rapid.Bool().Draw(r, "hold") {
		tried(hold("5"))(s.book)
	}
	s.drawCampaigns(r)
	later(rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour, 2 * day}).Draw(r, "later"))(s.book)
	if rapid.IntRange(0, 9).Draw(r, "frozen") == 0 {
		frozen(rapid.SampledFrom([]FreezeMode{FreezeDebit, FreezeCredit, FreezeLegal}).Draw(r, "mode"))(s.book)
	}
	return s
}

// drawCampaigns grants coupons of campaigns with a little left, of which an order may have some.
func (s *till) drawCampaigns(r *rapid.T) {
	s.offers = map[string]*Campaign{}
	for i := range 3 {
		c := &Campaign{ID: fmt.Sprint("c", i), Status: CampaignIsActive}
		if rapid.Bool().Draw(r, "count") {
			c.Terms.Budgets.Redemptions = rapid.Int64Range(1, 2).Draw(r, "redemptions")
		}
		if rapid.Bool().Draw(r, "amount") {
			c.Terms.Budgets.Discount = drawCents(r, 1, 2000, "discount")
		}
		s.offers[c.ID] = c
		for n := range rapid.IntRange(0, 3).Draw(r, "coupons") {
			d := drawDefinition(r)
			d.ID = fmt.Sprint("d", n)
			c.Definitions = append(c.Definitions, d)
			did(GrantCoupon{Campaign: c.ID, Definition: d.Name(), Cause: CouponByAPI})(s.book)
			if rapid.IntRange(0, 5).Draw(r, "reserved") == 0 {
				order := rapid.SampledFrom([]string{"A", "B"}).Draw(r, "by")
				did(ReserveCoupon{s.ids[len(s.ids)-1], order, 60})(s.book)
			}
		}
		s.budgets[c.ID] = Budget{Campaign: c}
	}
}

func (s *till) drawQuote(r *rapid.T) Quote {
	q := Quote{Cart: drawCart(r)}
	q.Cart.Order = rapid.SampledFrom([]string{"", "A"}).Draw(r, "order")
	if q.Wanted.Best = rapid.Bool().Draw(r, "best"); !q.Wanted.Best {
		for _, c := range s.account.Coupons() {
			if rapid.Bool().Draw(r, "wanted") {
				q.Wanted.Coupons = append(q.Wanted.Coupons, c.ID)
			}
		}
	}
	if rapid.IntRange(0, 2).Draw(r, "by points") == 0 {
		n := rapid.SampledFrom([]string{"50", "100", "120", "1000"}).Draw(r, "of them")
		q.Points = MustMoney(n, Unit{Code: "POINTS"})
	}
	return q
}

// TestQuoteIsTheSale: a sale that pays as was quoted has the figures that were quoted, line by line and
// discount by discount; or both are refused alike. So is one that has stored value pay all.
func TestQuoteIsTheSale(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawTill(r)
		for range 10 {
			q := s.drawQuote(r)
			before := s.snapshot(s.account)
			quoted, refused := s.quote(q)
			if string(s.snapshot(s.account)) != string(before) {
				r.Fatal("a quote changed the account")
			}
			c := q.sale()
			if refused == nil {
				refused = q.Wanted.missing(quoted.Verdicts)
			}
			if c.Rest = true; refused != nil {
				_, err := s.decided(c)
				// A sale asks last of all what its coupons' campaigns have left: before, for all that it knows,
				// it may be refused for another reason.
				q.Points = Money{}
				quoted, _ = s.quote(q)
				last := slices.ContainsFunc(quoted.Verdicts, func(v Verdict) bool {
					return v.Code == ErrBudgetExhausted.Code
				})
				if refusedBy(err) != refusedBy(refused) && (err == nil || !last) {
					r.Fatalf("the sale got %v, the quote %v", err, refused)
				}
				continue
			}
			due := quoted.Net.Sub(quoted.PointsValue)
			posted, err := s.decided(c)
			// What there is is asked before the limits, and the best at their best: they may cost more then.
			limited := errors.Is(err, ErrLimitExceeded) && (quoted.Limited != nil || q.Wanted.Best)
			switch {
			case (err == nil) != quoted.StoredValue.Equal(due),
				err != nil && !limited && !errors.Is(err, ErrInsufficientFunds):
				r.Fatalf("all by stored value: got %v, the quote %s of %s: %v", err, quoted.StoredValue, due,
					quoted.Limited)
			case err == nil:
				sameAsQuoted(r, posted, quoted)
			}
			if c.Rest, c.StoredValue = false, quoted.StoredValue; c.StoredValue.Less(due) {
				c.External = []Payment{{Method: "cash", Amount: due.Sub(c.StoredValue)}}
			}
			if posted, err = s.decided(c); err != nil {
				r.Fatal(err)
			}
			sameAsQuoted(r, posted, quoted)
		}
	})
}

func sameAsQuoted(r *rapid.T, posted []Posted, q Quoted) {
	var got CheckoutPosted
	byClass, used := map[Class]Quantity{}, map[uuid.UUID]CouponRedeemed{}
	for _, p := range posted {
		switch e := p.Event.(type) {
		case CheckoutPosted:
			got = e
		case CouponRedeemed:
			used[e.CouponID] = e
		case DebitPosted:
			for _, m := range e.Moves {
				if _, ok := byClass[m.Class]; !ok {
					byClass[m.Class] = e.Amount.Zero()
				}
				byClass[m.Class] = byClass[m.Class].Sub(m.Amount)
			}
		}
	}
	for i := range got.Lines {
		got.Lines[i].Tenders, got.Lines[i].Counted = nil, nil
	}
	if g, w := fmt.Sprint(got.Lines, got.Gross, got.Discount, got.Net, got.PointsValue, byClass, got.Tier,
		got.Search), fmt.Sprint(q.Lines, q.Gross.Quantity, q.Discount.Quantity, q.Net.Quantity,
		q.PointsValue.Quantity, q.ByClass, q.Tier, q.Search); g != w {
		r.Fatalf("got\n%s, want\n%s", g, w)
	}
	for _, v := range q.Verdicts {
		if e, ok := used[v.Offer.Coupon]; ok {
			if v.Code != "" || !e.Discount.Equal(v.Discount.Quantity) || fmt.Sprint(e.Lines) != fmt.Sprint(v.Lines) {
				r.Fatalf("got %v, want %v", e, v)
			}
			delete(used, v.Offer.Coupon)
		} else if v.Code == "" && v.Offer.Coupon != noID {
			r.Fatalf("%v is quoted, and not redeemed", v.Offer.Coupon)
		}
	}
	if len(used) > 0 {
		r.Fatalf("redeemed, and not quoted: %v", used)
	}
}
