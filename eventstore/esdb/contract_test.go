package esdb

import (
	"context"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/eventstore/esdbserver"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// TestContract holds the store to the contract over the stand-in for EventStoreDB, on disk.
func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) eventstore.Store {
		return openAt(t, standIn(t, openEmbedded(t)).address, usualPace)
	})
}

// TestContractOfPlainServer does so over a server that does no more than it must: nothing here may
// lean on what the stand-in does better than EventStoreDB.
func TestContractOfPlainServer(t *testing.T) {
	storetest.Run(t, func(t *testing.T) eventstore.Store {
		memory := storetest.NewMemory()
		t.Cleanup(func() { _ = memory.Close() })
		return openAt(t, serve(t, memory).address(), usualPace)
	})
}

// TestContractOfRealServer does so over the EventStoreDB that ESDB_URL names.
func TestContractOfRealServer(t *testing.T) {
	address := os.Getenv("ESDB_URL")
	if address == "" {
		t.Skip("ESDB_URL names no EventStoreDB, such as esdb://admin:changeit@localhost:2113?tls=false")
	}
	storetest.Run(t, func(t *testing.T) eventstore.Store {
		return openAt(t, address, usualPace)
	})
}

func openEmbedded(t testing.TB) *embedded.Store {
	t.Helper()
	s, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatalf("open: got %v, want no error", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// stand is the stand-in for EventStoreDB, serving.
type stand struct {
	store    eventstore.Indexed
	hostPort string
	address  string
	server   *esdbserver.Server
	served   sync.WaitGroup
}

// standIn serves a store until the test ends or stop is called.
func standIn(t testing.TB, store eventstore.Indexed) *stand {
	t.Helper()
	s := &stand{store: store, hostPort: "127.0.0.1:0"}
	s.start(t)
	t.Cleanup(s.stop)
	return s
}

// start serves again, at the same address.
func (s *stand) start(t testing.TB) {
	t.Helper()
	ln, err := net.Listen("tcp", s.hostPort)
	if err != nil {
		t.Fatalf("listen: got %v, want no error", err)
	}
	if s.server, err = esdbserver.New(esdbserver.Options{Store: s.store}); err != nil {
		t.Fatalf("serve: got %v, want no error", err)
	}
	s.hostPort = ln.Addr().String()
	s.address = "esdb://" + s.hostPort + "?tls=false"
	server := s.server
	s.served.Go(func() { _ = server.Serve(ln) })
}

// stop cuts every connection.
func (s *stand) stop() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.server.Shutdown(ctx)
	s.served.Wait()
}
