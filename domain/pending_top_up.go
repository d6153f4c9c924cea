package domain

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// MaxPendingTopUps bounds the top-ups of an account that wait for their money.
const MaxPendingTopUps = 100

// What a pending top-up can be asked for.
const (
	OpPostTopUp Operation = "top_up_posting"
	OpFailTopUp Operation = "top_up_failure"
)

// PendingTopUp is a top-up that waits for its money. What it asked for stands in its event.
type PendingTopUp struct {
	ID          uuid.UUID `json:"id"`
	Amount      Money     `json:"amount"`
	InitiatedAt time.Time `json:"initiated_at"`
}

// PostTopUp turns a pending top-up into value: its money has come.
type PostTopUp struct {
	TopUpID uuid.UUID `json:"top_up_id"`
	// Payments complete those that the top-up began with: the same tenders in the same order, with
	// references where they had none. Where it began with none, they are any that a top-up takes.
	Payments []Payment `json:"payments,omitempty"`
}

// FailTopUp ends a pending top-up without value: its money will not come.
type FailTopUp struct {
	TopUpID uuid.UUID `json:"top_up_id"`
	Reason  string    `json:"reason,omitempty"` // at most 200 bytes
}

// TopUpInitiated records what a pending top-up asks for. No value moves, but its payments are used.
type TopUpInitiated struct {
	TopUpID  uuid.UUID `json:"top_up_id"` // the event's own id
	Amount   Money     `json:"amount"`
	Payments []Payment `json:"payments,omitempty"`
	TopUpTerms
}

