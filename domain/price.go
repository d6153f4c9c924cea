package domain

import (
	"cmp"
	"slices"
	"time"
)

// Priced is a cart after its discounts. It is what a quote answers and what a checkout records.
type Priced struct {
	Lines                []CheckoutLine // in the cart's order, without tenders
	Gross, Discount, Net Money          // of the sale: Net = Gross − Discount
	Verdicts             []Verdict      // one an offer, in the order in which the discounts were taken
}

// price takes offers off a cart, of which check has nothing to say, and says what became of each. What
// it answers does not depend on the order of the offers; they are taken in this one:
//
//  1. item discounts: exchange, then free_item;
//  2. amounts off the order: threshold_off, then amount_off;
//  3. percentages off the order: percent_off, then what the tier gives.
//
// Among those of a kind the coupon that ends first is taken first, then the one that was granted first.
// Each discount counts on what those before it left of its lines. Points and stored value come after
// all of them and are means of payment: they change no threshold.
//
// An offer is refused by what the coupon itself has against the sale, see redeemable; then by its
// restrictions, in the order of against; then by its minimum spend; then by the offers that were taken
// before it. One that gives nothing is not taken: its coupon is not used, and it stands in the way of
// no other.
func (d *Draft) price(cart Cart, offers []Offer) Priced {
	p := d.newPricing(cart, offers)
	p.run()
	return p.priced()
}

// priceAgain is price with offers that were taken before, in that order: no question is asked of them
// but what the goods are and what they come to.
func priceAgain(cart Cart, offers []Offer) Priced {
	p := blankPricing(cart, offers)
	for i := range p.claims {
		p.claims[i].refused = p.claims[i].choose(cart.Lines)
	}
	p.run()
	return p.priced()
}

// pricing is a cart while offers are taken off it. Its figures are in the smallest steps of the cart's
// unit; all of them are at most mostGross.
type pricing struct {
	cart   Cart
	zero   Money
	claims []claim // in the order in which they are taken
	gross  []int64 // by line
	worth  []int64 // by line: what is left of gross
	solid  []int64 // by line: what item discounts left of gross
	spent  []int   // by line: pieces that item discounts gave, or counted as bought
	stack  stack
	rooms  []*room // of capped campaigns
	at     time.Time
}

// claim is an offer in a pricing.
type claim struct {
	Offer
	until   time.Time // of its coupon
	lets    []bool    // by line: whether the restrictions let it in
	gives   []bool    // by line: whether an item discount may give its pieces
	refused *Refusal  // whatever else there is in the cart; nil: nothing speaks against it
	alone   *Refusal  // speaks against it alone, but perhaps not beside others
	idle    bool      // it is left out of a run
	room    *room     // of its campaign; nil: nothing is known to bound it

	verdict  *Refusal // of a run; nil: it was taken
	eligible int64    // what it counted on
	discount int64
	off      []int64 // by line
}

// blankPricing is a pricing with claims in the order of the offers, of which nothing is asked yet.
func blankPricing(cart Cart, offers []Offer) *pricing {
	n, k := len(cart.Lines), len(offers)
	figures, flags := make([]int64, (3+k)*n), make([]bool, 2*k*n)
	row := func() []int64 { r := figures[:n:n]; figures = figures[n:]; return r }
	flag := func() []bool { r := flags[:n:n]; flags = flags[n:]; return r }

	p := &pricing{cart: cart, gross: row(), worth: row(), solid: row(), spent: make([]int, n)}
	for i := range cart.Lines {
		p.gross[i] = cart.Lines[i].gross()
	}
	p.zero = Money{unit: cart.Unit, Quantity: cart.zero()}
	p.claims = make([]claim, k)
	for i, o := range offers {
		c := &p.claims[i]
		c.Offer, c.off, c.lets, c.gives = o, row(), flag(), flag()
	}
	return p
}

func (d *Draft) newPricing(cart Cart, offers []Offer) *pricing {
	p := blankPricing(cart, offers)
	p.at = d.Recorded
	for i := range p.claims {
		c := &p.claims[i]
		var campaign *Campaign
		campaign, c.refused = d.own(c, cart.Order)
		c.room = p.roomOf(d, campaign)
	}
	slices.SortStableFunc(p.claims, func(a, b claim) int { return a.before(&b) })
	for i := range p.claims {
		switch c := &p.claims[i]; {
		case c.refused != nil:
		case i > 0 && c.Coupon != noID && c.Coupon == p.claims[i-1].Coupon:
			c.refused = ErrCouponNotCombinable.Because("the coupon is named twice")
		default:
			c.refused = d.against(c, cart)
		}
	}
	return p
}

// before orders claims as they are taken.
func (c *claim) before(o *claim) int {
	return cmp.Or(
		cmp.Compare(c.stage(), o.stage()),
		endsFirst(c.until, o.until),
		first(c.Coupon != noID, o.Coupon != noID), // who claims a code gets the newest coupon
		byID(c.Coupon, o.Coupon),
		cmp.Compare(c.Campaign, o.Campaign),
		cmp.Compare(c.Tier, o.Tier),
	)
}

// endsFirst orders ends of coupons: the earliest first, none last.
func endsFirst(a, b time.Time) int {
	return cmp.Or(first(!a.IsZero(), !b.IsZero()), a.Compare(b))
}

