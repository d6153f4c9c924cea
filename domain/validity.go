package domain

import "time"

// span is when a coupon can be redeemed that is granted at an instant: from the later of the
// definition's beginnings until the earlier of its ends, none where it has none. Days are days of the
// zone: AfterDays leads to a midnight, and Days last to the end of the day they lead to. So a week that
// begins at noon ends on the same weekday with that day, and one that begins at midnight is seven days.
func (v Validity) span(granted time.Time, in string) (from, until time.Time) {
	location := zone(in)
	from = granted
	if v.AfterDays > 0 {
		year, month, day := granted.In(location).Date()
		from = midnight(year, month, day+v.AfterDays, location)
	}
	if v.From.After(from) {
		from = v.From
	}
	until = v.Until
	if v.Days == 0 {
		return from, until
	}
	year, month, day := from.In(location).Date()
	if !from.Equal(midnight(year, month, day, location)) {
		day++
	}
	if ends := midnight(year, month, day+v.Days, location); until.IsZero() || ends.Before(until) {
		until = ends
	}
	return from, until
}
