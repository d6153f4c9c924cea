package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// mostCharges bounds the attempts on one account before others have their turn.
const mostCharges = 100

// RunCharges takes standing charges until ctx ends: every interval on all accounts on which one is due.
// What several nodes charge is written once, as it is of RunSweeper.
func (l *Ledger) RunCharges(ctx context.Context, every time.Duration, due Due) {
	l.runDue(ctx, every, due, l.Charge)
}

// Charge takes the standing charges that are due on one account: each period in an append of its
// own, so that each is an operation of its own.
func (l *Ledger) Charge(ctx context.Context, account uuid.UUID) error {
	for range mostCharges {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a, err := l.Do(ctx, Request{
			Account: account, Command: domain.ChargeMandates{},
			Caller: Caller{Actor: domain.SystemActor, Role: domain.SystemActor},
		})
		if err != nil || len(a.Events) == 0 {
			return err
		}
	}
	return nil
}
