package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// A campaign's budgets are counted on its own stream, what they are spent for is posted on accounts. So
// an operation first reserves what it needs; the account's append is its commit, and a reservation
// stands unless it is released. One whose commit nobody has seen for a while is resolved: a tombstone on
// the account says that no commit will come, and then it is released, or there is a commit, and it is
// kept. See Draft.reserve and ResolveReservation.

// BudgetKind says of which budgets a reservation is.
type BudgetKind string

// The kinds.
const (
	BudgetIssue      BudgetKind = "issue"      // Count coupons
	BudgetRedemption BudgetKind = "redemption" // Count uses, and Amount of discount
	BudgetDiscount   BudgetKind = "discount"   // Amount of discount alone
)

// BudgetPart is a part of a campaign's budgets.
type BudgetPart struct {
	Campaign string     `json:"campaign_id"`
	Kind     BudgetKind `json:"kind"`
	Count    int64      `json:"count"`           // of coupons or uses
	Amount   Money      `json:"amount,omitzero"` // of discount
}

func (w BudgetPart) equal(v BudgetPart) bool {
	return w.Campaign == v.Campaign && w.Kind == v.Kind && w.Count == v.Count &&
		w.Amount.Equal(v.Amount)
}

// Reservation is a part of a campaign's budget that was set aside for an operation on an account. The
// account's append is its commit.
type Reservation struct {
	ID        uuid.UUID
	Operation uuid.UUID // that it was reserved for: of one try, never used again
	BudgetPart
	At      time.Time
	Refused *Refusal // there is none, for this reason
	Free    Budget   // beside Refused: the campaign's, but for what is reserved for the same command
}

// BudgetLeft is what an event left of the campaign's budgets; nil of one that is not capped.
type BudgetLeft struct {
	Issues      *int64 `json:"issues,omitempty"`
	Redemptions *int64 `json:"redemptions,omitempty"`
	Discount    *Money `json:"discount,omitempty"`
}

// Budget is a campaign with what is reserved of its budgets, as its stream tells. It is a value: to
// change a copy changes nothing else. Its JSON is its snapshot.
type Budget struct {
	Campaign *Campaign
	Issued   int64 // coupons
	Redeemed int64 // uses
	Discount Money `json:",omitzero"` // where it is capped, and any was given
	Revision int64 // of the stream's last event, −1 before the first
	Recorded time.Time
}

// NewBudget is a budget before its campaign is drafted.
func NewBudget() Budget { return Budget{Revision: -1} }

// Apply makes the stream's next event part of b.
func (b *Budget) Apply(p Posted) error {
	if p.Revision != b.Revision+1 {
		return fmt.Errorf("revision %d follows %d", p.Revision, b.Revision)
	}
	if _, drafted := p.Event.(CampaignDrafted); drafted != (b.Campaign == nil) {
		return fmt.Errorf("%T at revision %d", p.Event, p.Revision)
	}
	b.Revision, b.Recorded = p.Revision, p.Metadata.RecordedAt
	switch e := p.Event.(type) {
	case BudgetReserved:
		b.count(e.BudgetPart, +1)
	case BudgetReleased:
		b.count(e.BudgetPart, -1)
	default:
		b.Campaign = b.Campaign.After(p)
	}
	if b.Issued < 0 || b.Redeemed < 0 || b.Discount.IsNegative() {
		return fmt.Errorf("%d issues, %d redemptions and %s are reserved", b.Issued, b.Redeemed, b.Discount)
	}
	return nil
}

// count counts what is wanted, or with −1 what is given back.
func (b *Budget) count(w BudgetPart, sign int64) {
	if w.Kind == BudgetIssue {
		b.Issued += sign * w.Count
		return
	}
	b.Redeemed += sign * w.Count
	given, capped := b.given()
	switch {
	case !capped || w.Amount.unit == "":
	case sign < 0:
		b.Discount = given.Sub(w.Amount)
	default:
		b.Discount = given.Add(w.Amount)
	}
}

// Without is b as it would be without some reservations, as far as they are of its campaign.
func (b Budget) Without(reserved []Reservation) Budget {
	for _, r := range reserved {
		if r.Refused == nil && b.Campaign != nil && r.Campaign == b.Campaign.ID {
			b.count(r.BudgetPart, -1)
		}
	}
	return b
}

// lacks says why there is not enough for what is wanted at an instant, nil where there is: ErrNotFound,
// ErrCampaignNotActive, ErrCouponUnit, or ErrBudgetExhausted with what is left.
func (b *Budget) lacks(w BudgetPart, at time.Time) *Refusal {
	left := b.Left()
	switch {
	case b.Campaign == nil:
		return ErrNotFound.Because("there is no such campaign")
	case !b.Campaign.Open(at):
		return ErrCampaignNotActive
	case w.Kind == BudgetIssue && left.Issues != nil && *left.Issues < w.Count:
		return ErrBudgetExhausted.Because("the campaign's coupons are all granted")
	case w.Kind == BudgetIssue:
	case left.Redemptions != nil && *left.Redemptions < w.Count:
		return ErrBudgetExhausted.Because("the campaign's redemptions are all used")
	case left.Discount != nil && left.Discount.unit != w.Amount.unit:
		return ErrCouponUnit
	case left.Discount != nil && left.Discount.Less(w.Amount):
		return ErrBudgetExhausted.Because("the campaign gives no more than that").
			Short(w.Amount, *left.Discount)
	}
	return nil
}

