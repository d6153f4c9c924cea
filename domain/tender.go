package domain

import (
	"fmt"

	"github.com/google/uuid"
)

// MaxExternal bounds what is paid elsewhere of one sale.
const MaxExternal = 10

// basket is a sale while it is decided: what it costs, and what pays for it.
type basket struct {
	Priced
	search         Search
	points, stored Money // of Net
	external       []Payment
	drawn          []share // that pay stored, where some are of lots limited to goods
}

func (s *basket) zero() Money { return s.Net.Sub(s.Net) }

// basket is the sale before anything pays: with the discounts that are wanted, of which none by name may
// be missing.
func (d *Draft) basket(c Checkout) (s basket, err error) {
	s.external = c.External
	if err := d.discounts(&s, c); err != nil {
		return s, err
	}
	s.points, s.stored = s.zero(), s.zero()
	for i := range s.Lines {
		s.Lines[i].Tenders = []TenderShare{}
	}
	return s, nil
}

// byPoints is what points pay of a sale.
func (d *Draft) byPoints(c Checkout, s basket) (Money, error) {
	if c.Points.Unit() == "" {
		return s.zero(), nil
	}
	return d.pointsWorth(c.Points, s.Net)
}

// certain is the refusal of tenders that do not fit a sale's price, once that is certain: of the best
// coupons it hangs on what their campaigns have left, so that is reserved first.
func (d *Draft) certain(c Checkout, s basket, refused error) error {
	if !c.Best {
		return refused
	}
	for _, v := range s.Verdicts {
		if campaign := d.campaign(v.Offer.Campaign); v.Code == "" && campaign != nil {
			if _, err := d.reserveRedemption(campaign, v.Discount); err != nil {
				return err
			}
		}
	}
	if len(d.wanted) > 0 {
		return d.unreserved(nil) // it is decided anew, whatever is reserved
	}
	return refused
}

// discounts takes off what is wanted. A coupon by name that cannot be used refuses the sale.
func (d *Draft) discounts(s *basket, c Checkout) error {
	s.Priced, s.search = d.discount(c.cart(), c.Wanted)
	if err := c.Wanted.missing(s.Verdicts); err != nil {
		return err
	}
	for _, v := range s.Verdicts {
		if v.Code != "" || v.Offer.Coupon == noID {
			continue
		}
		if _, _, _, err := d.takeCoupon(v.Offer.Coupon, c.OrderRef); err != nil {
			return err
		}
	}
	return nil
}

// redeem uses the coupons that took something off.
func (d *Draft) redeem(s basket, checkout uuid.UUID) error {
	for _, v := range s.Verdicts {
		if v.Code != "" || v.Offer.Coupon == noID {
			continue
		}
		if err := d.redeemCoupon(v, checkout); err != nil {
			return err
		}
	}
	return nil
}

// tierPercent is what the tier took off, none where it took nothing.
func (s *basket) tierPercent() (percent Quantity) {
	for _, v := range s.Verdicts {
		if v.Code == "" && v.Offer.Tier != "" {
			percent = v.Offer.Definition.Value.Percent
		}
	}
	return percent
}

const wantPositive = "want more than zero"

// checkTenders refuses tenders that no sale in that unit could have.
func (c Checkout) checkTenders(unit string) error {
	switch s := c.StoredValue; {
	case c.Points.Unit() == unit:
		return ErrMalformed.Field("points", "want a unit of points")
	case c.Points.Unit() != "" && !c.Points.IsPositive():
		return ErrAmountNotPositive.Field("points", wantPositive)
	case s.Unit() != "" && c.Rest:
		return ErrMalformed.Field("stored_value", "want an amount, or the rest")
	case s.Unit() != "" && s.Unit() != unit:
		return ErrMalformed.Field("stored_value", "want the unit of the lines")
	case s.IsNegative():
		return ErrAmountNotPositive.Field("stored_value", "want zero or more")
	case len(c.External) > MaxExternal:
		return ErrMalformed.Field("external", fmt.Sprintf("want at most %d", MaxExternal))
	}
	for i, p := range c.External {
		at := fmt.Sprintf("external.%d.", i)
		switch {
		case notAName(p.Method) || p.Method == TenderPoints || p.Method == TenderStoredValue:
			return ErrMalformed.Field(at+"method", "want 1 to 64 of A-Z a-z 0-9 . _ : -, no tender of the account's")
		case len(p.Reference) > 64 || !printable(p.Reference):
			return ErrMalformed.Field(at+"reference", "want at most 64 bytes of printable UTF-8")
		case p.Amount.Unit() != unit:
			return ErrMalformed.Field(at+"amount", "want the unit of the lines")
		case !p.Amount.IsPositive():
			return ErrAmountNotPositive.Field(at+"amount", wantPositive)
		}
	}
	return nil
}

