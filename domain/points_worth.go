package domain

// pointsWorth is what points pay of a sale that costs net, under the first rule of their unit that says
// so: whole steps alone, and no more than the rule's share of the sale.
func (d *Draft) pointsWorth(points, net Money) (Money, error) {
	rule := d.program().pointsRule(points.Unit())
	if rule == nil || rule.Spend == nil || rule.Spend.Worth.Unit() != net.Unit() {
		return Money{}, ErrPointsNotSpendable
	}
	s := rule.Spend
	if !multiple(points.Quantity, s.Step.Quantity) {
		return Money{}, ErrPointsNotSpendable.Because("they are spent in steps of " + s.Step.String())
	}
	worth := net.With(portion(s.Worth.Quantity, points.Quantity, s.Points.Quantity))
	if !worth.IsPositive() {
		return Money{}, ErrPointsNotSpendable.Because("they are worth nothing")
	}
	if most := percentOf(net, s.Share); s.Share.IsPositive() && most.Less(worth) {
		return Money{}, ErrLimitExceeded.Because("points may pay at most "+s.Share.String()+
			" percent of a sale").Short(worth, most)
	}
	return worth, nil
}

// multiple reports whether q is a whole multiple of step, of the same scale.
func multiple(q, step Quantity) bool {
	return q.Decimal().Mod(step.Decimal()).IsZero()
}
