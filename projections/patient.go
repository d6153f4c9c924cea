package projections

import (
	"context"
	"sync"
)

// openInTime is openToFollow, tried until it succeeds. It returns after the first try, or when ctx ends.
func (m *Models) openInTime(ctx context.Context) error {
	tried := make(chan struct{})
	told := sync.OnceFunc(func() { close(tried) })
	m.tasks.Go(func() {
		m.retry(m.life, "open read models", func() error {
			defer told()
			return m.openToFollow(m.life)
		})
	})
	select {
	case <-tried:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Opened is nil once there are tables to be asked, and until then ErrAway.
func (m *Models) Opened() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current == nil && m.life.Err() == nil {
		return ErrAway
	}
	return nil
}
