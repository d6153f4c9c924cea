package domain

import (
	"math/big"
	"slices"
	"sort"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The oracle prices a cart from the words of domain.md alone, as slowly as that takes: pieces are things
// of their own, amounts are fractions, gifts are looked for among all sets of pieces, and the best
// combination among all there are. It shares no code with what it judges.

type oraclePiece struct {
	line  int
	price *big.Rat
	taken bool
}

type oracleCoupon struct {
	n    int // of the draft's coupons
	def  *Definition
	ends time.Time
}

type oracleSale struct {
	cart    Cart
	pieces  []*oraclePiece
	worth   []*big.Rat
	solid   []*big.Rat
	applied []*Definition
	off     map[int]*big.Rat // by coupon; of those that were applied
}

func rat(m Money) *big.Rat { return m.Decimal().Rat() }

func ratInt(n int) *big.Rat { return big.NewRat(int64(n), 1) }

func total(rats []*big.Rat) *big.Rat {
	s := new(big.Rat)
	for _, r := range rats {
		s.Add(s, r)
	}
	return s
}

// oracle applies coupons one after the other, in the pipeline's order.
func oracle(cart Cart, coupons []oracleCoupon) *oracleSale {
	s := &oracleSale{cart: cart, off: map[int]*big.Rat{}}
	for i, l := range cart.Lines {
		for range l.Qty {
			s.pieces = append(s.pieces, &oraclePiece{line: i, price: rat(l.UnitPrice)})
		}
		s.worth = append(s.worth, new(big.Rat).Mul(rat(l.UnitPrice), ratInt(l.Qty)))
		s.solid = append(s.solid, new(big.Rat).Set(s.worth[i]))
	}
	for _, kind := range []CouponKind{Exchange, FreeItem, ThresholdOff, AmountOff, PercentOff} {
		var these []oracleCoupon
		for _, c := range coupons {
			if c.def.Kind == kind {
				these = append(these, c)
			}
		}
		sort.SliceStable(these, func(i, j int) bool { // the ends come in the order of the grants
			a, b := these[i].ends, these[j].ends
			return !a.IsZero() && (b.IsZero() || a.Before(b))
		})
		for _, c := range these {
			s.use(c)
		}
	}
	return s
}

func oracleIn(list []string, x string) bool { return x != "" && slices.Contains(list, x) }

func oracleLets(r Restrictions, l CartLine) bool {
	if oracleIn(r.NotProducts, l.Product) || oracleIn(r.NotCategories, l.Category) {
		return false
	}
	if r.Products == nil && r.Categories == nil {
		return true
	}
	return oracleIn(r.Products, l.Product) || oracleIn(r.Categories, l.Category)
}

func oracleGives(d *Definition, l CartLine) bool {
	r, v := d.Restrictions, d.Value
	if oracleIn(r.NotProducts, l.Product) || oracleIn(r.NotCategories, l.Category) {
		return false
	}
	if v.Products == nil && v.Categories == nil {
		return oracleLets(r, l)
	}
	return oracleIn(v.Products, l.Product) || oracleIn(v.Categories, l.Category)
}

func oracleStack(defs []*Definition) bool {
	exclusive, common, bound := 0, 0, 1000
	for _, d := range defs {
		switch d.Stacking.Group {
		case StackExclusive:
			exclusive++
		case StackCommon:
			common++
			if d.Stacking.Most > 0 && d.Stacking.Most < bound {
				bound = d.Stacking.Most
			}
		}
	}
	return (exclusive == 0 || exclusive == 1 && common == 0) && common <= bound
}

func (s *oracleSale) use(c oracleCoupon) {
	r := c.def.Restrictions
	item := c.def.Kind == Exchange || c.def.Kind == FreeItem
	lines := 0
	basis := new(big.Rat)
	for i, l := range s.cart.Lines {
		gross := new(big.Rat).Mul(rat(l.UnitPrice), ratInt(l.Qty))
		if oracleLets(r, l) {
			lines++
		}
		switch {
		case r.Basis != BasisOrder && r.Basis != BasisGross && !oracleLets(r, l):
		case item || r.Basis == BasisGross:
			basis.Add(basis, gross)
		default:
			basis.Add(basis, s.solid[i])
		}
	}
	if lines == 0 || r.MinSpend.Unit() != "" && basis.Cmp(rat(r.MinSpend)) < 0 {
		return
	}
	if !oracleStack(append(slices.Clone(s.applied), c.def)) {
		return
	}
	var shares []*big.Rat
	if item {
		shares = s.give(c.def)
	} else {
		shares = s.reduce(c.def)
	}
	if total(shares).Sign() == 0 {
		return
	}
	for i := range s.worth {
		s.worth[i] = new(big.Rat).Sub(s.worth[i], shares[i])
	}
	if item {
		s.solid = slices.Clone(s.worth)
	}
	s.off[c.n] = total(shares)
	s.applied = append(s.applied, c.def)
}

// give looks at every set of pieces that could be given.
func (s *oracleSale) give(d *Definition) []*big.Rat {
	var free []*oraclePiece
	for _, p := range s.pieces {
		if !p.taken && p.price.Sign() > 0 {
			free = append(free, p)
		}
	}
	// Of an exchange the dearest, of free items the cheapest; the first line of equal prices.
	sort.SliceStable(free, func(i, j int) bool {
		c := free[i].price.Cmp(free[j].price)
		return d.Kind == Exchange && c > 0 || d.Kind == FreeItem && c < 0
	})
	var gifts []*oraclePiece
	if d.Kind == Exchange {
		for _, p := range free {
			if oracleGives(d, s.cart.Lines[p.line]) && len(gifts) < d.Value.Get {
				gifts = append(gifts, p)
			}
		}
	} else {
		gifts = s.freeSet(d, free)
		times := len(gifts) / d.Value.Get
		for _, p := range gifts {
			p.taken = true
		}
		for range times * d.Value.Buy { // the dearest that is left, the first line of equal prices
			var dearest *oraclePiece
			for _, p := range s.pieces {
				if !p.taken && p.price.Sign() > 0 && oracleLets(d.Restrictions, s.cart.Lines[p.line]) &&
					(dearest == nil || p.price.Cmp(dearest.price) > 0) {
					dearest = p
				}
			}
			dearest.taken = true
		}
	}
	shares := make([]*big.Rat, len(s.worth))
	for i := range shares {
		shares[i] = new(big.Rat)
	}
	for _, p := range gifts {
		p.taken = true
		shares[p.line].Add(shares[p.line], p.price)
	}
	if d.Cap.Unit() != "" { // the first lines bear it
		left := rat(d.Cap)
		for i, x := range shares {
			if x.Cmp(left) > 0 {
				shares[i] = left
			}
			left = new(big.Rat).Sub(left, shares[i])
		}
	}
	return shares
}

// freeSet is, of the largest sets of free pieces for which enough are left to be bought, the cheapest.
func (s *oracleSale) freeSet(d *Definition, free []*oraclePiece) []*oraclePiece {
	var best []*oraclePiece
	for mask := range 1 << len(free) {
		var set []*oraclePiece
		buyable, allowed := 0, true
		for i, p := range free {
			l := s.cart.Lines[p.line]
			switch {
			case mask>>i&1 == 1:
				set = append(set, p)
				allowed = allowed && oracleGives(d, l)
			case oracleLets(d.Restrictions, l):
				buyable++
			}
		}
		if !allowed || len(set)%d.Value.Get != 0 || len(set)/d.Value.Get*d.Value.Buy > buyable {
			continue
		}
		if len(set) > len(best) || len(set) == len(best) && oracleCheaper(set, best) {
			best = set
		}
	}
	return best
}

func oracleCheaper(a, b []*oraclePiece) bool {
	for i := range a { // both are in the order of price, then line
		if c := a[i].price.Cmp(b[i].price); c != 0 {
			return c < 0
		}
	}
	for i := range a {
		if a[i].line != b[i].line {
			return a[i].line < b[i].line
		}
	}
	return false
}

var cent = big.NewRat(1, 100)

// wholeCents is a number of cents, rounded down.
func wholeCents(x *big.Rat) *big.Int {
	c := new(big.Rat).Quo(x, cent)
	return new(big.Int).Quo(c.Num(), c.Denom())
}

func (s *oracleSale) reduce(d *Definition) []*big.Rat {
	sum, shares, eligible := new(big.Rat), make([]*big.Rat, len(s.worth)), []int{}
	for i, l := range s.cart.Lines {
		shares[i] = new(big.Rat)
		if oracleLets(d.Restrictions, l) {
			sum.Add(sum, s.worth[i])
			eligible = append(eligible, i)
		}
	}
	x := new(big.Rat)
	if d.Kind == PercentOff {
		x.Mul(sum, new(big.Rat).Quo(d.Value.Percent.Decimal().Rat(), ratInt(100)))
		half := new(big.Rat).Add(x, big.NewRat(1, 200))
		x = new(big.Rat).Mul(new(big.Rat).SetInt(wholeCents(half)), cent)
	} else {
		x = rat(d.Value.Amount)
	}
	if d.Cap.Unit() != "" && x.Cmp(rat(d.Cap)) > 0 {
		x = rat(d.Cap)
	}
	if x.Cmp(sum) > 0 {
		x = sum
	}
	if x.Sign() == 0 {
		return shares
	}
	left, missing := new(big.Rat).Set(x), map[int]*big.Rat{}
	for _, i := range eligible {
		exact := new(big.Rat).Quo(new(big.Rat).Mul(x, s.worth[i]), sum)
		shares[i] = new(big.Rat).Mul(new(big.Rat).SetInt(wholeCents(exact)), cent)
		missing[i] = new(big.Rat).Sub(exact, shares[i])
		left.Sub(left, shares[i])
	}
	for left.Sign() > 0 {
		neediest := -1
		for _, i := range eligible {
			if missing[i] != nil && (neediest < 0 || missing[i].Cmp(missing[neediest]) > 0) {
				neediest = i
			}
		}
		shares[neediest] = new(big.Rat).Add(shares[neediest], cent)
		delete(missing, neediest)
		left.Sub(left, cent)
	}
	return shares
}

// oracleBest tries all combinations of which every coupon is applied.
func oracleBest(cart Cart, coupons []oracleCoupon) (best []oracleCoupon, off *big.Rat) {
	off = new(big.Rat)
	for mask := range 1 << len(coupons) {
		var some []oracleCoupon
		for i, c := range coupons {
			if mask>>i&1 == 1 {
				some = append(some, c)
			}
		}
		s := oracle(cart, some)
		got := new(big.Rat)
		for _, x := range s.off {
			got.Add(got, x)
		}
		if len(s.off) < len(some) {
			continue
		}
		if c := got.Cmp(off); c > 0 || c == 0 && oraclePrefers(some, best) {
			best, off = some, got
		}
	}
	return best, off
}

// oraclePrefers orders combinations that take as much off: the fewest, those that end first, those that
// were granted first.
func oraclePrefers(a, b []oracleCoupon) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	ends := func(of []oracleCoupon) (all []int64) {
		for _, c := range of {
			if c.ends.IsZero() {
				all = append(all, 1<<62)
			} else {
				all = append(all, c.ends.Unix())
			}
		}
		slices.Sort(all)
		return all
	}
	granted := func(of []oracleCoupon) (all []int) {
		for _, c := range of {
			all = append(all, c.n)
		}
		slices.Sort(all)
		return all
	}
	if c := slices.Compare(ends(a), ends(b)); c != 0 {
		return c < 0
	}
	return slices.Compare(granted(a), granted(b)) < 0
}

