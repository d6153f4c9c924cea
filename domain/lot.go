package domain

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Class says where a lot's value came from.
type Class string

// The classes, in the order in which lots that are otherwise equal are drawn.
const (
	Promo        Class = "promo"
	Cashback     Class = "cashback"
	Compensation Class = "compensation"
	Bonus        Class = "bonus"
	Gift         Class = "gift"
	Principal    Class = "principal"
	Earned       Class = "earned" // points; never beside the others in one unit
)

var classOrder = []Class{Promo, Cashback, Compensation, Bonus, Gift, Principal, Earned}

const classCount = 7

// order is c's place in classOrder. A lot of an unknown class is never opened.
func (c Class) order() int { return slices.Index(classOrder, c) }

// Draw says how a funding's draws are divided between its principal and its bonus.
type Draw string

// The divisions.
const (
	ProRata        Draw = "pro_rata"
	BonusFirst     Draw = "bonus_first"
	PrincipalFirst Draw = "principal_first"
)

var draws = []Draw{ProRata, BonusFirst, PrincipalFirst}

// RefundExpired says what becomes of value that a refund returns to an expired lot.
type RefundExpired struct {
	Policy string `json:"policy"`         // forfeit, remaining_term or grace_days
	Days   int    `json:"days,omitempty"` // of grace_days
}

var refundPolicies = []string{"forfeit", "remaining_term", "grace_days"}

// LotOpened is a lot as an event opens it. Its unit is the event's.
type LotOpened struct {
	ID              uuid.UUID     `json:"id"`
	Class           Class         `json:"class"`
	Face            Quantity      `json:"face"`
	Cost            Quantity      `json:"cost"`                // money received for it
	CostUnit        string        `json:"cost_unit,omitempty"` // where it is not the event's unit
	Funding         uuid.UUID     `json:"funding,omitzero"`    // shared by a top-up's lots
	OriginLot       uuid.UUID     `json:"origin_lot,omitzero"`
	TopUp           uuid.UUID     `json:"top_up,omitzero"` // that sold it to an account merged since
	EffectiveAt     time.Time     `json:"effective_at"`
	ExpiresAt       time.Time     `json:"expires_at,omitzero"` // none: never
	Priority        int           `json:"priority"`            // 0–100, lower is drawn first
	Scope           LotScope      `json:"scope,omitzero"`
	Draw            Draw          `json:"draw,omitempty"`
	OnRefundExpired RefundExpired `json:"on_refund_expired"`
	IssuerEntity    string        `json:"issuer_entity,omitempty"`
	Reminders       []int         `json:"reminders,omitempty"` // days before its end, falling
	Terms           string        `json:"terms,omitempty"`     // the name of the terms it was sold under
	Ladder          *Ladder       `json:"ladder,omitempty"`    // that gave it, of a bonus
}

// Lot is a part of a balance with one origin, as it stands.
type Lot struct {
	LotOpened
	Unit      string   `json:"unit"`
	Remaining Quantity `json:"remaining"` // part of the balance, held or not
	Held      Quantity `json:"held"`      // pinned by holds; at most Remaining
	CostLeft  Quantity `json:"cost_left"` // the part of Cost that Remaining stands for
	Consumed  Quantity `json:"consumed"`  // debited and captured, less what refunds undid
	CostUsed  Quantity `json:"cost_used"` // the part of Cost that Consumed took
	Expiries  int      `json:"expiries,omitempty"`
	Lost      Quantity `json:"lost"`               // by expiry, less what an extension brought back
	LostCost  Quantity `json:"lost_cost"`          // the part of Cost that Lost took
	Reversed  bool     `json:"reversed,omitempty"` // its funding was reversed, or its grant revoked
	Missed    Quantity `json:"missed"`             // cashback not collected, or debt written off

	RemindAt    time.Time `json:"remind_at,omitzero"` // of its next reminder; none while it is empty
	Transferred Quantity  `json:"transferred"`        // sent to other accounts, less what they returned
	Merged      bool      `json:"merged,omitempty"`   // some of that to the account that absorbed this one
	Spent       Quantity  `json:"spent"`              // paid out by withdrawals, or to what was owed

	edition int // of the account that made this copy, which alone may change it
}

// free is what no hold pins, lot effective and unexpired or not.
func (l *Lot) free() Quantity { return l.Remaining.Sub(l.Held) }

// used is what the account had of the lot or may have, beside what it can spend: sold, held, sent,
// paid out, or paid to what it owed. What expired or an adjustment took it never had.
func (l *Lot) used() Quantity { return l.taken().Add(l.Transferred).Add(l.Spent) }

// taken counts against the faces when a draw is divided.
func (l *Lot) taken() Quantity { return l.Consumed.Add(l.Held) }

// spend books moves as paid out, or to what was owed. It changes the lots in place: this event has
// edited all of them before.
func (a *Account) spend(moves []Move) {
	for _, m := range moves {
		l := a.lot(m.Lot)
		l.Spent = l.Spent.Sub(m.Amount)
	}
}

func (l *Lot) expired(at time.Time) bool {
	return !l.ExpiresAt.IsZero() && !at.Before(l.ExpiresAt)
}

func (l *Lot) effective(at time.Time) bool { return !at.Before(l.EffectiveAt) }

// spendable reports whether something can be drawn at an instant in a context, on whatever goods.
func (l *Lot) spendable(at time.Time, c *Context) bool { return l.open(at, c) && !l.Scope.ofGoods() }

// open is spendable, on some goods.
func (l *Lot) open(at time.Time, c *Context) bool {
	return l.free().IsPositive() && l.effective(at) && !l.expired(at) && l.Scope.matches(c)
}

// costOf is the cost that x of the lot takes along when it is sold: its share of the cost of all
// that was sold, less what that took before. The last of what is left takes all, as cost without
// value would never be earned.
func (l *Lot) costOf(x Quantity) Quantity {
	if x.Equal(l.Remaining) {
		return l.CostLeft
	}
	due := portion(l.Cost, l.Consumed.Add(x), l.Face).Sub(l.CostUsed)
	return most(least(due, l.CostLeft), l.Cost.Zero())
}

// costLost is the cost that x of what is left takes along when it goes without a sale: by expiry,
// reversal or settlement. The last of it takes all.
func (l *Lot) costLost(x Quantity) Quantity { return portion(l.CostLeft, x, l.Remaining) }

// before is the total draw-down order of lots. It looks no further than it must: where there are
// thousands of lots, it is most of what a draw costs.
func (l *Lot) before(o *Lot) int {
	if c := first(!l.Scope.IsZero(), !o.Scope.IsZero()); c != 0 {
		return c
	}
	if c := cmp.Compare(l.Priority, o.Priority); c != 0 {
		return c
	}
	if c := first(!l.ExpiresAt.IsZero(), !o.ExpiresAt.IsZero()); c != 0 {
		return c
	}
	if c := l.ExpiresAt.Compare(o.ExpiresAt); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(l.Class.order(), o.Class.order()),
		l.EffectiveAt.Compare(o.EffectiveAt),
		byID(l.ID, o.ID),
	)
}

// first orders what has a property before what has not.
func first(l, o bool) int {
	switch {
	case l == o:
		return 0
	case l:
		return -1
	}
	return 1
}

// byID orders by opening revision, then by place in the event: the random bits never decide, as the
// lots of one event share them.
func byID(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }
