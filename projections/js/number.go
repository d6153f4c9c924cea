package js

import (
	"encoding/json"
	"math/big"
	"strings"
)

// plainNumber writes all ways to write one number alike: its digits without zeros at either end, and
// the power of ten they stand for. Nothing is rounded, and no exponent is too large.
func plainNumber(n json.Number) string {
	text, negative := strings.CutPrefix(n.String(), "-")
	mantissa, power, _ := strings.Cut(strings.ToLower(text), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent := new(big.Int)
	if power != "" {
		exponent.SetString(power, 10) // of JSON's form
	}
	exponent.Sub(exponent, big.NewInt(int64(len(fraction))))
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return "0"
	}
	short := strings.TrimRight(digits, "0")
	exponent.Add(exponent, big.NewInt(int64(len(digits)-len(short))))
	if negative {
		short = "-" + short
	}
	return short + "e" + exponent.String()
}