var (
	someProducts   = []string{"tea", "cake", "milk"}
	someCategories = []string{"hot", "cold"}
)

func drawCents(t *rapid.T, least, most int, label string) Money {
	return Money{unit: "CNY", Quantity: fromSteps(int64(rapid.IntRange(least, most).Draw(t, label)), 2)}
}

// drawCart is a cart of at most 8 pieces, so that all sets of them can be looked at.
func drawCart(t *rapid.T) Cart {
	var lines []CartLine
	pieces := 0
	for range rapid.IntRange(1, 4).Draw(t, "lines") {
		l := CartLine{Product: rapid.SampledFrom(someProducts).Draw(t, "product"),
			Category: rapid.SampledFrom(append(someCategories, "")).Draw(t, "category"),
			Qty:      rapid.IntRange(1, 3).Draw(t, "qty"),
		}
		l.UnitPrice = rapid.SampledFrom([]Money{cny("0.00"), cny("0.01"), cny("3.33"), cny("10.00"),
			drawCents(t, 0, 2000, "any price")}).Draw(t, "price")
		if pieces += l.Qty; pieces > 8 {
			break
		}
		lines = append(lines, l)
	}
	return cartOf(lines...)
}

func drawSome(t *rapid.T, from []string, label string) []string {
	if rapid.IntRange(0, 3).Draw(t, label) > 0 {
		return nil
	}
	return []string{rapid.SampledFrom(from).Draw(t, label)}
}

