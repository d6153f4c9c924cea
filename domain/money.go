package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Money is an exact amount of one unit. It is the only type that carries value: never a float,
// never a bare number. In JSON it is {"amount":"12.50","unit":"CNY"}.
//
// Amounts of two units never meet: Add, Sub and Less panic on them, which only our own bug can
// bring about.
type Money struct {
	Quantity
	unit string
}

// isInput reports the form of an amount that callers send: ^(0|[1-9][0-9]{0,14})(\.[0-9]+)?$
func isInput(s string) bool {
	whole, _, _ := strings.Cut(s, ".")
	return len(whole) <= 15 && !strings.HasPrefix(s, "-") && plain(s)
}

// ParseMoney reads an amount that a caller sent: at most 15 integer digits and at most the unit's
// fraction digits, nothing else. "12.5" of a unit with two is 12.50; "12.500" is ErrAmountScale, as
// nothing is ever rounded; any other form is ErrMalformed.
func ParseMoney(amount string, u Unit) (Money, error) {
	if len(amount) > 40 || !isInput(amount) {
		return Money{}, ErrMalformed.Field("amount", "want at most 15 digits, optionally a point and digits")
	}
	whole, fraction, _ := strings.Cut(amount, ".")
	if len(fraction) > int(u.Scale) {
		return Money{}, ErrAmountScale.Because(
			fmt.Sprintf("%s has %d fraction digits, got %d", u.Code, u.Scale, len(fraction)))
	}
	padded := whole
	if u.Scale > 0 {
		padded += "." + fraction + strings.Repeat("0", int(u.Scale)-len(fraction))
	}
	q, err := parseQuantity(padded)
	return Money{unit: u.Code, Quantity: q}, err
}

// MustMoney is ParseMoney for constants, such as those of tests and of the demo. It panics.
func MustMoney(amount string, u Unit) Money {
	m, err := ParseMoney(amount, u)
	if err != nil {
		panic(err)
	}
	return m
}

// Unit is the code of m's unit.
func (m Money) Unit() string { return m.unit }

// With is q of m's unit.
func (m Money) With(q Quantity) Money { return Money{unit: m.unit, Quantity: q} }

// Add is m + n.
func (m Money) Add(n Money) Money { m.same(n); return m.With(m.Quantity.Add(n.Quantity)) }

// Sub is m − n.
func (m Money) Sub(n Money) Money { m.same(n); return m.With(m.Quantity.Sub(n.Quantity)) }

// Less reports m < n.
func (m Money) Less(n Money) bool { m.same(n); return m.Quantity.Less(n.Quantity) }

// Equal reports whether m and n are the same amount of the same unit.
func (m Money) Equal(n Money) bool { return m.unit == n.unit && m.Quantity.Equal(n.Quantity) }

// String prints amount and unit: 12.50 CNY.
func (m Money) String() string { return m.Quantity.String() + " " + m.unit }

func (m Money) same(n Money) {
	if m.unit != n.unit {
		panic("domain: " + m.unit + " meets " + n.unit)
	}
}

type moneyJSON struct {
	Amount Quantity `json:"amount"`
	Unit   string   `json:"unit"`
}

// MarshalJSON writes {"amount":"12.50","unit":"CNY"}.
func (m Money) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 48)
	b = append(b, `{"amount":"`...)
	b = append(b, m.Quantity.String()...)
	b = append(b, `","unit":"`...)
	b = append(b, m.unit...) // a unit's code needs no escaping
	return append(b, `"}`...), nil
}

// UnmarshalJSON reads what MarshalJSON wrote. What callers send goes through ParseMoney.
func (m *Money) UnmarshalJSON(b []byte) error {
	if read, ok := canonicalMoney(b); ok {
		*m = read
		return nil
	}
	var raw moneyJSON
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	if !unitCode.MatchString(raw.Unit) {
		return fmt.Errorf("%.20q is not a unit's code", raw.Unit)
	}
	*m = Money{unit: raw.Unit, Quantity: raw.Amount}
	return nil
}

// canonicalMoney reads exactly the form that MarshalJSON writes, nearly all there is, a few times
// as fast as JSON in general. Whatever else is left to that.
func canonicalMoney(b []byte) (Money, bool) {
	b, begins := bytes.CutPrefix(b, []byte(`{"amount":"`))
	b, ends := bytes.CutSuffix(b, []byte(`"}`))
	amount, code, parts := bytes.Cut(b, []byte(`","unit":"`))
	if !begins || !ends || !parts {
		return Money{}, false
	}
	unit := isoUnits[string(code)].Code // one string for all amounts of a currency
	if unit == "" {
		if !unitCode.Match(code) {
			return Money{}, false
		}
		unit = string(code)
	}
	q, err := parseQuantity(string(amount))
	return Money{unit: unit, Quantity: q}, err == nil
}

// MarshalText would print half of a Money; JSON is its only encoding.
func (m Money) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads "12.50 CNY", as MarshalText wrote it.
func (m *Money) UnmarshalText(text []byte) error {
	amount, unit, ok := strings.Cut(string(text), " ")
	if !ok || !unitCode.MatchString(unit) {
		return fmt.Errorf("%.40q is not an amount and a unit", text)
	}
	m.unit = unit
	return m.Quantity.UnmarshalText([]byte(amount))
}
