package esdbserver

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
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
	store := openEmbedded(t)
	address := "esdb://" + serve(t, Options{Store: store, Projections: newReplays(store)}).address + "?tls=false"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := exec.CommandContext(ctx, "node", "client.mjs", address)
	client.Dir = folder
	if out, err := client.CombinedOutput(); err != nil {
		t.Errorf("client.mjs: %v\n%s", err, out)
	}
}
