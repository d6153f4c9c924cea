package domain

import "time"

// PointsRate is how many points an amount earns: Points for every Per of it, Times as many where a
// tier, a category or a campaign says so.
type PointsRate struct {
	Points Money    `json:"points"`
	Per    Money    `json:"per"`
	Times  Quantity `json:"times,omitzero"` // the product of all that multiply it; none: once
}

// pointsEnd is when points of a unit end that take effect at an instant, zero if they never do.
func (p *Program) pointsEnd(_ string, effective time.Time) time.Time {
	return p.expiry(Earned, effective)
}
