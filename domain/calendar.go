package domain

import "time"

// Calendar says when something falls due again and again.
type Calendar struct {
	Every string `json:"every"`          // day, week or month
	Day   int    `json:"day,omitempty"`  // of a week 1 (Monday) to 7, of a month 1 to 31: its last, where it has fewer
	At    string `json:"at"`             // HH:MM on that day
	Zone  string `json:"zone,omitempty"` // IANA
}

// check refuses a calendar that names no instants.
func (c Calendar) check() error {
	_, clockErr := time.Parse("15:04", c.At)
	_, zoneErr := time.LoadLocation(c.Zone)
	most, known := map[string]int{"day": 0, "week": 7, "month": 31}[c.Every]
	switch {
	case !known:
		return ErrMalformed.Field("calendar.every", "want day, week or month")
	case c.Day > most || c.Day < min(most, 1):
		return ErrMalformed.Field("calendar.day", "want 1 to 7 of a week, 1 to 31 of a month, else none")
	case clockErr != nil || len(c.At) != 5:
		return ErrMalformed.Field("calendar.at", "want HH:MM")
	case c.Zone == "" || c.Zone == "Local" || zoneErr != nil:
		return ErrMalformed.Field("calendar.zone", "want an IANA zone, such as Asia/Shanghai")
	}
	return nil
}

// from is the first instant of the calendar at or after t.
func (c Calendar) from(t time.Time) time.Time {
	local := t.In(zone(c.Zone))
	at := c.near(local, 0)
	for n := 1; at.Before(t); n++ {
		at = c.near(local, n)
	}
	return at.UTC()
}

// after is the first instant of the calendar after t.
func (c Calendar) after(t time.Time) time.Time { return c.from(t.Add(1)) }

// near is the instant in the n-th day, week or month from that of local.
func (c Calendar) near(local time.Time, n int) time.Time {
	year, month, day := local.Date()
	switch c.Every {
	case "day":
		day += n
	case "week":
		day += c.Day - (int(local.Weekday())+6)%7 - 1 + 7*n
	default:
		month += time.Month(n)
		last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
		day = min(c.Day, last)
	}
	clock, err := time.Parse("15:04", c.At)
	if err != nil {
		clock = time.Time{} // it was valid when it was recorded
	}
	return time.Date(year, month, day, clock.Hour(), clock.Minute(), 0, 0, local.Location())
}
