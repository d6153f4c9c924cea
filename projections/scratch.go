package projections

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// Scratch is a folder of read models as they were, kept for the next question. In it are
//
//	asof-<position or instant>-<format>-<fingerprint>   tables that are whole
//	building-*                                          tables that are being built, or never will be
//	lock                                                locked by who builds or removes
//
// An instant's tables know in the file read how far the log had been read for them: what came later may
// have been recorded before it, by another clock. The time of a folder is that of its last use.
type Scratch struct {
	Folder string
	Keep   int // how many are kept; 8 when 0. The others that were not used for longest go.
}

const (
	asOfPrefix     = "asof-"
	buildingPrefix = "building-"
	readFile       = "read"
	scratchKept    = 8
)

// Open opens the tables as the log had made them up to a point, and builds them where they are not there.
// Those of another log are built anew. Of several processes that build in the folder one does at a time.
func (s Scratch) Open(ctx context.Context, store eventstore.Store, until Until,
	progress func(Progress),
) (*Models, error) {
	if until.Instant.IsZero() { // beyond the log's end is its end, as it is now
		head, err := store.Head(ctx, domain.Prefixes...)
		if err != nil {
			return nil, err
		}
		until.Position = min(until.Position, head)
	}
	name := filepath.Join(s.Folder, nameOf(until))
	if m, err := s.kept(ctx, name, store, until); m != nil || err != nil {
		return m, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if m, err := s.kept(ctx, name, store, until); m != nil || err != nil {
		return m, err // another has built it
	}
	if err := s.build(ctx, name, store, until, progress); err != nil {
		return nil, fmt.Errorf("build in %s: %w", s.Folder, err)
	}
	return openScratch(ctx, name)
}

// nameOf is the name of a point's folder.
func nameOf(until Until) string {
	point := strconv.FormatUint(uint64(until.Position), 10)
	if !until.Instant.IsZero() {
		point = until.Instant.UTC().Format("20060102T150405.000000000Z")
	}
	return asOfPrefix + point + "-" + fingerprint(Builtin())
}

func openScratch(ctx context.Context, name string) (*Models, error) {
	return Open(ctx, name, nil, Options{ReadOnly: true})
}

// kept opens tables that are there; nil where there are none of this log.
func (s Scratch) kept(ctx context.Context, name string, store eventstore.Store, until Until) (
	*Models, error,
) {
	m, err := openScratch(ctx, name)
	if errors.Is(err, ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	at, err := readCheckpoint(ctx, m.current.read)
	belongs := false
	if err == nil {
		belongs, err = at.isIn(ctx, store)
	}
	if err == nil && belongs && !until.Instant.IsZero() {
		belongs, err = nothingCame(ctx, name, store, until.Instant)
	}
	if err == nil && belongs {
		now := time.Now()
		err = os.Chtimes(name, now, now)
	}
	if err != nil || !belongs {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// nothingCame reports that no event came to the log, since tables of an instant were made, that was
// recorded by then.
func nothingCame(ctx context.Context, name string, store eventstore.Store, instant time.Time) (bool, error) {
	text, err := os.ReadFile(filepath.Join(name, readFile))
	if err != nil {
		return false, err
	}
	read, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return false, err
	}
	names := newNames()
	for e, err := range store.ReadAll(ctx, eventstore.Position(read), domain.Prefixes...) {
		if err != nil {
			return false, err
		}
		if !recordedWhen(e, names).After(instant) {
			return false, nil
		}
	}
	return true, nil
}

// build makes tables beside and gives them their name once they are whole. The caller holds the lock, so
// whatever else is being built was left by a process that is gone.
func (s Scratch) build(ctx context.Context, name string, store eventstore.Store, until Until,
	progress func(Progress),
) error {
	if err := s.remove(buildingPrefix, 0); err != nil {
		return err
	}
	building, err := os.MkdirTemp(s.Folder, buildingPrefix)
	if err != nil {
		return err
	}
	read, err := Build(ctx, building, store, until, progress)
	if err == nil {
		text := strconv.FormatUint(uint64(read), 10)
		err = os.WriteFile(filepath.Join(building, readFile), []byte(text), fileMode)
	}
	if err == nil {
		err = os.RemoveAll(name) // of another log
	}
	if err == nil {
		err = os.Rename(building, name)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(building))
	}
	keep := s.Keep
	if keep == 0 {
		keep = scratchKept
	}
	return s.remove(asOfPrefix, keep)
}

// Clear removes all tables in the folder. Who has some open may go on reading them.
func (s Scratch) Clear(ctx context.Context) error {
	if _, err := os.Stat(s.Folder); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return errors.Join(s.remove(asOfPrefix, 0), s.remove(buildingPrefix, 0))
}

// remove removes the folders of a prefix but those that were used last.
func (s Scratch) remove(prefix string, keep int) error {
	entries, err := os.ReadDir(s.Folder)
	if err != nil {
		return err
	}
	used := map[string]time.Time{}
	var names []string
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && e.IsDir() && strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
			used[e.Name()] = info.ModTime()
		}
	}
	slices.SortFunc(names, func(a, b string) int { return used[b].Compare(used[a]) })
	for _, name := range names[min(keep, len(names)):] {
		if err := os.RemoveAll(filepath.Join(s.Folder, name)); err != nil {
			return err
		}
	}
	return nil
}

// lockEvery is the pause between two looks at a lock that another process holds.
const lockEvery = 50 * time.Millisecond

func (s Scratch) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(s.Folder, 0o700); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(s.Folder, "lock"), flock.SetPermissions(fileMode))
	if _, err := lock.TryLockContext(ctx, lockEvery); err != nil {
		return nil, fmt.Errorf("lock %s: %w", s.Folder, err)
	}
	return func() { _ = lock.Unlock() }, nil // the process's end does it too
}
