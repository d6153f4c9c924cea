package domain

import (
	"cmp"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Debit asks for value to leave an account.
type Debit struct {
	Amount        Money `json:"amount"`
	ListAmount    Money `json:"list_amount,omitzero"`     // the price without stored value's terms
	AcceptPartial bool  `json:"accept_partial,omitempty"` // take what there is, if it is less
}

// DebitPosted records that value was sold: a debit, or, with HoldID, the capture of a hold. Moves
// are the decision: replay never draws again.
type DebitPosted struct {
	Value
	DebitID       uuid.UUID `json:"debit_id"` // the event's own id
	Requested     Money     `json:"requested"`
	RemainingDue  Money     `json:"remaining_due"` // Requested less Amount
	AcceptPartial bool      `json:"accept_partial,omitempty"`
	ListAmount    Money     `json:"list_amount,omitzero"`
	HoldID        uuid.UUID `json:"hold_id,omitzero"`
	HoldFinal     bool      `json:"hold_final,omitempty"`   // the hold ends with this capture
	Final         bool      `json:"final,omitempty"`        // as the capture asked for
	ReceivableID  uuid.UUID `json:"receivable_id,omitzero"` // of RemainingDue, where it is owed
	Frozen        bool      `json:"frozen,omitempty"`       // an offline one, of a frozen account
	Counted       *Counted  `json:"counted,omitempty"`      // by limits; of a capture, as its hold was
	CheckoutID    uuid.UUID `json:"checkout_id,omitzero"`   // of which it is the stored value
	MandateID     uuid.UUID `json:"mandate_id,omitzero"`    // of a standing charge
	Charge        *Charge   `json:"charge,omitempty"`       // beside MandateID

	Qualifying *Qualifying `json:"qualifying,omitempty"` // for a tier
}

func (DebitPosted) event() {}

func (e DebitPosted) operation() Operation {
	if e.HoldID != noID {
		return OpCapture
	}
	return OpDebit
}

func (e DebitPosted) appendNames(names []Name) []Name {
	if e.HoldFinal {
		names = append(names, EndName(e.HoldID))
	}
	if e.CheckoutID != noID {
		names = append(names, CheckoutName(e.CheckoutID))
	}
	return names
}

// happened is when a standing charge fell due, if its first attempt succeeded; else now.
func (e DebitPosted) happened() time.Time {
	if e.Charge == nil {
		return time.Time{}
	}
	return e.Charge.happened()
}

func (e DebitPosted) qualifies() *Qualifying { return e.Qualifying }

func (e DebitPosted) balanced(b Balance) Event { e.Balance = b; return e }

// Operation is debit.
func (Debit) Operation() Operation { return OpDebit }

func (b Debit) asked() Money { return b.Amount }

// Decide checks the amount, the account, the reference, the balance, then the program's limits on what
// there is to take.
func (b Debit) Decide(d *Draft) error {
	if err := saleable(b.Amount, b.ListAmount); err != nil {
		return err
	}
	if err := d.mayTake(); err != nil {
		return err
	}
	if err := d.unused(OpDebit); err != nil {
		return err
	}
	if err := d.lapseHolds(); err != nil {
		return err
	}
	amount, err := b.affordable(d)
	if err != nil {
		return err
	}
	counted, err := d.limitDebit(amount)
	if err != nil {
		return err
	}
	return d.postSale(DebitPosted{
		Value:        d.value(amount, d.sell(amount)),
		DebitID:      d.nextID(),
		Requested:    b.Amount,
		RemainingDue: b.Amount.Sub(amount), AcceptPartial: b.AcceptPartial, ListAmount: b.ListAmount,
		Counted: counted,
	})
}

// saleable checks the amounts of a sale.
func saleable(amount, list Money) error {
	if !amount.IsPositive() {
		return ErrAmountNotPositive
	}
	if list.Unit() != "" && list.Unit() != amount.Unit() {
		return ErrMalformed.Field("list_amount", "want the unit of the amount")
	}
	return nil
}

// affordable is the amount, or the part of it there is when that may be taken.
func (b Debit) affordable(d *Draft) (Money, error) {
	free := d.spendable(b.Amount, d.Decided, &d.Context)
	if !free.Less(b.Amount) {
		return b.Amount, nil
	}
	if b.AcceptPartial && free.IsPositive() {
		return free, nil
	}
	return Money{}, ErrInsufficientFunds.Short(b.Amount, free)
}

// sell draws x and answers the moves that sell it.
func (d *Draft) sell(x Money) []Move {
	var few [8]share
	return soldOf(d.draw(few[:0], x, d.Decided, &d.Context))
}

// soldOf are the moves that sell shares.
func soldOf(shares []share) []Move {
	moves := make([]Move, len(shares))
	for i, s := range shares {
		moves[i] = s.sold()
	}
	return moves
}

func (e DebitPosted) check() error {
	held := e.Amount.Quantity.Zero()
	if e.HoldID != noID {
		held = e.Amount.Quantity.Neg()
	}
	if (e.MandateID == noID) != (e.Charge == nil) {
		return errors.New("a mandate without its period, or a period without its mandate")
	}
	return cmp.Or(e.adds(e.Amount.Quantity.Neg(), held), e.Amount.like(e.Requested, e.RemainingDue),
		e.Qualifying.check())
}

func (e DebitPosted) appendJSON(b jsonText) jsonText {
	b = e.Value.appendMembers(append(b, '{')).id("debit_id", e.DebitID)
	b = b.money("requested", e.Requested).money("remaining_due", e.RemainingDue)
	b = b.yes("accept_partial", e.AcceptPartial)
	if !e.ListAmount.IsZero() {
		b = b.money("list_amount", e.ListAmount)
	}
	if e.HoldID != noID {
		b = b.id("hold_id", e.HoldID)
	}
	b = b.yes("hold_final", e.HoldFinal).yes("final", e.Final)
	if e.ReceivableID != noID {
		b = b.id("receivable_id", e.ReceivableID)
	}
	b = e.Counted.appendMember(b.yes("frozen", e.Frozen))
	if e.CheckoutID != noID {
		b = b.id("checkout_id", e.CheckoutID)
	}
	if e.MandateID != noID {
		b = b.id("mandate_id", e.MandateID)
	}
	return append(e.Qualifying.appendMember(e.Charge.appendMember(b)), '}')
}

func (e DebitPosted) command(Posted) Command {
	if e.HoldID != noID {
		return CaptureHold{HoldID: e.HoldID, Amount: e.Requested, Final: e.Final,
			ListAmount: e.ListAmount}
	}
	return Debit{Amount: e.Requested, ListAmount: e.ListAmount, AcceptPartial: e.AcceptPartial}
}

func (e DebitPosted) apply(a *Account, _ time.Time) error {
	if err := a.consume(e.Moves); err != nil {
		return err
	}
	a.price(&e)
	if e.CheckoutID == noID {
		a.sales++
	}
	if e.MandateID != noID {
		return a.progress(e.MandateID, *e.Charge, e.Charge.NextPeriod)
	}
	if e.HoldID == noID {
		a.count(e.Counted, e.Amount)
		return nil
	}
	return a.captured(e.HoldID, e.Amount)
}
