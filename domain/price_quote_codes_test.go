package domain

import (
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// shown is a definition as a sale is asked with its promo code.
func shown(c *Campaign, d *Definition) GrantCoupon {
	return GrantCoupon{Campaign: c.ID, Definition: d.Name(), Cause: CouponByClaim, Channel: IssueOnline}
}

// TestQuoteOfCodesIsTheSale: each of the codes of a quote can be claimed beside those before it, or is
// refused, as if the sale were rung up; and where all can, the sale has the price that was quoted.
func TestQuoteOfCodesIsTheSale(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawTill(r)
		for i := range 2 {
			c := &Campaign{ID: fmt.Sprint("p", i), Status: CampaignIsActive}
			c.Terms.Budgets.PerAccount = rapid.IntRange(0, 3).Draw(r, "per account")
			s.offers[c.ID], s.budgets[c.ID] = c, Budget{Campaign: c}
			for n := range 2 {
				d := drawDefinition(r)
				d.ID, d.PromoCode = fmt.Sprint("d", n), &PromoCode{Hash: "h",
					PerAccount: rapid.IntRange(1, 3).Draw(r, "claims")}
				c.Definitions = append(c.Definitions, d)
				for range rapid.IntRange(0, 1).Draw(r, "claimed before") {
					tried(shown(c, d))(s.book)
				}
			}
		}
		var codes []GrantCoupon
		for range rapid.IntRange(1, 4).Draw(r, "codes") {
			c := s.offers[rapid.SampledFrom([]string{"p0", "p1"}).Draw(r, "of")]
			g := shown(c, c.Definitions[rapid.IntRange(0, 1).Draw(r, "definition")])
			if rapid.Bool().Draw(r, "single-use") {
				g.ClaimID = newID(int64(len(codes)), Seed{99}, 0)
			}
			codes = append(codes, g)
		}
		q := Quote{Cart: drawCart(r)}
		var beside []CouponGranted
		for i, g := range codes {
			m := s.moment()
			m.Beside = beside
			quoted, _, refused := Decide(s.account, g, m)
			if refused == nil {
				e := quoted[len(quoted)-1].Event.(CouponGranted)
				beside = append(beside, e)
				q.Wanted.Offers = append(q.Wanted.Offers, e.Offered(s.offers[e.Campaign]))
			}
			sale := *s
			sale.book = s.copied()
			for _, before := range codes[:i] {
				tried(before)(sale.book)
			}
			if _, err := sale.do(g); refusedBy(err) != refusedBy(refused) {
				r.Fatalf("code %d: the sale got %v, the quote %v", i, err, refused)
			} else if refused != nil {
				return
			}
		}
		quoted, err := s.quote(q)
		if err != nil {
			return
		}
		c := Checkout{Lines: q.Cart.Lines, OrderRef: q.Cart.Order, Rest: true}
		for _, g := range codes {
			did(g)(s.book)
			coupons := s.account.Coupons()
			c.Coupons = append(c.Coupons, coupons[len(coupons)-1].ID)
		}
		for _, v := range quoted.Verdicts {
			if v.Code != "" {
				return // of a sale that is refused
			}
		}
		again, err := s.quote(Quote{Cart: q.Cart, Wanted: c.Wanted})
		if err != nil || !again.Net.Equal(quoted.Net) {
			r.Fatalf("with the coupons: got %v, %v, want %v", again.Net, err, quoted.Net)
		}
	})
}

// copied is a book of its own with all that was done.
func (b *book) copied() *book {
	c := *b
	c.replayed, c.names = b.restored(b.account), maps.Clone(b.names)
	return &c
}
