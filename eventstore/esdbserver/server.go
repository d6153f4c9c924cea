// Package esdbserver speaks EventStoreDB's gRPC protocol over a Store, so that every official client
// connects to it: streams, their metadata, subscriptions.
//
// What EventStoreDB knows and Store does not (any revision, soft delete, tombstones, $maxCount, $tb,
// links) lives here, decided for one stream at a time, and is kept in ordinary streams: metadata of
// a stream x in $$x as EventStoreDB does, a tombstone as an event of type $streamDeleted at the
// stream's end. Clients read a tombstone under the number MaxInt64.
//
// Every stream but those Options.Owned names is written through this package alone while a Server
// is open: it remembers where streams end.
package esdbserver

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"

	"github.com/tillbook/tillbook/eventstore"
)

// Options say how a server is opened.
type Options struct {
	Store  eventstore.Indexed       // outlives the server; never closed by it
	Logger *slog.Logger             // nil drops what is logged
	Owned  func(stream string) bool // streams of a ledger: read by clients, never written; nil: none
	TLS    *tls.Config              // nil: plain text, and only on a loopback listener
	Users  map[string]string        // Basic auth, name to password; ignored in plain text; nil: all may in
}

// Server serves EventStoreDB's protocol. All methods may be called at once.
type Server struct {
	Options
	grpc *grpc.Server

	stop sync.Once
}

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
	s := &Server{Options: opts, grpc: grpc.NewServer()}
	streams.RegisterStreamsServer(s.grpc, streamsService{Server: s})
	return s, nil
}

// Serve answers on ln until Shutdown, and then returns nil. It closes ln.
func (s *Server) Serve(ln net.Listener) error { return s.grpc.Serve(ln) }

// Shutdown ends subscriptions, lets calls that write finish until ctx ends, and then cuts them off.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop.Do(s.grpc.Stop)
	return ctx.Err()
}
