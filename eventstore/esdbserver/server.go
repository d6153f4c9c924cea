// Package esdbserver speaks EventStoreDB's gRPC protocol over a Store, so that every official
// client connects to it: streams, their metadata, subscriptions, persistent subscriptions, projections.
//
// What EventStoreDB knows and Store does not (any revision, soft delete, tombstones, $maxCount,
// $tb, links) lives here, decided for one stream at a time, and is kept in ordinary streams:
// metadata of a stream x in $$x as EventStoreDB does, a tombstone as an event of type
// $streamDeleted at the stream's end. Clients read a tombstone under the number MaxInt64.
//
// Every stream but those Options.Owned names is written through this package alone while a Server
// is open: it remembers where streams end.
package esdbserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/projections"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/keepalive"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/esdbserver/groups"
)

// Options say how a server is opened.
type Options struct {
	Store  eventstore.Indexed // outlives the server; never closed by it
	Logger *slog.Logger       // nil drops what is logged
	TLS    *tls.Config        // nil: plain text, and only on a loopback listener

	// Owned names the streams of a ledger, which clients read and never write; nil: there are none.
	Owned func(stream string) bool
	// Users may come in over TLS, by Basic auth: names and passwords. nil: everybody may.
	Users map[string]string
	// Projections are kept here. nil: nowhere, and clients are told that there are none.
	Projections Projections
	// Analyst says which of Users may manage projections; the rest may look. nil: all may.
	Analyst func(user string) bool
}

// Server serves EventStoreDB's protocol. All methods may be called at once.
type Server struct {
	Options
	grpc *grpc.Server
	http *http.Server
	node uuid.UUID // names this server in gossip
	tide *tide     // wakes subscriptions
	ebb  sync.Once // closes it

	groups *groups.Groups // persistent subscriptions

	seed    maphash.Seed
	shelves [shelves]shelf
	recent  recent
	waiting atomic.Int64 // bytes of writes that are not answered

	open    context.Context // ends when Shutdown begins
	close   context.CancelFunc
	life    context.Context // of what the store is asked on nobody's behalf; ends after open
	cancel  context.CancelFunc
	ending  sync.Mutex     // held to end open, or to add to working when it may be empty
	working sync.WaitGroup // goroutines that are not a call's own
	seeding sync.Mutex
	seeded  bool // by seeding
}

// The bounds of a connection.
const (
	requestBytesMost = 16<<20 - 10_000 // EventStoreDB's own
	streamsMost      = 16 << 10        // calls at once: a client's subscriptions share a connection
	pingsAtMost      = 1               // ns: clients may ping as often as they like, calls or not
	pingAfter        = 30 * time.Second
	pingTimeout      = 20 * time.Second
)

// New is a server that is not serving yet.
func New(opts Options) (*Server, error) {
	if opts.Store == nil {
		return nil, errors.New("an EventStoreDB server needs a store")
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Owned == nil {
		opts.Owned = func(string) bool { return false }
	}
	if opts.Analyst == nil {
		opts.Analyst = func(string) bool { return true }
	}
	s := &Server{
		Options: opts, node: uuid.New(), seed: maphash.MakeSeed(),
		tide: newTide(opts.Store, opts.Logger),
	}
	s.open, s.close = context.WithCancel(context.Background())
	s.life, s.cancel = context.WithCancel(context.Background())
	for i := range s.shelves {
		s.shelves[i].lines = map[string]*line{}
	}
	s.groups = groups.New(groups.Options{Log: groupLog{s}, Logger: opts.Logger})
	s.http = &http.Server{
		Handler: s.pages(), ReadHeaderTimeout: sortingTimeout, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(opts.Logger.Handler(), slog.LevelDebug),
	}
	s.grpc = grpc.NewServer(
		grpc.Creds(sorted{}),
		grpc.ForceServerCodecV2(codec{encoding.GetCodecV2("proto")}),
		grpc.MaxRecvMsgSize(requestBytesMost),
		grpc.MaxConcurrentStreams(streamsMost),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime: pingsAtMost, PermitWithoutStream: true,
		}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingTimeout}),
		grpc.UnaryInterceptor(s.aroundUnary),
		grpc.StreamInterceptor(s.aroundStream),
		grpc.WaitForHandlers(true),
	)
	streams.RegisterStreamsServer(s.grpc, streamsService{Server: s})
	persistent.RegisterPersistentSubscriptionsServer(s.grpc, persistentService{Server: s})
	if opts.Projections != nil {
		projections.RegisterProjectionsServer(s.grpc, projectionsService{Server: s})
	}
	gossip.RegisterGossipServer(s.grpc, gossipService{Server: s})
	serverfeatures.RegisterServerFeaturesServer(s.grpc, featuresService{Server: s})
	return s, nil
}

// Serve answers on ln until Shutdown, and then returns nil. It closes ln. Plain text is served to
// this machine only.
func (s *Server) Serve(ln net.Listener) error {
	defer ln.Close()
	if s.TLS == nil && !isLoopback(ln.Addr()) {
		return fmt.Errorf("listen on %s: plain text is for loopback only; a certificate is needed",
			ln.Addr())
	}
	if !s.begin() {
		return nil
	}
	defer s.working.Done()
	if err := s.seedUsers(s.life); err != nil && !s.isClosing() {
		return fmt.Errorf("write the system's users: %w", err)
	}
	s.groups.Start(s.life)
	p := newPort(ln, s.TLS, s.open.Done())
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.grpc.Serve(p.grpc) }) // both end when p does, and p says why
	serving.Go(func() { _ = s.http.Serve(p.http) })
	err := p.run()
	serving.Wait()
	if s.isClosing() {
		return nil
	}
	return fmt.Errorf("accept on %s: %w", ln.Addr(), err)
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}

func (s *Server) isClosing() bool { return s.open.Err() != nil }

// begin adds a goroutine to those that Shutdown waits for, unless it has begun.
func (s *Server) begin() bool {
	s.ending.Lock()
	defer s.ending.Unlock()
	if s.isClosing() {
		return false
	}
	s.working.Add(1)
	return true
}

// Shutdown ends subscriptions and lets other calls finish until ctx ends; then it cuts them off.
// When it returns nothing of the server uses the store any more.
func (s *Server) Shutdown(ctx context.Context) error {
	s.ending.Lock()
	s.close()
	s.ending.Unlock()
	s.ebb.Do(s.tide.close)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.groups.Close()
		s.grpc.GracefulStop()
		_ = s.http.Close() // of connections that nobody waits for
		s.working.Wait()
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
		s.cancel()
		s.grpc.Stop()
		<-stopped
	}
	s.cancel()
	return ctx.Err()
}
