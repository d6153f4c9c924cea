package domain

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// OpMandate is the kind of a mandate that was set.
const OpMandate Operation = "mandate"

// SetMandate lets a fee be taken from stored value again and again.
type SetMandate struct {
	Amount      Money     `json:"amount"`
	Cap         Money     `json:"cap"`
	Calendar    Calendar  `json:"calendar"`
	Starts      time.Time `json:"starts,omitzero"` // none: now. No period before it is owed
	Ends        time.Time `json:"ends,omitzero"`
	Description string    `json:"description,omitempty"` // at most 200 bytes
}

// MandateSet records a mandate, and when it falls due first.
type MandateSet struct {
	MandateID   uuid.UUID `json:"mandate_id"` // the event's own id
	Amount      Money     `json:"amount"`
	Cap         Money     `json:"cap"`
	Calendar    Calendar  `json:"calendar"`
	Starts      time.Time `json:"starts,omitzero"`
	Ends        time.Time `json:"ends,omitzero"`
	Description string    `json:"description,omitempty"`
	NextAt      time.Time `json:"next_at"`
}

func (MandateSet) event() {}

func (MandateSet) operation() Operation { return OpMandate }

// Operation is mandate.
func (SetMandate) Operation() Operation { return OpMandate }

// Decide checks amounts, calendar and times, the account, the reference, then how many are active.
func (s SetMandate) Decide(d *Draft) error {
	starts := s.Starts
	if starts.IsZero() {
		starts = d.Decided
	}
	switch {
	case !s.Amount.IsPositive():
		return ErrAmountNotPositive
	case s.Cap.unit != s.Amount.unit:
		return ErrMalformed.Field("cap", "want the unit of the amount")
	case s.Cap.Less(s.Amount):
		return ErrMalformed.Field("cap", "want at least the amount")
	}
	if err := s.Calendar.check(); err != nil {
		return err
	}
	first := s.Calendar.from(starts)
	switch {
	case starts.Before(d.Decided):
		return ErrMalformed.Field("starts", "want a time to come: what is past is not owed")
	case first.Year() > 9999:
		return ErrMalformed.Field("starts", "want a year up to 9999")
	case !s.Ends.IsZero() && !first.Before(s.Ends):
		return ErrMalformed.Field("ends", "want a time after the first charge")
	case len(s.Description) > 200 || !printable(s.Description):
		return ErrMalformed.Field("description", "want at most 200 bytes")
	}
	if err := d.maySettle(); err != nil {
		return err
	}
	if err := d.unused(OpMandate); err != nil {
		return err
	}
	if len(d.mandates) >= mostMandates {
		return ErrLimitExceeded.Because(fmt.Sprintf("want at most %d active mandates", mostMandates))
	}
	return d.post(MandateSet{MandateID: d.nextID(), Amount: s.Amount, Cap: s.Cap, Calendar: s.Calendar,
		Starts: s.Starts, Ends: s.Ends, Description: s.Description, NextAt: first})
}

func (s SetMandate) canonical() any {
	s.Starts, s.Ends = s.Starts.UTC(), s.Ends.UTC()
	return s
}

func (e MandateSet) check() error {
	if e.Amount.unit == "" || !e.Amount.IsPositive() || e.NextAt.IsZero() {
		return errors.New("a mandate over nothing")
	}
	return e.Amount.like(e.Cap)
}

func (e MandateSet) command(Posted) Command {
	return SetMandate{Amount: e.Amount, Cap: e.Cap, Calendar: e.Calendar, Starts: e.Starts,
		Ends: e.Ends, Description: e.Description}
}

func (e MandateSet) apply(a *Account, _ time.Time) error {
	a.mandates = append(a.mandates, Mandate{ID: e.MandateID, Amount: e.Amount, Cap: e.Cap,
		Calendar: e.Calendar, Ends: e.Ends, Description: e.Description,
		Period: e.NextAt, NextAt: e.NextAt})
	return nil
}
