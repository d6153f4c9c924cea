package domain

import (
	"cmp"
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
//
// It is a decimal.Decimal; the numbers of nearly every account fit into 62 bits of smallest steps and
// are kept, added and compared as such, which costs no memory.
type Quantity struct {
	_     [0]func()        // == must not compile: 12.5 and 12.50 are equal and differ in their bits
	wide  *decimal.Decimal // the number, where it does not fit into steps; else nil
	steps int64            // of 10^−scale; |steps| < maxSteps
	scale int32
}

// maxSteps bounds Quantity.steps, so that a sum of two cannot overflow.
const maxSteps = 1 << 62

// figure is how a Quantity stands in an event: an optional sign, digits, an optional fraction.
var figure = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,4})?$`)

func zero(scale int32) Quantity { return Quantity{scale: scale} }

func fromSteps(steps int64, scale int32) Quantity {
	if steps > -maxSteps && steps < maxSteps {
		return Quantity{steps: steps, scale: scale}
	}
	return fromDecimal(decimal.New(steps, -scale))
}

func fromMinor(minor *big.Int, scale int32) Quantity {
	if minor.IsInt64() {
		return fromSteps(minor.Int64(), scale)
	}
	return fromDecimal(decimal.NewFromBigInt(minor, -scale))
}

// fromDecimal takes a number whose exponent is −scale.
func fromDecimal(d decimal.Decimal) Quantity {
	scale := -d.Exponent()
	if n := d.Coefficient(); n.IsInt64() && n.Int64() > -maxSteps && n.Int64() < maxSteps {
		return Quantity{steps: n.Int64(), scale: scale}
	}
	return Quantity{wide: &d, scale: scale}
}

// Decimal is q as a decimal.Decimal.
func (q Quantity) Decimal() decimal.Decimal {
	if q.wide != nil {
		return *q.wide
	}
	return decimal.New(q.steps, -q.scale)
}

// minor is q in its smallest steps: 1250 for 12.50.
func (q Quantity) minor() *big.Int {
	if q.wide != nil {
		return q.wide.Coefficient()
	}
	return big.NewInt(q.steps)
}

// bounded is q, which is not negative, in its smallest steps, or maxSteps where it is more: more than
// any sale comes to.
func (q Quantity) bounded() int64 {
	if q.wide != nil {
		return maxSteps
	}
	return q.steps
}

// Scale is the count of fraction digits.
func (q Quantity) Scale() int32 { return q.scale }

// narrow reports that q and r can be added and compared as steps.
func (q Quantity) narrow(r Quantity) bool {
	return q.wide == nil && r.wide == nil && q.scale == r.scale
}

// Add is q + r.
func (q Quantity) Add(r Quantity) Quantity {
	if q.narrow(r) {
		return fromSteps(q.steps+r.steps, q.scale)
	}
	return fromDecimal(q.Decimal().Add(r.Decimal()))
}

// Sub is q − r.
func (q Quantity) Sub(r Quantity) Quantity {
	if q.narrow(r) {
		return fromSteps(q.steps-r.steps, q.scale)
	}
	return fromDecimal(q.Decimal().Sub(r.Decimal()))
}

// Neg is −q.
func (q Quantity) Neg() Quantity { return q.Zero().Sub(q) }

// Zero is none, at q's scale.
func (q Quantity) Zero() Quantity { return zero(q.scale) }

// Sign is −1, 0 or +1 as q is below, at or above zero.
func (q Quantity) Sign() int {
	switch {
	case q.wide != nil:
		return q.wide.Sign()
	case q.steps < 0:
		return -1
	case q.steps > 0:
		return 1
	}
	return 0
}

// Cmp is −1, 0 or +1 as q is less than, equal to or greater than r, whatever the scales.
func (q Quantity) Cmp(r Quantity) int {
	if q.narrow(r) {
		return cmp.Compare(q.steps, r.steps)
	}
	return q.Decimal().Cmp(r.Decimal())
}

// Less reports q < r.
func (q Quantity) Less(r Quantity) bool { return q.Cmp(r) < 0 }

// Equal reports q = r, whatever the scales.
func (q Quantity) Equal(r Quantity) bool { return q.Cmp(r) == 0 }

// IsZero reports q = 0. It also serves the omitzero tag.
func (q Quantity) IsZero() bool { return q.Sign() == 0 }

// IsPositive reports q > 0.
func (q Quantity) IsPositive() bool { return q.Sign() > 0 }

// IsNegative reports q < 0.
func (q Quantity) IsNegative() bool { return q.Sign() < 0 }

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
			return fromSteps(n, scale), nil
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
