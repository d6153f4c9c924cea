package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/projections"
)

// service is everything that runs on a data folder: log, ledger, read models, REST, sweeper.
type service struct {
	cfg      config
	logger   *slog.Logger
	store    *embedded.Store
	ledger   *ledger.Ledger
	models   *projections.Models // nil without followers
	api      *api.Server
	tcp      net.Listener // nil when only the socket is served
	socket   net.Listener
	rebuilds rebuilding
}

// openService opens a data folder and its listeners; run serves. What it opened is closed again when
// anything of it fails.
func openService(cfg config, logger *slog.Logger) (*service, error) {
	s := &service{cfg: cfg, logger: logger}
	if err := s.open(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *service) open() (err error) {
	cfg := s.cfg
	if cfg.listen != "" {
		if s.tcp, err = net.Listen("tcp", cfg.listen); err != nil {
			return fmt.Errorf("--listen %s: %w", cfg.listen, err)
		}
	}
	metrics := prometheus.NewRegistry()
	observed := api.NewMetrics(metrics)
	s.store, err = openLog(cfg.data, embedded.Options{
		Logger: s.logger, CacheBytes: int64(cfg.blockCacheMB) << 20, OnCommit: observed.OnCommit,
	})
	if err != nil {
		return err
	}
	if err = s.sweepCheckpoints(); err != nil {
		return err
	}
	s.ledger = ledger.Open(s.store, ledger.Options{
		Logger: s.logger, CacheBytes: cfg.cacheMB << 20, MaxWaiting: cfg.maxWaiting,
		OnRound: observed.OnRound, OnDamaged: observed.OnDamaged,
	})
	observed.QueueDepth(s.ledger.Waiting)
	if cfg.followers {
		if err = s.openModels(observed); err != nil {
			return err
		}
	}
	if s.socket, err = listenSocket(cfg.data); err != nil {
		return err
	}
	s.api, err = api.New(api.Config{
		Ledger: s.ledger, Store: s.store, Models: s.models, Logger: s.logger, Metrics: metrics,
		Observed: observed, Version: version, BodyLimit: cfg.bodyKB << 10,
		RatePerKey: float64(cfg.ratePerKey), Local: s.local(),
	})
	return err
}

func (s *service) openModels(observed *api.Metrics) (err error) {
	s.models, err = projections.Open(context.Background(), s.cfg.data, s.store, projections.Options{
		Log:       s.logger,
		Damaged:   func(stream string, _ eventstore.Revision) { observed.OnDamaged(stream) },
		Committed: func(c projections.Commit) { s.observeLag(observed, c) },
	})
	return err
}

// observeLag tells how many events the read models are behind the log.
func (s *service) observeLag(observed *api.Metrics, c projections.Commit) {
	head, err := s.store.Head(context.Background())
	if err == nil {
		observed.OnLag(int64(head - min(head, c.Position)))
	}
}

// address is where the service listens, "" when on its socket alone.
func (s *service) address() string {
	if s.tcp == nil {
		return ""
	}
	return s.tcp.Addr().String()
}

// run serves until ctx ends, then finishes what was accepted. It closes the service.
func (s *service) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	served := make(chan struct{}, 3)
	serve := func(f func() error) {
		if err := f(); err != nil {
			stop(err)
		}
		served <- struct{}{}
	}
	parts := 2
	go serve(func() error { return s.api.Serve(s.socket) })
	go serve(func() error { s.sweep(ctx); return nil })
	if s.tcp != nil {
		parts++
		go serve(func() error { return s.api.Serve(s.tcp) })
	}
	<-ctx.Done()
	s.logger.Info("stopping")
	err := s.drain()
	s.closeListeners() // a listener that was not served yet when the drain began
	for range parts {
		<-served
	}
	s.close()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// drain lets requests under way finish.
func (s *service) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.drain)
	defer cancel()
	if err := s.api.Shutdown(ctx); err != nil {
		return fmt.Errorf("stop serving: %w", err)
	}
	return nil
}

// sweepAccounts bounds what one sweep asks for.
const sweepAccounts = 500

// sweep posts what time brings about, where a read model says that something is due.
func (s *service) sweep(ctx context.Context) {
	if s.models == nil {
		<-ctx.Done()
		return
	}
	s.ledger.RunSweeper(ctx, s.cfg.sweepEvery, func(ctx context.Context, by time.Time) (
		[]uuid.UUID, error,
	) {
		holds, err := s.models.DueHolds(ctx, by, sweepAccounts)
		if err != nil {
			return nil, err
		}
		lots, err := s.models.DueLots(ctx, by, sweepAccounts)
		return append(holds, lots...), err
	})
}

func (s *service) closeListeners() {
	for _, ln := range []net.Listener{s.tcp, s.socket} {
		if ln != nil {
			_ = ln.Close() // a second close is none of ours to report
		}
	}
}

// close closes what was opened, the log last.
func (s *service) close() {
	s.closeListeners()
	if s.ledger != nil {
		s.ledger.Close()
	}
	if s.models != nil {
		if err := s.models.Close(); err != nil {
			s.logger.Error("read models not closed", "err", err)
		}
		s.rebuilds.done.Wait()
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.logger.Error("log not closed", "err", err)
		}
	}
}

// caller is who acts when the service itself does, such as at its start.
var caller = ledger.Caller{Actor: domain.SystemActor, Role: domain.RoleAdmin}
