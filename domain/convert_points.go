package domain

import (
	"fmt"
)

// Into says what points turn into.
type Into string

// What points turn into: a lot of class promo, a coupon, or a thing that is handed over.
const (
	IntoCredit Into = "credit"
	IntoCoupon Into = "coupon"
	IntoGift   Into = "gift"
)

// Conversion is what Points of a rule's unit turn into.
type Conversion struct {
	ID         string `json:"id"`
	Into       Into   `json:"into"`
	Points     Money  `json:"points"`
	Credit     Money  `json:"credit,omitzero"`      // of credit, for every Points
	Campaign   string `json:"campaign,omitempty"`   // of a coupon
	Definition string `json:"definition,omitempty"` // of a coupon: definition_id@version, or definition_id
	Gift       string `json:"gift,omitempty"`       // the shop's own name for the thing
}

func (r *PointsRule) conversionFaults(f *faults, at string) {
	f.want(len(r.Conversions) <= mostSteps, at+"conversions", fmt.Sprint("want at most ", mostSteps))
	ids := map[string]bool{}
	for i, c := range r.Conversions {
		at := fmt.Sprintf("%sconversions.%d.", at, i)
		f.want(storeID.MatchString(c.ID) && !ids[c.ID], at+"id",
			"want 1 to 64 of [A-Za-z0-9._:-], each once")
		ids[c.ID] = true
		f.want(c.Points.unit == r.Points.unit && c.Points.IsPositive(), at+"points",
			"want more than zero, of unit "+r.Points.unit)
		c.faults(f, at)
	}
}

// faults notes what is wrong with what it turns into.
func (c Conversion) faults(f *faults, at string) {
	f.want(c.Into == IntoCredit || c.Into == IntoCoupon || c.Into == IntoGift, at+"into",
		"want credit, coupon or gift")
	credit := c.Credit.unit != "" && c.Credit.unit != c.Points.unit && c.Credit.IsPositive()
	f.want(credit == (c.Into == IntoCredit) && (credit || c.Credit.unit == ""), at+"credit",
		"want more than zero of another unit, with credit alone")
	coupon := c.Into == IntoCoupon
	f.want(coupon == (c.Campaign != "") && (!coupon || !notAName(c.Campaign)), at+"campaign",
		"want a campaign's id, with coupon alone")
	f.want(coupon == (c.Definition != "") && len(c.Definition) <= 64 && printable(c.Definition),
		at+"definition", "want definition_id or definition_id@version, with coupon alone")
	f.want((c.Into == IntoGift) == (c.Gift != "") && len(c.Gift) <= 64 && printable(c.Gift), at+"gift",
		"want 1 to 64 bytes, with gift alone")
}
