package domain

import "fmt"

// stack are the coupons that were taken, as others are held against them.
type stack struct {
	exclusive bool
	common    int
	most      int // the strictest bound of the common ones; 0: none
}

// group is the claim's stacking group. What a tier gives is beside everything.
func (c *claim) group() StackingGroup {
	switch {
	case c.Tier != "":
		return StackAlways
	case c.Definition.Stacking.Group == "":
		return StackExclusive
	}
	return c.Definition.Stacking.Group
}

// bars says why a claim cannot stand beside what was taken, nil where it can.
func (s *stack) bars(c *claim) *Refusal {
	switch c.group() {
	case StackAlways:
		return nil
	case StackExclusive:
		if s.exclusive || s.common > 0 {
			return ErrCouponNotCombinable
		}
		return nil
	}
	if s.exclusive {
		return ErrCouponNotCombinable
	}
	if most := stricter(s.most, c.Definition.Stacking.Most); most > 0 && s.common >= most {
		return ErrCouponStackLimit.Because(fmt.Sprintf("at most %d of them in one sale", most))
	}
	return nil
}

// add notes a claim that was taken.
func (s *stack) add(c *claim) {
	switch c.group() {
	case StackExclusive:
		s.exclusive = true
	case StackCommon:
		s.common++
		s.most = stricter(s.most, c.Definition.Stacking.Most)
	}
}

// stricter is the stricter of two bounds, of which 0 is none.
func stricter(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}
