package main

import (
	"context"
	"iter"

	"github.com/tillbook/tillbook/domain/ledger"
)

// resumeTransfers brings transfers and merges to their end, where a read model says that one was sent
// and has not ended: whoever sent it died on the way.
func (s *service) resumeTransfers(ctx context.Context) {
	if s.models == nil {
		<-ctx.Done()
		return
	}
	s.ledger.RunTransfers(ctx, s.cfg.sweepEvery, func(ctx context.Context) iter.Seq2[
		ledger.InFlight, error] {
		return func(yield func(ledger.InFlight, error) bool) {
			for sent, err := range built(s.models.TransfersInFlight(ctx)) {
				if !yield(ledger.InFlight(sent), err) {
					return
				}
			}
		}
	})
}
