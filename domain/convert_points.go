package domain

import (
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/google/uuid"
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

// ConvertPoints turns points into what the program offers for them.
type ConvertPoints struct {
	Amount     Money  `json:"amount"`
	Into       Into   `json:"into"`
	Conversion string `json:"conversion,omitempty"` // its id; none: the first into that
}

// PointsConverted records points that turned into something: into credit or a coupon, which the next
// event gives, or into a thing that the shop hands over.
type PointsConverted struct {
	Value
	ConversionID uuid.UUID  `json:"conversion_id"` // the event's own id
	Into         Into       `json:"into"`
	Rate         Conversion `json:"rate"`      // as the program offered it then
	Times        int64      `json:"times"`     // Amount is so many of its Points
	TargetID     uuid.UUID  `json:"target_id"` // the grant's or the coupon's; of a gift the conversion's
	Asked        string     `json:"asked,omitempty"`
}

// OpConvert is the kind of a conversion of points.
const OpConvert Operation = "conversion"

// CauseConversion is the cause of credit that points turned into; never asked for.
const CauseConversion = "conversion"

func (PointsConverted) event() {}

func (PointsConverted) operation() Operation { return OpConvert }

func (e PointsConverted) balanced(b Balance) Event { e.Balance = b; return e }

// Operation is conversion.
func (ConvertPoints) Operation() Operation { return OpConvert }

// Decide checks amount and target, the account, the reference, what the program offers, its steps, the
// balance, then whatever a coupon's grant checks. Credit may come in any number of steps, a coupon or a
// gift one at a time.
func (c ConvertPoints) Decide(d *Draft) error {
	switch {
	case !c.Amount.IsPositive():
		return ErrAmountNotPositive
	case c.Into != IntoCredit && c.Into != IntoCoupon && c.Into != IntoGift:
		return ErrMalformed.Field("into", "want credit, coupon or gift")
	}
	if err := d.mayTake(); err != nil {
		return err
	}
	if err := d.mayGive(); err != nil {
		return err
	}
	if err := d.unused(OpConvert); err != nil {
		return err
	}
	offer := d.program().conversion(c)
	if offer == nil {
		return ErrConversionNotOffered
	}
	if !multiple(c.Amount, offer.Points) || c.Into != IntoCredit && !c.Amount.Equal(offer.Points) {
		return ErrPointsStep.Because("want " + offer.Points.String() + ", or of credit a multiple of it")
	}
	if free := d.spendable(c.Amount, d.Decided, &d.Context); free.Less(c.Amount) {
		return ErrInsufficientFunds.Short(c.Amount, free)
	}
	return c.convert(d, *offer)
}

// conversion is the first offer that is what c asks for, nil if there is none.
func (p *Program) conversion(c ConvertPoints) *Conversion {
	for i := range p.Terms.Points {
		for j := range p.Terms.Points[i].Conversions {
			o := &p.Terms.Points[i].Conversions[j]
			if o.Points.unit == c.Amount.unit && o.Into == c.Into &&
				(c.Conversion == "" || c.Conversion == o.ID) {
				return o
			}
		}
	}
	return nil
}

// convert takes the points and gives what they turn into.
func (c ConvertPoints) convert(d *Draft, offer Conversion) error {
	id := d.nextID()
	times := new(big.Int).Quo(c.Amount.minor(), offer.Points.minor())
	e := PointsConverted{Value: d.value(c.Amount, d.sell(c.Amount)), ConversionID: id, Into: c.Into,
		Rate: offer, Times: times.Int64(), TargetID: id, Asked: c.Conversion}
	if c.Into != IntoGift {
		e.TargetID = newID(d.revision+2, d.Seed, 0)
	}
	if err := d.post(e); err != nil {
		return err
	}
	switch c.Into {
	case IntoCredit:
		worth := fromMinor(times.Mul(times, offer.Credit.minor()), offer.Credit.Scale())
		granted := GrantCredit{Amount: offer.Credit.With(worth), Class: Promo,
			Cause: CauseConversion}.granted(d)
		granted.SourceID = id
		return d.post(granted)
	case IntoCoupon:
		return d.grantCoupon(GrantCoupon{Campaign: offer.Campaign, Definition: offer.Definition,
			Cause: CouponByConversion, SourceID: id})
	}
	return nil
}

func (e PointsConverted) check() error {
	if e.ConversionID == noID || e.TargetID == noID || e.Times < 1 || e.Rate.Points.unit != e.Amount.unit {
		return errors.New("want what points turned into, and how often")
	}
	return e.takes()
}

func (e PointsConverted) command(Posted) Command {
	return ConvertPoints{Amount: e.Amount, Into: e.Into, Conversion: e.Asked}
}

func (e PointsConverted) apply(a *Account, _ time.Time) error { return a.consume(e.Moves) }
