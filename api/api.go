// Package api is the service's REST face: JSON over HTTP, problem+json for every refusal, OpenAPI
// 3.1.
//
// Its promise: what a caller may send is bounded and read strictly; a write answers only what the
// ledger made durable, built from the recorded events alone, so that a repeat gets the same bytes;
// every refusal has one of the codes in problem.go, and nothing else becomes a status.
//
// routes.go is the list of everything served, with the roles that may call it.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tillbook/tillbook/api/webhooks"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/domain/ledger"
	"github.com/tillbook/tillbook/domain/vault"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
	"github.com/tillbook/tillbook/projections/js"
)

// Config is what a Server needs. The zero value of a limit stands for its default.
type Config struct {
	Ledger   *ledger.Ledger
	Store    eventstore.Store    // the ledger's, for balances of the past
	Models   *projections.Models // nil: lists and reports answer read_model_behind
	Keyring  *vault.Keyring      // nil: what must be sealed is refused with no_master_key
	Live     *js.Manager         // nil: this node runs no live projections
	Webhooks *webhooks.Sender    // nil: this node sends no webhooks
	People   *vault.Customers    // nil: what is personal is refused with no_master_key
	Codes    *vault.Codes        // nil: batches of codes are refused with no_master_key
	Logger   *slog.Logger        // default: discards
	Metrics  *prometheus.Registry
	Observed *Metrics // what observes requests; default: a new one in Metrics
	Version  string

	WebhookPrivate bool // webhooks may have private addresses and plain http

	BodyLimit   int           // bytes of one request; default 64 KiB
	BulkLimit   int           // bytes of a bulk request that is a JSON array; default 8 MiB
	RatePerKey  float64       // requests a second of each API key; 0: no limit
	MaxWait     time.Duration // the longest max_wait; default 30 s
	MaxStreams  int           // live feeds at once; default 100
	JobAccounts int           // accounts of one job of a segment; default and most domain.JobAccounts
	ReadTimeout time.Duration // of reading one request, and of writing one answer; default 30 s
	IdleTimeout time.Duration // of a kept connection; default 2 min

	// Local are further routes, such as "POST /local/checkpoint", that exist over the Unix socket
	// alone. What one answers is written as JSON.
	Local map[string]LocalHandler
}

// LocalHandler answers a request over the Unix socket. body is what was sent, at most BodyLimit.
type LocalHandler func(ctx context.Context, body []byte) (any, error)

func (c *Config) defaults() {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	if c.Observed == nil {
		c.Observed = NewMetrics(c.Metrics)
	}
	positive(&c.BodyLimit, 64<<10)
	positive(&c.BulkLimit, 8<<20)
	positive(&c.MaxStreams, 100)
	positive(&c.JobAccounts, domain.JobAccounts)
	positive(&c.MaxWait, 30*time.Second)
	positive(&c.ReadTimeout, 30*time.Second)
	positive(&c.IdleTimeout, 2*time.Minute)
}

func positive[N int | time.Duration](n *N, standard N) {
	if *n <= 0 {
		*n = standard
	}
}

// Server serves the API on any number of listeners.
type Server struct {
	Config
	app     *fiber.App
	keys    sync.Map      // of *usage by uuid.UUID: what this node remembers of an API key
	streams chan struct{} // a place for each live feed
	large   chan struct{} // a place for each large body
	stop    context.Context
	stopped context.CancelFunc // ends live feeds and tasks
	tasks   sync.WaitGroup     // what runs beside requests

	docsPage func() ([]byte, error)
	nowhere  *route // stands for paths that no route has

	customers customerLocks

	mu        sync.Mutex
	listeners []net.Listener // guarded by mu
}

// New is a server of the API, not yet listening.
func New(config Config) (*Server, error) {
	config.defaults()
	if config.Ledger == nil || config.Store == nil {
		return nil, errors.New("api: a ledger and its store are needed")
	}
	s := &Server{Config: config, streams: make(chan struct{}, config.MaxStreams),
		large: make(chan struct{}, largeInAll)}
	s.stop, s.stopped = context.WithCancel(context.Background())
	s.app = fiber.New(fiber.Config{
		Immutable: true, StrictRouting: true, CaseSensitive: true,
		DisableStartupMessage: true, StreamRequestBody: true,
		BodyLimit: config.BodyLimit, ReadBufferSize: headerBytes,
		ReadTimeout: config.ReadTimeout, WriteTimeout: config.ReadTimeout,
		IdleTimeout:  config.IdleTimeout,
		ErrorHandler: s.unmatched,
	})
	s.docsPage = sync.OnceValues(func() ([]byte, error) { return docsPage(s.routes()) })
	s.nowhere = &route{label: "unmatched", observed: config.Observed.of("unmatched")}
	if err := s.register(); err != nil {
		return nil, err
	}
	s.app.Handler() // prepares the routes
	s.app.Server().CloseOnShutdown = true
	s.app.Server().DisablePreParseMultipartForm = true
	return s, nil
}

// headerBytes bounds the request line and headers of one request.
const headerBytes = 16 << 10

// Serve answers what comes over a listener until Shutdown. It may be called for several listeners
// at once. What comes over a Unix socket needs no key: the file's permissions are its access
// control.
func (s *Server) Serve(ln net.Listener) error {
	ln = &listener{Listener: ln}
	s.mu.Lock()
	s.listeners = append(s.listeners, ln)
	s.mu.Unlock()
	if s.stop.Err() != nil {
		return ln.Close()
	}
	return s.app.Server().Serve(ln)
}

// Shutdown stops accepting, ends live feeds, and waits until what was accepted is answered, or ctx
// ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopped()
	s.mu.Lock()
	var err error
	for _, ln := range s.listeners { // one that Serve is about to accept from, too
		err = errors.Join(err, ln.Close())
	}
	s.mu.Unlock()
	err = errors.Join(err, s.app.Server().ShutdownWithContext(ctx))
	s.tasks.Wait()
	return err
}

// listener is a listener that may be closed twice.
type listener struct {
	net.Listener
	once sync.Once
	err  error
}

// Close closes the listener the first time.
func (l *listener) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}
