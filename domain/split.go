package domain

import "math/big"

// split divides c over the weights, in minor units: with W their sum, the first part is
// round_half_up(c·w1/W), and the rest is split over the other weights the same way. For 0 ≤ c ≤ W
// every part is monotone in c, never exceeds its weight, and the parts add up to c; so a sequence
// of steps, each the new target less what was taken before, ends exactly at the weights.
func split(c Quantity, weights []Quantity) []Quantity {
	left, sum := c.minor(), new(big.Int)
	for _, w := range weights {
		sum.Add(sum, w.minor())
	}
	parts := make([]Quantity, len(weights))
	for i, w := range weights {
		part := halfUp(left, w.minor(), sum)
		parts[i] = fromMinor(part, c.Scale())
		left.Sub(left, part)
		sum.Sub(sum, w.minor())
	}
	return parts
}

// halfUp is round_half_up(c·w/sum), 0 when sum is 0; none of them is negative.
func halfUp(c, w, sum *big.Int) *big.Int {
	if sum.Sign() == 0 {
		return new(big.Int)
	}
	n := new(big.Int).Mul(c, w)
	n.Lsh(n, 1).Add(n, sum)
	return n.Quo(n, new(big.Int).Lsh(sum, 1))
}

// portion is round_half_up(whole·part/of) at whole's scale: the cost of a part of a lot.
func portion(whole, part, of Quantity) Quantity {
	return fromMinor(halfUp(whole.minor(), part.minor(), of.minor()), whole.Scale())
}
