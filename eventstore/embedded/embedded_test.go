package embedded_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) eventstore.Store {
		return open(t, t.TempDir(), embedded.Options{})
	})
}

func TestStoreInMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) eventstore.Store {
		return open(t, "data", embedded.Options{FS: vfs.NewMem()})
	})
}

func TestLists(t *testing.T) {
	storetest.RunIndexed(t, func(t *testing.T) eventstore.Indexed {
		return open(t, "data", embedded.Options{FS: vfs.NewMem()})
	})
}

// open opens a store that is closed with the test.
func open(t testing.TB, folder string, opts embedded.Options) *embedded.Store {
	t.Helper()
	s, err := embedded.Open(folder, opts)
	if err != nil {
		t.Fatalf("open: got %v, want no error", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
