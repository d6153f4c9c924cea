package domain

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// Quantity is an exact number with a fixed count of fraction digits, of a unit that stands beside
// it. It prints with all its digits ("12.50") and reads back with the same scale. Two quantities
// that meet in one operation have the same scale.
type Quantity struct {
	_ [0]func() // == must not compile: 12.5 and 12.50 are equal and differ in their bits
	d decimal.Decimal
}

// figure is how a Quantity stands in an event: an optional sign, digits, an optional fraction.
var figure = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,4})?$`)

func zero(scale int32) Quantity { return Quantity{d: decimal.New(0, -scale)} }

func fromMinor(minor *big.Int, scale int32) Quantity {
	return Quantity{d: decimal.NewFromBigInt(minor, -scale)}
}

// minor is q in its smallest steps: 1250 for 12.50.
func (q Quantity) minor() *big.Int { return q.d.Coefficient() }

// Scale is the count of fraction digits.
func (q Quantity) Scale() int32 { return -q.d.Exponent() }

// Add is q + r.
func (q Quantity) Add(r Quantity) Quantity {
	switch {
	case r.IsZero() && r.Scale() <= q.Scale(): // most sums of an account: no new number is needed
		return q
	case q.IsZero() && q.Scale() <= r.Scale():
		return r
	}
	return Quantity{d: q.d.Add(r.d)}
}

// Sub is q − r.
func (q Quantity) Sub(r Quantity) Quantity {
	if r.IsZero() && r.Scale() <= q.Scale() {
		return q
	}
	return Quantity{d: q.d.Sub(r.d)}
}

// Neg is −q.
func (q Quantity) Neg() Quantity { return Quantity{d: q.d.Neg()} }

// Zero is none, at q's scale.
func (q Quantity) Zero() Quantity { return zero(q.Scale()) }

// Cmp is −1, 0 or +1 as q is less than, equal to or greater than r.
func (q Quantity) Cmp(r Quantity) int { return q.d.Cmp(r.d) }

// Less reports q < r.
func (q Quantity) Less(r Quantity) bool { return q.d.Cmp(r.d) < 0 }

// Equal reports q = r, whatever the scales.
func (q Quantity) Equal(r Quantity) bool { return q.d.Cmp(r.d) == 0 }

// IsZero reports q = 0. It also serves the omitzero tag.
func (q Quantity) IsZero() bool { return q.d.Sign() == 0 }

// IsPositive reports q > 0.
func (q Quantity) IsPositive() bool { return q.d.Sign() > 0 }

// IsNegative reports q < 0.
func (q Quantity) IsNegative() bool { return q.d.Sign() < 0 }

// String prints q with all its fraction digits.
func (q Quantity) String() string { return string(q.append(nil)) }

// AppendText appends String; MarshalText and JSON use it.
func (q Quantity) AppendText(b []byte) ([]byte, error) {
	return q.append(b), nil
}

// MarshalText is String.
func (q Quantity) MarshalText() ([]byte, error) { return q.append(nil), nil }

// UnmarshalText reads what MarshalText wrote; the digits after the point are the scale.
func (q *Quantity) UnmarshalText(text []byte) error {
	parsed, err := parseQuantity(string(text))
	if err != nil {
		return err
	}
	*q = parsed
	return nil
}

// parseQuantity reads a stored figure. Short ones, nearly all, go without a regular expression.
func parseQuantity(s string) (Quantity, error) {
	digits, scale := s, int32(0)
	if point := strings.IndexByte(s, '.'); point >= 0 {
		digits, scale = s[:point]+s[point+1:], int32(len(s)-point-1)
	}
	if len(s) <= 18 && scale <= 4 && plain(s) {
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil && (n != 0 || s[0] != '-') {
			return Quantity{d: decimal.New(n, -scale)}, nil
		}
	}
	if len(s) > 40 || !figure.MatchString(s) {
		return Quantity{}, fmt.Errorf("%.40q is not a quantity", s)
	}
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok || n.Sign() == 0 && s[0] == '-' {
		return Quantity{}, fmt.Errorf("%.40q is not a quantity", s)
	}
	return fromMinor(n, scale), nil
}

// plain reports whether s has the form of figure: digits on both sides of at most one point, no
// needless leading zero.
func plain(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, fraction, point := strings.Cut(s, ".")
	if !allDigits(whole) || point && !allDigits(fraction) {
		return false
	}
	return len(whole) == 1 || whole[0] != '0'
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func least(q, r Quantity) Quantity {
	if r.Less(q) {
		return r
	}
	return q
}

func most(q, r Quantity) Quantity {
	if q.Less(r) {
		return r
	}
	return q
}
