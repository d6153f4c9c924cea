package ledger

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// The registries' snapshot lies beside a stream that is never written.
const registrySnapshot = "registry"

// load begins with the registries' snapshot, or with nothing.
func (r *registry) load(ctx context.Context) {
	empty := entries{Version: domain.SnapshotVersion, Stores: map[string]domain.Store{},
		Units: map[string]domain.Unit{}, Keys: map[uuid.UUID]Key{},
		Programs: map[string][]domain.ProgramPublished{}, Revisions: map[string]int64{}}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = empty
	part, err := r.store.Snapshot(ctx, registrySnapshot, 0)
	if err == nil && part != nil {
		err = json.Unmarshal(part, &r.entries)
	}
	if err != nil || r.Version != domain.SnapshotVersion || r.Revisions == nil {
		r.logger.Warn("registry snapshot not used", "err", err)
		r.entries = empty
	}
	for id, k := range r.Keys {
		r.byHash[k.Hash] = id
	}
	r.book.Store(newBook(r.Programs))
}

// save keeps what is covered for the next start. Registries too large for one part are read anew then.
func (r *registry) save(ctx context.Context) {
	r.mu.RLock()
	part, err := json.Marshal(r.entries)
	r.mu.RUnlock()
	if err == nil && len(part) <= eventstore.MaxSnapshotPart {
		err = r.store.PutSnapshot(ctx, registrySnapshot, map[int][]byte{0: part})
	}
	if err != nil {
		r.logger.Warn("registry snapshot not written", "err", err)
	}
}