func drawDefinition(t *rapid.T) *Definition {
	d := &Definition{ID: "d", Version: 1, Unit: "CNY", Uses: 1}
	d.Kind = rapid.SampledFrom([]CouponKind{ThresholdOff, AmountOff, PercentOff, Exchange,
		FreeItem}).Draw(t, "kind")
	d.Stacking.Group = rapid.SampledFrom([]StackingGroup{StackExclusive, StackCommon, StackCommon,
		StackCommon, StackAlways}).Draw(t, "group")
	d.Stacking.Most = max(0, rapid.IntRange(-2, 3).Draw(t, "most"))
	r, v := &d.Restrictions, &d.Value
	r.Products = drawSome(t, someProducts, "products")
	r.Categories = drawSome(t, someCategories, "categories")
	r.NotProducts = drawSome(t, someProducts, "not products")
	r.NotCategories = drawSome(t, someCategories, "not categories")
	if rapid.Bool().Draw(t, "minimum") {
		r.MinSpend = drawCents(t, 1, 4000, "min spend")
		r.Basis = rapid.SampledFrom([]Basis{"", BasisEligible, BasisOrder, BasisGross}).Draw(t, "basis")
	}
	switch d.Kind {
	case PercentOff:
		v.Percent = rapid.SampledFrom([]Quantity{fromSteps(1, 4), fromSteps(5, 0), fromSteps(125, 1),
			fromSteps(3333, 2), fromSteps(100, 0)}).Draw(t, "percent")
	case Exchange, FreeItem:
		v.Products = drawSome(t, someProducts, "given products")
		v.Categories = drawSome(t, someCategories, "given categories")
		v.Get = rapid.IntRange(1, 2).Draw(t, "get")
		if d.Kind == FreeItem {
			v.Buy = rapid.IntRange(1, 2).Draw(t, "buy")
		}
	default:
		v.Amount = drawCents(t, 1, 2500, "amount")
	}
	if rapid.IntRange(0, 2).Draw(t, "capped") == 0 {
		d.Cap = drawCents(t, 1, 1500, "cap")
	}
	return d
}

