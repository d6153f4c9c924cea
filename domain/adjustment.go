package domain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Direction says whether an adjustment gives value or takes it.
type Direction string

// The directions.
const (
	DirectionCredit Direction = "credit"
	DirectionDebit  Direction = "debit"
)

// The reasons of an adjustment, a closed list. Other needs a note.
const ReasonOther = "other"

var adjustmentReasons = []string{
	"posting_error",     // an operation was posted with the wrong amount, or on the wrong account
	"missed_posting",    // it was never posted
	"duplicate_posting", // it was posted twice
	"till_difference",   // found when a shift was closed
	"migration_error",   // the other system's balance was wrong
	"dispute",           // settled with the customer
	"fraud",
	"write_off",
	ReasonOther,
}

// mostProposals bounds the adjustments of one account that wait for a decision.
const mostProposals = 20

// Adjustment is a correction by people that no other operation makes.
//
// A debit takes unheld value of a lot, or of the lots of a class in their order, with its cost. A
// credit opens a lot: of a lot's terms and in proportion to its cost, or of a class with the
// program's terms; then principal counts as paid for, where the unit is a currency, and all else as
// given.
type Adjustment struct {
	AdjustmentID   uuid.UUID `json:"adjustment_id"` // of the event that proposed it
	Amount         Money     `json:"amount"`
	Direction      Direction `json:"direction"`
	Lot            uuid.UUID `json:"lot,omitzero"` // this or Class
	Class          Class     `json:"class,omitempty"`
	ReasonCode     string    `json:"reason_code"`
	AttachmentHash string    `json:"attachment_hash"` // SHA-256 of the voucher, 64 hexadecimal digits
	Note           string    `json:"note,omitempty"`  // at most 200 bytes
	Maker          string    `json:"maker"`           // the actor
}

// AdjustmentName is the name that what became of an adjustment answers to.
func AdjustmentName(id uuid.UUID) Name { return Name{"adjustment", id.String()} }

// Adjustments are those that wait for a decision, oldest first. They must not be changed.
func (a *Account) Adjustments() []Adjustment { return a.adjustments }

// openAdjustment is the adjustment, or the refusal that says why it is none.
func (d *Draft) openAdjustment(id uuid.UUID) (Adjustment, error) {
	for _, j := range d.adjustments {
		if j.AdjustmentID == id {
			return j, nil
		}
	}
	if end, ok := d.last(AdjustmentName(id)); ok {
		return Adjustment{}, ErrAdjustmentNotOpen.By(end)
	}
	return Adjustment{}, ErrNotFound.Because("there is no such adjustment")
}

// adjusted ends an adjustment.
func (a *Account) adjusted(id uuid.UUID) error {
	i := slices.IndexFunc(a.adjustments, func(j Adjustment) bool { return j.AdjustmentID == id })
	if i < 0 {
		return fmt.Errorf("adjustment %s is not open", id)
	}
	a.adjustments = slices.Delete(a.adjustments, i, i+1)
	return nil
}

// check refuses what no account could take.
func (j Adjustment) check() error {
	switch {
	case !j.Amount.IsPositive():
		return ErrAmountNotPositive
	case j.Direction != DirectionCredit && j.Direction != DirectionDebit:
		return ErrMalformed.Field("direction", "want credit or debit")
	case (j.Lot == noID) == (j.Class == ""):
		return ErrMalformed.Field("lot_id", "want a lot or a class")
	case j.Class != "" && (!slices.Contains(classOrder, j.Class) || j.Class == Earned):
		return ErrMalformed.Field("class", "want a class of stored value")
	case !slices.Contains(adjustmentReasons, j.ReasonCode):
		return ErrMalformed.Field("reason_code", "want "+strings.Join(adjustmentReasons, ", "))
	case !attachment.MatchString(j.AttachmentHash):
		return ErrMalformed.Field("attachment_hash", "want 64 hexadecimal digits, in lower case")
	case len(j.Note) > 200 || !printable(j.Note):
		return ErrMalformed.Field("note", "want at most 200 bytes")
	case j.ReasonCode == ReasonOther && j.Note == "":
		return ErrMalformed.Field("note", "want one where the reason is other")
	}
	return nil
}

// stored checks what was stored.
func (j Adjustment) stored() error {
	if j.Amount.unit == "" || !j.Amount.IsPositive() {
		return fmt.Errorf("an adjustment of %s", j.Amount)
	}
	return nil
}

// applies checks the lot that is named.
func (j Adjustment) applies(d *Draft) error {
	if j.Lot == noID {
		return nil
	}
	l := d.lot(j.Lot)
	switch {
	case l == nil:
		return ErrNotFound.Because("there is no such lot")
	case l.Unit != j.Amount.unit:
		return ErrMalformed.Field("amount", "want the unit of the lot")
	case l.expired(d.Decided):
		return ErrMalformed.Field("lot_id", "has expired: name a class")
	}
	return nil
}

// taken are the moves of a debit; insufficient_funds where there is less.
func (j Adjustment) taken(d *Draft) ([]Move, error) {
	var from []*Lot
	for _, l := range d.lots {
		if l.Unit == j.Amount.unit && (l.ID == j.Lot || l.Class == j.Class) &&
			l.free().IsPositive() && !l.expired(d.Decided) {
			from = append(from, l)
		}
	}
	slices.SortFunc(from, (*Lot).before)
	var moves []Move
	left := j.Amount.Quantity
	for _, l := range from {
		if x := least(left, l.free()); x.IsPositive() {
			moves, left = append(moves, l.lost(x)), left.Sub(x)
		}
	}
	if left.IsPositive() {
		return nil, ErrInsufficientFunds.Short(j.Amount, j.Amount.Sub(j.Amount.With(left)))
	}
	return moves, nil
}

// opened is the lot of a credit.
func (j Adjustment) opened(d *Draft, event uuid.UUID) LotOpened {
	if like := d.lot(j.Lot); like != nil {
		l := like.LotOpened
		l.ID, l.OriginLot, l.Funding, l.TopUp = partOf(event, 1), like.ID, noID, noID
		l.Face, l.Cost = j.Amount.Quantity, portion(like.Cost, j.Amount.Quantity, like.Face)
		return l
	}
	l := LotOpened{
		ID: partOf(event, 1), Class: j.Class, Face: j.Amount.Quantity, Cost: j.Amount.Quantity.Zero(),
		EffectiveAt: d.Decided, ExpiresAt: d.program().expiry(j.Class, d.Decided),
		Priority: defaultPriority, Draw: defaultDraw, IssuerEntity: d.Place.Entity,
		Terms: d.program().Name(),
	}
	if _, currency := ISOUnit(j.Amount.unit); currency && j.Class == Principal {
		l.Cost = j.Amount.Quantity
	}
	l.OnRefundExpired = d.program().onRefundExpired(l.Cost)
	return l
}
