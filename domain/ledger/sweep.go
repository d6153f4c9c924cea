package ledger

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// Due lists accounts on which time has brought something about by an instant: a hold that lapsed, a lot
// or a coupon that expired, a reminder. An account may come more than once, an error comes last. It is a hint from a
// read model: the sweep decides on the account itself.
type Due func(ctx context.Context, by time.Time) iter.Seq2[uuid.UUID, error]

// sweptAtOnce bounds the accounts that are swept at a time: their events share the log's syncs.
const sweptAtOnce = 32

// RunSweeper posts what time brings about until ctx ends: every interval it sweeps all accounts that are
// due. What several nodes sweep is written once, as the loser of the revision finds nothing left to do.
func (l *Ledger) RunSweeper(ctx context.Context, every time.Duration, due Due) {
	l.runDue(ctx, every, due, l.Sweep)
}

// runDue does, every interval until ctx ends, what is to be done on all accounts that are due.
func (l *Ledger) runDue(ctx context.Context, every time.Duration, due Due,
	do func(context.Context, uuid.UUID) error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		l.doDue(ctx, due, do)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (l *Ledger) doDue(ctx context.Context, due Due, do func(context.Context, uuid.UUID) error) {
	accounts := make([]uuid.UUID, 0, sweptAtOnce)
	for id, err := range due(ctx, l.now()) {
		if err != nil && ctx.Err() == nil {
			l.opts.Logger.Error("due accounts not read", "err", err)
		}
		if err != nil || ctx.Err() != nil {
			break // each would wait for its time limit where the log is gone
		}
		if accounts = append(accounts, id); len(accounts) == sweptAtOnce {
			if !l.doAll(ctx, accounts, do) {
				return
			}
			accounts = accounts[:0]
		}
	}
	l.doAll(ctx, accounts, do)
}

// doAll does it on accounts at the same time. What fails on one holds up no other, but where the log is
// away it says so once, and answers false.
func (l *Ledger) doAll(ctx context.Context, accounts []uuid.UUID,
	do func(context.Context, uuid.UUID) error) bool {
	errs := make([]error, len(accounts))
	var running sync.WaitGroup
	for i, id := range accounts {
		running.Go(func() { errs[i] = do(ctx, id) })
	}
	running.Wait()
	for i, err := range errs {
		if err != nil && ctx.Err() == nil {
			l.opts.Logger.Error("what is due was not posted", "account", accounts[i], "err", err)
		}
		if isAway(err) {
			return false
		}
	}
	return true
}

// isAway reports that it is not an account that failed: it will be so with all others.
func isAway(err error) bool {
	return errors.Is(err, eventstore.ErrUnavailable) || errors.Is(err, eventstore.ErrClosed) ||
		errors.Is(err, ErrStopping)
}

// Sweep posts what is due on one account.
func (l *Ledger) Sweep(ctx context.Context, account uuid.UUID) error {
	for {
		a, err := l.Do(ctx, Request{
			Account: account, Command: domain.Sweep{},
			Caller: Caller{Actor: domain.SystemActor, Role: domain.SystemActor},
		})
		if err != nil || len(a.Events) < domain.SweepEvents {
			return err
		}
	}
}