// TopUpFailed records that a pending top-up ended without value.
type TopUpFailed struct {
	TopUpID  uuid.UUID `json:"top_up_id"`
	Amount   Money     `json:"amount"`
	Payments []Payment `json:"payments,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Cause    Cause     `json:"cause,omitempty"` // cancelled, where its reference was
}

func (TopUpInitiated) event() {}
func (TopUpFailed) event()    {}

func (TopUpInitiated) operation() Operation { return OpTopUp }

func (e TopUpFailed) operation() Operation {
	if e.Cause == CauseCancelled {
		return OpCancel
	}
	return OpFailTopUp
}

func (e TopUpInitiated) appendNames(names []Name) []Name { return paymentNames(names, e.Payments) }

func (e TopUpFailed) appendNames(names []Name) []Name {
	return append(names, OutcomeName(e.TopUpID))
}

// OutcomeName is the name that what ended a pending top-up answers to.
func OutcomeName(topUp uuid.UUID) Name { return Name{"outcome", topUp.String()} }

// Operation is top_up_posting.
func (PostTopUp) Operation() Operation { return OpPostTopUp }

// Operation is top_up_failure.
func (FailTopUp) Operation() Operation { return OpFailTopUp }

// PendingTopUps are the top-ups that wait for their money, oldest first.
func (a *Account) PendingTopUps() []PendingTopUp { return a.pending }

// initiate posts a pending top-up, unless too many wait.
func (t TopUp) initiate(d *Draft) error {
	if len(d.pending) >= MaxPendingTopUps {
		return ErrLimitExceeded.Because(fmt.Sprint("at most ", MaxPendingTopUps, " top-ups may be pending"))
	}
	if err := d.limitTopUp(t.Amount, t.Amount); err != nil {
		return err
	}
	return d.post(TopUpInitiated{
		TopUpID: d.nextID(), Amount: t.Amount, Payments: t.Payments, TopUpTerms: t.TopUpTerms,
	})
}

// Decide checks the account, the reference, the top-up, that it is pending, then its payments. Bonus
// and terms are decided now, not when it began.
func (p PostTopUp) Decide(d *Draft) error {
	if err := d.mayGive(); err != nil {
		return err
	}
	if err := d.unused(OpPostTopUp); err != nil {
		return err
	}
	e, err := d.initiated(p.TopUpID)
	if err != nil {
		return err
	}
	t, err := e.completed(p.Payments)
	if err != nil {
		return err
	}
	paid, err := t.check(d.Decided)
	if err != nil {
		return err
	}
	for _, pay := range t.Payments {
		if used, ok := d.first(paymentName(pay)); ok && used.Metadata.EventID != p.TopUpID {
			return ErrReferenceUsed.By(used)
		}
	}
	return d.fund(t.Amount, func() TopUpPosted {
		posted := t.posted(d, p.TopUpID, paid)
		posted.Initiated, posted.Completed = true, len(p.Payments) > 0
		return posted
	})
}

// Decide checks the reason, the account, the reference, then the top-up. To fail is to give nothing
// away, so no freeze stops it.
func (f FailTopUp) Decide(d *Draft) error {
	if len(f.Reason) > 200 {
		return ErrMalformed.Field("reason", "want at most 200 bytes")
	}
	if d.revision < 0 {
		return ErrNotFound.Because("there is no such account")
	}
	if err := d.unused(OpFailTopUp); err != nil {
		return err
	}
	e, err := d.initiated(f.TopUpID)
	if err != nil {
		return err
	}
	return d.post(e.failed(f.Reason, ""))
}

// initiated is a top-up that is pending.
func (d *Draft) initiated(id uuid.UUID) (TopUpInitiated, error) {
	p, _ := d.first(EventName(id))
	e, ok := p.Event.(TopUpInitiated)
	switch {
	case !ok:
		return e, ErrNotFound.Because("there is no such pending top-up")
	case d.pendingIndex(id) < 0:
		end, _ := d.first(OutcomeName(id))
		return e, ErrTopUpNotPending.By(end)
	}
	return e, nil
}

// completed is the top-up that e asked for, with payments in place of its own, where there are any.
func (e TopUpInitiated) completed(payments []Payment) (TopUp, error) {
	t := TopUp{Amount: e.Amount, Payments: e.Payments, TopUpTerms: e.TopUpTerms}
	if len(payments) == 0 {
		return t, nil
	}
	if len(e.Payments) > 0 && !slices.EqualFunc(e.Payments, payments, Payment.completes) {
		return t, ErrMalformed.Field("payments",
			"want the tenders that the top-up began with, in their order")
	}
	t.Payments = payments
	return t, nil
}

// completes reports whether q is p, or p with the reference that it had not.
func (p Payment) completes(q Payment) bool {
	return p.Method == q.Method && p.Amount.unit == q.Amount.unit && p.Amount.Equal(q.Amount) &&
		(p.Reference == "" || p.Reference == q.Reference)
}

func (e TopUpInitiated) failed(reason string, cause Cause) TopUpFailed {
	return TopUpFailed{TopUpID: e.TopUpID, Amount: e.Amount, Payments: e.Payments, Reason: reason,
		Cause: cause}
}

// undoInitiated takes back a top-up that began pending, however far it has come.
func (d *Draft) undoInitiated(e TopUpInitiated) error {
	switch {
	case d.pendingIndex(e.TopUpID) >= 0:
		return d.post(e.failed("", CauseCancelled))
	case len(d.funding(e.TopUpID)) > 0:
		return d.undoTopUp(e.TopUpID)
	}
	return nil
}

func (a *Account) pendingIndex(topUp uuid.UUID) int {
	return slices.IndexFunc(a.pending, func(p PendingTopUp) bool { return p.ID == topUp })
}

// outcome ends a pending top-up.
func (a *Account) outcome(topUp uuid.UUID) error {
	i := a.pendingIndex(topUp)
	if i < 0 {
		return fmt.Errorf("top-up %s is not pending", topUp)
	}
	a.pending = slices.Delete(a.pending, i, i+1)
	return nil
}

func (e TopUpInitiated) check() error {
	if e.Amount.unit == "" || !e.Amount.IsPositive() {
		return fmt.Errorf("a top-up of %s", e.Amount)
	}
	return nil
}

func (e TopUpFailed) check() error {
	if e.Amount.unit == "" {
		return errors.New("a top-up of nothing failed")
	}
	return nil
}

func (e TopUpInitiated) command(Posted) Command {
	return TopUp{Amount: e.Amount, Payments: e.Payments, TopUpTerms: e.TopUpTerms, Pending: true}
}

func (e TopUpFailed) command(Posted) Command {
	if e.Cause == CauseCancelled {
		return Cancel{}
	}
	return FailTopUp{TopUpID: e.TopUpID, Reason: e.Reason}
}

func (e TopUpInitiated) apply(a *Account, recorded time.Time) error {
	if a.pendingIndex(e.TopUpID) >= 0 {
		return fmt.Errorf("top-up %s is pending already", e.TopUpID)
	}
	a.pending = append(a.pending, PendingTopUp{e.TopUpID, e.Amount, recorded})
	return nil
}

func (e TopUpFailed) apply(a *Account, _ time.Time) error { return a.outcome(e.TopUpID) }
