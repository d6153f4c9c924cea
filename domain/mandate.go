package domain

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Mandate is a standing charge: a fee that is taken from stored value whenever it falls due.
//
// Every period is owed by itself: one that a sweeper missed is charged later, once, and never with
// another. A charge that fails is tried again after 1, 24 and 72 hours, but not once the next period
// has fallen due: then the period is given up.
type Mandate struct {
	ID          uuid.UUID `json:"id"`
	Amount      Money     `json:"amount"` // of one period; at most Cap
	Cap         Money     `json:"cap"`    // what no period may exceed
	Calendar    Calendar  `json:"calendar"`
	Ends        time.Time `json:"ends,omitzero"` // no period falls due from then on
	Description string    `json:"description,omitempty"`
	Period      time.Time `json:"period,omitzero"`  // the period to be charged, by when it fell due; none: over
	Failed      int       `json:"failed,omitempty"` // how often charging it failed
	NextAt      time.Time `json:"next_at,omitzero"` // when it is tried
}

// retries are the times after a failed attempt at which the next one follows.
var retries = []time.Duration{time.Hour, 24 * time.Hour, 72 * time.Hour}

// mostMandates bounds the active mandates of one account.
const mostMandates = 20

// MandateName is the name that the end of a mandate answers to.
func MandateName(id uuid.UUID) Name { return Name{"mandate", id.String()} }

// Mandates are the active ones, oldest first. They must not be changed.
func (a *Account) Mandates() []Mandate { return a.mandates }

// after is the period after one, none where the mandate is over then.
func (m *Mandate) after(period time.Time) time.Time {
	next := m.Calendar.after(period)
	if !m.Ends.IsZero() && !next.Before(m.Ends) || next.Year() > 9999 {
		return time.Time{}
	}
	return next
}

// mandate is the place of an active mandate.
func (a *Account) mandate(id uuid.UUID) int {
	return slices.IndexFunc(a.mandates, func(m Mandate) bool { return m.ID == id })
}

// progress moves a mandate on after an attempt, to what is tried at an instant.
func (a *Account) progress(id uuid.UUID, c Charge, at time.Time) error {
	i := a.mandate(id)
	if i < 0 {
		return fmt.Errorf("mandate %s is not active", id)
	}
	m := &a.mandates[i] // the account's own copy
	if !m.Period.Equal(c.Period) || m.Failed+1 != c.Attempt {
		return fmt.Errorf("mandate %s stands at attempt %d on %s, not at %d on %s", id, m.Failed+1,
			m.Period, c.Attempt, c.Period)
	}
	m.Failed = 0
	if c.NextPeriod.Equal(c.Period) {
		m.Failed = c.Attempt
	}
	m.Period, m.NextAt = c.NextPeriod, at
	return nil
}

// activeMandate is the mandate, or the refusal that says why it is none.
func (d *Draft) activeMandate(id uuid.UUID) (*Mandate, error) {
	if i := d.mandate(id); i >= 0 {
		return &d.mandates[i], nil
	}
	if end, ok := d.last(MandateName(id)); ok {
		return nil, ErrMandateNotActive.By(end)
	}
	return nil, ErrNotFound.Because("there is no such mandate")
}

// endMandates ends all mandates of an account that ends.
func (d *Draft) endMandates(reason string) error {
	for _, m := range slices.Clone(d.mandates) {
		if err := d.post(MandateEnded{MandateID: m.ID, Reason: reason}); err != nil {
			return err
		}
	}
	return nil
}
