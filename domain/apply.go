package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Value is what every event that moves value carries: how much, the lots it moved, and the balance
// it left at its recorded_at. Summing Moves rebuilds every balance without knowing event types.
type Value struct {
	AccountID uuid.UUID `json:"account_id"`
	Amount    Money     `json:"amount"` // not negative
	Moves     []Move    `json:"moves"`
	Balance   Balance   `json:"balance"`
}

// appendMembers appends the members of v to an object.
func (v Value) appendMembers(b jsonText) jsonText {
	b = list(b.id("account_id", v.AccountID).money("amount", v.Amount), "moves", v.Moves)
	return v.Balance.appendJSON(b.key("balance"))
}

// Worth is the value itself, for events that embed it.
func (v Value) Worth() Value { return v }

// Valued is an event that moves value.
type Valued interface {
	Event
	Worth() Value
	balanced(Balance) Event // the event with the balance it left
}

// Opening is an event that opens lots.
type Opening interface {
	Valued
	Opened() []LotOpened
}

// applier is an event that changes more of an account than its lots' figures.
type applier interface {
	apply(a *Account, recorded time.Time) error
}

// Apply makes p part of the account. It runs no rule; it fails when p does not follow from the
// events before it: a gap in the revisions, a move that a lot cannot bear, a balance that is not
// the sum of the lots. That is damage, or a writer's bug, and the account must not be used any
// further.
func (a *Account) Apply(p Posted) error {
	if err := a.take(&p); err != nil {
		return err
	}
	e, ok := p.Event.(Valued)
	if !ok {
		return nil
	}
	v := e.Worth()
	if got := a.left(v.Amount); !got.equal(&v.Balance) {
		return fmt.Errorf("%T left a balance of %v, it says %v", e, got, v.Balance)
	}
	a.tiering.average(v.Balance.Averaged)
	return nil
}

// left is the balance in amount's unit as the last event left it.
func (a *Account) left(amount Money) Balance {
	return a.Balance(amount.Unit(), amount.Scale(), a.lastRecorded)
}

// take is Apply without the check of the balance.
func (a *Account) take(p *Posted) error {
	if p.Revision != a.revision+1 {
		return fmt.Errorf("revision %d follows %d", p.Revision, a.revision)
	}
	if p.Metadata.RecordedAt.Before(a.lastRecorded) {
		return fmt.Errorf("recorded at %s, after %s", p.Metadata.RecordedAt, a.lastRecorded)
	}
	if _, opens := p.Event.(AccountOpened); opens != (p.Revision == 0) {
		return fmt.Errorf("%T at revision %d", p.Event, p.Revision)
	}
	if e, ok := p.Event.(Opening); ok {
		a.priceOpening(e)
		if err := a.open(e, p.Revision); err != nil {
			return err
		}
	}
	if e, ok := p.Event.(PointsEarned); ok {
		if err := a.grow(e); err != nil {
			return err
		}
	}
	if e, ok := p.Event.(Valued); ok {
		v := e.Worth()
		if err := a.move(&v, p.Metadata.RecordedAt); err != nil {
			return err
		}
	}
	if e, ok := p.Event.(Opening); ok {
		if err := a.filled(e); err != nil {
			return err
		}
	}
	if e, ok := p.Event.(applier); ok {
		if err := e.apply(a, p.Metadata.RecordedAt); err != nil {
			return err
		}
	}
	if e, ok := p.Event.(qualified); ok && e.qualifies() != nil {
		a.tiering.count(e.qualifies())
	}
	a.wake(p)
	a.revision = p.Revision
	a.lastRecorded = p.Metadata.RecordedAt
	return nil
}

// open adds the lots of an event, empty: its moves fill them. Their ids continue those there are.
func (a *Account) open(e Opening, revision int64) error {
	none := e.Worth().Amount.Quantity.Zero()
	for _, o := range e.Opened() {
		opened, ok := RevisionOf(o.ID)
		last := len(a.lots) - 1
		if !ok || opened != revision || last >= 0 && byID(a.lots[last].ID, o.ID) >= 0 {
			return fmt.Errorf("lot %s is opened at revision %d", o.ID, revision)
		}
		a.lots = append(a.lots, &Lot{
			LotOpened: o, Unit: e.Worth().Amount.Unit(),
			Remaining: none, Held: none, Consumed: none, Transferred: none,
			Lost: none, Spent: none, Missed: none,
			CostLeft: o.Cost.Zero(), CostUsed: o.Cost.Zero(), LostCost: o.Cost.Zero(),
		})
	}
	return nil
}

// filled checks that an event's moves filled the lots it opened.
func (a *Account) filled(e Opening) error {
	for _, o := range e.Opened() {
		if l := a.lot(o.ID); !l.Remaining.Equal(l.Face) || !l.CostLeft.Equal(l.Cost) {
			return fmt.Errorf("lot %s opens with %s of %s", l.ID, l.Remaining, l.Face)
		}
	}
	return nil
}

func (a *Account) move(v *Value, recorded time.Time) error {
	if v.AccountID != a.id {
		return fmt.Errorf("value of account %s in account %s", v.AccountID, a.id)
	}
	for _, m := range v.Moves {
		l, err := a.edit(m.Lot)
		if err != nil {
			return err
		}
		had := l.Remaining.IsPositive()
		l.Remaining = l.Remaining.Add(m.Amount)
		l.Held = l.Held.Add(m.Held)
		l.CostLeft = l.CostLeft.Add(m.Cost)
		if err := l.sound(v); err != nil {
			return err
		}
		if had != l.Remaining.IsPositive() {
			a.reschedule(l, recorded)
		}
	}
	return nil
}

// sound checks what must be true of a lot after every move.
func (l *Lot) sound(v *Value) error {
	switch {
	case l.Remaining.Scale() != l.Face.Scale() || l.CostLeft.Scale() != l.Cost.Scale():
		return fmt.Errorf("lot %s is moved by more digits than its unit has", l.ID)
	case l.Unit != v.Amount.Unit():
		return fmt.Errorf("lot %s is of %s, moved in %s", l.ID, l.Unit, v.Amount.Unit())
	case l.Remaining.IsNegative() || l.Face.Less(l.Remaining):
		return fmt.Errorf("lot %s has %s left of %s", l.ID, l.Remaining, l.Face)
	case l.Held.IsNegative() || l.Remaining.Less(l.Held):
		return fmt.Errorf("lot %s holds %s of %s", l.ID, l.Held, l.Remaining)
	case l.CostLeft.IsNegative() || l.Cost.Less(l.CostLeft):
		return fmt.Errorf("lot %s has a cost of %s left of %s", l.ID, l.CostLeft, l.Cost)
	}
	return nil
}

// consume books moves as sold, or, where they are positive, as no longer sold. It changes the lots
// in place: this event has edited all of them before.
func (a *Account) consume(moves []Move) error {
	for _, m := range moves {
		l := a.lot(m.Lot)
		l.Consumed = l.Consumed.Sub(m.Amount)
		l.CostUsed = l.CostUsed.Sub(m.Cost)
		if l.Consumed.IsNegative() || l.CostUsed.IsNegative() {
			return fmt.Errorf("lot %s gave back more than it sold", l.ID)
		}
	}
	return nil
}
