package domain

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// Wanted says which discounts a sale is to have, beside what the account's tier gives.
type Wanted struct {
	Coupons []uuid.UUID `json:"coupons,omitempty"` // of the account, each once
	// Best wants those of the account's coupons that together take the most off, instead.
	Best bool `json:"best,omitempty"`

	// Offers are, of a quote, the coupons that codes would give: see CouponGranted.Offered.
	Offers []Offer `json:"-"`

	without []uuid.UUID // of the best
}

// MaxWanted bounds Wanted.Coupons.
const MaxWanted = 50

// check refuses what no sale could want.
func (w Wanted) check() error {
	switch {
	case w.Best && len(w.Coupons) > 0:
		return ErrMalformed.Field("coupons", "want those, or the best")
	case w.Best && len(w.Offers) > 0:
		return ErrMalformed.Field("codes", "want those, or the best")
	case len(w.Coupons) > MaxWanted:
		return ErrMalformed.Field("coupons", fmt.Sprint("want at most ", MaxWanted))
	case slices.Contains(w.Coupons, noID):
		return ErrMalformed.Field("coupons", "want the ids of coupons")
	}
	return nil
}

// discount prices a cart with the discounts that are wanted: for a quote, and for a sale. It says how
// it looked for the best, where that is wanted.
func (d *Draft) discount(cart Cart, w Wanted) (Priced, Search) {
	var few [8]Offer
	offers := few[:0]
	if t, ok := d.tierOffer(cart.Unit); ok {
		offers = append(offers, t)
	}
	if w.Best {
		for _, c := range d.coupons {
			if slices.Contains(w.without, c.ID) {
				continue
			}
			offers = append(offers, Offer{Coupon: c.ID})
		}
		return d.best(cart, offers)
	}
	for _, id := range w.Coupons {
		offers = append(offers, Offer{Coupon: id})
	}
	return d.price(cart, append(offers, w.Offers...)), ""
}

// Offered is the coupon as a quote is asked with it that nobody has been granted. of is its campaign.
func (e CouponGranted) Offered(of *Campaign) Offer {
	definition, _ := of.Definition(e.Definition)
	return Offer{Campaign: e.Campaign, Definition: definition, until: e.ValidUntil}
}

// Quote asks what a sale would cost an account, and what could pay for it.
type Quote struct {
	Cart   Cart
	Wanted Wanted
	Points Money // that are to pay; none: none
}

// Quoted is a sale as it would be, now.
type Quoted struct {
	Priced
	Search      Search             // of the best combination, where that was wanted
	Tier        string             // held; "" where the program has none
	Payable     []PointsPayable    // points that could pay of Net
	PointsValue Money              // that the points which are to pay are worth
	StoredValue Money              // that the account could pay of Net less PointsValue
	ByClass     map[Class]Quantity // of StoredValue
}

// Of answers a quote of an account, as the same sale would be decided: with the same refusals of a cart,
// of an account that cannot buy, and of points; *Moved of one that was merged. a does not change.
func (q Quote) Of(a *Account, m Moment) (Quoted, error) {
	if err := cmp.Or(m.Context.check(), q.Cart.check(), q.Wanted.check()); err != nil {
		return Quoted{}, err
	}
	m.toUTC()
	d := newDraft(a, &m)
	defer d.free()
	if err := d.upkeep(false); err != nil {
		return Quoted{}, err
	}
	if err := d.mayTake(); err != nil {
		return Quoted{}, err
	}
	if err := d.lapseHolds(); err != nil {
		return Quoted{}, err
	}
	quoted := Quoted{Tier: d.tierHeld()}
	quoted.Priced, quoted.Search = d.discount(q.Cart, q.Wanted)
	quoted.Payable = d.pointsPayable(quoted.Net)
	quoted.PointsValue = quoted.Net.With(quoted.Net.Quantity.Zero())
	if q.Points.unit != "" {
		var err error
		if quoted.PointsValue, err = d.pointsWorth(q.Points, quoted.Net); err != nil {
			return Quoted{}, err
		}
		if free := d.spendable(q.Points, d.Decided, &d.Context); free.Less(q.Points) {
			return Quoted{}, ErrInsufficientFunds.Short(q.Points, free)
		}
	}
	quoted.StoredValue, quoted.ByClass = d.couldPay(&quoted.Priced, quoted.PointsValue)
	return quoted, nil
}

// couldPay is what stored value could pay of a sale beside points, and of which classes it would be drawn.
// It notes on the lines what lots limited to goods would pay.
func (d *Draft) couldPay(p *Priced, points Money) (Money, map[Class]Quantity) {
	var few [8]share
	drawn, x := few[:0], p.Net.Sub(points)
	if d.limited(x.unit) {
		drawn, x = d.drawByLine(p, points, x)
	} else {
		x = x.With(least(x.Quantity, d.spendable(x, d.Decided, &d.Context).Quantity))
		drawn = d.draw(drawn, x, d.Decided, &d.Context)
	}
	by := map[Class]Quantity{}
	for _, s := range drawn {
		if sum, ok := by[s.lot.Class]; ok {
			s.amount = s.amount.Add(sum)
		}
		by[s.lot.Class] = s.amount
	}
	return x, by
}
