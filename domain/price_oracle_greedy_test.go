package domain

import (
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// oracleTier is the number of what a tier gives, beside those of coupons.
const oracleTier = -1

// oracleBeside is oracle, with what a tier gives after all else, where there is one.
func oracleBeside(tier *Definition, cart Cart, coupons []oracleCoupon) *oracleSale {
	s := oracle(cart, coupons)
	if tier != nil {
		s.use(oracleCoupon{n: oracleTier, def: tier})
	}
	return s
}

// oracleTakes is what coupons take off beside a tier, and whether each of them takes something.
func oracleTakes(tier *Definition, cart Cart, coupons []oracleCoupon) (*big.Rat, bool) {
	off, all := new(big.Rat), true
	s := oracleBeside(tier, cart, coupons)
	for _, x := range s.off {
		off.Add(off, x)
	}
	for _, c := range coupons {
		all = all && s.off[c.n] != nil
	}
	return off, all
}

// oracleGreedy adds one coupon after the other, each the best to add: once of those that are not common,
// once of those that are not exclusive.
func oracleGreedy(tier *Definition, cart Cart, coupons []oracleCoupon) []oracleCoupon {
	var best []oracleCoupon
	for _, group := range []StackingGroup{StackCommon, StackExclusive} {
		var found []oracleCoupon
		for grew := true; grew; {
			grew = false
			from := found
			for _, c := range coupons {
				if c.def.Stacking.Group == group || slices.Contains(from, c) {
					continue
				}
				more := append(slices.Clone(from), c)
				slices.SortFunc(more, func(a, b oracleCoupon) int { return a.n - b.n })
				if _, all := oracleTakes(tier, cart, more); all && oracleBetter(tier, cart, more, found) {
					found, grew = more, true
				}
			}
		}
		if oracleBetter(tier, cart, found, best) {
			best = found
		}
	}
	return best
}

func oracleBetter(tier *Definition, cart Cart, a, b []oracleCoupon) bool {
	x, _ := oracleTakes(tier, cart, a)
	y, _ := oracleTakes(tier, cart, b)
	c := x.Cmp(y)
	return c > 0 || c == 0 && oraclePrefers(a, b)
}

// oracleAll tries all combinations.
func oracleAll(tier *Definition, cart Cart, coupons []oracleCoupon) (best []oracleCoupon) {
	for mask := range 1 << len(coupons) {
		var some []oracleCoupon
		for i, c := range coupons {
			if mask>>i&1 == 1 {
				some = append(some, c)
			}
		}
		if _, all := oracleTakes(tier, cart, some); all && oracleBetter(tier, cart, some, best) {
			best = some
		}
	}
	return best
}

// drawTier is what a tier takes off, at times nothing.
func drawTier(t *rapid.T) (*Definition, []Offer) {
	percent := rapid.SampledFrom([]Quantity{{}, fromSteps(5, 0), fromSteps(3333, 2), fromSteps(100, 0)}).Draw(t, "tier")
	if percent.IsZero() {
		return nil, nil
	}
	offer := tierOffer("gold", "CNY", percent)
	return offer.Definition, []Offer{offer}
}

func TestPriceBesideATierIsTheOracles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for range perCheck / 4 {
			d, cart, offers, coupons := drawSale(t, 4)
			tier, more := drawTier(t)
			got := d.price(cart, append(offers, more...))
			addsUp(t, got)
			sameAsOracle(t, got, coupons, oracleBeside(tier, cart, coupons))
			got, search := d.best(cart, append(offers, more...))
			addsUp(t, got)
			sameAsOracle(t, got, coupons, oracleBeside(tier, cart, oracleAll(tier, cart, coupons)))
			if search != SearchExact || t.Failed() {
				t.Fatalf("%s search; cart %+v", search, cart)
			}
		}
	})
}

// TestGreedyIsTheOracles: beyond six coupons that take something off by themselves the search is greedy,
// says so, and takes what its rule says: never more than the best of all combinations.
func TestGreedyIsTheOracles(t *testing.T) {
	greedy := 0
	rapid.Check(t, func(t *rapid.T) {
		for range perCheck / 2 {
			if greedyIsTheOracles(t) {
				greedy++
			}
		}
	})
	if greedy == 0 {
		t.Error("no search was greedy")
	}
}

// greedyIsTheOracles prices one cart with up to twelve coupons, and says whether it took a greedy search.
func greedyIsTheOracles(t *rapid.T) bool {
	d, cart, offers, coupons := drawSale(t, 12)
	tier, more := drawTier(t)
	var candidates []oracleCoupon
	for _, c := range coupons {
		if _, all := oracleTakes(tier, cart, []oracleCoupon{c}); all {
			candidates = append(candidates, c)
		}
	}
	if len(candidates) > 9 { // all combinations of more would take too long
		return false
	}
	got, search := d.best(cart, append(offers, more...))
	addsUp(t, got)
	best, greedy := oracleAll(tier, cart, candidates), len(candidates) > mostExact
	found := best
	if greedy {
		found = oracleGreedy(tier, cart, candidates)
		if most, _ := oracleTakes(tier, cart, best); rat(got.Discount).Cmp(most) > 0 {
			t.Errorf("got %s off, more than the best, %s", got.Discount, most.FloatString(2))
		}
	}
	sameAsOracle(t, got, coupons, oracleBeside(tier, cart, found))
	if (search == SearchGreedy) != greedy || t.Failed() {
		t.Fatalf("%s search of %d; cart %+v", search, len(candidates), cart)
	}
	return greedy
}
