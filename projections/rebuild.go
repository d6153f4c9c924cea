package projections

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
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
// called after each transaction. ErrRebuilding when another is under way; where ctx ends, or
// anything fails, the old file goes on serving.
func (m *Models) Rebuild(ctx context.Context, progress func(Progress)) error {
	if m.opts.ReadOnly {
		return ErrReadOnly
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
	path := m.path(generation)
	if err := removeFile(path); err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	d, err := openDatabase(ctx, path, m.opts.Projections)
	if err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	err = m.rebuildInto(ctx, d, generation, progress)
	if err != nil {
		err = errors.Join(fmt.Errorf("rebuild: %w", err), d.close(), d.remove())
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
	b, err := newBuilder(ctx, d, m.store, m.opts.Batch)
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
		err = serve(ctx, b.conn)
	}
	if err != nil {
		return errors.Join(err, b.close(), m.restart(stopped))
	}
	m.mu.Lock()
	m.current, m.generation, m.stale = d, generation, false
	m.position, m.caughtUp = b.at.position, true
	close(m.changed)
	m.changed = make(chan struct{})
	m.start(b)
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
	b.onDamaged = func(damage) {} // they were counted when the old file passed over them
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

// restart lets the file that serves be followed again.
func (m *Models) restart(stopped bool) error {
	if !stopped || m.life.Err() != nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b, err := newBuilder(m.life, m.current, m.store, m.opts.Batch)
	if err == nil {
		m.start(b)
	}
	return err
}

// retire closes and removes a file that serves no more, when nobody reads it any longer.
func (m *Models) retire(d *database) {
	d.users.Wait()
	if err := errors.Join(d.close(), d.remove()); err != nil {
		m.opts.Log.Error("remove old read models", "file", d.path, "error", err)
	}
}

// path is the name of a generation's file.
func (m *Models) path(generation int) string {
	return filepath.Join(m.folder, fmt.Sprintf("readmodels-%s-%04d.db",
		fingerprint(m.opts.Projections), generation))
}

// files are the read models' files, of a fingerprint or, with *, of any.
func (m *Models) files(fingerprint string) ([]string, error) {
	entries, err := filepath.Glob(filepath.Join(escapeGlob(m.folder),
		"readmodels-"+fingerprint+"-[0-9]*.db"))
	if err != nil {
		return nil, fmt.Errorf("list read models: %w", err)
	}
	return entries, nil
}

var globSigns = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

func escapeGlob(folder string) string { return globSigns.Replace(folder) }

// newest is the newest file of these projections that may serve, open for reading; nil if none may.
func (m *Models) newest(ctx context.Context) (*database, int, error) {
	names, err := m.files(fingerprint(m.opts.Projections))
	if err != nil {
		return nil, 0, err
	}
	var best *database
	highest := 0
	for _, name := range names {
		text := strings.TrimSuffix(name[strings.LastIndexByte(name, '-')+1:], ".db")
		generation, err := strconv.Atoi(text)
		if err != nil || generation <= highest {
			continue
		}
		d, err := openForReading(name, m.opts.Projections)
		if err != nil {
			return nil, 0, err
		}
		serves, err := d.serves(ctx)
		if err != nil || !serves {
			m.opts.Log.Warn("a file of read models is not used", "file", name, "error", err)
			if err := d.close(); err != nil {
				return nil, 0, err
			}
			continue
		}
		if best != nil {
			if err := best.close(); err != nil {
				return nil, 0, err
			}
		}
		best, highest = d, generation
	}
	return best, highest, nil
}
