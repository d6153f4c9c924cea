package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// Unsettled names a reservation whose commit was not seen, or, by its Source, an event of an account that
// gives a part of one back, whose release was not seen.
type Unsettled struct {
	Campaign                                string
	Reservation, Account, Source, Operation uuid.UUID
}

// RunReservations settles what operations left behind until ctx ends: every interval the reservations
// without a commit, and what was given back without a release, both from before an instant. That is a
// hint from a read model: the streams decide. Several nodes may settle one at once.
func (l *Ledger) RunReservations(ctx context.Context, every time.Duration,
	unsettled func(ctx context.Context, before time.Time) ([]Unsettled, error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		all, err := unsettled(ctx, l.now().Add(-uncommittedFor))
		if err != nil && ctx.Err() == nil {
			l.opts.Logger.Error("unsettled reservations not read", "err", err)
		}
		l.settleAllOf(ctx, all)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (l *Ledger) settleAllOf(ctx context.Context, all []Unsettled) {
	for _, u := range all {
		err := l.Settle(ctx, u)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			l.opts.Logger.Error("reservation not settled", "campaign", u.Campaign,
				"reservation", u.Reservation, "err", err)
		}
		if isAway(err) {
			return // so would the others fail, each after its time
		}
	}
}

// Settle releases a reservation that was not committed and never will be, or what an account's event gave
// back of one; one that was committed stands. To settle again changes nothing.
func (l *Ledger) Settle(ctx context.Context, u Unsettled) error {
	by := Caller{Actor: domain.SystemActor, Role: domain.SystemActor}
	if u.Source != uuid.Nil {
		p, ok, err := l.Last(ctx, u.Account, domain.EventName(u.Source))
		if e, returning := p.Event.(domain.Returning); err == nil && ok && returning {
			return l.release(by, u.Source, e.Returned())
		}
		return err
	}
	a, err := l.Do(ctx, Request{Account: u.Account, Caller: by,
		Command: domain.ResolveReservation{ReservationID: u.Reservation, OperationID: u.Operation}})
	if err == nil {
		if _, dead := a.First().Event.(domain.ReferenceCancelled); !dead {
			return nil
		}
	} else if !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	return l.release(by, uuid.Nil, domain.Return{Reservation: u.Reservation,
		BudgetPart: domain.BudgetPart{Campaign: u.Campaign}, Reason: domain.BudgetUncommitted})
}
