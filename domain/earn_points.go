package domain

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// EarnPoints gives an account points by name, such as growth or a prize. No limit of what sales earn
// counts them.
type EarnPoints struct {
	Amount    Money     `json:"amount"`              // of a points unit
	Reason    string    `json:"reason"`              // 1 to 200 bytes
	Source    string    `json:"source,omitempty"`    // the caller's own word for what gave it, at most 64 bytes
	ExpiresAt time.Time `json:"expires_at,omitzero"` // none: as the program has it
}

// PointsEarned records points that an account has now, or will have from EffectiveAt on: of a sale,
// under a rule of its program, or given by name. They open a lot, or add to one that differs in
// nothing: same end, same beginning (or both have begun), same terms. Amount is zero where a limit left
// nothing.
type PointsEarned struct {
	Value
	EarningID   uuid.UUID   `json:"earning_id"`           // the event's own id
	SourceID    uuid.UUID   `json:"source_id,omitzero"`   // the debit or checkout that earned it
	Rule        string      `json:"rule,omitempty"`       // of the program's points
	Base        Money       `json:"base,omitzero"`        // what was paid that it was earned on
	Rate        *PointsRate `json:"rate,omitempty"`       // beside Base
	Tier        string      `json:"tier,omitempty"`       // whose rate it is
	Category    string      `json:"category,omitempty"`   // of the lines, whose rate it is
	Lines       []int       `json:"lines,omitempty"`      // of the checkout, by number; none: all
	Campaign    string      `json:"campaign,omitempty"`   // whose rate it is
	LimitedBy   string      `json:"limited_by,omitempty"` // the limit that took some or all of it
	Day         string      `json:"day,omitempty"`        // YYYY-MM-DD, that limits count it on
	EffectiveAt time.Time   `json:"effective_at"`         // until then it is pending
	ExpiresAt   time.Time   `json:"expires_at,omitzero"`
	Reason      string      `json:"reason,omitempty"`
	Source      string      `json:"source,omitempty"`
	Asked       time.Time   `json:"asked_expires_at,omitzero"` // where the program did not choose it
	Qualifying  *Qualifying `json:"qualifying,omitempty"`      // for a tier
	Lots        []LotOpened `json:"lots,omitempty"`            // none: its move adds to a lot that there is
}

// OpEarn is the kind of points given by name.
const OpEarn Operation = "earn"

func (PointsEarned) event() {}

func (PointsEarned) operation() Operation { return OpEarn }

func (e PointsEarned) qualifies() *Qualifying { return e.Qualifying }

// PointsName is the name that the points of a debit or checkout answer to.
func PointsName(source uuid.UUID) Name { return Name{"points", source.String()} }

func (e PointsEarned) appendNames(names []Name) []Name {
	if e.SourceID != noID {
		names = append(names, PointsName(e.SourceID))
	}
	return names
}

// Opened is the lot, if it opens one.
func (e PointsEarned) Opened() []LotOpened { return e.Lots }

// Grown reports whether it adds to the face of a lot that there is.
func (e PointsEarned) Grown() bool { return len(e.Lots) == 0 && len(e.Moves) > 0 }

func (e PointsEarned) balanced(b Balance) Event { e.Balance = b; return e }

// Operation is earn.
func (EarnPoints) Operation() Operation { return OpEarn }

// Decide checks amount, reason, source and end, the account, then the reference. What the account owes
// in this unit is settled from its points.
func (p EarnPoints) Decide(d *Draft) error {
	switch {
	case !p.Amount.IsPositive():
		return ErrAmountNotPositive
	case p.Reason == "" || len(p.Reason) > 200:
		return ErrMalformed.Field("reason", "want 1 to 200 bytes")
	case len(p.Source) > 64:
		return ErrMalformed.Field("source", "want at most 64 bytes")
	case !p.ExpiresAt.IsZero() && !comes(p.ExpiresAt, d.Decided):
		return ErrMalformed.Field("expires_at", "want a time to come")
	}
	if err := d.mayGive(); err != nil {
		return err
	}
	if err := d.unused(OpEarn); err != nil {
		return err
	}
	ends := p.ExpiresAt
	if ends.IsZero() && d.Context.Channel != ChannelImport {
		ends = d.program().pointsEnd(p.Amount.Unit(), d.Decided)
	}
	return d.postPoints(p.Amount, PointsEarned{EffectiveAt: d.Decided, ExpiresAt: ends,
		Reason: p.Reason, Source: p.Source, Asked: p.ExpiresAt})
}

// postPoints posts that an account earned x, as e says, and settles what it owes in points.
func (d *Draft) postPoints(x Money, e PointsEarned) error {
	e.EarningID = d.nextID()
	if !x.IsPositive() {
		e.Value = d.value(x, nil)
		return d.post(e)
	}
	e.Qualifying = d.qualifyEarned(x)
	opens := d.pointsLot(x, e)
	if l := d.sameLot(x.Unit(), &opens); l != nil {
		e.Value = d.value(x, []Move{l.move(x.Quantity)})
	} else {
		e.Lots = []LotOpened{opens}
		e.Value = d.value(x, fill(e.Lots))
	}
	if err := d.post(e); err != nil {
		return err
	}
	return d.settlePoints(x.Unit(), SettledByEarning)
}

