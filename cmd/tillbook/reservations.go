package main

import (
	"context"
	"errors"
	"time"

	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/projections"
)

// settleReservations settles what operations left behind of campaigns' budgets, where a read model says
// that one was neither committed nor released: whoever reserved it died on the way.
func (s *service) settleReservations(ctx context.Context) {
	if s.models == nil {
		<-ctx.Done()
		return
	}
	s.ledger.RunReservations(ctx, s.cfg.sweepEvery, func(ctx context.Context, before time.Time) (
		all []ledger.Unsettled, err error,
	) {
		unsettled, err := s.models.UnsettledReservations(ctx, before)
		if errors.Is(err, projections.ErrStale) {
			return nil, nil // what is unsettled shows when they are built
		}
		for _, u := range unsettled {
			all = append(all, ledger.Unsettled(u))
		}
		return all, err
	})
}
