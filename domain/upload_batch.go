package domain

import (
	"fmt"

	"github.com/google/uuid"
)

// The bounds of a batch.
const (
	MaxBatchItems = 10_000
	MaxSeq        = 999_999_999_999
	mostGaps      = 100
)

// UploadBatch records what became of the operations that a till kept while it was cut off. The items
// are decided on their accounts before; the shell says what came of them.
type UploadBatch struct {
	ID        uuid.UUID    `json:"batch_id"`
	Store     string       `json:"store"`
	Terminal  string       `json:"terminal"`
	ItemsHash Hash         `json:"items_hash"` // SHA-256 of the items as they were sent
	Results   []ItemResult `json:"-"`          // by rising sequence number
}

// ItemResult is what became of one item.
type ItemResult struct {
	Seq         int64      `json:"seq"` // the till's own number of it
	Status      ItemStatus `json:"status"`
	OperationID uuid.UUID  `json:"operation_id,omitzero"`
	Code        Code       `json:"code,omitempty"` // why it was refused
}

// ItemStatus says what became of an item.
type ItemStatus string

// What becomes of items. Where there is an exception, it is the kind of it.
const (
	ItemPosted    ItemStatus = "posted"
	ItemDuplicate ItemStatus = "duplicate" // its reference was posted before, for the same amount
	ItemOverdraft            = ItemStatus(ExceptionOverdraft)
	ItemFrozen               = ItemStatus(ExceptionFrozen)
	ItemSkewed               = ItemStatus(ExceptionSkewed)
	ItemRefused              = ItemStatus(ExceptionRefused)
)

// Exceptional reports that people must look at the item.
func (s ItemStatus) Exceptional() bool { return s != ItemPosted && s != ItemDuplicate }

// BatchUploaded records a batch, once every item of it was decided and every exception raised.
type BatchUploaded struct {
	BatchID   uuid.UUID    `json:"batch_id"`
	Store     string       `json:"store"`
	Terminal  string       `json:"terminal"`
	FirstSeq  int64        `json:"first_seq"`
	LastSeq   int64        `json:"last_seq"`
	Items     int          `json:"items"`
	ItemsHash Hash         `json:"items_hash"`
	Results   []ItemResult `json:"results"`
	Missing   []Gap        `json:"missing"`       // the first 100
	MissingN  int64        `json:"missing_count"` // of sequence numbers
}

// Gap is a stretch of sequence numbers, both ends included, that no item has.
type Gap struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

func (BatchUploaded) event() {}

// batches is the name space of batches' ids.
var batches = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://tillbook.dev/batches"))

// BatchID is the id of the batch that an actor uploads under an idempotency key: a UUIDv5 (RFC
// 9562).
func BatchID(actor, key string) uuid.UUID {
	return uuid.NewSHA1(batches, []byte(actor+separator+key))
}

// ItemKey is the idempotency key of a till's item on its account: however often, and in whatever
// pieces a till sends it, it is posted once.
func ItemKey(store, terminal string, seq int64) string {
	id := uuid.NewSHA1(batches, fmt.Appendf(nil, "%s\x1f%s\x1f%d", store, terminal, seq))
	return "offline-" + id.String()
}

// Stream is batch-<id>.
func (u UploadBatch) Stream() string { return BatchStream(u.ID) }

// Operation is upload_batch.
func (UploadBatch) Operation() Operation { return "upload_batch" }

// Decide checks store, terminal, then the items' number and order. A batch is uploaded once.
func (u UploadBatch) Decide(before []Posted, _ Moment) ([]Event, error) {
	if err := u.Check(); err != nil {
		return nil, err
	}
	if len(before) > 0 {
		return nil, &Done{before[0]}
	}
	e := BatchUploaded{BatchID: u.ID, Store: u.Store, Terminal: u.Terminal, ItemsHash: u.ItemsHash,
		Items: len(u.Results), Results: u.Results, Missing: []Gap{},
		FirstSeq: u.Results[0].Seq, LastSeq: u.Results[len(u.Results)-1].Seq}
	for i, r := range u.Results[1:] {
		if last := u.Results[i].Seq; r.Seq > last+1 {
			e.MissingN += r.Seq - last - 1
			if len(e.Missing) < mostGaps {
				e.Missing = append(e.Missing, Gap{last + 1, r.Seq - 1})
			}
		}
	}
	return []Event{e}, nil
}

// Check refuses what is no batch, before any item is decided.
func (u UploadBatch) Check() error {
	switch {
	case u.Store == "" || notAWord(u.Store):
		return ErrMalformed.Field("store", "want 1 to 64 bytes")
	case u.Terminal == "" || notAWord(u.Terminal):
		return ErrMalformed.Field("terminal", "want 1 to 64 bytes")
	case len(u.Results) == 0 || len(u.Results) > MaxBatchItems:
		return ErrMalformed.Field("items", fmt.Sprint("want 1 to ", MaxBatchItems))
	}
	for i, r := range u.Results {
		switch field := fmt.Sprint("items.", i, ".seq"); {
		case r.Seq < 1 || r.Seq > MaxSeq:
			return ErrMalformed.Field(field, fmt.Sprint("want 1 to ", MaxSeq))
		case i > 0 && r.Seq <= u.Results[i-1].Seq:
			return ErrMalformed.Field(field, "want rising numbers, each once")
		}
	}
	return nil
}

func (e BatchUploaded) command() any {
	return UploadBatch{ID: e.BatchID, Store: e.Store, Terminal: e.Terminal, ItemsHash: e.ItemsHash}
}
