package domain

import "fmt"

func (t *Terms) ladderFaults(f *faults) {
	f.want(len(t.Ladder) <= mostSteps, "terms.ladder", fmt.Sprint("want at most ", mostSteps))
	ids := map[string]bool{}
	for i, s := range t.Ladder {
		at := fmt.Sprintf("terms.ladder.%d.", i)
		f.want(storeID.MatchString(s.ID) && !ids[s.ID], at+"id",
			"want 1 to 64 of [A-Za-z0-9._:-], each once")
		ids[s.ID] = true
		f.want(s.From.unit != "" && !s.From.IsNegative(), at+"from", "is required")
		byPercent, fixed := !s.Percent.IsZero(), s.Fixed.unit != ""
		f.want(byPercent != fixed, at+"percent", "want it or fixed, not both")
		f.want(!byPercent || isPercent(s.Percent), at+"percent", wantPercent)
		f.amount(s.Fixed, s.From.unit, at+"fixed")
		f.amount(s.Cap, s.From.unit, at+"cap")
		f.want(byPercent || s.Cap.unit == "", at+"cap", "goes with percent")
		f.window(s.Begins, s.Ends, at)
		f.whom(s.Scope, s.Accounts, at)
		f.want(s.PerCustomer >= 0 && s.PerCustomer <= 1_000_000, at+"per_customer",
			"want 0 to 1000000")
	}
}
