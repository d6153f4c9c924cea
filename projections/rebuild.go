package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// Progress says how far a rebuild or a check is.
type Progress struct {
	Events   int64               // done
	Rate     float64             // events a second since it began
	Position eventstore.Position // of the last of them
	Head     eventstore.Position // the log's end when it began: positions have gaps, so a share of
	// it is an estimate
}

// Rebuild folds the whole log into a new file beside the one that serves, and lets it take that
// one's place when it has caught up. It returns when that is done. progress, which may be nil, is
// called after each transaction. ErrRebuilding when another is under way, ErrAway when there is none yet;
// where ctx ends, or anything fails, the old file goes on serving.
func (m *Models) Rebuild(ctx context.Context, progress func(Progress)) error {
	if m.opts.ReadOnly {
		return ErrReadOnly
	}
	if err := m.Opened(); err != nil {
		return err
	}
	select {
	case m.rebuilding <- struct{}{}:
		defer func() { <-m.rebuilding }()
	default:
		return ErrRebuilding
	}
	if !m.join() {
		return ErrClosed
	}
	defer m.tasks.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(m.life, cancel)()

	m.mu.Lock()
	generation := m.generation + 1
	m.mu.Unlock()
	if err := m.shelf.remove(ctx, m.shelf.name(generation)); err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	d, err := m.shelf.open(ctx, generation)
	if err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	err = m.rebuildInto(ctx, d, generation, progress)
	if err != nil {
		err = errors.Join(fmt.Errorf("rebuild: %w", err), d.close(),
			m.shelf.remove(context.WithoutCancel(ctx), d.name))
	}
	return err
}

// join counts the caller among the tasks that Close waits for, unless m is closed.
func (m *Models) join() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.life.Err() != nil {
		return false
	}
	m.tasks.Add(1)
	return true
}

// rebuildInto fills d and lets it serve. With an error d is left to the caller, whom nothing in m
// keeps from removing it.
func (m *Models) rebuildInto(ctx context.Context, d *database, generation int,
	progress func(Progress)) error {
	b, err := newBuilder(ctx, d, m.store, m.opts.Batch, leadAlone)
	if err != nil {
		return err
	}
	if err := m.catchUp(ctx, b, progress); err != nil {
		return errors.Join(err, b.close())
	}
	old, stopped := m.stopFollower()
	// Whoever was told of a position that the old file held must find it in the new one.
	err = b.follow(ctx)
	if errors.Is(err, errEnough) {
		err = d.serve(ctx, b.conn)
	}
	if err != nil {
		m.restart(stopped)
		return errors.Join(err, b.close())
	}
	m.mu.Lock()
	m.current, m.generation, m.stale = d, generation, false
	m.position, m.caughtUp = max(m.position, b.at.position), true
	close(m.changed)
	m.changed = make(chan struct{})
	m.start(d, b)
	m.mu.Unlock()
	m.tasks.Go(func() { m.retire(old) })
	return nil
}

// catchUp folds the log from its start to its end, then creates the secondary indexes.
func (m *Models) catchUp(ctx context.Context, b *builder, progress func(Progress)) error {
	head, err := m.store.Head(ctx, domain.Prefixes...)
	if err != nil {
		return fmt.Errorf("read the log's head: %w", err)
	}
	start, done := time.Now(), int64(0)
	b.onDamaged = func(Damage) {} // they were counted when the old file passed over them
	b.onCaughtUp = func() error { return errEnough }
	b.onCommit = func(c Commit) {
		done += int64(c.Events)
		if progress != nil {
			rate := float64(done) / max(time.Since(start).Seconds(), 1e-9)
			progress(Progress{Events: done, Rate: rate, Position: c.Position, Head: head})
		}
	}
	if err := b.rebuild(ctx); err != nil {
		return err
	}
	return b.db.index(ctx, b.conn)
}

// stopFollower ends the follower of the file that serves and waits for it. stopped says that there
// was one.
func (m *Models) stopFollower() (old *database, stopped bool) {
	m.mu.Lock()
	old, f := m.current, m.follower
	m.follower = nil
	m.mu.Unlock()
	if f == nil {
		return old, false
	}
	f.cancel()
	<-f.done
	return old, true
}

// restart lets the generation that serves be followed again.
func (m *Models) restart(stopped bool) {
	if stopped && m.life.Err() == nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.start(m.current, nil)
	}
}
