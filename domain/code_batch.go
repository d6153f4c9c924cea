package domain

import (
	"time"

	"github.com/google/uuid"
)

// MostCodes is how many codes a batch has at most.
const MostCodes = 1_000_000

// mostBatches bounds a campaign's batches: they are held in memory.
const mostBatches = 200

// CodeBatch is a batch of single-use codes. Each stands for one coupon of the definition. Code number n
// is Codes.At(n) under a key that comes from the master key with KeyID and from the batch's id; it stands
// nowhere.
type CodeBatch struct {
	ID          uuid.UUID `json:"batch_id"`
	Definition  string    `json:"definition"`        // definition_id@version
	Count       int       `json:"count"`             // of codes, 1 to MostCodes
	Skipped     []uint32  `json:"skipped,omitempty"` // serials whose code is an earlier one's, rising
	KeyID       string    `json:"key_id"`            // of the master key
	ListHash    Hash      `json:"list_hash"`         // SHA-256 of the exported file
	GeneratedAt time.Time `json:"generated_at,omitzero"`
	ExportedAt  time.Time `json:"exported_at,omitzero"` // none: it was not
}

// Serials yields the serial numbers of the batch's codes, rising.
func (b *CodeBatch) Serials(yield func(uint32) bool) {
	skipped := b.Skipped
	for serial, left := uint32(0), b.Count; left > 0; serial++ {
		if len(skipped) > 0 && skipped[0] == serial {
			skipped = skipped[1:]
			continue
		}
		if left--; !yield(serial) {
			return
		}
	}
}

// codeBatches is the name space of batches' ids.
var codeBatches = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://tillbook.dev/code-batches"))

// CodeBatchID is the id of the batch that a caller generates under an idempotency key.
func CodeBatchID(campaign, actor, key string) uuid.UUID {
	return uuid.NewSHA1(codeBatches, []byte(campaign+separator+actor+separator+key))
}

// Batch is the campaign's batch with that id, nil where there is none.
func (c *Campaign) Batch(id uuid.UUID) *CodeBatch {
	for i := range c.Batches {
		if c.Batches[i].ID == id {
			return &c.Batches[i]
		}
	}
	return nil
}

// batched is the campaign with a batch that was added or changed.
func (c *Campaign) batched(id uuid.UUID, change func(*CodeBatch)) *Campaign {
	next := *c
	next.Batches = append([]CodeBatch(nil), c.Batches...)
	b := next.Batch(id)
	if b == nil {
		next.Batches = append(next.Batches, CodeBatch{ID: id})
		b = &next.Batches[len(next.Batches)-1]
	}
	change(b)
	return &next
}
