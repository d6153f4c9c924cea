package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// ExtendLot lets a lot end later. What was paid for and expired comes back, as the law of prepaid
// cards wants it.
type ExtendLot struct {
	LotID     uuid.UUID `json:"lot_id"`
	ExpiresAt time.Time `json:"expires_at"` // later than the lot's
	Reason    string    `json:"reason"`     // 1 to 200 bytes
}

// LotExtended records that a lot ends later. Its one move, where it has one, brings back all that
// LotExpired took and that came back never before, with its cost; what was sold stays sold. The lot's
// expiries stay counted.
type LotExtended struct {
	Value
	Lot         uuid.UUID `json:"lot"`
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
	Reactivated bool      `json:"reactivated"` // value came back
	Reason      string    `json:"reason"`
}

// OpExtend is the kind of an extension.
const OpExtend Operation = "extend"

func (LotExtended) event() {}

func (LotExtended) operation() Operation { return OpExtend }

func (e LotExtended) balanced(b Balance) Event { e.Balance = b; return e }

// Operation is extend.
func (ExtendLot) Operation() Operation { return OpExtend }

// Decide checks end and reason, the account, the reference, the lot, then whether it can be extended:
// one that never ends cannot, nor can one whose top-up was reversed or whose grant was revoked, nor
// can value that was given once its time is over. What is over and was not swept yet expires first, so
// that the answer is the same before the sweep and after it.
func (x ExtendLot) Decide(d *Draft) error {
	switch {
	case !comes(x.ExpiresAt, d.Recorded):
		return ErrMalformed.Field("expires_at", "want a time to come")
	case x.Reason == "" || len(x.Reason) > 200:
		return ErrMalformed.Field("reason", "want 1 to 200 bytes")
	}
	if err := d.maySettle(); err != nil {
		return err
	}
	if err := d.unused(OpExtend); err != nil {
		return err
	}
	l := d.lot(x.LotID)
	if l == nil {
		return ErrNotFound.Because("there is no such lot")
	}
	if err := l.extendable(x.ExpiresAt, d.Recorded); err != nil {
		return err
	}
	if err := d.lapseHolds(); err != nil {
		return err
	}
	if d.lot(x.LotID).expired(d.Recorded) {
		if err := d.expire(d.lot(x.LotID)); err != nil {
			return err
		}
	}
	return d.post(x.extended(d))
}

func (l *Lot) extendable(to, at time.Time) error {
	switch {
	case l.ExpiresAt.IsZero():
		return ErrLotNotExtendable.Because("the lot never ends")
	case l.Reversed:
		return ErrLotNotExtendable.Because("it was taken back")
	case l.expired(at) && !l.Cost.IsPositive():
		return ErrLotNotExtendable.Because("it was given, and its time is over")
	case !to.After(l.ExpiresAt):
		return ErrMalformed.Field("expires_at", "want a time after the lot's own end")
	}
	return nil
}

func (x ExtendLot) extended(d *Draft) LotExtended {
	l := d.lot(x.LotID)
	e := LotExtended{Lot: l.ID, From: l.ExpiresAt, To: x.ExpiresAt, Reason: x.Reason}
	var moves []Move
	back := l.Face.Zero()
	if l.Cost.IsPositive() && l.Lost.IsPositive() {
		m := l.move(l.Lost)
		m.Cost = l.LostCost
		moves, back, e.Reactivated = []Move{m}, l.Lost, true
	}
	e.Value = d.value(Money{unit: l.Unit, Quantity: back}, moves)
	return e
}

func (x ExtendLot) canonical() any { x.ExpiresAt = x.ExpiresAt.UTC(); return x }

func (e LotExtended) check() error {
	switch {
	case len(e.Moves) > 1 || len(e.Moves) == 1 && e.Moves[0].Lot != e.Lot:
		return fmt.Errorf("want at most one move, of lot %s", e.Lot)
	case e.Reactivated != e.Amount.IsPositive():
		return fmt.Errorf("%s of lot %s come back: %t", e.Amount, e.Lot, e.Reactivated)
	case !e.To.After(e.From):
		return fmt.Errorf("lot %s is extended from %s to %s", e.Lot, e.From, e.To)
	}
	return e.gives()
}

func (e LotExtended) command(Posted) Command {
	return ExtendLot{LotID: e.Lot, ExpiresAt: e.To, Reason: e.Reason}
}

func (e LotExtended) apply(a *Account, recorded time.Time) error {
	l, err := a.edit(e.Lot)
	if err != nil {
		return err
	}
	a.end(l, e.To, recorded)
	if !e.Reactivated {
		return nil
	}
	m := e.Moves[0]
	if !m.Amount.Equal(l.Lost) || !m.Cost.Equal(l.LostCost) {
		return fmt.Errorf("lot %s gets back %s at %s, it lost %s at %s", l.ID, m.Amount, m.Cost, l.Lost,
			l.LostCost)
	}
	l.Lost, l.LostCost = l.Lost.Zero(), l.LostCost.Zero()
	return nil
}
