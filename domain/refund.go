package domain

import (
	"cmp"
	"time"

	"github.com/google/uuid"
)

// Refund returns value of a debit to the lots it came from.
type Refund struct {
	DebitID uuid.UUID `json:"debit_id"`
	Amount  Money     `json:"amount"`
	Reason  string    `json:"reason,omitempty"` // at most 200 bytes
}

// DebitRefunded records value that came back. Amount is all that the debit gave back: Moves what
// the lots got, Forfeited what was lost because its lot had expired.
type DebitRefunded struct {
	Value
	RefundID      uuid.UUID   `json:"refund_id"` // the event's own id
	DebitID       uuid.UUID   `json:"debit_id"`
	RefundedTotal Money       `json:"refunded_total"` // of this debit, this one included
	Reason        string      `json:"reason,omitempty"`
	ListAmount    *Money      `json:"list_amount,omitempty"` // of the debit's, what came back; see listReturned
	Reopened      []Reopened  `json:"reopened,omitempty"`
	Forfeited     []Forfeited `json:"forfeited,omitempty"`
	Unpaid        Money       `json:"unpaid,omitzero"` // given back beside Amount, as still owed
	Qualifying    *Qualifying `json:"qualifying,omitempty"`
	ReturnID      uuid.UUID   `json:"return_id,omitzero"` // of goods of a checkout
}

