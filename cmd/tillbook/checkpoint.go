package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/eventstore/embedded"
)

// checkpointFolder holds, in the data folder, the copies of the log that verbs read while a service
// runs: hard links, so one takes milliseconds and no room. Whoever asked for one removes it; what
// is left when a service starts is nobody's.
const checkpointFolder = "checkpoints"

// local are the routes that only this machine's verbs use, over the folder's socket.
func (s *service) local() map[string]api.LocalHandler {
	return map[string]api.LocalHandler{
		"POST /local/checkpoint": s.checkpoint,
		"POST " + importsRoute:   s.recordImport,
		"POST " + rebuildRoute:   s.rebuild,
	}
}

// checkpoint makes a copy of the log as it is now.
func (s *service) checkpoint(context.Context, []byte) (any, error) {
	folder, err := filepath.Abs(filepath.Join(s.cfg.data, checkpointFolder))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	folder = filepath.Join(folder, uuid.NewString())
	if err := s.store.Checkpoint(folder); err != nil {
		return nil, fmt.Errorf("checkpoint of the log: %w", err)
	}
	return map[string]string{"folder": folder}, nil
}

// sweepCheckpoints removes what processes that are gone left.
func (s *service) sweepCheckpoints() error {
	return os.RemoveAll(filepath.Join(s.cfg.data, checkpointFolder))
}

// openForReading opens a folder's log to be read: itself where no process owns it, else a checkpoint
// that its service makes. done closes it and removes the checkpoint.
func openForReading(ctx context.Context, data string) (*embedded.Store, func(), error) {
	store, err := embedded.OpenReadOnly(filepath.Join(data, logFolder), embedded.Options{})
	if err == nil {
		return store, func() { _ = store.Close() }, nil
	}
	if !isTaken(err) {
		return nil, nil, err
	}
	var made struct{ Folder string }
	c := socketClient(data)
	if err := c.do(ctx, "POST", "/local/checkpoint", uuid.NewString(), struct{}{}, &made); err != nil {
		return nil, nil, fmt.Errorf("ask the service on %s for a checkpoint: %w", data, err)
	}
	store, err = embedded.OpenReadOnly(made.Folder, embedded.Options{})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(made.Folder))
	}
	return store, func() {
		_ = store.Close() // it was only read
		_ = os.RemoveAll(made.Folder)
	}, nil
}
