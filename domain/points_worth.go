package domain

// pointsWorth is what points pay of a sale: nothing yet.
func (d *Draft) pointsWorth(points, net Money) (Money, error) {
	return Money{}, ErrPointsNotSpendable
}
