package domain

import (
	"fmt"
	"slices"
	"time"
)

// dormancy is how long the customer has done nothing.
type dormancy struct {
	ActiveAt time.Time `json:"active_at,omitzero"` // of the last activity; none: there was none yet
	Since    time.Time `json:"since,omitzero"`     // ActiveAt when the account became dormant
	Step     int       `json:"step,omitempty"`     // the last AccountDormant's; 0: not dormant
}

// AccountDormant records that the customer has done nothing for so many days: each step of the
// program's ladder once, until the customer comes back.
type AccountDormant struct {
	Since   time.Time           `json:"since"`   // of the last activity
	Step    int                 `json:"step"`    // days since then
	Balance map[string]Quantity `json:"balance"` // by unit: what had not expired at Since and Step days
}

// AccountReactivated records that the customer of a dormant account has come back, with the command
// that follows it.
type AccountReactivated struct {
	Since   time.Time           `json:"since"`   // of the activity before
	Step    int                 `json:"step"`    // the last that was reached
	Balance map[string]Quantity `json:"balance"` // by unit, as the command left it
}

func (AccountDormant) event()     {}
func (AccountReactivated) event() {}

func (AccountDormant) operation() Operation { return OpRemind }

// happened is when the step was due, however late it is written.
func (e AccountDormant) happened() time.Time { return daysFrom(e.Since, e.Step) }

// activities are the operations by which a customer shows to be there.
var activities = []Operation{OpDebit, OpTopUp, OpHold, OpCapture, OpRefund, OpPostTopUp, OpTransfer,
	OpCheckout, OpReturnCheckout}

// Activity is when the customer did what an event records, false where the customer did nothing. What
// the service does by itself is none, but for what it imports; nor is a standing charge. An instant
// that cannot be believed is when it was recorded.
func Activity(e Event, m *Metadata) (time.Time, bool) {
	if !slices.Contains(activities, operationOf(e)) {
		return time.Time{}, false
	}
	if _, begins := e.(TopUpInitiated); begins {
		return time.Time{}, false
	}
	if m.Actor == SystemActor && m.Channel != ChannelImport {
		return time.Time{}, false
	}
	if debit, ok := e.(DebitPosted); ok && debit.MandateID != noID {
		return time.Time{}, false
	}
	if m.Skewed || m.OccurredAt.After(m.RecordedAt) {
		return m.RecordedAt, true
	}
	return m.OccurredAt, true
}

// ActiveAt is when the customer last did something, zero if never.
func (a *Account) ActiveAt() time.Time { return a.dormancy.ActiveAt }

// Dormant is since when the account is dormant, and the last step of its program's ladder that it has
// reached; 0 when it is not dormant.
func (a *Account) Dormant() (since time.Time, step int) { return a.dormancy.Since, a.dormancy.Step }

// NextDormancy is when the step of a ladder after a step is due for a customer who was active at an
// instant last, zero when none is.
func NextDormancy(ladder []int, step int, active time.Time) time.Time {
	for _, days := range ladder {
		if days > step && !active.IsZero() {
			return daysFrom(active, days)
		}
	}
	return time.Time{}
}

// dormantAt is when the next step of dormancy is due. Imports pass over it: what they bring has
// happened long ago, and its gaps are no news. An account that has ended waits for nobody.
func (d *Draft) dormantAt() time.Time {
	if d.Context.Channel == ChannelImport || d.ended != nil {
		return time.Time{}
	}
	return NextDormancy(d.program().Terms.Dormancy, d.dormancy.Step, d.dormancy.ActiveAt)
}

// dormant is the step of dormancy that is due at an instant.
func (d *Draft) dormant(at time.Time) AccountDormant {
	since := d.dormancy.ActiveAt
	return AccountDormant{Since: since, Step: int(at.Sub(since) / (24 * time.Hour)),
		Balance: d.holdings(at)}
}

// holdings are the value that counts at an instant, by unit, whether or not the rest's expiry is
// written.
func (a *Account) holdings(at time.Time) map[string]Quantity {
	sums := map[string]Quantity{}
	for _, b := range a.Balances(at) {
		if sum := b.Total.Sub(b.ExpiredUnposted); sum.IsPositive() {
			sums[b.Unit] = sum
		}
	}
	return sums
}

// reactivate writes that the customer has come back, where the command was it.
func (d *Draft) reactivate() error {
	if d.dormancy.Step == 0 || !d.dormancy.ActiveAt.After(d.dormancy.Since) {
		return nil
	}
	return d.post(AccountReactivated{Since: d.dormancy.Since, Step: d.dormancy.Step,
		Balance: d.holdings(d.Recorded)})
}

// wake notes the customer's activity.
func (a *Account) wake(p *Posted) {
	if at, ok := Activity(p.Event, &p.Metadata); ok && at.After(a.dormancy.ActiveAt) {
		a.dormancy.ActiveAt = at
	}
}

func (e AccountDormant) check() error {
	if e.Step <= 0 || e.Step > mostDays || e.Since.IsZero() {
		return fmt.Errorf("dormant for %d days since %s", e.Step, e.Since)
	}
	return nil
}

func (e AccountDormant) apply(a *Account, _ time.Time) error {
	if !e.Since.Equal(a.dormancy.ActiveAt) || e.Step <= a.dormancy.Step {
		return fmt.Errorf("dormant for %d days since %s, after %d days, active at %s", e.Step, e.Since,
			a.dormancy.Step, a.dormancy.ActiveAt)
	}
	a.dormancy.Since, a.dormancy.Step = e.Since, e.Step
	return nil
}

func (e AccountReactivated) apply(a *Account, _ time.Time) error {
	if e.Step != a.dormancy.Step || e.Step == 0 {
		return fmt.Errorf("reactivated at step %d, was at %d", e.Step, a.dormancy.Step)
	}
	a.dormancy.Since, a.dormancy.Step = time.Time{}, 0
	return nil
}
