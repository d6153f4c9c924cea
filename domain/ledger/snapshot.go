package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// A snapshot lies beside its stream in parts: part 0 is snapshotHead as JSON, and run r of the names is
// cut into parts from (r+1)·partsPerRun on. Runs never change, so each is written once.
const (
	partsPerRun = 1024
	partBytes   = eventstore.MaxSnapshotPart
)

// snapshotHead is a snapshot's part 0.
type snapshotHead struct {
	Version  int                 `json:"version"` // domain.SnapshotVersion
	Hash     domain.Hash         `json:"hash"`
	Position eventstore.Position `json:"position"`
	Account  json.RawMessage     `json:"account"`
	NextRun  uint32              `json:"next_run"`
	Recent   []byte              `json:"recent"`
	Runs     []runHead           `json:"runs"`
}

type runHead struct {
	ID    uint32 `json:"id"`
	Bytes int    `json:"bytes"`
	Sum   uint64 `json:"sum"` // xxhash of the entries
}

// saved is what of an account's snapshot is known to be written. Its runner owns it; the writer sets
// broken, which all of an account's saved share, and that makes the next snapshot write everything.
type saved struct {
	revision int64
	runs     []uint32
	broken   *atomic.Bool
}

func unsaved() *saved { return &saved{revision: -1, broken: new(atomic.Bool)} }

// snapshotter writes snapshots one after the other, off every caller's way. A snapshot that finds
// too many before it is left out: the next one comes soon.
type snapshotter struct {
	store  eventstore.Store
	logger *slog.Logger
	jobs   chan snapshotJob
	done   sync.WaitGroup
	life   context.Context // of writing
	stop   context.CancelFunc
}

type snapshotJob struct {
	head    snapshotHead
	account *domain.Account
	recent  []byte // entries
	write   []run
	drop    []uint32
	broken  *atomic.Bool
}

func newSnapshotter(store eventstore.Store, logger *slog.Logger) *snapshotter {
	s := &snapshotter{store: store, logger: logger, jobs: make(chan snapshotJob, 64)}
	s.life, s.stop = context.WithCancel(context.Background())
	s.done.Go(func() {
		for job := range s.jobs {
			s.write(job)
		}
	})
	return s
}

// close writes what was offered, until ctx ends, then stops.
func (s *snapshotter) close(ctx context.Context) {
	close(s.jobs)
	defer s.stop()
	defer context.AfterFunc(ctx, s.stop)()
	s.done.Wait()
}

// offer has a snapshot of st written, if its last one is long enough ago.
func (s *snapshotter) offer(st *state, every int) {
	if st.account.Revision()-st.saved.revision < int64(every) {
		return
	}
	job := newJob(st)
	select {
	case s.jobs <- job:
		st.saved = &saved{st.account.Revision(), job.runs(), st.saved.broken}
	default:
	}
}

func newJob(st *state) snapshotJob {
	job := snapshotJob{
		account: st.account, recent: sealed(st.names.recent), broken: st.saved.broken,
		head: snapshotHead{Version: domain.SnapshotVersion, Hash: st.hash, Position: st.position,
			NextRun: st.names.nextID},
	}
	written := st.saved.runs
	if st.saved.broken.Swap(false) {
		written = nil
	}
	for _, r := range st.names.runs {
		job.head.Runs = append(job.head.Runs, runHead{r.id, len(r.entries), r.sum})
		if !slices.Contains(written, r.id) {
			job.write = append(job.write, r)
		}
	}
	for _, id := range written {
		if !slices.Contains(job.runs(), id) {
			job.drop = append(job.drop, id)
		}
	}
	return job
}

func (j snapshotJob) runs() []uint32 {
	var ids []uint32
	for _, r := range j.head.Runs {
		ids = append(ids, r.ID)
	}
	return ids
}

// write stores a snapshot. To lose one costs time alone, so a failure is only told.
func (s *snapshotter) write(j snapshotJob) {
	parts, err := j.parts()
	if err == nil {
		err = s.store.PutSnapshot(s.life, domain.AccountStream(j.account.ID()), parts)
	}
	if err != nil {
		j.broken.Store(true)
		s.logger.Warn("snapshot not written", "account", j.account.ID(), "err", err)
	}
}

func (j snapshotJob) parts() (map[int][]byte, error) {
	parts := map[int][]byte{}
	for _, r := range j.write {
		for i, part := range slices.Collect(slices.Chunk(r.entries, partBytes)) {
			parts[firstPart(r.id)+i] = part
		}
	}
	for _, id := range j.drop {
		parts[firstPart(id)] = nil // its other parts are never read without it
	}
	var err error
	if j.head.Account, err = j.account.MarshalSnapshot(); err != nil {
		return nil, err
	}
	j.head.Recent = j.recent
	parts[0], err = json.Marshal(j.head)
	return parts, err
}

func firstPart(run uint32) int { return (int(run) + 1) * partsPerRun }

// restore is the account's state as its snapshot has it, or the state before its first event where
// there is no snapshot that can be used.
func (l *Ledger) restore(ctx context.Context, id uuid.UUID) *state {
	s, err := readSnapshot(ctx, l.store, id)
	if err != nil {
		l.opts.Logger.Warn("snapshot not used", "account", id, "err", err)
	}
	if s == nil {
		return newState(id)
	}
	return s
}

// readSnapshot is nil when there is no snapshot of this version.
func readSnapshot(ctx context.Context, store eventstore.Store, id uuid.UUID) (*state, error) {
	stream := domain.AccountStream(id)
	part, err := store.Snapshot(ctx, stream, 0)
	if err != nil || part == nil {
		return nil, err
	}
	var head snapshotHead
	if err := json.Unmarshal(part, &head); err != nil || head.Version != domain.SnapshotVersion {
		return nil, err
	}
	account, err := domain.UnmarshalSnapshot(head.Account)
	if err != nil {
		return nil, err
	}
	s := &state{account: account, stream: stream, hash: head.Hash, position: head.Position,
		names: newNames()}
	s.names.load(head.Recent)
	s.names.nextID = head.NextRun
	s.saved = &saved{revision: account.Revision(), broken: new(atomic.Bool)}
	for _, r := range head.Runs {
		entries, err := readRun(ctx, store, stream, r)
		if err != nil {
			return nil, err
		}
		s.names.runs = append(s.names.runs, run{r.ID, r.Sum, entries})
		s.saved.runs = append(s.saved.runs, r.ID)
	}
	return s, nil
}

func readRun(ctx context.Context, store eventstore.Store, stream string, r runHead) ([]byte, error) {
	entries := make([]byte, 0, r.Bytes)
	for i := 0; len(entries) < r.Bytes; i++ {
		part, err := store.Snapshot(ctx, stream, firstPart(r.ID)+i)
		if err != nil {
			return nil, err
		}
		if part == nil {
			break
		}
		entries = append(entries, part...)
	}
	if len(entries) != r.Bytes || xxhash.Sum64(entries) != r.Sum {
		return nil, fmt.Errorf("run %d is not as it was written", r.ID)
	}
	return entries, nil
}
