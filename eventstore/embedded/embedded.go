// Package embedded is the default store: the log in a folder of this machine, on Pebble, in this
// process. An append is on disk before it is answered; appends that wait at the same time share one
// synced commit.
//
// # Format 2
//
// One Pebble database. Every number in a key is 8 bytes, big endian.
//
//	'f'                            → uvarint format
//	'd' stream's name              → uvarint id of the stream: the position of its first event
//	'i' id of stream · revision    → uvarint position, of the last event of each append
//	'l' position                   → record
//	's' stream's name · part       → bytes of a snapshot's part, as they were given
//
//	'c'                            → uvarint position up to which the lists are built
//	'm' kind · id of list · n      → uvarint position of the n-th event in the list, from 0
//	'n' kind · list's name         → uvarint id of the list: the position of its first event
//
//	record = crc32c of the rest (4, little endian)
//	         event's id (16) · created (8, big endian) · uvarint revision
//	         stream · type · data, each behind its uvarint length · metadata to the end
//
//	created = 1 bit: the data is binary · 1 bit: the metadata differs · 62 bits: Unix ns
//
// Metadata that differs is what it has other than that of an event before it in the same append: the
// uvarint count of events back to that · for each run of bytes, the uvarint count of bytes that are the
// same before it · its bytes behind their uvarint length. The events of a sale repeat four fifths of it.
//
// The events of one append are neighbours in their stream and in the log: the index has their last, and
// the one before in the index says where they begin. Format 1 has every event there, which reads as so
// many appends, and no metadata that differs.
//
// A list's kind is the byte of eventstore.ListKind. Lists are not written with their events, which
// would cost every append: who asks for one first brings all of them up to the log's head (see
// lists). In a folder where nobody has asked the last three keys are missing.
//
// Positions are dense, from 1. The last key under 'l' is the head, and a position names a new
// stream, so opening reads one key however long the log is.
//
// An event's bytes are stored once, under its position. The log only grows at its end, so Pebble
// writes a record into the WAL and, compressed, into one table that overlaps no other: compactions
// move it or leave it alone. Keyed by stream, records would be rewritten on every level. What is
// rewritten is the index, about 20 bytes an append. Measured over 600,000 appends of one event
// of 1.2 KB to 5,000 streams: 1.55 bytes written for each byte of the WAL. A record repeats its
// stream's name, so that a scan of the log needs no other key and the index could be built again.
//
// Pebble's own checksums cover whole blocks; the record's covers the way between Pebble and the
// caller, and lets a check name the one event that is damaged.
//
// # Failures
//
// See medium: after the first write that fails, nothing more reaches the disk, appends are refused
// until the folder is opened again, and reads go on.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tillbook/tillbook/eventstore"
)

// ErrReadOnly: a write to a store from OpenReadOnly.
var ErrReadOnly = errors.New("store was opened for reading only")

// Options are how a store is opened. The zero value is good.
type Options struct {
	Logger     *slog.Logger // Pebble's words; nil drops them
	FS         vfs.FS       // nil is the machine's own
	CacheBytes int64        // of blocks read from disk; 0 is 64 MiB

	// MemTableBytes is what is kept in memory before it goes into tables; 0 is 64 MiB. Opening
	// reads up to twice as much again, and up to four times as much is held while a disk is slow.
	MemTableBytes int

	// OnCommit is told of every commit after it is durable: the appends, events and record bytes
	// in it, and how long it took. It must be quick: the next commit waits for it.
	OnCommit func(appends, events, bytes int, took time.Duration)
}

// Store is an eventstore.Store in a folder. All methods may be called at once.
type Store struct {
	folder   string
	readOnly bool
	onCommit func(appends, events, bytes int, took time.Duration)

	db     *pebble.DB
	lock   *pebble.Lock
	medium *medium
	tide   tide
	lists  lists

	queue    chan *pending // to the committer
	applied  chan *round   // from the committer to the answerer
	idle     chan *round   // back again
	answered chan struct{} // closed when both have ended

	life    sync.RWMutex // held for reading while a call uses db or queue
	closed  bool         // by life
	closing chan struct{}
	close   func() error
}

var _ eventstore.Indexed = (*Store)(nil)

// Open opens the store in folder and makes the folder where there is none, for this user alone.
// *eventstore.InUse says that somebody has it open.
func Open(folder string, opts Options) (*Store, error) {
	opts.FS = orDefault(opts.FS)
	if err := opts.FS.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make folder %s: %w", folder, err)
	}
	return open(folder, opts, false)
}

// OpenReadOnly opens a store that nobody writes, such as a checkpoint, and changes nothing in it.
// Its Append and PutSnapshot answer ErrReadOnly.
func OpenReadOnly(folder string, opts Options) (*Store, error) {
	opts.FS = orDefault(opts.FS)
	return open(folder, opts, true)
}

