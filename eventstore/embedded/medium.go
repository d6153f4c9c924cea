package embedded

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// errFrozen is what a table that was being written answers after the freeze.
var errFrozen = errors.New("nothing more is written after a failed write")

// medium is the file system that Pebble sees. It is there for the day on which a write or a sync
// fails.
//
// What a disk holds after a failed sync is unknown, and a second sync that succeeds proves nothing
// (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). Pebble ends
// the process then (Logger.Fatalf), or panics with its locks held when it meets the broken WAL
// again, and it repeats a failed flush for ever and at once.
//
// So the first failure freezes the medium: the folder stays as a crash at that moment would have
// left it, which is what Pebble's recovery is made for. Pebble itself never learns of it. Its WAL
// and MANIFEST go on into nothing, its flushes into memory (at most the memtables there are), and
// compactions wait; so reads go on, and Close ends like any other. The committer looks at failure
// after every commit and answers nobody that his events are durable once it is set.
type medium struct {
	vfs.FS
	memory *vfs.MemFS // files made after the freeze

	cause    atomic.Pointer[error] // set once: the freeze
	frozen   chan struct{}         // closed then
	released chan struct{}         // closed when the store closes: compactions wait no longer
	release  func()
}

func newMedium(files vfs.FS, folder string) *medium {
	m := &medium{FS: files, memory: vfs.NewMem(), frozen: make(chan struct{}),
		released: make(chan struct{})}
	m.release = sync.OnceFunc(func() { close(m.released) })
	_ = m.memory.MkdirAll(folder, 0o700) // memory does not fail
	return m
}

// freeze notes the first failure and drops every later one.
func (m *medium) freeze(cause error) {
	if m.cause.CompareAndSwap(nil, &cause) {
		close(m.frozen)
	}
}

// failure is what froze the medium, nil while it is sound.
func (m *medium) failure() error {
	if cause := m.cause.Load(); cause != nil {
		return *cause
	}
	return nil
}

// stopped is failure as the answer to a write that was not tried.
func (m *medium) stopped() error {
	if err := m.failure(); err != nil {
		return fmt.Errorf("the store stopped at a failed write, open it again: %w", err)
	}
	return nil
}

// check freezes the medium at an error and says whether it is frozen now.
func (m *medium) check(err error) bool {
	if err != nil {
		m.freeze(err)
	}
	return m.failure() != nil
}

// isTable tells the files that Pebble writes again when they fail from the WAL and the MANIFEST.
func isTable(name string) bool {
	return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob")
}

func (m *medium) Create(name string, kind vfs.DiskWriteCategory) (vfs.File, error) {
	if m.failure() == nil {
		file, err := m.FS.Create(name, kind)
		if err == nil {
			return &mediumFile{file, m, isTable(name)}, nil
		}
		m.freeze(fmt.Errorf("create %s: %w", name, err))
	}
	if isTable(name) && kind != "pebble-memtable-flush" {
		<-m.released
		return nil, errFrozen
	}
	return m.memory.Create(name, kind)
}

func (m *medium) ReuseForWrite(from, to string, kind vfs.DiskWriteCategory) (vfs.File, error) {
	if m.failure() == nil {
		file, err := m.FS.ReuseForWrite(from, to, kind)
		if err == nil {
			return &mediumFile{file, m, false}, nil
		}
		m.freeze(fmt.Errorf("reuse %s: %w", from, err))
	}
	return m.memory.Create(to, kind)
}

func (m *medium) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	if m.failure() != nil {
		if file, err := m.memory.Open(name, opts...); err == nil {
			return file, nil
		}
	}
	return m.FS.Open(name, opts...)
}

func (m *medium) OpenReadWrite(name string, kind vfs.DiskWriteCategory,
	opts ...vfs.OpenOption) (vfs.File, error) {
	if m.failure() != nil {
		return m.memory.OpenReadWrite(name, kind, opts...)
	}
	file, err := m.FS.OpenReadWrite(name, kind, opts...)
	if err != nil {
		return nil, err
	}
	return &mediumFile{file, m, isTable(name)}, nil
}

func (m *medium) OpenDir(name string) (vfs.File, error) {
	dir, err := m.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &mediumFile{dir, m, false}, nil
}

func (m *medium) Stat(name string) (vfs.FileInfo, error) {
	if m.failure() != nil {
		if info, err := m.memory.Stat(name); err == nil {
			return info, nil
		}
	}
	return m.FS.Stat(name)
}

func (m *medium) Remove(name string) error {
	if m.failure() != nil {
		_ = m.memory.Remove(name) // it may never have been there
		return nil
	}
	return m.FS.Remove(name)
}

func (m *medium) Rename(from, to string) error {
	if m.failure() == nil && !m.check(m.FS.Rename(from, to)) {
		return nil
	}
	_ = m.memory.Rename(from, to) // what was made before the freeze is not there
	return nil
}

// MkdirAll makes folders for this user alone, whatever Pebble asks for.
func (m *medium) MkdirAll(folder string, mode os.FileMode) error {
	return m.FS.MkdirAll(folder, mode&0o700)
}

// mediumFile is a file or folder that was opened before the freeze.
type mediumFile struct {
	vfs.File
	medium *medium
	table  bool
}

// done is how a write ends: with an error for a table, which Pebble then writes again, and well for
// everything else, once the medium is frozen.
func (f *mediumFile) done(err error) error {
	if f.medium.check(err) && f.table {
		return errors.Join(err, errFrozen)
	}
	return nil
}

func (f *mediumFile) Write(p []byte) (int, error) {
	var err error
	if f.medium.failure() == nil {
		_, err = f.File.Write(p)
	}
	return len(p), f.done(err)
}

func (f *mediumFile) WriteAt(p []byte, at int64) (int, error) {
	var err error
	if f.medium.failure() == nil {
		_, err = f.File.WriteAt(p, at)
	}
	return len(p), f.done(err)
}

func (f *mediumFile) Sync() error     { return f.try(f.File.Sync) }
func (f *mediumFile) SyncData() error { return f.try(f.File.SyncData) }

func (f *mediumFile) SyncTo(length int64) (full bool, err error) {
	err = f.try(func() error {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, err
}

func (f *mediumFile) Preallocate(offset, length int64) error {
	return f.try(func() error { return f.File.Preallocate(offset, length) })
}

// try writes, unless the medium is frozen.
func (f *mediumFile) try(write func() error) error {
	if f.medium.failure() != nil {
		return f.done(nil)
	}
	return f.done(write())
}

// Close frees the descriptor. Some file systems report a lost write only here.
func (f *mediumFile) Close() error { return f.done(f.File.Close()) }
