package domain

import "math/big"

// PointsPayable is what points of a unit could pay of a sale: Most of them are worth Worth, and no
// others are worth more that the account has and the program takes.
type PointsPayable struct {
	Available Money
	Most      Money
	Worth     Money // in the sale's unit
}

// pointsPayable is what points could pay of a sale of so much, by the program's rules in their order.
func (d *Draft) pointsPayable(sale Money) (payable []PointsPayable) {
	rules := d.program().Terms.Points
	for i := range rules {
		if s := rules[i].Spend; s != nil && s.Worth.unit == sale.unit {
			free := d.spendable(s.Points, d.Decided, &d.Context)
			p := PointsPayable{Available: free}
			p.Most, p.Worth = s.payable(free, sale)
			payable = append(payable, p)
		}
	}
	return payable
}

// payable are the fewest points, in whole steps and of those there are, that are worth the most that
// they may pay of a sale. With P points for W of the currency, p of them are worth ⌊p·W/P⌋.
func (s *PointsSpend) payable(free, sale Money) (points, worth Money) {
	most := sale
	if s.Share.IsPositive() {
		most = s.most(sale)
	}
	if isSmall(free, most, s.Points, s.Worth, s.Step) {
		return s.payableSmall(free, most)
	}
	return s.payableLarge(free, most)
}

// isSmall reports that the products of two of the amounts fit into an int64.
func isSmall(amounts ...Money) bool {
	for _, m := range amounts {
		if m.wide != nil || m.steps < 0 || m.steps >= 1<<31-1 {
			return false
		}
	}
	return true
}

// payableSmall is payableLarge of small amounts: nearly all there are, in a fraction of the time.
func (s *PointsSpend) payableSmall(free, most Money) (points, worth Money) {
	per, pays, step := s.Points.steps, s.Worth.steps, s.Step.steps
	n := min(((most.steps+1)*per-1)/pays, free.steps)
	w := (n - n%step) * pays / per
	fewest := (w*per + pays - 1) / pays
	fewest = (fewest + step - 1) / step * step
	return free.With(fromSteps(fewest, free.scale)), s.Worth.With(fromSteps(w, s.Worth.scale))
}

func (s *PointsSpend) payableLarge(free, most Money) (points, worth Money) {
	per, pays := s.Points.minor(), s.Worth.minor()
	n := new(big.Int).Add(most.minor(), big.NewInt(1)) // more than may be paid
	n.Mul(n, per).Sub(n, big.NewInt(1)).Quo(n, pays)   // the most points that are not worth that
	if free.minor().Cmp(n) < 0 {
		n = free.minor()
	}
	step := s.Step.minor()
	n = new(big.Int).Sub(n, new(big.Int).Rem(n, step))
	worth = s.WorthOf(free.With(fromMinor(n, free.Scale())))
	fewest := new(big.Int).Mul(worth.minor(), per)
	fewest = roundUp(roundUp(fewest, pays).Quo(fewest, pays), step)
	return free.With(fromMinor(fewest, free.Scale())), worth
}

// roundUp is n, or the next multiple of a step above it. It changes n.
func roundUp(n, step *big.Int) *big.Int {
	if rest := new(big.Int).Rem(n, step); rest.Sign() > 0 {
		n.Add(n, step).Sub(n, rest)
	}
	return n
}
