package domain

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// OpCharge is the kind of a standing charge's attempt. One that succeeds is a debit.
const OpCharge Operation = "charge"

// ChargeMandates takes the standing charge that has waited longest, if one is due. It is one attempt
// on one period: who has more to do asks again. Several nodes may ask: the state at the exact
// revision knows which period is next, so none is charged twice.
//
// A charge is a debit that the account agreed to before: the program's limits on debits, which guard
// against a stolen card, do not count it. An account that is frozen or holds less fails the attempt;
// a part is never taken.
type ChargeMandates struct{}

// Charge is an attempt on a period of a mandate.
type Charge struct {
	Period     time.Time `json:"period"`               // when it fell due
	Attempt    int       `json:"attempt"`              // 1 to 4
	NextPeriod time.Time `json:"next_period,omitzero"` // to be charged; none: the mandate is over
}

// ChargeFailed records an attempt that took nothing. NextPeriod is the same one, where it is tried
// again.
type ChargeFailed struct {
	MandateID uuid.UUID `json:"mandate_id"`
	Amount    Money     `json:"amount"`
	Code      Code      `json:"code"`
	Charge
	NextAt time.Time `json:"next_at,omitzero"` // when NextPeriod is tried
}

func (ChargeFailed) event() {}

func (ChargeFailed) operation() Operation { return OpCharge }

// happened is when the period fell due, of the first attempt. A later one happens when it is made.
func (c Charge) happened() time.Time {
	if c.Attempt == 1 {
		return c.Period
	}
	return time.Time{}
}

func (c *Charge) appendMember(b jsonText) jsonText {
	if c == nil {
		return b
	}
	b = append(b.key("charge"), '{').time("period", c.Period)
	b = strconv.AppendInt(b.key("attempt"), int64(c.Attempt), 10)
	if !c.NextPeriod.IsZero() {
		b = b.time("next_period", c.NextPeriod)
	}
	return append(b, '}')
}

// Operation is charge.
func (ChargeMandates) Operation() Operation { return OpCharge }

// Decide posts nothing where nothing is due.
func (ChargeMandates) Decide(d *Draft) error {
	m := d.dueMandate()
	if m == nil {
		return nil
	}
	var refused *Refusal
	err := d.charge(*m)
	if errors.As(err, &refused) {
		err = d.chargeFailed(*m, refused.Code)
	}
	if i := d.mandate(m.ID); err == nil && d.mandates[i].Period.IsZero() {
		return d.post(MandateEnded{MandateID: m.ID, Reason: MandateOver})
	}
	return err
}

// dueMandate is a copy of the mandate that is due longest, nil if none is.
func (d *Draft) dueMandate() *Mandate {
	var due *Mandate
	for _, m := range d.mandates {
		if !m.NextAt.IsZero() && !d.Recorded.Before(m.NextAt) &&
			(due == nil || m.NextAt.Before(due.NextAt)) {
			due = &m
		}
	}
	return due
}

// charge posts the debit, or refuses before it posts anything but lapsed holds.
func (d *Draft) charge(m Mandate) error {
	if err := d.lapseHolds(); err != nil {
		return err
	}
	if err := d.mayTake(); err != nil {
		return err
	}
	if free := d.spendable(m.Amount, d.Decided, &d.Context); free.Less(m.Amount) {
		return ErrInsufficientFunds.Short(m.Amount, free)
	}
	return d.post(DebitPosted{
		Value: d.value(m.Amount, d.sell(m.Amount)), DebitID: d.nextID(), Requested: m.Amount,
		RemainingDue: m.Amount.Sub(m.Amount), ListAmount: m.Amount, MandateID: m.ID,
		Charge: &Charge{m.Period, m.Failed + 1, m.after(m.Period)},
	})
}

// chargeFailed posts a failed attempt, and when the next one follows.
func (d *Draft) chargeFailed(m Mandate, code Code) error {
	next := m.after(m.Period)
	e := ChargeFailed{MandateID: m.ID, Amount: m.Amount, Code: code,
		Charge: Charge{m.Period, m.Failed + 1, next}, NextAt: next}
	if m.Failed < len(retries) {
		again := d.Recorded.Add(retries[m.Failed])
		if next.IsZero() || again.Before(next) {
			e.NextPeriod, e.NextAt = m.Period, again
			return d.post(e)
		}
	}
	return d.post(e)
}

func (e ChargeFailed) check() error {
	if e.Amount.unit == "" || e.MandateID == noID || e.Attempt < 1 {
		return fmt.Errorf("attempt %d of mandate %s over %s", e.Attempt, e.MandateID, e.Amount)
	}
	return nil
}

func (e ChargeFailed) apply(a *Account, _ time.Time) error {
	return a.progress(e.MandateID, e.Charge, e.NextAt)
}