// given is the discount that is reserved, where it is capped.
func (b *Budget) given() (Money, bool) {
	most := b.Campaign.Terms.Budgets.Discount
	if b.Discount.unit == "" && most.unit != "" {
		return most.Sub(most), true
	}
	return b.Discount, most.unit != ""
}

// Left is what is left of what is capped.
func (b *Budget) Left() (left BudgetLeft) {
	if b.Campaign == nil {
		return left
	}
	most := b.Campaign.Terms.Budgets
	if most.Issues > 0 {
		n := most.Issues - b.Issued
		left.Issues = &n
	}
	if most.Redemptions > 0 {
		n := most.Redemptions - b.Redeemed
		left.Redemptions = &n
	}
	if given, capped := b.given(); capped {
		m := most.Discount.Sub(given)
		left.Discount = &m
	}
	return left
}

// reservationLife is how long a reservation can be committed. It is resolved only much later: so no
// commit comes after the tombstone on an account that was not even open.
const reservationLife = 30 * time.Second

// reserve is the reservation of what is wanted of a campaign's budget, which the event that spends it
// must record; the budget's refusal where there is not enough. When the shell has reserved nothing yet,
// what follows is decided as if it had, and all of it again once it has.
func (d *Draft) reserve(w BudgetPart) (uuid.UUID, error) {
	for i, r := range d.Reservations {
		if d.taken[r.ID] || !r.BudgetPart.equal(w) {
			continue
		}
		if r.Refused != nil {
			if w.Kind == BudgetRedemption && r.Free.lacks(w, d.Recorded) == nil {
				continue // it was refused beside others, without which the sale is priced now
			}
			return noID, r.Refused
		}
		if _, dead := d.first(TransferName(r.Operation)); dead ||
			d.Recorded.Sub(r.At) > reservationLife {
			continue
		}
		if d.taken == nil {
			d.taken = map[uuid.UUID]bool{}
		}
		d.taken[d.Reservations[i].ID] = true
		return r.ID, nil
	}
	d.wanted = append(d.wanted, w)
	return noID, nil
}

// reserveIssue reserves one more coupon of a campaign, where these are capped.
func (d *Draft) reserveIssue(c *Campaign) (uuid.UUID, error) {
	if c.Terms.Budgets.Issues == 0 {
		return noID, nil
	}
	return d.reserve(BudgetPart{Campaign: c.ID, Kind: BudgetIssue, Count: 1})
}

// reserveRedemption reserves one more use of a campaign's coupons with its discount, where either is
// capped.
func (d *Draft) reserveRedemption(c *Campaign, discount Money) (uuid.UUID, error) {
	if !c.Capped() {
		return noID, nil
	}
	return d.reserve(BudgetPart{Campaign: c.ID, Kind: BudgetRedemption, Count: 1, Amount: discount})
}

// ReservationName is the name that the commit of a reservation answers to.
func ReservationName(id uuid.UUID) Name { return Name{"reservation", id.String()} }

// reservedBy appends the name of an event's reservation, where it has one.
func reservedBy(names []Name, reservation uuid.UUID) []Name {
	if reservation == noID {
		return names
	}
	return append(names, ReservationName(reservation))
}

// Committing is an event of an account that commits a reservation.
type Committing interface {
	Event
	Reserved() uuid.UUID // none: of a budget that is not capped
}

// Returning is an event of an account that gives a part of a committed reservation back. The account's
// append is the commit; the release on the campaign's stream follows it, once.
type Returning interface {
	Event
	Returned() Return
}

// Return is a part of a reservation that comes back; of no reservation, of a budget that is not capped.
type Return struct {
	Reservation uuid.UUID
	BudgetPart
	Reason string
}

// Reserved is the reservation of the issue.
func (e CouponGranted) Reserved() uuid.UUID { return e.ReservationID }

// Reserved is the reservation of the use.
func (e CouponRedeemed) Reserved() uuid.UUID { return e.ReservationID }

// Returned is the issue.
func (e CouponRecycled) Returned() Return {
	return Return{Reservation: e.ReservationID, Reason: BudgetRecycled,
		BudgetPart: BudgetPart{Campaign: e.Campaign, Kind: BudgetIssue, Count: 1}}
}

// Returned is the part of the discount that came back, and the use, where that did.
func (e CouponRestored) Returned() Return {
	back := BudgetPart{Campaign: e.Campaign, Kind: BudgetRedemption, Count: int64(min(e.Use, 1)),
		Amount: Money{unit: e.Unit, Quantity: e.DiscountReturned}}
	if back.Count == 0 {
		back.Kind = BudgetDiscount
	}
	return Return{Reservation: e.ReservationID, Reason: BudgetRestored, BudgetPart: back}
}
