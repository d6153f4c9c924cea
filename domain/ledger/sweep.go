package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// Due answers some accounts, at most a few hundred, on which a hold or a lot was due by an instant. It
// is a hint from a read model: the sweep decides on the account itself.
type Due func(ctx context.Context, by time.Time) ([]uuid.UUID, error)

// RunSweeper posts lapsed holds and expired lots until ctx ends: every interval it asks for due accounts
// and sweeps each. What several nodes sweep is written once, as the loser of the revision finds
// nothing left to do.
func (l *Ledger) RunSweeper(ctx context.Context, every time.Duration, due Due) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		l.sweepDue(ctx, due)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (l *Ledger) sweepDue(ctx context.Context, due Due) {
	accounts, err := due(ctx, l.now())
	if err != nil && ctx.Err() == nil {
		l.opts.Logger.Error("due accounts not read", "err", err)
	}
	for _, id := range accounts {
		if ctx.Err() != nil {
			return // each sweep would wait for its time limit where the log is gone
		}
		if err := l.Sweep(ctx, id); err != nil && ctx.Err() == nil {
			l.opts.Logger.Error("account not swept", "account", id, "err", err)
		}
	}
}

// Sweep posts what is due on one account.
func (l *Ledger) Sweep(ctx context.Context, account uuid.UUID) error {
	_, err := l.Do(ctx, Request{
		Account: account, Command: domain.Sweep{},
		Caller: Caller{Actor: domain.SystemActor, Role: domain.SystemActor},
	})
	return err
}
