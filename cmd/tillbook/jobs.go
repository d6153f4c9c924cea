package main

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/projections"
)

// The runner of jobs: how often it looks for one, and how many it takes up at once.
const (
	jobsEvery  = time.Second
	jobsAtOnce = 100
)

// runJobs serves jobs, where a read model says that one runs: those that were just started, and those
// that a stop or a crash cut off, on this node or another.
func (s *service) runJobs(ctx context.Context) {
	if s.models == nil {
		<-ctx.Done()
		return
	}
	s.ledger.RunJobs(ctx, jobsEvery, func(ctx context.Context) ([]uuid.UUID, error) {
		running, err := s.models.RunningJobs(ctx, jobsAtOnce)
		if errors.Is(err, projections.ErrStale) {
			return nil, nil // what runs shows when they are built
		}
		return running, err
	}, s.api.RestOfSegment)
}
