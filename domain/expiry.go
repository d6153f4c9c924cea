package domain

import (
	"slices"
	"time"
)

var calendarEnds = []string{"month", "quarter", "year"}

func (x Expiry) faults(f *faults, class Class) {
	at := "terms.expiry." + string(class)
	f.want(slices.Contains(classOrder, class), at, "is no class of lots")
	x.wrong(f, at)
}

// wrong notes what is wrong with an expiry, whatever it is of.
func (x Expiry) wrong(f *faults, at string) {
	ways := 0
	for _, used := range []bool{x.Days != 0, x.EndOf != "" || x.Months != 0, x.On != ""} {
		if used {
			ways++
		}
	}
	f.want(ways == 1, at, "want one of days, end_of (or months) and on")
	f.want(x.Days >= 0 && x.Days <= mostDays, at+".days", "want 1 to 36500")
	f.want(x.EndOf == "" || slices.Contains(calendarEnds, x.EndOf), at+".end_of",
		"want month, quarter or year")
	f.want(x.Months >= 0 && x.Months <= 1200, at+".months", "want 0 to 1200")
	on, err := time.Parse(time.DateOnly, x.On)
	f.want(x.On == "" || err == nil && on.Year() >= 1900, at+".on",
		"want a day from 1900 on, YYYY-MM-DD")
}

// expiry is when a lot of a class ends that takes effect at an instant, zero if it never does.
func (p *Program) expiry(class Class, effective time.Time) time.Time {
	x, ok := p.Terms.Expiry[class]
	if !ok {
		return time.Time{}
	}
	return x.end(p.Terms.Zone, effective)
}

// end is when a lot ends that takes effect at an instant, zero if it never does. It is a midnight of
// the zone, the one that ends the last day, and always after effective:
//
//   - Days 30 is through the 30th day after;
//   - Months 1 alone is through the same day of the next month, or that month's last: 31 January
//     goes to the end of 28 February;
//   - EndOf is through the last day of the month, quarter or year that Months leads to;
//   - On is through that day; a day that is over by then ends nothing.
func (x Expiry) end(in string, effective time.Time) time.Time {
	location := zone(in)
	year, month, day := effective.In(location).Date()
	switch {
	case x.On != "":
		on, _ := time.Parse(time.DateOnly, x.On) // it was checked when it was published
		year, month, day = on.Date()
	case x.Days > 0:
		day += x.Days
	case x.EndOf != "":
		year, month, day = lastDay(year, month+time.Month(x.Months), x.EndOf)
	default:
		_, _, last := lastDay(year, month+time.Month(x.Months), "month")
		month, day = month+time.Month(x.Months), min(day, last)
	}
	ends := midnight(year, month, day+1, location)
	if !ends.After(effective) || ends.Year() > 9999 {
		return time.Time{}
	}
	return ends
}

// lastDay is the last day of the month, quarter or year in which a month lies; a month beyond 12 is
// one of the years after.
func lastDay(year int, month time.Month, of string) (int, time.Month, int) {
	first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	next := first.AddDate(0, 1, 0)
	switch of {
	case "quarter":
		next = first.AddDate(0, 3-(int(first.Month())-1)%3, 0)
	case "year":
		next = first.AddDate(0, 13-int(first.Month()), 0)
	}
	return next.AddDate(0, 0, -1).Date()
}

// midnight is the first instant of a day, in UTC. Where clocks skip midnight that is an hour on.
func midnight(year int, month time.Month, day int, in *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, in)
	if t.Hour() == 23 {
		t = t.Add(time.Hour)
	}
	return t.UTC()
}
