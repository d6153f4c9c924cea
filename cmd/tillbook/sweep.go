package main

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/projections"
)

// sweep posts what time brings about, where a read model says that something is due.
func (s *service) sweep(ctx context.Context) {
	if s.models == nil {
		<-ctx.Done()
		return
	}
	s.ledger.RunSweeper(ctx, s.cfg.sweepEvery, s.due)
}

// due lists what is due by an instant: reminders before expiries, as they came first.
func (s *service) due(ctx context.Context, by time.Time) iter.Seq2[uuid.UUID, error] {
	ladderOf := func(account uuid.UUID) []int {
		return s.ledger.Program(account, by).Terms.Dormancy
	}
	return func(yield func(uuid.UUID, error) bool) {
		if !s.averages(ctx, by, yield) {
			return
		}
		for _, due := range []iter.Seq2[uuid.UUID, error]{
			s.models.DueHolds(ctx, by), s.models.DueReminders(ctx, by), s.models.DueLots(ctx, by),
			s.models.DueCoupons(ctx, by),
			s.models.DueDormancy(ctx, by, s.dormancyLadders(by), ladderOf),
			s.models.DueTiers(ctx, by, by.Add(-quietSweeps*s.cfg.sweepEvery)),
		} {
			for id, err := range built(due) {
				if !yield(id, err) || err != nil {
					return
				}
			}
		}
	}
}

// averages lists, once a day of each program whose tiers go by an average, all accounts that ever had its
// unit: what a balance has reached shows when a day has ended, whatever happened on it. It says whether
// to go on. Only the sweeper calls it; after a restart it lists them once more.
func (s *service) averages(ctx context.Context, by time.Time, yield func(uuid.UUID, error) bool) bool {
	for _, versions := range s.ledger.Programs() {
		p := ledger.InForce(versions, by)
		if p == nil {
			continue
		}
		unit, averages := p.Averages()
		today := p.Today(by)
		if !averages || s.averaged[p.ID] == today {
			continue
		}
		for account, err := range s.models.Having(ctx, unit) {
			if errors.Is(err, projections.ErrStale) {
				return true // another time
			}
			if !yield(account, err) || err != nil {
				return false
			}
		}
		if s.averaged == nil {
			s.averaged = map[string]string{}
		}
		s.averaged[p.ID] = today
	}
	return true
}

// quietSweeps is for how many sweeps nothing happens on an account before one ends its tier's period.
const quietSweeps = 6

// built is what is due by read models; nothing while they are another log's: it shows when they are
// built.
func built[T any](due iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for id, err := range due {
			if errors.Is(err, projections.ErrStale) || !yield(id, err) {
				return
			}
		}
	}
}

// dormancyLadders are the ladders of the programs that rule at an instant.
func (s *service) dormancyLadders(at time.Time) [][]int {
	ladders := [][]int{domain.DefaultProgram().Terms.Dormancy}
	for _, versions := range s.ledger.Programs() {
		if p := ledger.InForce(versions, at); p != nil {
			ladders = append(ladders, p.Terms.Dormancy)
		}
	}
	return ladders
}
