package domain

import (
	"errors"

	"github.com/google/uuid"
)

// BudgetReserved records that a part of a campaign's budgets was set aside for an operation.
type BudgetReserved struct {
	ReservationID uuid.UUID `json:"reservation_id"` // the event's own id
	BudgetPart
	AccountID   uuid.UUID  `json:"account_id"`
	OperationID uuid.UUID  `json:"operation_id"` // drawn for it: a tombstone on the account names it
	Left        BudgetLeft `json:"left"`
}

func (BudgetReserved) event() {}

// Claim asks for a part of a campaign's budgets.
type Claim struct {
	BudgetPart
	Account, Operation uuid.UUID
}

// Reserve answers a claim: a refusal, see lacks; else the event, and b as it leaves it.
func (b *Budget) Reserve(c Claim, m Moment) (Posted, error) {
	m.toUTC()
	if refused := b.lacks(c.BudgetPart, m.Recorded); refused != nil {
		return Posted{}, refused
	}
	b.count(c.BudgetPart, +1)
	e := BudgetReserved{ReservationID: newID(b.Revision+1, m.Seed, 0), BudgetPart: c.BudgetPart,
		AccountID: c.Account, OperationID: c.Operation, Left: b.Left()}
	return b.posted(e, m), nil
}

// posted is an event as the stream's next one, and makes it b's last. What it counts is counted.
func (b *Budget) posted(e Event, m Moment) Posted {
	all := []Posted{{Event: e, Metadata: m.metadata(), Revision: b.Revision + 1}}
	m.stamp(all, 0)
	b.Revision, b.Recorded = all[0].Revision, m.Recorded
	return all[0]
}

func (e BudgetReserved) check() error { return e.BudgetPart.check() }

func (w BudgetPart) check() error {
	switch {
	case !IsCampaignID(w.Campaign):
		return errors.New("a budget of no campaign")
	case w.Kind != BudgetIssue && w.Kind != BudgetRedemption && w.Kind != BudgetDiscount:
		return errors.New("a budget of no kind")
	case w.Count < 0 || w.Amount.IsNegative():
		return errors.New("less than nothing of a budget")
	}
	return nil
}

func (e BudgetReserved) appendJSON(b jsonText) jsonText {
	b = e.BudgetPart.appendMembers(append(b, '{').id("reservation_id", e.ReservationID))
	b = b.id("account_id", e.AccountID).id("operation_id", e.OperationID)
	return append(e.Left.appendJSON(b.key("left")), '}')
}

// appendMembers appends the members of w to an object.
func (w BudgetPart) appendMembers(b jsonText) jsonText {
	b = b.text("campaign_id", w.Campaign).text("kind", string(w.Kind)).integer("count", int(w.Count))
	return b.optionalMoney("amount", w.Amount)
}

func (l BudgetLeft) appendJSON(b jsonText) jsonText {
	b = append(b, '{')
	if l.Issues != nil {
		b = b.integer("issues", int(*l.Issues))
	}
	if l.Redemptions != nil {
		b = b.integer("redemptions", int(*l.Redemptions))
	}
	if l.Discount != nil {
		b = b.money("discount", *l.Discount)
	}
	return append(b, '}')
}
