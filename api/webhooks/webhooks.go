// Package webhooks sends events to the addresses that are registered for them: one signed POST an
// event, retried, and never to a private address unless the settings allow it.
//
// Its promise: for each webhook, every event that its filter wants is sent at least once, whatever
// ends the process; a repeat carries the same webhook-id, the event's own, and within one enqueueing
// the same Tillbook-Sequence. Sequences are dense for each webhook. First attempts are made in the
// order of the log; a failing event is retried by the ladder while later ones go on, and at most
// Window events of a webhook are under way, so an address that is away for long is waited for, and
// nothing is dropped. What the ladder's end has not delivered is a dead letter.
//
// What it remembers lies in a SQLite file of its own in the data folder, webhooks.db, and not in the
// read models: a rebuild of those sends nothing. The cursor of a webhook and the deliveries that the
// cursor has passed move in one transaction. The file holds no event's data. It belongs to one node:
// where several nodes follow one log, each that sends would send everything, so one of them should.
// A webhook begins at its registration; one that is older than the file, as the log was copied or the
// file was lost, where the log ends: what came before is sent by a replay alone.
package webhooks

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/domain/vault"
	"github.com/tillbook/tillbook/eventstore"
)

// The bounds of a webhook.
const (
	Most     = 100          // webhooks at once; each has one request under way
	Window   = 100          // deliveries that are pending, in retry or not
	doneKept = 1_000        // sequences for which what is done stays listed
	deadKept = 100_000      // sequences for which a dead letter stays
	secret   = "webhook/%s" // what a webhook's secret is sealed for
)

// Ladder is how long after each failed attempt the next one comes, less or more a fifth. After the
// last the delivery is a dead letter.
var Ladder = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute,
	time.Hour, 6 * time.Hour, 24 * time.Hour}

// Options tune a Sender; the zero value of each field stands for its default.
type Options struct {
	Keyring *vault.Keyring // opens the secrets
	// Body is an event as receivers get it, with personal data or without.
	Body       func(e eventstore.Recorded, personal bool) []byte
	Private    bool            // private addresses, plain http and every port are allowed
	Version    string          // of User-Agent
	Logger     *slog.Logger    // default: discards
	Ladder     []time.Duration // default: Ladder
	Timeout    time.Duration   // of one attempt; default 15 s
	OnDelivery func(outcome string)
}

func (o *Options) defaults() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Ladder == nil {
		o.Ladder = Ladder
	}
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Second
	}
	if o.OnDelivery == nil {
		o.OnDelivery = func(string) {}
	}
}

// Sender sends what the ledger's webhooks want. All methods may be called at once.
type Sender struct {
	ledger *ledger.Ledger
	store  eventstore.Store
	opts   Options
	db     *sql.DB
	client *http.Client

	mu      sync.Mutex
	ctx     context.Context         // of Run; nil before
	running map[uuid.UUID]*endpoint // guarded by mu
}

// Open opens the file in a data folder, once the ledger is ready. Run sends.
func Open(
	ctx context.Context, folder string, l *ledger.Ledger, store eventstore.Store, opts Options,
) (*Sender, error) {
	opts.defaults()
	db, err := openDatabase(ctx, folder)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", file, err)
	}
	s := &Sender{ledger: l, store: store, opts: opts, db: db, client: newClient(opts.Private),
		running: map[uuid.UUID]*endpoint{}}
	if err := s.adopt(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", file, err), db.Close())
	}
	return s, nil
}

// Close closes the file. Run must have ended.
func (s *Sender) Close() error {
	s.client.CloseIdleConnections()
	return s.db.Close()
}

// Run sends until ctx ends. What is under way then is sent again by the next Run.
func (s *Sender) Run(ctx context.Context) {
	for {
		hooks, changed := s.ledger.WatchWebhooks()
		s.keep(ctx, hooks)
		select {
		case <-changed:
		case <-ctx.Done():
			s.stopAll()
			return
		}
	}
}

// keep makes what runs what the log says: webhooks that were removed are forgotten, those that
// changed begin anew where they were.
func (s *Sender) keep(ctx context.Context, hooks []ledger.Webhook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx = ctx
	for id, e := range s.running {
		now, ok := s.ledger.Webhook(id)
		if !ok || e.gone.Load() || !reflect.DeepEqual(now.Webhook, e.hook) {
			s.halt(id)
		}
	}
	known := map[string]bool{}
	for _, h := range hooks {
		known[h.ID.String()] = true
		s.begin(h)
	}
	if err := s.forget(ctx, known); err != nil && ctx.Err() == nil {
		s.opts.Logger.Error("removed webhooks not forgotten", "err", err)
	}
}

// begin runs a webhook that is active and does not run. The caller holds mu.
func (s *Sender) begin(h ledger.Webhook) {
	if s.ctx == nil || s.ctx.Err() != nil || s.running[h.ID] != nil || !isActive(h) {
		return
	}
	keys, err := s.secrets(h)
	if err != nil {
		s.opts.Logger.Error("webhook does not run: its secret does not open", "webhook", h.ID,
			"err", err)
		return
	}
	ctx, stop := context.WithCancel(s.ctx)
	e := &endpoint{s: s, hook: h.Webhook, keys: keys, stop: stop,
		wake: make(chan struct{}, 1), settled: make(chan struct{}, 1)}
	s.running[h.ID] = e
	e.done.Go(func() { e.insist(ctx, "fill", e.fill) })
	e.done.Go(func() { e.insist(ctx, "send", e.send) })
}

// halt ends what runs of a webhook and waits for it. The caller holds mu.
func (s *Sender) halt(id uuid.UUID) {
	if e := s.running[id]; e != nil {
		e.stop()
		e.done.Wait()
		delete(s.running, id)
	}
}

func (s *Sender) stopAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.running {
		s.halt(id)
	}
}

// Lag is how many positions the slowest active webhook is behind the log's head.
func (s *Sender) Lag(head eventstore.Position) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var most uint64
	for _, e := range s.running {
		at := e.at.Load()
		most = max(most, uint64(head)-min(uint64(head), at))
	}
	return most
}

// Seal seals a webhook's secret.
func Seal(k *vault.Keyring, id uuid.UUID, key []byte) (string, error) {
	return k.Seal(fmt.Sprintf(secret, id), key)
}

// secrets are the keys that sign now, each with when it ceases to; zero: never.
func (s *Sender) secrets(h ledger.Webhook) ([]signer, error) {
	key, err := s.opts.Keyring.Open(fmt.Sprintf(secret, h.ID), h.SealedSecret)
	if err != nil {
		return nil, err
	}
	keys := []signer{{key: key}}
	if h.SealedBefore != "" {
		before, err := s.opts.Keyring.Open(fmt.Sprintf(secret, h.ID), h.SealedBefore)
		if err != nil {
			return nil, err
		}
		if !hmac.Equal(before, key) {
			keys = append(keys, signer{before, h.BeforeExpires})
		}
	}
	return keys, nil
}
