package domain

import (
	"cmp"
	"errors"
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

// missing refuses a sale for the first coupon by name that was not applied.
func (w Wanted) missing(verdicts []Verdict) error {
	for i, id := range w.Coupons {
		for _, v := range verdicts {
			if r := v.Refusal(); r != nil && v.Offer.Coupon == id {
				return r.Field(fmt.Sprintf("coupons.%d", i), r.Detail)
			}
		}
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
	Limited     *Refusal           // why the program's limits let it pay no more, nil where they do
}

// sale is the sale that is asked about.
func (q Quote) sale() Checkout {
	return Checkout{Lines: q.Cart.Lines, Wanted: q.Wanted, OrderRef: q.Cart.Order, Points: q.Points}
}

// Of answers a quote of an account, as the same sale would be decided: with the same refusals of a cart,
// of an account that cannot buy, and of points; *Moved of one that was merged. Of a reference it asks
// nothing: no sale is posted under it. What campaigns have left, as far as m knows it, is set aside for
// nobody. a does not change.
func (q Quote) Of(a *Account, m Moment) (Quoted, error) {
	if err := cmp.Or(m.Context.check(), q.sale().check()); err != nil {
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
		if quoted.PointsValue, err = d.affordPoints(q.Points, quoted.Net); err != nil {
			return Quoted{}, cmp.Or(q.Wanted.missing(quoted.Verdicts), err)
		}
	}
	due := quoted.Net.Sub(quoted.PointsValue)
	free, drawn := d.couldPay(&quoted.Priced, quoted.PointsValue, due)
	quoted.StoredValue, quoted.Limited = d.allowed(free)
	if quoted.Limited != nil {
		_, drawn = d.couldPay(&quoted.Priced, quoted.PointsValue, quoted.StoredValue)
	}
	quoted.ByClass = classes(drawn)
	return quoted, nil
}

// affordPoints is pointsWorth of points that the account has.
func (d *Draft) affordPoints(points, sale Money) (Money, error) {
	worth, err := d.pointsWorth(points, sale)
	if free := d.spendable(points, d.Decided, &d.Context); err == nil && free.Less(points) {
		err = ErrInsufficientFunds.Short(points, free)
	}
	return worth, err
}

// couldPay is what stored value could pay of x, of a sale beside points, and of what it would be drawn. It
// notes on the lines what lots limited to goods would pay.
func (d *Draft) couldPay(p *Priced, points, x Money) (Money, []share) {
	if d.limited(x.unit) {
		for i := range p.Lines {
			p.Lines[i].Lots = nil
		}
		shares, drawn := d.drawByLine(p, points, x)
		return drawn, shares
	}
	x = x.With(least(x.Quantity, d.spendable(x, d.Decided, &d.Context).Quantity))
	return x, d.draw(nil, x, d.Decided, &d.Context)
}

// allowed is what the program's limits let a sale take of x, and what they refuse of all of it, if any.
func (d *Draft) allowed(x Money) (Money, *Refusal) {
	var first *Refusal
	for x.IsPositive() {
		_, err := d.limitStored(x)
		refused, limited := errors.AsType[*Refusal](err)
		if !limited {
			break
		}
		first = cmp.Or(first, refused)
		if refused.Available == nil { // there were too many already
			return x.Sub(x), first
		}
		x = *refused.Available
	}
	return x, first
}

// classes are those of which shares are drawn.
func classes(drawn []share) map[Class]Quantity {
	by := map[Class]Quantity{}
	for _, s := range drawn {
		if sum, ok := by[s.lot.Class]; ok {
			s.amount = s.amount.Add(sum)
		}
		by[s.lot.Class] = s.amount
	}
	return by
}
