package projections

import (
	"slices"
	"strings"
)

// Kind is what the values of a column are, beyond SQL's type, which for most is TEXT.
type Kind string

// The kinds.
const (
	KindText    Kind = "text"
	KindInteger Kind = "integer" // of 64 bits
	KindAmount  Kind = "amount"  // a decimal, at the scale of its row's unit
	KindInstant Kind = "instant" // UTC, nine digits after the point
	KindDate    Kind = "date"    // YYYY-MM-DD
	KindBoolean Kind = "boolean" // 1 or 0
	KindJSON    Kind = "json"
)

// Columns whose kind their SQL type does not say; names that end in _at are instants.
var (
	booleans = []string{"indexed", "overridden", "registered", "skewed"}
	amounts  = []string{
		"amount", "available_after", "balance_after", "balance_before", "cap", "captured", "cost",
		"cost_left", "discount", "external", "face", "gross", "held", "held_after", "net", "payout",
		"points", "points_value", "remaining", "requested", "returned", "stored_value", "total",
		"uncollected", "value",
	}
	instants = []string{
		"at", "counted_since", "dormant_since", "first_recorded", "frozen_until", "last_recorded",
		"override_until", "period", "reserved_until", "scheduled_on", "since", "valid_from",
		"valid_until",
	}
	dates      = []string{"business_date", "day", "window_from", "window_through"}
	structured = []string{
		"after", "before", "by_class", "calendar", "consents", "detail", "dormant_balance", "filter",
		"freezes", "freezes_after", "freezes_before", "reminders", "scope", "tags", "through",
	}
)

// Kind is what the values of one of the table's columns are.
func (t Described) Kind(c DescribedColumn) Kind {
	switch {
	case t.Name == "exceptions" && c.Name == "amount":
		return KindText // with its unit
	case c.Type == "INTEGER" && slices.Contains(booleans, c.Name):
		return KindBoolean
	case c.Type == "INTEGER":
		return KindInteger
	case slices.Contains(amounts, c.Name):
		return KindAmount
	case strings.HasSuffix(c.Name, "_at"), slices.Contains(instants, c.Name):
		return KindInstant
	case slices.Contains(dates, c.Name):
		return KindDate
	case slices.Contains(structured, c.Name):
		return KindJSON
	}
	return KindText
}
