package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tillbook/tillbook/eventstore"
)

// PutSnapshot is eventstore.Store's. The parts are one batch, kept or lost together. It is not
// synced: a crash may lose it, and the next append makes it durable on the way.
func (s *Store) PutSnapshot(ctx context.Context, stream string, parts map[int][]byte) error {
	if s.readOnly {
		return ErrReadOnly
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.life.RUnlock()
	if err := s.medium.stopped(); err != nil {
		return err
	}
	batch := s.db.NewBatch()
	defer batch.Close()
	for number, part := range parts {
		if len(part) > eventstore.MaxSnapshotPart {
			return eventstore.ErrTooLarge
		}
		if err := put(batch, snapshotKey(stream, number), part); err != nil {
			return fmt.Errorf("put a snapshot of %s: %w", stream, err)
		}
	}
	if err := s.db.Apply(batch, pebble.NoSync); err != nil {
		return fmt.Errorf("put a snapshot of %s: %w", stream, err)
	}
	return s.medium.stopped()
}

func put(batch *pebble.Batch, key, part []byte) error {
	if part == nil {
		return batch.Delete(key, nil)
	}
	return batch.Set(key, part, nil)
}

// Snapshot is eventstore.Store's.
func (s *Store) Snapshot(ctx context.Context, stream string, part int) ([]byte, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.life.RUnlock()
	value, closer, err := s.db.Get(snapshotKey(stream, part))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("snapshot of %s: %w", stream, damage(err, stream, 0))
	}
	defer closer.Close()
	return bytes.Clone(value), nil
}
