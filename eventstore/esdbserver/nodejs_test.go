package esdbserver_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/eventstore/enginetest"
)

// TestNodeClient runs EventStoreDB's official Node client against a server, where it is installed.
func TestNodeClient(t *testing.T) {
	folder := filepath.Join("testdata", "node")
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("skipped: this machine has no node")
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		t.Skip("skipped: npm ci --ignore-scripts --prefix eventstore/esdbserver/testdata/node was not run")
	}
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	address := enginetest.Serve(t, store)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := exec.CommandContext(ctx, "node", "client.mjs", address)
	client.Dir = folder
	if out, err := client.CombinedOutput(); err != nil {
		t.Errorf("client.mjs: %v\n%s", err, out)
	}
}
