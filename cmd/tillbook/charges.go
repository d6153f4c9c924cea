package main

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"
)

// charge takes standing charges, where a read model says that one is due.
func (s *service) charge(ctx context.Context) {
	if s.models == nil {
		<-ctx.Done()
		return
	}
	s.ledger.RunCharges(ctx, s.cfg.sweepEvery, func(ctx context.Context, by time.Time) iter.Seq2[
		uuid.UUID, error] {
		return built(s.models.DueMandates(ctx, by))
	})
}
