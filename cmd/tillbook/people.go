package main

import (
	"context"
	"errors"
	"time"

	"github.com/tillbook/tillbook/domain/vault"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// tendPeople keeps the vault as the master keys and the log say: it seals customers' keys with the first
// master key, ends erasures that a crash cut short, and destroys what this node has of customers whom
// another node, or the log of which this vault is an older copy, calls erased.
func (s *service) tendPeople(ctx context.Context) {
	if s.people == nil {
		<-ctx.Done()
		return
	}
	if n, err := s.people.Rewrap(ctx); err != nil && ctx.Err() == nil {
		s.logger.Error("not all customers' keys are sealed with the first master key", "err", err)
	} else if n > 0 {
		s.logger.Info("customers' keys are sealed with the first master key", "keys", n)
	}
	every := time.NewTicker(s.cfg.sweepEvery)
	defer every.Stop()
	var seen eventstore.Position // of the last erasure that was looked at
	for {
		err := s.ledger.ResumeErasures(ctx, s.people)
		if s.models != nil {
			var other error
			seen, other = s.forget(ctx, seen)
			err = errors.Join(err, other)
		}
		if err != nil && ctx.Err() == nil {
			s.logger.Error("erasures not ended", "err", err, "again_in", s.cfg.sweepEvery)
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}

// forget destroys the keys of customers who were erased after a place in the log, and answers the place
// of the last of them.
func (s *service) forget(ctx context.Context, after eventstore.Position) (eventstore.Position, error) {
	for {
		erased, err := s.models.ErasedCustomers(ctx, after, projections.MaxLimit)
		if errors.Is(err, projections.ErrStale) {
			return after, nil // whom it is about shows when they are built
		}
		if err != nil || len(erased) == 0 {
			return after, err
		}
		for _, e := range erased {
			_, err := s.people.Key(ctx, e.ID)
			if err == nil || errors.Is(err, vault.ErrSealed) {
				err = errors.Join(s.people.Erase(ctx, e.ID, ""), s.people.Erased(ctx, e.ID))
			}
			if err != nil && !errors.Is(err, vault.ErrNoKey) && !errors.Is(err, vault.ErrErased) {
				return after, err
			}
			after = e.Position
		}
	}
}