// stages are the places of kinds in the pipeline; what a tier gives comes after them.
var stages = []CouponKind{Exchange, FreeItem, ThresholdOff, AmountOff, PercentOff}

func (c *claim) stage() int {
	switch {
	case c.Definition == nil: // it is refused anyway
		return 0
	case c.Tier != "":
		return len(stages)
	}
	return slices.Index(stages, c.Definition.Kind)
}

// ofItems reports whether the claim gives pieces, before anything is taken off the order.
func (c *claim) ofItems() bool {
	return c.Definition.Kind == Exchange || c.Definition.Kind == FreeItem
}

// run takes the claims that are not idle off the cart, and is the discount in all.
func (p *pricing) run() (discount int64) {
	copy(p.worth, p.gross)
	copy(p.solid, p.gross)
	clear(p.spent)
	p.stack = stack{}
	for _, r := range p.rooms {
		r.left = r.free
	}
	for i := range p.claims {
		c := &p.claims[i]
		c.eligible, c.discount = 0, 0
		if c.idle || c.refused != nil {
			c.verdict = cmp.Or(c.refused, c.alone, ErrCouponNotChosen)
			continue
		}
		clear(c.off)
		if c.verdict = p.take(c); c.verdict != nil {
			c.discount = 0
			continue
		}
		discount += c.discount
		p.stack.add(c)
		for line, x := range c.off {
			p.worth[line] -= x
		}
		if c.ofItems() {
			copy(p.solid, p.worth)
		}
	}
	return discount
}

// take takes a claim off the cart, or says why it is not.
func (p *pricing) take(c *claim) *Refusal {
	c.eligible = sum(p.worth, c.lets)
	if r := p.tooSmall(c); r != nil {
		return r
	}
	if r := p.stack.bars(c); r != nil {
		return r
	}
	spent := p.spent
	if c.ofItems() {
		if c.room != nil {
			p.spent = slices.Clone(spent)
		}
		if r := p.giveItems(c); r != nil {
			return r
		}
	} else {
		p.takeOff(c)
	}
	if c.discount == 0 {
		return ErrCouponZero
	}
	r := p.afford(c)
	if r != nil {
		p.spent = spent
	}
	return r
}

// sum is the sum of the figures of some lines.
func sum(figures []int64, of []bool) (s int64) {
	for i, x := range figures {
		if of[i] {
			s += x
		}
	}
	return s
}

func (p *pricing) money(steps int64) Money {
	return p.zero.With(fromSteps(steps, p.zero.scale))
}

// priced is what the last run found.
func (p *pricing) priced() Priced {
	all := Priced{Gross: p.zero, Discount: p.zero, Net: p.zero,
		Lines: make([]CheckoutLine, len(p.cart.Lines)), Verdicts: make([]Verdict, len(p.claims))}
	for i := range p.cart.Lines {
		l := &p.cart.Lines[i]
		all.Lines[i] = CheckoutLine{N: l.N, Product: l.Product, Category: l.Category, Qty: l.Qty,
			UnitPrice: l.UnitPrice.Quantity, List: p.money(l.list()).Quantity,
			Net: p.money(p.worth[i]).Quantity, TaxCode: l.TaxCode}
		all.Gross = all.Gross.Add(p.money(p.gross[i]))
		all.Net = all.Net.Add(p.money(p.worth[i]))
	}
	all.Discount = all.Gross.Sub(all.Net)
	borne := 0
	for i := range p.claims {
		borne += p.claims[i].borne()
	}
	discounts := make([]LineDiscount, 0, borne)
	for i := range p.claims {
		all.Verdicts[i] = p.verdict(&p.claims[i], discounts[len(discounts):])
		discounts = discounts[:len(discounts)+len(all.Verdicts[i].Lines)]
	}
	p.bear(all.Lines, make([]OfferShare, 0, borne))
	return all
}

// borne is how many lines bear the claim, as it was taken in the last run.
func (c *claim) borne() (n int) {
	for _, x := range c.off {
		if c.verdict == nil && x != 0 {
			n++
		}
	}
	return n
}

// verdict is what the last run found of a claim. There is room for its lines.
func (p *pricing) verdict(c *claim, lines []LineDiscount) Verdict {
	v := Verdict{Offer: c.Offer, Eligible: p.money(c.eligible), Discount: p.money(c.discount)}
	if c.verdict != nil {
		v.Code, v.Detail, v.refused = c.verdict.Code, c.verdict.Detail, c.verdict
		return v
	}
	v.Lines = lines[:0:c.borne()]
	for i, x := range c.off {
		if x != 0 {
			v.Lines = append(v.Lines, LineDiscount{p.cart.Lines[i].N, p.money(x).Quantity})
		}
	}
	return v
}

// bear notes on the lines what they bear of each claim that was taken. There is room for all of it.
func (p *pricing) bear(lines []CheckoutLine, shares []OfferShare) {
	for i := range lines {
		before := len(shares)
		for j := range p.claims {
			if c := &p.claims[j]; c.verdict == nil && c.off[i] != 0 {
				shares = append(shares, OfferShare{c.Coupon, c.Tier, p.money(c.off[i]).Quantity})
			}
		}
		if len(shares) > before {
			lines[i].Discounts = shares[before:len(shares):len(shares)]
		}
	}
}

// Refusal is the verdict as a sale is refused with that must have the offer; nil where it was applied.
func (v Verdict) Refusal() *Refusal { return v.refused }
