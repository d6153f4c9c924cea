package domain

import (
	"regexp"
	"strings"
)

// UnitKind says what a unit counts.
type UnitKind string

// The kinds of unit.
const (
	Currency UnitKind = "currency" // money: an ISO 4217 code
	Points   UnitKind = "points"   // earned, spent at checkouts
	Count    UnitKind = "count"    // prepaid pieces: ten haircuts
)

// Unit is what an amount is counted in. Scale is its number of fraction digits, 0–4, and never
// changes.
type Unit struct {
	Code  string   `json:"code"`
	Kind  UnitKind `json:"kind"`
	Scale int32    `json:"scale"`
	Name  string   `json:"name,omitempty"`
}

// Zero is no amount of u, at u's scale.
func (u Unit) Zero() Money { return Money{unit: u.Code, Quantity: zero(u.Scale)} }

// Steps is an amount of u in its smallest steps: 1250 of CNY are 12.50.
func (u Unit) Steps(n int64) Money { return Money{unit: u.Code, Quantity: fromSteps(n, u.Scale)} }

// isoScales are the active codes of ISO 4217 (list one, without the X… metals, funds and tests) by
// their minor units; the codes not named for another scale have two fraction digits.
var isoScales = map[int32]string{
	0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
	2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN " +
		"BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP " +
		"GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT " +
		"LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN " +
		"NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE " +
		"SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES " +
		"WST XCD XCG YER ZAR ZMW ZWG",
	3: "BHD IQD JOD KWD LYD OMR TND",
	4: "CLF UYW",
}

var isoUnits = func() map[string]Unit {
	units := make(map[string]Unit, 180)
	for scale, codes := range isoScales {
		for _, code := range strings.Fields(codes) {
			units[code] = Unit{Code: code, Kind: Currency, Scale: scale}
		}
	}
	return units
}()

// ISOUnit is the currency with that ISO 4217 code.
func ISOUnit(code string) (Unit, bool) {
	u, ok := isoUnits[code]
	return u, ok
}

var unitCode = regexp.MustCompile(`^[A-Z][A-Z0-9_]{2,15}$`)

// RegisterUnit adds a points or count unit. Currencies are known by ISO 4217 and not registered.
type RegisterUnit struct {
	Code  string   `json:"code"`
	Kind  UnitKind `json:"kind"`
	Scale int32    `json:"scale"`
	Name  string   `json:"name,omitempty"`
}

// UnitRegistered records a new unit. It is never changed.
type UnitRegistered struct {
	Unit
}

func (UnitRegistered) event() {}

// Stream is unit-<code>.
func (r RegisterUnit) Stream() string { return "unit-" + r.Code }

// Operation is register_unit.
func (RegisterUnit) Operation() Operation { return "register_unit" }

// Decide refuses a malformed unit, and a code that is taken.
func (r RegisterUnit) Decide(past []Posted, _ Moment) ([]Event, error) {
	if _, iso := ISOUnit(r.Code); iso || len(past) > 0 {
		return nil, ErrReferenceUsed.Because("unit " + r.Code + " is registered already")
	}
	switch {
	case !unitCode.MatchString(r.Code):
		return nil, ErrMalformed.Field("code", "want [A-Z][A-Z0-9_]{2,15}")
	case r.Kind != Points && r.Kind != Count:
		return nil, ErrMalformed.Field("kind", "want points or count")
	case r.Scale < 0 || r.Scale > 3:
		return nil, ErrMalformed.Field("scale", "want 0 to 3")
	case len(r.Name) > 100:
		return nil, ErrMalformed.Field("name", "want at most 100 bytes")
	}
	return []Event{UnitRegistered{Unit(r)}}, nil
}

func (e UnitRegistered) command() any { return RegisterUnit(e.Unit) }

// IsUnitCode reports whether code has the form of a registered unit's.
func IsUnitCode(code string) bool { return unitCode.MatchString(code) }