// pay says what stored value pays, once points have paid their part. What is paid elsewhere is as the
// till says, and all of it together is the price.
func (s *basket) pay(c Checkout) error {
	due := s.Net.Sub(s.points)
	for _, p := range s.external {
		due = due.Sub(p.Amount)
	}
	switch {
	case c.Rest && !due.IsNegative():
		s.stored = due
	case c.StoredValue.Unit() != "":
		s.stored = c.StoredValue
	}
	left := due.Sub(s.stored)
	if left.IsZero() {
		return nil
	}
	paid := s.Net.Sub(left)
	mismatch := ErrTenderMismatch.Because("the tenders pay " + paid.String() + ", due is " +
		s.Net.String())
	if left.IsNegative() {
		return mismatch
	}
	return mismatch.Short(s.Net, paid)
}

// tenders are what paid, in the order in which they did; those elsewhere by their method.
func (s *basket) tenders() []TenderShare {
	all := []TenderShare{{TenderPoints, s.points.Quantity}, {TenderStoredValue, s.stored.Quantity}}
	for _, p := range s.external {
		all = addShare(all, p.Method, p.Amount.Quantity)
	}
	return all
}

// payable draws stored value where some of it is limited to goods, and says what there is.
func (d *Draft) payable(s *basket) (free Money) {
	if !d.limited(s.stored.unit) {
		return d.spendable(s.stored, d.Decided, &d.Context)
	}
	s.drawn, free = d.drawByLine(&s.Priced, s.points, s.stored)
	return free
}

// sellFor answers the moves that sell stored value.
func (d *Draft) sellFor(s *basket) []Move {
	if s.drawn == nil {
		return d.sell(s.stored)
	}
	return soldOf(s.drawn)
}

// share divides the tenders over the lines by what they cost; where lots limited to goods pay some, all
// other stored value and what is paid elsewhere by what those and points leave of them.
func (s *basket) share() {
	tenders, nets := s.tenders(), s.nets()
	if !paidByLots(s.Lines) {
		s.spread(tenders, nets)
		return
	}
	s.spread(tenders[:1], nets)
	for i := range s.Lines {
		l := &s.Lines[i]
		lots := l.byLots()
		tenders[1].Amount, nets[i] = tenders[1].Amount.Sub(lots), l.Net.Sub(l.paid()).Sub(lots)
	}
	s.spread(tenders[1:], nets)
	for i := range s.Lines {
		s.Lines[i].addStored(s.Lines[i].byLots())
	}
}

// spread divides tenders over the lines by weights. What the tenders paid up to one of them is split
// together, and less what those before it paid is its share: so every line is paid exactly.
func (s *basket) spread(tenders []TenderShare, weights []Quantity) {
	sum, before := s.zero().Quantity, split(s.zero().Quantity, weights)
	for _, t := range tenders {
		if t.Amount.IsZero() {
			continue
		}
		sum = sum.Add(t.Amount)
		now := split(sum, weights)
		for i := range s.Lines {
			if x := now[i].Sub(before[i]); x.IsPositive() {
				s.Lines[i].Tenders = append(s.Lines[i].Tenders, TenderShare{t.Tender, x})
			}
		}
		before = now
	}
}
