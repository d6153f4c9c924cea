package main

import "time"

// withoutOffset are the forms of a time that leave its zone to --zone.
var withoutOffset = []string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04"}

// instant reads RFC 3339, a time without an offset, which is one in the parser's zone, or a date,
// which is the beginning of that day there. It is zero where the column is empty.
func (b *rowBuilder) instant(c column) (t time.Time, isDate bool) {
	text := b.values[c]
	if text == "" {
		return time.Time{}, false
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return b.inRange(c, t), false
	}
	for _, layout := range withoutOffset {
		if t, err := time.ParseInLocation(layout, text, b.zone); err == nil {
			return b.inRange(c, t), false
		}
	}
	t, err := time.ParseInLocation(time.DateOnly, text, b.zone)
	if err != nil {
		b.refuse("%s: got %q, want RFC 3339 or YYYY-MM-DD", c.name(), text)
	}
	return b.inRange(c, t), true
}

// inRange is t in UTC, in the microseconds that the ledger keeps.
func (b *rowBuilder) inRange(c column, t time.Time) time.Time {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Year() < 1 || t.Year() > 9999 {
		b.refuse("%s: want a year from 1 to 9999", c.name())
	}
	return t
}

// later is an instant that may be missing.
func (b *rowBuilder) later(c column) *time.Time {
	t, _ := b.instant(c)
	if t.IsZero() {
		return nil
	}
	return &t
}
