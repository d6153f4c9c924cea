package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"time"

	"github.com/gofrs/flock"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/api/webhooks"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/domain/vault"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/eventstore/esdbserver"
	"github.com/tillbook/tillbook/projections"
)

// service is everything that runs on a data folder: log, ledger, read models, REST, sweeper.
type service struct {
	cfg      config
	logger   *slog.Logger
	lock     *flock.Flock // on the data folder
	store    eventstore.Store
	embedded *embedded.Store // store, where it is the folder's own
	protocol *protocolServer // nil where nobody asked for it
	ledger   *ledger.Ledger
	keyring  *vault.Keyring      // nil without a master key
	people   *vault.Customers    // nil without a master key
	codes    *vault.Codes        // nil without a master key
	models   *projections.Models // nil without followers
	live     *liveProjections    // nil without followers
	passing  *passing            // nil where no client could ask for one
	webhooks *webhooks.Sender    // nil where this node sends none
	api      *api.Server
	tcp      net.Listener // nil when only the socket is served
	socket   net.Listener
	rebuilds rebuilding
	averaged map[string]string // by program: the day on which averages were looked at; the sweeper's
}

// openService opens a data folder and its listeners; run serves. What it opened is closed again when
// anything of it fails. A log in an EventStoreDB that does not answer is waited for until ctx ends.
func openService(ctx context.Context, cfg config, logger *slog.Logger) (*service, error) {
	s := &service{cfg: cfg, logger: logger}
	if err := s.open(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *service) open(ctx context.Context) (err error) {
	cfg := s.cfg
	metrics := prometheus.NewRegistry()
	observed := api.NewMetrics(metrics)
	if s.lock, err = lockData(cfg.data); err != nil {
		return err
	}
	if s.keyring, err = openKeyring(cfg.masterKeyFile); err != nil {
		return err
	}
	if s.people, err = vault.OpenCustomers(ctx, cfg.data, s.keyring); err != nil {
		return err
	}
	if s.codes, err = openCodes(cfg.data, s.keyring); err != nil {
		return err
	}
	if err = s.openStore(ctx, observed); err != nil {
		return err
	}
	if cfg.esdb.listen != "" && s.embedded == nil {
		return errors.New("--esdb-listen serves the folder's own log, and --eventstore names another")
	}
	s.ledger = ledger.Open(s.store, ledger.Options{
		Logger: s.logger, CacheBytes: cfg.cacheMB << 20, MaxWaiting: cfg.maxWaiting,
		Shared:  s.embedded == nil,
		OnRound: observed.OnRound, OnDamaged: observed.OnDamaged,
	})
	observed.QueueDepth(s.ledger.Waiting)
	if err = s.ledger.Ready(ctx); err != nil { // the read models' checkpoint is looked up in the log
		return err
	}
	if cfg.followers {
		if err = s.openModels(ctx, observed); err != nil {
			return err
		}
		if err = s.openLive(ctx, observed); err != nil {
			return err
		}
	}
	if err = s.openProtocol(ctx); err != nil {
		return err
	}
	if cfg.webhooks {
		if err = s.openWebhooks(ctx, observed); err != nil {
			return err
		}
	}
	if err = s.listenOn(cfg); err != nil {
		return err
	}
	s.api, err = api.New(api.Config{
		Ledger: s.ledger, Store: s.store, Models: s.models, Logger: s.logger, Metrics: metrics,
		Keyring: s.keyring, Webhooks: s.webhooks, WebhookPrivate: cfg.webhookAny,
		People: s.people, Codes: s.codes, Live: s.live.running(),
		Observed: observed, Version: version, BodyLimit: cfg.bodyKB << 10,
		RatePerKey: float64(cfg.ratePerKey), Local: s.local(),
	})
	return err
}

// listenOn listens last: who connects before is refused, and does not wait for a log that is away.
func (s *service) listenOn(cfg config) (err error) {
	if cfg.listen != "" {
		if s.tcp, err = net.Listen("tcp", cfg.listen); err != nil {
			return fmt.Errorf("--listen %s: %w", cfg.listen, err)
		}
	}
	s.socket, err = listenSocket(cfg.data)
	return err
}

// openProtocol lets EventStoreDB's clients in, where the settings say so.
func (s *service) openProtocol(ctx context.Context) (err error) {
	opts := esdbserver.Options{Store: s.embedded, Logger: s.logger, Owned: isServiceOwned}
	if s.cfg.esdb.listen != "" && s.live != nil {
		if s.passing, err = openPassing(ctx, s.cfg.data, s.store, s.logger); err != nil {
			return err
		}
		opts.Projections = &clientProjections{s.live, s.passing}
	}
	s.protocol, err = s.cfg.esdb.open(opts)
	return err
}

func (s *service) openModels(ctx context.Context, observed *api.Metrics) (err error) {
	s.models, err = projections.Open(ctx, orFolder(s.cfg.readmodels, s.cfg.data), s.store, projections.Options{
		Log: s.logger, Patient: s.cfg.patient, SelectionTime: s.cfg.selectionTime,
		Damaged: func(stream string, _ eventstore.Revision) { observed.OnDamaged(stream) },
	})
	if err == nil {
		observed.FollowerLag(s.lag)
	}
	return err
}

// lag is how many positions the read models are behind the log, NaN when the log does not say.
func (s *service) lag() float64 {
	return s.behind(func(head eventstore.Position) uint64 {
		return uint64(head - min(head, s.models.Position()))
	})
}

// behind asks how far something is behind the log's head.
func (s *service) behind(lag func(head eventstore.Position) uint64) float64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	head, err := s.ledger.Head(ctx)
	if err != nil {
		return math.NaN()
	}
	return float64(lag(head))
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
	works := s.works()
	served := make(chan struct{}, 4+len(works))
	serve := func(f func() error) {
		if err := f(); err != nil {
			stop(err)
		}
		served <- struct{}{}
	}
	parts := 1 + len(works)
	go serve(func() error { return s.api.Serve(s.socket) })
	for _, work := range works {
		go serve(func() error { work(ctx); return nil })
	}
	if s.tcp != nil {
		parts++
		go serve(func() error { return s.api.Serve(s.tcp) })
	}
	if s.protocol != nil {
		parts++
		go serve(func() error { return s.protocol.Serve(s.protocol.listener) })
	}
	if s.embedded != nil {
		parts++
		go serve(func() error { return s.untilFailed(ctx) })
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

// untilFailed waits for a failed write of the log, which then takes no other: to open it again may mend
// that, and whoever supervises the service sees that it must be. It answers nil when ctx ends first.
func (s *service) untilFailed(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.embedded.Failed():
		return s.embedded.Failure()
	}
}

// works run beside the listeners until their context ends.
func (s *service) works() []func(context.Context) {
	return []func(context.Context){
		s.charge,
		s.sweep,
		s.resumeClaims,
		s.resumeTransfers,
		s.settleReservations,
		s.runJobs,
		s.grantOnTriggers,
		s.runPassing,
		s.runProjections,
		s.sendWebhooks,
		s.tendPeople,
	}
}

// drain lets requests under way finish.
func (s *service) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.drain)
	defer cancel()
	err := s.api.Shutdown(ctx)
	if s.protocol != nil {
		err = errors.Join(err, s.protocol.Shutdown(ctx))
	}
	if err != nil {
		return fmt.Errorf("stop serving: %w", err)
	}
	return nil
}

func (s *service) closeListeners() {
	all := []net.Listener{s.tcp, s.socket}
	if s.protocol != nil {
		all = append(all, s.protocol.listener)
	}
	for _, ln := range all {
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
	if s.webhooks != nil {
		if err := s.webhooks.Close(); err != nil {
			s.logger.Error("webhooks not closed", "err", err)
		}
	}
	if err := s.passing.close(); err != nil {
		s.logger.Error("transient projections not closed", "err", err)
	}
	if err := s.live.close(); err != nil {
		s.logger.Error("projections not closed", "err", err)
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
	if err := s.codes.Close(); err != nil {
		s.logger.Error("index of codes not closed", "err", err)
	}
	if err := s.people.Close(); err != nil {
		s.logger.Error("vault not closed", "err", err)
	}
	if s.lock != nil {
		_ = s.lock.Unlock() // the end of the process does it too
	}
}

// caller is who acts when the service itself does, such as at its start.
var caller = ledger.Caller{Actor: domain.SystemActor, Role: domain.RoleAdmin}
