package domain

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestExpiry: a lot ends with its last day in the terms' zone.
func TestExpiry(t *testing.T) {
	for _, c := range []struct {
		name, zone, effective string
		rule                  Expiry
		want                  string // "" for never
	}{
		{"30 whole days", "UTC", "2026-03-02T12:00:00Z", Expiry{Days: 30}, "2026-04-02T00:00:00Z"},
		{"days in a zone", "Asia/Shanghai", "2026-03-01T16:00:00Z", Expiry{Days: 1},
			"2026-03-03T16:00:00Z"},
		{"end of the month", "UTC", "2026-02-28T23:59:59Z", Expiry{EndOf: "month"},
			"2026-03-01T00:00:00Z"},
		{"end of the next month, clamped", "UTC", "2026-01-31T12:00:00Z",
			Expiry{EndOf: "month", Months: 1}, "2026-03-01T00:00:00Z"},
		{"a month, clamped", "UTC", "2026-01-31T12:00:00Z", Expiry{Months: 1}, "2026-03-01T00:00:00Z"},
		{"a month into a leap year", "UTC", "2028-01-31T12:00:00Z", Expiry{Months: 1},
			"2028-03-01T00:00:00Z"},
		{"a month", "UTC", "2026-03-02T12:00:00Z", Expiry{Months: 1}, "2026-04-03T00:00:00Z"},
		{"a year from a leap day", "UTC", "2028-02-29T12:00:00Z", Expiry{Months: 12},
			"2029-03-01T00:00:00Z"},
		{"end of the quarter", "UTC", "2026-05-31T12:00:00Z", Expiry{EndOf: "quarter"},
			"2026-07-01T00:00:00Z"},
		{"end of the last quarter", "UTC", "2026-10-01T00:00:00Z", Expiry{EndOf: "quarter"},
			"2027-01-01T00:00:00Z"},
		{"end of the quarter after", "UTC", "2026-11-30T00:00:00Z",
			Expiry{EndOf: "quarter", Months: 3}, "2027-04-01T00:00:00Z"},
		{"end of the year", "Asia/Shanghai", "2026-03-02T12:00:00Z", Expiry{EndOf: "year"},
			"2026-12-31T16:00:00Z"},
		{"end of the year it is there", "Asia/Shanghai", "2026-12-31T16:00:00Z",
			Expiry{EndOf: "year"}, "2027-12-31T16:00:00Z"},
		{"end of the year after", "UTC", "2026-03-02T12:00:00Z", Expiry{EndOf: "year", Months: 12},
			"2028-01-01T00:00:00Z"},
		{"through a day", "America/New_York", "2026-03-02T12:00:00Z", Expiry{On: "2026-12-31"},
			"2027-01-01T05:00:00Z"},
		{"through today", "UTC", "2026-12-31T23:59:59Z", Expiry{On: "2026-12-31"},
			"2027-01-01T00:00:00Z"},
		{"a day that is over", "UTC", "2027-01-01T00:00:00Z", Expiry{On: "2026-12-31"}, ""},
		// Clocks went from 00:00 to 01:00 in Beirut on 29 March 2026.
		{"a day that begins at 01:00", "Asia/Beirut", "2026-03-27T12:00:00Z", Expiry{Days: 1},
			"2026-03-28T22:00:00Z"},
		// And in Santiago on 6 September 2026.
		{"another one", "America/Santiago", "2026-09-04T12:00:00Z", Expiry{Days: 1},
			"2026-09-06T04:00:00Z"},
		{"beyond what can be written", "UTC", "9990-01-01T00:00:00Z", Expiry{Days: 36500}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			effective, err := time.Parse(time.RFC3339, c.effective)
			if err != nil {
				t.Fatal(err)
			}
			p := &Program{Terms: Terms{Zone: c.zone, Expiry: map[Class]Expiry{Bonus: c.rule}}}
			got := ""
			if ends := p.expiry(Bonus, effective); !ends.IsZero() {
				got = ends.Format(time.RFC3339)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if ends := p.expiry(Principal, effective); !ends.IsZero() {
				t.Errorf("principal ends %s, want never", ends)
			}
		})
	}
}

// A lot never ends before it takes effect, wherever and whenever; its end is a day's beginning there,
// and later by no less than the days it was promised.
func TestExpiryComesAfterEffect(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := rapid.SampledFrom([]Expiry{{Days: 1}, {Days: 365}, {EndOf: "month"}, {EndOf: "quarter"},
			{EndOf: "year"}, {Months: 1}, {Months: 13}, {EndOf: "month", Months: 1}, {On: "2027-02-28"}}).
			Draw(t, "rule")
		name := rapid.SampledFrom([]string{"UTC", "Asia/Shanghai", "America/New_York", "Asia/Beirut",
			"America/Santiago", "Africa/Cairo", "Pacific/Kiritimati", "Australia/Lord_Howe"}).Draw(t, "zone")
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		effective := from.Add(time.Duration(rapid.Int64Range(0, int64(3*365*day)).Draw(t, "effective")))
		p := &Program{Terms: Terms{Zone: name, Expiry: map[Class]Expiry{Bonus: rule}}}
		ends := p.expiry(Bonus, effective)
		if ends.IsZero() {
			if rule.On == "" {
				t.Errorf("%+v never ends from %s on", rule, effective)
			}
			return
		}
		if !ends.After(effective) || rule.Days > 0 && ends.Sub(effective) < time.Duration(rule.Days)*day-time.Hour {
			t.Errorf("%+v from %s ends %s", rule, effective, ends)
		}
		here := ends.In(zone(name))
		if last := here.Add(-1); last.Day() == here.Day() {
			t.Errorf("%s is in the middle of a day: %s", fmt.Sprint(ends), here)
		}
	})
}