// drawSale is a cart, and an account with coupons for it.
func drawSale(t *rapid.T, most int) (*Draft, Cart, []Offer, []oracleCoupon) {
	var defs []*Definition
	for range rapid.IntRange(0, most).Draw(t, "coupons") {
		defs = append(defs, drawDefinition(t))
	}
	d, offers := draftFor(defs...)
	var coupons []oracleCoupon
	for i, def := range defs {
		ends := time.Time{}
		if n := rapid.IntRange(0, 3).Draw(t, "ends"); n > 0 {
			ends = noon.Add(time.Duration(n) * day)
		}
		d.coupons[i].ValidUntil = ends
		coupons = append(coupons, oracleCoupon{i, def, ends})
	}
	return d, drawCart(t), offers, coupons
}

// sameAsOracle compares what was priced with what the oracle finds.
func sameAsOracle(t *rapid.T, got Priced, coupons []oracleCoupon, want *oracleSale) {
	for i, l := range got.Lines {
		if l.Net.Decimal().Rat().Cmp(want.worth[i]) != 0 {
			t.Errorf("line %d: got %s, want %s", l.N, l.Net, want.worth[i].FloatString(2))
		}
	}
	for _, v := range got.Verdicts {
		x, applied := want.off[couponNumber(coupons, v)]
		if applied != (v.Code == "") {
			t.Errorf("coupon %v: got %q, applied %v", v.Offer.Coupon, v.Code, applied)
		} else if applied && rat(v.Discount).Cmp(x) != 0 {
			t.Errorf("coupon %v: got %s, want %s", v.Offer.Coupon, v.Discount, x.FloatString(2))
		}
	}
}

