package main

import (
	"context"
	"errors"

	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/projections"
)

// resumedTransfers bounds what one look asks for.
const resumedTransfers = 500

// resumeTransfers brings transfers and merges to their end, where a read model says that one was sent
// and has not ended: whoever sent it died on the way.
func (s *service) resumeTransfers(ctx context.Context) {
	if s.models == nil {
		<-ctx.Done()
		return
	}
	s.ledger.RunTransfers(ctx, s.cfg.sweepEvery, func(ctx context.Context) ([]ledger.InFlight, error) {
		sent, err := s.models.TransfersInFlight(ctx, resumedTransfers)
		if errors.Is(err, projections.ErrStale) {
			return nil, nil // what is in flight shows when they are built
		}
		var all []ledger.InFlight
		for _, t := range sent {
			all = append(all, ledger.InFlight(t))
		}
		return all, err
	})
}
