package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/eventstore/esdb"
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
	if s.embedded == nil {
		return nil, domain.ErrNotFound.Because(errElsewhere.Error())
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	folder = filepath.Join(folder, uuid.NewString())
	if err := s.embedded.Checkpoint(folder); err != nil {
		return nil, fmt.Errorf("checkpoint of the log: %w", err)
	}
	return map[string]string{"folder": folder}, nil
}

// sweepCheckpoints removes what processes that are gone left.
func (s *service) sweepCheckpoints() error {
	return os.RemoveAll(filepath.Join(s.cfg.data, checkpointFolder))
}

// openForReading opens a log to be read: an EventStoreDB's where the place names one, a folder's own
// where no process owns it, else a checkpoint that its service makes. done closes it and removes the
// checkpoint.
func openForReading(ctx context.Context, at place) (store eventstore.Store, done func(), err error) {
	if at.eventstore != "" {
		store, err = openESDB(ctx, at.eventstore, esdb.Options{})
		if err != nil {
			return nil, nil, err
		}
		return store, func() { _ = store.Close() }, nil
	}
	own, err := embedded.OpenReadOnly(filepath.Join(at.data, logFolder), embedded.Options{})
	if err == nil {
		return own, func() { _ = own.Close() }, nil // it was only read
	}
	if !isTaken(err) {
		return nil, nil, noLedger(at.data, err)
	}
	return openCheckpoint(ctx, at.data)
}

// openCheckpoint asks the folder's service for a copy of the log.
func openCheckpoint(ctx context.Context, data string) (eventstore.Store, func(), error) {
	var made struct{ Folder string }
	c := socketClient(data)
	if err := c.do(ctx, "POST", "/local/checkpoint", uuid.NewString(), struct{}{}, &made); err != nil {
		return nil, nil, fmt.Errorf("ask the service on %s for a checkpoint: %w", data, err)
	}
	store, err := embedded.OpenReadOnly(made.Folder, embedded.Options{})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(made.Folder))
	}
	return store, func() {
		_ = store.Close() // it was only read
		_ = os.RemoveAll(made.Folder)
	}, nil
}
