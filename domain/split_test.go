package domain

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func minors(ns ...int64) []Quantity {
	quantities := make([]Quantity, len(ns))
	for i, n := range ns {
		quantities[i] = fromMinor(big.NewInt(n), 2)
	}
	return quantities
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		c             int64
		weights, want []int64
	}{
		{65, []int64{100, 30}, []int64{50, 15}}, {777, []int64{10000, 3000}, []int64{598, 179}},
		{1, []int64{1, 1}, []int64{1, 0}}, {1, []int64{1, 2}, []int64{0, 1}},
		{0, []int64{1, 2}, []int64{0, 0}}, {0, []int64{0, 0}, []int64{0, 0}},
		{3, []int64{0, 3, 0}, []int64{0, 3, 0}}, {5, []int64{1, 1, 1, 1, 1}, []int64{1, 1, 1, 1, 1}},
	} {
		for i, got := range split(minors(c.c)[0], minors(c.weights...)) {
			if want := minors(c.want[i])[0]; !got.Equal(want) {
				t.Errorf("part %d of %d over %v: got %s, want %s", i, c.c, c.weights, got, want)
			}
		}
	}
}

// Parts grow with c, never exceed their weights, and add up; so steps of any size end exactly at
// the weights.
func TestSplitProperties(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		top := rapid.SampledFrom([]int64{3, 1000, 1e15, 1 << 62}).Draw(r, "top")
		weights := minors(rapid.SliceOfN(rapid.Int64Range(0, top), 1, 6).Draw(r, "weights")...)
		sum := zero(2)
		for _, w := range weights {
			sum = sum.Add(w)
		}
		c, before := zero(2), split(zero(2), weights)
		for !c.Equal(sum) {
			left := sum.Sub(c)
			step := portion(left, minors(rapid.Int64Range(0, 100).Draw(r, "step"))[0], minors(100)[0])
			c = least(c.Add(most(step, minors(1)[0])), sum)
			parts, total := split(c, weights), zero(2)
			for i, p := range parts {
				if p.Less(before[i]) || weights[i].Less(p) {
					r.Fatalf("part %d of %s over %s: got %s after %s", i, c, weights, p, before[i])
				}
				total = total.Add(p)
			}
			if !total.Equal(c) {
				r.Fatalf("got %s in all, want %s", total, c)
			}
			before = parts
			if rapid.IntRange(0, 9).Draw(r, "stop") == 0 {
				c = sum
				before = split(c, weights)
			}
		}
		for i, p := range before {
			if !p.Equal(weights[i]) {
				r.Fatalf("got %s at the end, want %s", before, weights)
			}
		}
	})
}
