package main

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/projections"
)

// charge takes standing charges, where a read model says that one is due.
func (s *service) charge(ctx context.Context) {
	if s.models == nil {
		<-ctx.Done()
		return
	}
	s.ledger.RunCharges(ctx, s.cfg.sweepEvery, func(ctx context.Context, by time.Time) (
		[]uuid.UUID, error,
	) {
		due, err := s.models.DueMandates(ctx, by, sweepAccounts)
		if errors.Is(err, projections.ErrStale) {
			return nil, nil // what is due shows when they are built
		}
		return due, err
	})
}