func orDefault(fs vfs.FS) vfs.FS {
	if fs == nil {
		return vfs.Default
	}
	return fs
}

func open(folder string, opts Options, readOnly bool) (*Store, error) {
	lock, path, err := lockFolder(folder, opts.FS)
	if err != nil {
		return nil, err
	}
	s := &Store{
		folder: folder, readOnly: readOnly, onCommit: opts.OnCommit,
		lock: lock, medium: newMedium(opts.FS, path),
		lists: newLists(),
		queue: make(chan *pending, roundAppends), answered: make(chan struct{}),
		applied: make(chan *round, roundsAtOnce), idle: make(chan *round, roundsAtOnce),
		closing: make(chan struct{}),
	}
	s.close = sync.OnceValue(s.shut)
	if err := s.openPebble(path, opts); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", folder, err), lock.Close())
	}
	for range roundsAtOnce {
		s.idle <- new(round)
	}
	go s.commitRounds()
	go s.answerRounds()
	return s, nil
}

// openPebble leaves nothing open when it fails.
func (s *Store) openPebble(path string, opts Options) error {
	var err error
	if s.db, err = pebble.Open(path, s.tuned(opts)); err != nil {
		return err
	}
	err = s.checkFormat()
	if err == nil {
		var last eventstore.Position
		last, err = s.lastPosition()
		s.tide.rise(last)
	}
	if err == nil {
		err = s.medium.failure()
	}
	if err != nil {
		s.medium.release()
		return errors.Join(err, s.db.Close())
	}
	return nil
}

// lockFolder claims the folder by its one true path: a lock of the operating system belongs to a
// process, and opening the lock's file by another name would lose it.
func lockFolder(folder string, files vfs.FS) (*pebble.Lock, string, error) {
	path := folder
	if files == vfs.Default {
		var err error
		if path, err = filepath.Abs(folder); err != nil {
			return nil, "", fmt.Errorf("open %s: %w", folder, err)
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return nil, "", fmt.Errorf("open %s: %w", folder, err)
		}
	}
	lock, err := pebble.LockDirectory(path, files)
	if err != nil && isTaken(err) {
		return nil, "", &eventstore.InUse{Folder: folder}
	}
	if err != nil {
		return nil, "", fmt.Errorf("lock %s: %w", folder, err)
	}
	return lock, path, nil
}

// isTaken tells a lock that somebody holds from one that cannot be had. The lock's file that cannot
// be made is a PathError; fcntl answers a bare EAGAIN or EACCES for another process, and Pebble an
// error of its own for this one.
func isTaken(err error) bool {
	var path *fs.PathError
	var number syscall.Errno
	switch {
	case errors.As(err, &path):
		return false
	case errors.As(err, &number):
		return number == syscall.EAGAIN || number == syscall.EACCES
	}
	return true
}

// Checkpoint makes a copy of the store in dir, which must not be there yet, for OpenReadOnly or
// Open. It costs milliseconds and little space: tables are hard links. Every append that was
// answered before is in it; one that is under way may be.
func (s *Store) Checkpoint(dir string) error {
	if err := s.begin(context.Background()); err != nil {
		return err
	}
	defer s.life.RUnlock()
	if err := s.medium.stopped(); err != nil {
		return err
	}
	if err := s.db.Checkpoint(dir); err != nil {
		return fmt.Errorf("checkpoint to %s: %w", dir, err)
	}
	return s.medium.stopped()
}

// Failed is closed once a write has failed: appends are refused from then on, until the store is
// opened again, and reads go on.
func (s *Store) Failed() <-chan struct{} { return s.medium.frozen }

// Failure is the write that failed, nil until one has.
func (s *Store) Failure() error { return s.medium.stopped() }

// begin claims the store for a short use of db, or says why it must not be used. Only when it
// returns nil the caller must release life.
func (s *Store) begin(ctx context.Context) error {
	s.life.RLock()
	err := ctx.Err()
	if s.closed {
		err = eventstore.ErrClosed
	}
	if err != nil {
		s.life.RUnlock()
	}
	return err
}

// Close is eventstore.Store's. After a failed write it answers that failure, and has still freed
// everything. It may be called again.
func (s *Store) Close() error { return s.close() }

func (s *Store) shut() error {
	close(s.closing) // wakes followers and whoever waits for a place in the queue
	s.life.Lock()
	s.closed = true
	s.life.Unlock()
	close(s.queue) // nobody sends any more: senders hold life and look at closed
	<-s.answered
	s.medium.release()
	failure := s.medium.stopped()
	return errors.Join(failure, s.db.Close(), s.lock.Close())
}
