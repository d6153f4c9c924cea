package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/embedded"
	"github.com/tillbook/tillbook/eventstore/esdb"
)

// lockFile is locked by the one service that runs on a data folder.
const lockFile = "tillbook.lock"

// lockData claims a data folder, whichever log its service runs on: the read models and the socket in
// it belong to one process. *eventstore.InUse says that another one has it.
func lockData(data string) (*flock.Flock, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	lock := flock.New(filepath.Join(data, lockFile), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", data, err)
	}
	if !locked {
		return nil, &eventstore.InUse{Folder: data}
	}
	return lock, nil
}

// openStore opens the log that the settings name: the data folder's own, or an EventStoreDB's.
func (s *service) openStore(ctx context.Context, observed *api.Metrics) (err error) {
	if s.cfg.eventstore != "" {
		s.store, err = openESDB(ctx, s.cfg.eventstore, esdb.Options{
			Logger: s.logger, OnCommit: observed.OnCommit,
		})
		return err
	}
	s.embedded, err = openLog(s.cfg.data, embedded.Options{
		Logger: s.logger, FS: s.cfg.disk,
		CacheBytes: int64(s.cfg.blockCacheMB) << 20, OnCommit: observed.OnCommit,
	})
	if err != nil {
		return err
	}
	s.store = s.embedded
	return s.sweepCheckpoints()
}

// openESDB opens the log of an EventStoreDB. Its address may hold a password, so no error shows it.
func openESDB(ctx context.Context, address string, opts esdb.Options) (eventstore.Store, error) {
	opts.Address = address
	store, err := esdb.Open(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("--eventstore %s: %w", withoutSecrets(address), err)
	}
	return store, nil
}

// withoutSecrets is an esdb:// address as it may be shown.
func withoutSecrets(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil && strings.Contains(address, "@") {
		return "(an address that cannot be read)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
}

// errElsewhere: the service has no log of its own to copy.
var errElsewhere = errors.New("the service's log is in an EventStoreDB: give the verb --eventstore")