// pointsLot is the lot that x opens.
func (d *Draft) pointsLot(x Money, e PointsEarned) LotOpened {
	none := x.Quantity.Zero()
	return LotOpened{
		ID: partOf(e.EarningID, 1), Class: Earned, Face: x.Quantity, Cost: none,
		EffectiveAt: e.EffectiveAt, ExpiresAt: e.ExpiresAt, Priority: defaultPriority, Draw: defaultDraw,
		OnRefundExpired: d.program().onRefundExpired(none), IssuerEntity: d.Place.Entity,
		Terms: d.program().Name(),
	}
}

// sameLot is a lot of the unit that o would only repeat, nil if there is none: an account has one lot
// for all it earns under the same terms with the same end, not one a sale.
func (d *Draft) sameLot(unit string, o *LotOpened) *Lot {
	for _, l := range slices.Backward(d.lots) {
		begun := l.effective(d.Recorded) && !o.EffectiveAt.After(d.Recorded)
		if l.Unit == unit && l.Class == o.Class && l.OriginLot == noID && l.Scope.IsZero() &&
			(begun || l.EffectiveAt.Equal(o.EffectiveAt)) && l.ExpiresAt.Equal(o.ExpiresAt) &&
			l.Terms == o.Terms && l.IssuerEntity == o.IssuerEntity &&
			l.OnRefundExpired == o.OnRefundExpired {
			return l
		}
	}
	return nil
}

// SettledByEarning says that points that were earned settled what was owed in them.
const SettledByEarning SettledBy = "earning"

// settlePoints lets the account's points of a unit, pending ones too, settle what it owes in it, oldest
// debt first.
func (d *Draft) settlePoints(unit string, by SettledBy) error {
	for _, owed := range slices.Clone(d.receivables) {
		if owed.Outstanding.Unit() != unit {
			continue
		}
		for _, l := range d.points(unit) {
			i := slices.IndexFunc(d.receivables, func(r Receivable) bool { return r.ID == owed.ID })
			if i < 0 {
				break // it is settled
			}
			if err := d.settle(d.receivables[i], l, l.free(), by); err != nil {
				return err
			}
		}
	}
	return nil
}

// points are the lots of a unit that hold points which have not expired, in the draw-down order.
func (d *Draft) points(unit string) []*Lot {
	var lots []*Lot
	for _, l := range d.lots {
		if l.Unit == unit && l.Class == Earned && l.free().IsPositive() && !l.expired(d.Decided) {
			lots = append(lots, l)
		}
	}
	slices.SortFunc(lots, (*Lot).before)
	return lots
}

func (e PointsEarned) check() error {
	if e.EarningID == noID || (e.Base.unit == "") != (e.Rate == nil) {
		return errors.New("points without an id, or a rate without what it is of")
	}
	if err := e.Qualifying.check(); err != nil {
		return err
	}
	switch {
	case len(e.Lots) > 0:
		if e.Lots[0].ID != partOf(e.EarningID, 1) || e.Lots[0].Class != Earned {
			return errors.New("the lot is not the earning's")
		}
		return cmp.Or(e.gives(), e.opens(e.Lots, 1))
	case len(e.Moves) > 1:
		return fmt.Errorf("%d lots grow", len(e.Moves))
	}
	return e.gives()
}

func (p EarnPoints) canonical() any { p.ExpiresAt = p.ExpiresAt.UTC(); return p }

func (e PointsEarned) command(Posted) Command {
	return EarnPoints{Amount: e.Amount, Reason: e.Reason, Source: e.Source, ExpiresAt: e.Asked}
}

func (e PointsEarned) apply(a *Account, _ time.Time) error {
	a.earned(e.Day, e.Amount)
	return nil
}

// grow lets a lot that points are added to have had them from the beginning.
func (a *Account) grow(e PointsEarned) error {
	if !e.Grown() {
		return nil
	}
	l, err := a.edit(e.Moves[0].Lot)
	if err != nil {
		return err
	}
	if l.Class != Earned || !l.Cost.IsZero() {
		return fmt.Errorf("lot %s is not of points that can grow", l.ID)
	}
	l.Face = l.Face.Add(e.Amount.Quantity)
	return nil
}

func (e PointsEarned) appendJSON(b jsonText) jsonText {
	b = e.Value.appendMembers(append(b, '{')).id("earning_id", e.EarningID)
	b = b.optionalID("source_id", e.SourceID).optional("rule", e.Rule).optionalMoney("base", e.Base)
	if e.Rate != nil {
		b = e.Rate.appendJSON(b.key("rate"))
	}
	b = b.optional("tier", e.Tier).optional("category", e.Category)
	b = b.numbers("lines", e.Lines).optional("campaign", e.Campaign)
	b = b.optional("limited_by", e.LimitedBy).optional("day", e.Day).time("effective_at", e.EffectiveAt)
	b = b.optionalTime("expires_at", e.ExpiresAt).optional("reason", e.Reason)
	b = b.optional("source", e.Source).optionalTime("asked_expires_at", e.Asked)
	if b = e.Qualifying.appendMember(b); len(e.Lots) > 0 {
		b = b.reflected("lots", e.Lots)
	}
	return append(b, '}')
}
