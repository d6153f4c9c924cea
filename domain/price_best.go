package domain

import (
	"cmp"
	"slices"
	"time"
)

// Search says how a best combination was looked for.
type Search string

// The searches: all combinations of up to 6 coupons that take something off by themselves, or, of more,
// one coupon after the other. The latter may miss the best.
const (
	SearchExact  Search = "exact"
	SearchGreedy Search = "greedy"
)

const (
	mostExact  = 6  // coupons of which all combinations are tried
	mostGreedy = 32 // of more, those that take the most off by themselves
)

// best is price with those of the offered coupons alone that together take the most off: of as much the
// fewest, of as many those that end first, then those that were granted first. What a tier gives is
// always among them.
func (d *Draft) best(cart Cart, offers []Offer) (Priced, Search) {
	p := d.newPricing(cart, offers)
	search := p.search()
	return p.priced(), search
}

// choice is a combination of coupons: places in pricing.claims, rising.
type choice struct {
	claims   []int
	discount int64
}

// search runs the best combination.
func (p *pricing) search() Search {
	candidates := p.candidates()
	if len(candidates) <= mostExact {
		p.try(p.exact(candidates).claims)
		return SearchExact
	}
	// An exclusive coupon may be the best of all alone, and less than common ones together.
	both := [2]choice{
		p.greedy(p.without(candidates, StackCommon)),
		p.greedy(p.without(candidates, StackExclusive)),
	}
	if p.better(both[1], both[0]) {
		both[0] = both[1]
	}
	p.try(both[0].claims)
	return SearchGreedy
}

// candidates are the coupons that take something off by themselves, those that take most first. What
// does not, never does beside others: they leave it less to count on.
func (p *pricing) candidates() []int {
	var alone []choice
	for i := range p.claims {
		c := &p.claims[i]
		if c.Tier != "" || c.refused != nil {
			continue
		}
		found, ok := p.try([]int{i})
		switch {
		case ok:
			alone = append(alone, found)
		case p.tooDear(c): // beside others it may take less
			alone, c.alone = append(alone, found), c.verdict
		default:
			c.refused = c.verdict
		}
	}
	slices.SortStableFunc(alone, func(a, b choice) int { return cmp.Compare(b.discount, a.discount) })
	var places []int
	for _, a := range alone[:min(len(alone), mostGreedy)] {
		places = append(places, a.claims...)
	}
	return places
}

// tooDear reports whether the campaign has too little left for what the last run would have taken off by
// a claim, but not nothing.
func (p *pricing) tooDear(c *claim) bool {
	return c.room != nil && c.verdict.Code == ErrBudgetExhausted.Code && !c.room.isEmpty(p.money(1), p.at)
}

// without are the candidates of other groups than one.
func (p *pricing) without(candidates []int, group StackingGroup) []int {
	return slices.DeleteFunc(slices.Clone(candidates), func(i int) bool {
		return p.claims[i].group() == group
	})
}

// try runs a combination, and reports whether all of it was taken.
func (p *pricing) try(claims []int) (choice, bool) {
	for i := range p.claims {
		p.claims[i].idle = p.claims[i].Tier == ""
	}
	for _, i := range claims {
		p.claims[i].idle = false
	}
	found := choice{claims, p.run()}
	return found, !slices.ContainsFunc(claims, func(i int) bool { return p.claims[i].verdict != nil })
}

// exact is the best of all combinations.
func (p *pricing) exact(candidates []int) choice {
	best, _ := p.try(nil)
	candidates = slices.Sorted(slices.Values(candidates))
	for mask := 1; mask < 1<<len(candidates); mask++ {
		var claims []int
		for bit, i := range candidates {
			if mask>>bit&1 == 1 {
				claims = append(claims, i)
			}
		}
		if found, ok := p.try(claims); ok && p.better(found, best) {
			best = found
		}
	}
	return best
}

// greedy adds, as long as there is one, the coupon that makes the combination better than any other does.
func (p *pricing) greedy(candidates []int) choice {
	best, _ := p.try(nil)
	for grew := true; grew; {
		grew = false
		from := best.claims
		for _, i := range candidates {
			if slices.Contains(from, i) {
				continue
			}
			claims := slices.Sorted(slices.Values(append(slices.Clone(from), i)))
			if found, ok := p.try(claims); ok && p.better(found, best) {
				best, grew = found, true
			}
		}
	}
	return best
}

// better reports whether a combination is preferred to another.
func (p *pricing) better(a, b choice) bool {
	if c := cmp.Or(cmp.Compare(b.discount, a.discount), len(a.claims)-len(b.claims)); c != 0 {
		return c < 0
	}
	ends := func(c choice) (ends []time.Time) {
		for _, i := range c.claims {
			ends = append(ends, p.claims[i].until)
		}
		slices.SortFunc(ends, endsFirst)
		return ends
	}
	if c := slices.CompareFunc(ends(a), ends(b), endsFirst); c != 0 {
		return c < 0
	}
	granted := func(c choice) (ids [][16]byte) {
		for _, i := range c.claims {
			ids = append(ids, p.claims[i].Coupon)
		}
		slices.SortFunc(ids, func(a, b [16]byte) int { return byID(a, b) })
		return ids
	}
	return slices.CompareFunc(granted(a), granted(b), func(a, b [16]byte) int { return byID(a, b) }) < 0
}