func couponNumber(coupons []oracleCoupon, v Verdict) int {
	for _, c := range coupons {
		if couponID(c.n) == v.Offer.Coupon {
			return c.n
		}
	}
	return -1
}

// addsUp holds a priced cart against itself.
func addsUp(t *rapid.T, p Priced) {
	net, off, byVerdict := p.Net.Quantity.Zero(), p.Net.Quantity.Zero(), p.Net.Quantity.Zero()
	for _, l := range p.Lines {
		borne := l.Net
		for _, o := range l.Discounts {
			off, borne = off.Add(o.Amount), borne.Add(o.Amount)
			if !o.Amount.IsPositive() {
				t.Errorf("line %d bears %s", l.N, o.Amount)
			}
		}
		net = net.Add(l.Net)
		if l.Net.IsNegative() || !borne.Equal(fromSteps(l.UnitPrice.steps*int64(l.Qty), 2)) {
			t.Errorf("line %d: got %s net and %s in all", l.N, l.Net, borne)
		}
	}
	for _, v := range p.Verdicts {
		sum := p.Net.Quantity.Zero()
		for _, l := range v.Lines {
			sum = sum.Add(l.Discount)
		}
		if byVerdict = byVerdict.Add(sum); !sum.Equal(v.Discount.Quantity) {
			t.Errorf("coupon %v: got lines of %s, a discount of %s", v.Offer.Coupon, sum, v.Discount)
		}
	}
	if !net.Equal(p.Net.Quantity) || !off.Equal(p.Discount.Quantity) || !off.Equal(byVerdict) ||
		!p.Net.Add(p.Discount).Equal(p.Gross) {
		t.Errorf("got %s less %s is %s; lines of %s and %s off; verdicts of %s",
			p.Gross, p.Discount, p.Net, net, off, byVerdict)
	}
}

// perCheck has rapid look at so many sales in each of its checks: thousands in all.
const perCheck = 40

func TestPriceIsTheOracles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for range perCheck {
			d, cart, offers, coupons := drawSale(t, 5)
			got := d.price(cart, offers)
			addsUp(t, got)
			sameAsOracle(t, got, coupons, oracle(cart, coupons))
			if t.Failed() {
				t.Fatalf("cart %+v", cart)
			}
		}
	})
}

func TestBestIsTheOracles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for range perCheck {
			d, cart, offers, coupons := drawSale(t, mostExact)
			got, search := d.best(cart, offers)
			addsUp(t, got)
			best, _ := oracleBest(cart, coupons)
			sameAsOracle(t, got, coupons, oracle(cart, best))
			if search != SearchExact || t.Failed() {
				t.Fatalf("%s search of %d; cart %+v", search, len(offers), cart)
			}
		}
	})
}

// TestPriceIgnoresTheOrderOfOffers also tries more coupons than are searched exactly.
func TestPriceIgnoresTheOrderOfOffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, cart, offers, _ := drawSale(t, 12)
		shuffled := rapid.Permutation(offers).Draw(t, "order")
		first, second := d.price(cart, offers), d.price(cart, shuffled)
		if !first.Net.Equal(second.Net) || len(first.Verdicts) != len(second.Verdicts) {
			t.Fatalf("got %s and %s", first.Net, second.Net)
		}
		for i, v := range first.Verdicts {
			if w := second.Verdicts[i]; v.Offer.Coupon != w.Offer.Coupon || v.Code != w.Code {
				t.Errorf("got %+v and %+v", v, w)
			}
		}
		best, search := d.best(cart, shuffled)
		again, _ := d.best(cart, offers)
		addsUp(t, best)
		if !best.Net.Equal(again.Net) || search == SearchExact && first.Net.Less(best.Net) {
			t.Errorf("%s: got %s and %s, all of them %s", search, best.Net, again.Net, first.Net)
		}
	})
}
