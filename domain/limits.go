package domain

import "fmt"

// The bounds of what limits make an account remember.
const (
	mostVelocity = 100
	mostStretch  = 31 * 24 * 3600 // seconds
)

func (t *Terms) limitFaults(f *faults) {
	units := map[string]bool{}
	for i, l := range t.Limits {
		at := fmt.Sprintf("terms.limits.%d.", i)
		f.want(unitCode.MatchString(l.Unit) && !units[l.Unit], at+"unit",
			"want a unit's code, each once")
		units[l.Unit] = true
		f.amount(l.MinTopUp, l.Unit, at+"min_top_up")
		f.amount(l.MaxTopUp, l.Unit, at+"max_top_up")
		f.amount(l.MaxBalance, l.Unit, at+"max_balance")
		f.amount(l.MaxDebit, l.Unit, at+"max_debit")
		f.amount(l.MaxDebitDay, l.Unit, at+"max_debit_day")
		f.want(l.MaxTopUp.unit == "" || !l.MaxTopUp.Quantity.Less(l.MinTopUp.Quantity), at+"max_top_up",
			"want no less than min_top_up")
		v := l.Velocity
		f.want(v == Velocity{} || v.Count >= 1 && v.Count <= mostVelocity, at+"velocity.count",
			"want 1 to 100")
		f.want(v == Velocity{} || v.Seconds >= 1 && v.Seconds <= mostStretch, at+"velocity.seconds",
			"want 1 to 2678400")
	}
}
