package domain

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"

	"github.com/google/uuid"
)

// redeemedBy are the uses of coupons that a checkout made, in the order in which they were taken off.
func (d *Draft) redeemedBy(of CheckoutPosted) []CouponRedeemed {
	var found []Posted
	for _, id := range of.couponsUsed() {
		for _, p := range d.found(CouponName(id)) {
			if e, ok := p.Event.(CouponRedeemed); ok && e.CheckoutID == of.CheckoutID {
				found = append(found, p)
			}
		}
	}
	slices.SortFunc(found, func(a, b Posted) int { return cmp.Compare(a.Revision, b.Revision) })
	used := make([]CouponRedeemed, len(found))
	for i, p := range found {
		used[i] = p.Event.(CouponRedeemed) // as it was chosen
	}
	return used
}

// couponsUsed are the coupons that took something off the checkout's lines.
func (e CheckoutPosted) couponsUsed() (ids []uuid.UUID) {
	for _, l := range e.Lines {
		for _, o := range l.Discounts {
			if o.CouponID != noID && !slices.Contains(ids, o.CouponID) {
				ids = append(ids, o.CouponID)
			}
		}
	}
	return ids
}

// returnMode is how the coupons of a checkout price its returns: repriced, where one of them says so.
// Definitions never change, so it is the same for all of its returns.
func (d *Draft) returnMode(used []CouponRedeemed) (string, error) {
	for _, u := range used {
		definition, err := d.definitionOf(u)
		if err != nil {
			return "", err
		}
		if definition.OnReturn.MinSpend == ReturnReprices {
			return ReturnReprices, nil
		}
	}
	return ReturnKeeps, nil
}

func (d *Draft) definitionOf(u CouponRedeemed) (*Definition, error) {
	_, definition, known := d.definition(Coupon{Campaign: u.Campaign, Definition: u.Definition})
	if !known {
		return nil, fmt.Errorf("definition %s of campaign %s is not known", u.Definition, u.Campaign)
	}
	return definition, nil
}

// giveCouponsBack posts what a return does to the coupons that the checkout used: of what each took off
// a line, q of Q pieces return round_half_up(discount·q/Q) in all; and their use, once nothing of the
// sale stays.
func (d *Draft) giveCouponsBack(
	of CheckoutPosted, before returned, e CheckoutReturned, used []CouponRedeemed,
) error {
	for _, u := range used {
		back := u.Discount.Zero()
		for _, r := range e.Lines {
			l, _ := of.line(r.N)
			was := before.of(r.N).Qty
			off := l.off(u.CouponID)
			back = back.Add(partOfPieces(off, was+r.Qty, l.Qty)).Sub(partOfPieces(off, was, l.Qty))
		}
		if err := d.restoreCoupon(u, e.ReturnID, back, e.Full); err != nil {
			return err
		}
	}
	return nil
}

// off is what a coupon took off the line.
func (l CheckoutLine) off(coupon uuid.UUID) Quantity {
	sum := l.Net.Zero()
	for _, o := range l.Discounts {
		if o.CouponID == coupon {
			sum = sum.Add(o.Amount)
		}
	}
	return sum
}

// partOfPieces is round_half_up(x·n/of).
func partOfPieces(x Quantity, n, of int) Quantity {
	return portion(x, fromSteps(int64(n), 0), fromSteps(int64(of), 0))
}

// reprice makes a return give back what was paid so far beyond the price of what stays, and nothing
// where that is dearer: under the same discounts, whatever else they ask for but goods and a minimum
// spend. It is parted over the lines by what their pieces cost before discounts, and over the tenders by
// split of what each paid of the whole.
func (d *Draft) reprice(
	e *CheckoutReturned, of CheckoutPosted, before returned, used []CouponRedeemed,
) error {
	stays, err := d.priceOfRest(of, before.plus(*e), used)
	if err != nil {
		return err
	}
	e.Net = most(of.Net.Sub(before.net).Sub(stays), of.Net.Zero())
	weights := make([]Quantity, len(e.Lines))
	for i, r := range e.Lines {
		l, _ := of.line(r.N)
		weights[i] = l.UnitPrice.times(r.Qty)
	}
	left := e.Net
	for i, x := range split(e.Net, weights) {
		e.Lines[i].Net = x
		left = left.Sub(x)
	}
	e.Lines[0].Net = e.Lines[0].Net.Add(left) // of pieces that cost nothing
	tenders := of.tenders()
	weights = weights[:0]
	for _, t := range tenders {
		weights = append(weights, t.Amount)
	}
	e.RefundByTender, e.ExternalDue = []TenderShare{}, []TenderShare{}
	now, earlier := split(before.net.Add(e.Net), weights), split(before.net, weights)
	for i, t := range tenders {
		e.refund(t.Tender, now[i].Sub(earlier[i]))
	}
	return nil
}

// tenders are what paid for the checkout, in the order in which they did.
func (e CheckoutPosted) tenders() (all []TenderShare) {
	all = []TenderShare{{TenderPoints, e.PointsValue}, {TenderStoredValue, e.StoredValue}}
	for _, p := range e.External {
		all = addShare(all, p.Method, p.Amount.Quantity)
	}
	return all
}

// priceOfRest is what a checkout's lines would have cost without what has come back.
func (d *Draft) priceOfRest(
	of CheckoutPosted, back returned, used []CouponRedeemed,
) (Quantity, error) {
	cart := Cart{Unit: of.Unit}
	for i, l := range of.Lines {
		c := l.asked(of.Unit)
		if c.Qty -= back.lines[i].Qty; c.Qty > 0 {
			cart.Lines = append(cart.Lines, c)
		}
	}
	if len(cart.Lines) == 0 {
		return of.Net.Zero(), nil
	}
	var offers []Offer
	for _, u := range used {
		definition, err := d.definitionOf(u)
		if err != nil {
			return Quantity{}, err
		}
		offers = append(offers, Offer{Coupon: u.CouponID, Campaign: u.Campaign, Definition: definition})
	}
	if of.TierPercent.IsPositive() {
		offers = append(offers, tierOffer(of.Tier, of.Unit, of.TierPercent))
	}
	return priceAgain(cart, offers).Net.Quantity, nil
}

// times is q·n.
func (q Quantity) times(n int) Quantity {
	return fromMinor(new(big.Int).Mul(q.minor(), big.NewInt(int64(n))), q.scale)
}
