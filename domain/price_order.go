package domain

import (
	"cmp"
	"math/bits"
	"slices"
)

// takeOff takes a claim's amount or percentage off its lines: no more than its cap, and no more than
// they are worth. A percentage is rounded once, half up, of the sum of the lines.
func (p *pricing) takeOff(c *claim) {
	def := c.Definition
	x := def.Value.Amount.bounded()
	if def.Kind == PercentOff {
		x = percentOf(p.money(c.eligible), def.Value.Percent).steps
	}
	c.discount = min(p.cap(c, x), c.eligible)
	p.spread(c)
}

// cap is x, or the claim's cap where that is less.
func (p *pricing) cap(c *claim, x int64) int64 {
	if c.Definition.Cap.unit == "" {
		return x
	}
	return min(x, c.Definition.Cap.bounded())
}

// spread spreads a claim's discount over its lines by what they are worth, which is eligible in all:
// each bears its share, rounded down, and the steps that are left go to the largest remainders, of equal
// ones to the first line. No line bears more than it is worth.
func (p *pricing) spread(c *claim) {
	if c.discount == 0 {
		return
	}
	type rest struct {
		line int
		of   uint64
	}
	var few [16]rest
	rests, left := few[:0], c.discount
	for i, w := range p.worth {
		if !c.lets[i] || w == 0 {
			continue
		}
		high, low := bits.Mul64(uint64(c.discount), uint64(w))
		share, remainder := bits.Div64(high, low, uint64(c.eligible)) // discount ≤ eligible: it fits
		c.off[i] = int64(share)
		left -= int64(share)
		rests = append(rests, rest{i, remainder})
	}
	if left == 0 {
		return
	}
	slices.SortStableFunc(rests, func(a, b rest) int { return cmp.Compare(b.of, a.of) })
	for _, r := range rests[:left] {
		c.off[r.line]++
	}
}
