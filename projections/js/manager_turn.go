package js

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// CatchUp returns when a projection's current version has folded all that was in the log when CatchUp was
// called. Its error is ErrNoProjection, ErrStarting, the store's, the context's own, or another where
// the version is stopped before.
func (m *Manager) CatchUp(ctx context.Context, name string) error {
	k, err := m.find(name)
	if err != nil {
		return err
	}
	return k.current.reach(ctx, math.MaxUint64)
}

// errClosed says that a version was stopped and another is about to stand in its place.
var errClosed = fmt.Errorf("%w: it is being changed", ErrStarting)

// asking reads from a projection's current version; see turning.
func (m *Manager) asking(ctx context.Context, name string, read func(*engine) error) error {
	return m.turning(ctx, name, func(k *resident) error {
		return k.current.ask(ctx, func() error { return read(k.current) })
	})
}

// turning reads from a projection. Where a version of it is just being replaced it waits for the next.
func (m *Manager) turning(ctx context.Context, name string, read func(*resident) error) error {
	for {
		m.mu.RLock()
		changed := m.changed
		m.mu.RUnlock()
		k, err := m.find(name)
		if err != nil {
			return err
		}
		if err = read(k); !errors.Is(err, errClosed) {
			return err
		}
		select {
		case <-changed:
		case <-m.over:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
