package domain

import (
	"math/big"
	"math/bits"
)

// split divides c over the weights, in minor units: with W their sum, the first part is
// round_half_up(c·w1/W), and the rest is split over the other weights the same way. For 0 ≤ c ≤ W
// every part is monotone in c, never exceeds its weight, and the parts add up to c; so a sequence
// of steps, each the new target less what was taken before, ends exactly at the weights.
func split(c Quantity, weights []Quantity) []Quantity {
	left, sum := c, c.Zero()
	for _, w := range weights {
		sum = sum.Add(w)
	}
	parts := make([]Quantity, len(weights))
	for i, w := range weights {
		parts[i] = portion(left, w, sum)
		left, sum = left.Sub(parts[i]), sum.Sub(w)
	}
	return parts
}

// portion is round_half_up(whole·part/of) at whole's scale, 0 when of is 0: the cost of a part of a
// lot. None of them is negative, and part is at most of.
func portion(whole, part, of Quantity) Quantity {
	if of.IsZero() {
		return whole.Zero()
	}
	if whole.wide == nil && part.narrow(of) && whole.steps >= 0 && part.steps >= 0 &&
		part.steps <= of.steps {
		// 2·whole·part + of < 2^125 and the quotient is at most whole, so it fits.
		high, low := bits.Mul64(uint64(whole.steps), 2*uint64(part.steps))
		low, carry := bits.Add64(low, uint64(of.steps), 0)
		quotient, _ := bits.Div64(high+carry, low, 2*uint64(of.steps))
		return fromSteps(int64(quotient), whole.scale)
	}
	n := new(big.Int).Mul(whole.minor(), part.minor())
	n.Lsh(n, 1).Add(n, of.minor())
	return fromMinor(n.Quo(n, new(big.Int).Lsh(of.minor(), 1)), whole.scale)
}