// Reopened says that an expired lot can be spent again, until ExpiresAt.
type Reopened struct {
	Lot       uuid.UUID `json:"lot"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Forfeited is value that would have returned to a lot that had expired.
type Forfeited struct {
	Lot    uuid.UUID `json:"lot"`
	Class  Class     `json:"class"`
	Amount Quantity  `json:"amount"`
	Cost   Quantity  `json:"cost"`
}

func (DebitRefunded) event() {}

func (DebitRefunded) operation() Operation { return OpRefund }

func (e DebitRefunded) appendNames(names []Name) []Name {
	return append(names, RefundsName(e.DebitID))
}

func (e DebitRefunded) qualifies() *Qualifying { return e.Qualifying }

func (e DebitRefunded) balanced(b Balance) Event { e.Balance = b; return e }

// Operation is refund.
func (Refund) Operation() Operation { return OpRefund }

// Decide checks the amount, the account, the reference, the debit, that it is no part of a checkout, then
// what is left of it.
func (r Refund) Decide(d *Draft) error {
	if !r.Amount.IsPositive() {
		return ErrAmountNotPositive
	}
	if len(r.Reason) > 200 {
		return ErrMalformed.Field("reason", "want at most 200 bytes")
	}
	if err := d.maySettle(); err != nil {
		return err
	}
	if err := d.unused(OpRefund); err != nil {
		return err
	}
	debit, err := d.sale(r.DebitID)
	if err != nil {
		return err
	}
	if debit.CheckoutID != noID {
		return ErrCheckoutReturn
	}
	if r.Amount.Unit() != debit.Amount.Unit() {
		return ErrMalformed.Field("amount", "want the unit of the debit")
	}
	before := d.refunded(debit)
	owed, receivable := d.owedFor(debit.DebitPosted)
	if left := debit.Amount.Sub(before).Add(owed); left.Less(r.Amount) {
		return ErrRefundExceedsDebit.Short(r.Amount, left)
	}
	if err := d.lapseHolds(); err != nil {
		return err
	}
	unpaid := owed.With(least(owed.Quantity, r.Amount.Quantity))
	paid := r.Amount.Sub(unpaid)
	back, err := d.giveBack(debit, before, paid)
	if err != nil {
		return err
	}
	id := d.nextID()
	err = d.post(DebitRefunded{
		Value: d.value(paid, back.moves), RefundID: id, DebitID: r.DebitID,
		RefundedTotal: before.Add(paid), Reason: r.Reason, ListAmount: back.list,
		Reopened: back.reopened, Forfeited: back.forfeited, Unpaid: unpaid.orNone(),
		Qualifying: debit.Qualifying.returned(cameBack{before, paid, debit.Amount}),
	})
	if err != nil {
		return err
	}
	if err := d.loseSale(debit.DebitPosted, id, cameBack{before, paid, debit.Amount}); err != nil {
		return err
	}
	if err := d.settleReturned(back.moves, SettledByRefund); err != nil {
		return err
	}
	return d.forgive(receivable, unpaid)
}

// sale is a debit of the past, with when it was recorded.
type sale struct {
	DebitPosted
	at time.Time
}

func (d *Draft) sale(id uuid.UUID) (sale, error) {
	if p, ok := d.first(EventName(id)); ok {
		if e, ok := p.Event.(DebitPosted); ok {
			return sale{e, p.Metadata.RecordedAt}, nil
		}
	}
	return sale{}, ErrNotFound.Because("there is no such debit")
}

// refunded is what was given back of a debit until now: the last event that did so says it.
func (d *Draft) refunded(debit sale) Money {
	if p, ok := d.last(RefundsName(debit.DebitID)); ok {
		return RefundedTotal(p.Event)
	}
	return debit.Amount.Sub(debit.Amount)
}

// RefundedTotal is what a debit has given back in all after one of its DebitRefunded or
// DebitReversed.
func RefundedTotal(e Event) Money {
	switch e := e.(type) {
	case DebitRefunded:
		return e.RefundedTotal
	case DebitReversed:
		return e.RefundedBefore.Add(e.Amount)
	}
	panic("domain: no refund is remembered under a debit's refunds")
}

// back is how value of a debit returns.
type back struct {
	moves     []Move
	list      *Money
	reopened  []Reopened
	forfeited []Forfeited
}

// giveBack divides x over what the debit took from its lots, after the part before, and expires
// what had expired in a lot before it opens again: what lay there unposted must not come back to
// life.
func (d *Draft) giveBack(debit sale, before, x Money) (back, error) {
	return d.giveBackOf(debit, debit.returned(before.Quantity),
		debit.returned(before.Quantity.Add(x.Quantity)))
}

// giveBackOf gives back what has come back by now of a debit and had not earlier.
func (d *Draft) giveBackOf(debit sale, earlier, now []Move) (back, error) {
	b, err := d.giveBackBetween(earlier, now, debit.at)
	b.list = d.listReturned(debit, earlier, now)
	return b, err
}

// giveBackBetween gives back what has come back by now of a sale at an instant and had not earlier.
func (d *Draft) giveBackBetween(earlier, now []Move, soldAt time.Time) (b back, err error) {
	for i, part := range now {
		part.Amount, part.Cost = part.Amount.Sub(earlier[i].Amount), part.Cost.Sub(earlier[i].Cost)
		if part.Amount.IsZero() {
			continue
		}
		l := d.lot(part.Lot)
		until, alive := l.reopens(d.Decided, soldAt)
		switch {
		case !l.expired(d.Decided):
			b.moves = append(b.moves, part)
		case alive:
			if err := d.expire(l); err != nil {
				return b, err
			}
			b.moves = append(b.moves, part)
			b.reopened = append(b.reopened, Reopened{l.ID, until})
		default:
			b.forfeited = append(b.forfeited, Forfeited{l.ID, l.Class, part.Amount, part.Cost})
		}
	}
	return b, nil
}

// returned are the moves that give back c in all of a debit: split over its own moves, and of each
// move's cost the same way.
func (debit DebitPosted) returned(c Quantity) []Move {
	return debit.gives(split(c, debit.taken()))
}

// taken is what the debit took from its lots, in the order of its moves.
func (debit DebitPosted) taken() []Quantity {
	taken := make([]Quantity, len(debit.Moves))
	for i, m := range debit.Moves {
		taken[i] = m.Amount.Neg()
	}
	return taken
}

// gives are the moves that give back so much in all to each of the debit's lots.
func (debit DebitPosted) gives(parts []Quantity) []Move {
	moves := make([]Move, len(parts))
	for i, m := range debit.Moves {
		moves[i] = Move{
			Lot: m.Lot, Class: m.Class, Funding: m.Funding, Amount: parts[i],
			Held: parts[i].Zero(), Cost: portion(m.Cost.Neg(), parts[i], m.Amount.Neg()),
		}
	}
	return moves
}

// reopens says until when an expired lot opens again for value that a refund returns, if it does.
func (l *Lot) reopens(at, soldAt time.Time) (time.Time, bool) {
	switch l.OnRefundExpired.Policy {
	case "grace_days":
		until := at.AddDate(0, 0, l.OnRefundExpired.Days)
		if until.Before(l.ExpiresAt) {
			until = l.ExpiresAt
		}
		return until, true
	case "remaining_term":
		until := at.Add(l.ExpiresAt.Sub(soldAt))
		return until, until.After(at)
	}
	return time.Time{}, false
}

// Asked is all that was given back: to the lots, and of what was still owed.
func (e DebitRefunded) Asked() Money { return e.Amount.plus(e.Unpaid) }

func (e DebitRefunded) check() error {
	return cmp.Or(e.returns(e.Forfeited), e.Amount.like(e.RefundedTotal),
		e.Amount.likeSome(e.Unpaid), e.Qualifying.check())
}

func (e DebitRefunded) command(Posted) Command {
	return Refund{DebitID: e.DebitID, Amount: e.Asked(), Reason: e.Reason}
}

func (e DebitRefunded) apply(a *Account, recorded time.Time) error {
	a.unprice(e.Amount, e.ListAmount, e.Moves, e.Forfeited)
	return a.unsold(e.Moves, e.Reopened, e.Forfeited, recorded)
}

// unsold books what a debit gave back: to its lots, some of them opened again, or to nobody.
func (a *Account) unsold(
	moves []Move, reopened []Reopened, forfeited []Forfeited, recorded time.Time,
) error {
	for _, f := range forfeited {
		if _, err := a.edit(f.Lot); err != nil {
			return err
		}
		moves = append(moves[:len(moves):len(moves)], Move{Lot: f.Lot, Amount: f.Amount, Cost: f.Cost})
	}
	if err := a.consume(moves); err != nil {
		return err
	}
	for _, r := range reopened {
		l, err := a.edit(r.Lot)
		if err != nil {
			return err
		}
		a.end(l, r.ExpiresAt, recorded)
	}
	return nil
}
