package domain

import (
	"cmp"
	"slices"
)

// giveItems gives pieces for nothing: those of an exchange are the dearest that may be given. A piece
// serves one item discount, given or counted as bought; one that costs nothing serves none.
func (p *pricing) giveItems(c *claim) *Refusal {
	v := &c.Definition.Value
	given := make([]int, len(p.cart.Lines))
	if c.Definition.Kind == Exchange {
		p.pick(given, v.Get, c.gives, dearest, nil)
	} else if !p.giveFree(c, given) {
		return ErrCouponProducts.Because("too few pieces")
	}
	left := p.cap(c, mostGross)
	for i, n := range given {
		c.off[i] = min(int64(n)*p.cart.Lines[i].UnitPrice.steps, left)
		left -= c.off[i]
		c.discount += c.off[i]
	}
	if c.discount == 0 {
		return ErrCouponProducts.Because("no piece is left to give")
	}
	return nil
}

// giveFree gives, of every Buy + Get pieces, the Get cheapest, as often as there are as many. Where not
// every piece that counts as bought may be given, or the other way round, the cheapest are given that
// leave enough to be bought; of what is left the dearest count as bought.
func (p *pricing) giveFree(c *claim, given []int) bool {
	v := &c.Definition.Value
	var bought, gifts, both int // pieces that may be the one alone, the other alone, or both
	for i := range p.cart.Lines {
		switch n := p.free(i); {
		case c.lets[i] && c.gives[i]:
			both += n
		case c.lets[i]:
			bought += n
		case c.gives[i]:
			gifts += n
		}
	}
	times := min((bought+gifts+both)/(v.Buy+v.Get), (gifts+both)/v.Get)
	if v.Buy > 0 {
		times = min(times, (bought+both)/v.Buy)
	}
	if times == 0 {
		return false
	}
	spare := both - max(0, times*v.Buy-bought) // of those that may be both, what may be given
	p.pick(given, times*v.Get, c.gives, cheapest, func(i, n int) int {
		if c.lets[i] {
			n = min(n, spare)
			spare -= n
		}
		return n
	})
	p.pick(make([]int, len(given)), times*v.Buy, c.lets, dearest, nil)
	return true
}

// free are the pieces of a line that serve no item discount yet.
func (p *pricing) free(line int) int {
	if p.cart.Lines[line].UnitPrice.steps == 0 {
		return 0
	}
	return p.cart.Lines[line].Qty - p.spent[line]
}

func dearest(a, b int64) int  { return cmp.Compare(b, a) }
func cheapest(a, b int64) int { return cmp.Compare(a, b) }

// pick picks free pieces of some lines in the order of their price, of lines of one price the first;
// may, where there is one, says how many of n of a line.
func (p *pricing) pick(
	picked []int, want int, of []bool, by func(a, b int64) int, may func(i, n int) int,
) {
	var few [16]int
	lines := few[:0]
	for i := range p.cart.Lines {
		if of[i] && p.free(i) > 0 {
			lines = append(lines, i)
		}
	}
	slices.SortStableFunc(lines, func(a, b int) int {
		return by(p.cart.Lines[a].UnitPrice.steps, p.cart.Lines[b].UnitPrice.steps)
	})
	for _, i := range lines {
		n := min(p.free(i), want)
		if may != nil {
			n = may(i, n)
		}
		picked[i], want = n, want-n
		p.spent[i] += n
	}
}
