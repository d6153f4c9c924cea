package domain

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// The causes of a credit that is not a top-up.
const CauseOpeningBalance = "opening_balance"

// GrantCredit gives an account value that no top-up sold here, such as the balance it brings from
// another system.
type GrantCredit struct {
	Amount    Money     `json:"amount"`
	Class     Class     `json:"class"`
	Cost      Money     `json:"cost"` // what was received for it, elsewhere
	Cause     string    `json:"cause"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// CreditGranted records value that was given, as one lot.
type CreditGranted struct {
	Value
	GrantID uuid.UUID   `json:"grant_id"` // the event's own id
	Class   Class       `json:"class"`
	Cause   string      `json:"cause"`
	Lots    []LotOpened `json:"lots"`
}

func (CreditGranted) event() {}

func (CreditGranted) operation() Operation { return OpGrant }

// Opened is the lot.
func (e CreditGranted) Opened() []LotOpened { return e.Lots }

func (e CreditGranted) balanced(b Balance) Event { e.Balance = b; return e }

// Operation is grant.
func (GrantCredit) Operation() Operation { return OpGrant }

// Decide checks amount, class, cost and cause, the account, then the reference.
func (g GrantCredit) Decide(d *Draft) error {
	switch {
	case !g.Amount.IsPositive():
		return ErrAmountNotPositive
	case !slices.Contains(classOrder, g.Class) || g.Class == Earned:
		return ErrMalformed.Field("class", "want a class of stored value")
	case g.Cost.IsNegative() || !pays(g.Cost.Unit(), g.Amount.Unit()):
		return ErrMalformed.Field("cost",
			"want zero or more, in the currency of the amount, or in any for a count")
	case g.Cause != CauseOpeningBalance:
		return ErrMalformed.Field("cause", "want opening_balance")
	case !g.ExpiresAt.IsZero() && !comes(g.ExpiresAt, d.Decided):
		return ErrMalformed.Field("expires_at", "want a time after it was given")
	}
	if err := d.mayGive(); err != nil {
		return err
	}
	if err := d.unused(OpGrant); err != nil {
		return err
	}
	id := d.nextID()
	lots := []LotOpened{g.lot(d, id)}
	return d.post(CreditGranted{
		Value: d.value(g.Amount, fill(lots)), GrantID: id, Class: g.Class, Cause: g.Cause, Lots: lots,
	})
}

func (g GrantCredit) lot(d *Draft, id uuid.UUID) LotOpened {
	l := LotOpened{
		ID: partOf(id, 1), Class: g.Class, Face: g.Amount.Quantity, Cost: g.Cost.Quantity,
		EffectiveAt: d.Decided, ExpiresAt: g.ExpiresAt, Priority: defaultPriority, Draw: defaultDraw,
		OnRefundExpired: onRefundExpired(g.Cost.Quantity),
		IssuerEntity:    d.Place.Entity, Terms: ProgramVersion,
	}
	if g.Cost.Unit() != g.Amount.Unit() {
		l.CostUnit = g.Cost.Unit()
	}
	return l
}

func (g GrantCredit) canonical() any { g.ExpiresAt = g.ExpiresAt.UTC(); return g }

func (e CreditGranted) check() error {
	return cmp.Or(e.gives(), e.opens(e.Lots, 1))
}

func (e CreditGranted) command(Posted) Command {
	l := e.Lots[0]
	cost := e.Amount.With(l.Cost)
	if l.CostUnit != "" {
		cost.unit = l.CostUnit
	}
	return GrantCredit{Amount: e.Amount, Class: e.Class, Cost: cost, Cause: e.Cause,
		ExpiresAt: l.ExpiresAt}
}
