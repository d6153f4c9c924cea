package domain

import (
	"slices"
	"time"
)

// TierWindow is the stretch of days over which is counted what a tier takes. Days are business dates.
type TierWindow struct {
	Kind WindowKind `json:"kind"`
	Of   string     `json:"of,omitempty"`   // of calendar: month, quarter or year
	Days int        `json:"days,omitempty"` // of rolling
}

// WindowKind says where windows begin and end.
type WindowKind string

// The kinds. A membership year begins on the day of the year on which the account was opened; a rolling
// window ends with every day, and a tier reached by it is held for as many days before it is decided
// on again.
const (
	WindowCalendar   WindowKind = "calendar"
	WindowRolling    WindowKind = "rolling"
	WindowMembership WindowKind = "membership_year"
)

// Span is a stretch of days, YYYY-MM-DD, both of them in it.
type Span struct {
	From    string `json:"from"`
	Through string `json:"through"`
}

// Holds reports whether a day lies in the span.
func (s Span) Holds(day string) bool { return s.From <= day && day <= s.Through }

func (w TierWindow) faults(f *faults) {
	at := "terms.tiers.window."
	f.want(slices.Contains([]WindowKind{WindowCalendar, WindowRolling, WindowMembership}, w.Kind),
		at+"kind", "want calendar, rolling or membership_year")
	f.want((w.Kind == WindowCalendar) == slices.Contains(calendarEnds, w.Of), at+"of",
		"want month, quarter or year with calendar, none else")
	rolling := w.Kind == WindowRolling
	f.want(rolling && w.Days >= 1 && w.Days <= mostTierDays || !rolling && w.Days == 0, at+"days",
		"want 1 to 732 with rolling, none else")
}

// shortest is how many days a window has at least.
func (w TierWindow) shortest() int {
	switch {
	case w.Kind == WindowRolling:
		return w.Days
	case w.Of == "month":
		return 28
	case w.Of == "quarter":
		return 90
	}
	return 365
}

// around is the window in which a day lies, of an account that was opened on a day; of rolling ones that
// which ends with it.
func (w TierWindow) around(day, opened string) Span {
	d := dayOf(day)
	year, month, _ := d.Date()
	switch w.Kind {
	case WindowRolling:
		return Span{plusDays(day, 1-w.Days), day}
	case WindowMembership:
		o := dayOf(opened)
		from := time.Date(year, o.Month(), o.Day(), 0, 0, 0, 0, time.UTC)
		if from.After(d) {
			from = time.Date(year-1, o.Month(), o.Day(), 0, 0, 0, 0, time.UTC)
		}
		next := time.Date(from.Year()+1, o.Month(), o.Day(), 0, 0, 0, 0, time.UTC)
		return Span{from.Format(time.DateOnly), next.AddDate(0, 0, -1).Format(time.DateOnly)}
	}
	toYear, toMonth, toDay := lastDay(year, month, w.Of)
	switch w.Of {
	case "year":
		month = time.January
	case "quarter":
		month -= (month - 1) % 3
	}
	return Span{time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Format(time.DateOnly),
		time.Date(toYear, toMonth, toDay, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)}
}

// before is the window that ended before a window began.
func (w TierWindow) before(s Span, opened string) Span {
	return w.around(plusDays(s.From, -1), opened)
}

// ends is the first day after the period of a tier that was reached, or retained, on a day.
func (w TierWindow) ends(day, opened string) string {
	if w.Kind == WindowRolling {
		return plusDays(day, w.Days)
	}
	return plusDays(w.around(day, opened).Through, 1)
}

// bucket is the day under which is summed what counts on a day: of a rolling window its own, else the
// first of its window.
func (w TierWindow) bucket(day, opened string) string {
	if w.Kind == WindowRolling {
		return day
	}
	return w.around(day, opened).From
}

// dayOf is the midnight, in UTC, of a day that is written YYYY-MM-DD; the zero time of none.
func dayOf(day string) time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return time.Time{} // it was valid when it was recorded
	}
	return t
}

func plusDays(day string, n int) string { return dayOf(day).AddDate(0, 0, n).Format(time.DateOnly) }
