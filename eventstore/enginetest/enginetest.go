// Package enginetest opens, for tests of what runs on a store, the engine that the environment names:
// so one suite proves a service on every engine.
package enginetest

import (
	"context"
	"net"
	"os"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/eventstore/esdb"
	"github.com/tillbook/tillbook/eventstore/esdbserver"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// Variable names the engine in the environment: memory, embedded or esdb. Unset is memory.
const Variable = "TILLBOOK_TEST_STORE"

// Open opens an empty store of the engine, closed with the test.
func Open(t testing.TB) eventstore.Store {
	t.Helper()
	var store eventstore.Store
	switch engine := os.Getenv(Variable); engine {
	case "", "memory":
		store = storetest.NewMemory()
	case "embedded":
		store = open(t)
	case "esdb":
		store = connect(t, Serve(t, open(t)))
	default:
		t.Fatalf("%s: got %q, want memory, embedded or esdb", Variable, engine)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// Shared reports whether other processes may write to the engine's log: ledger.Options.Shared.
func Shared() bool { return os.Getenv(Variable) == "esdb" }

func open(t testing.TB) *embedded.Store {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func connect(t testing.TB, address string) eventstore.Store {
	t.Helper()
	store, err := esdb.Open(t.Context(), esdb.Options{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// Serve serves a store by EventStoreDB's protocol on loopback, without owned streams, and answers the
// address. Server and store are closed with the test.
func Serve(t testing.TB, store eventstore.Indexed) string {
	t.Helper()
	server, err := esdbserver.New(esdbserver.Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return "esdb://" + ln.Addr().String() + "?tls=false"
}
