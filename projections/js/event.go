package js

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// Event is one event as a script is given it: an event of the log, and the link it was reached
// through if it was.
type Event struct {
	eventstore.Recorded
	// LinkMetadata is the metadata of the link that was resolved to this event; nil if there was none.
	LinkMetadata []byte
}

// Category is the text before the first dash of a stream's name; empty where there is none, and for
// streams whose names begin with $.
func Category(stream string) string {
	category, _, ok := strings.Cut(stream, "-")
	if !ok || strings.HasPrefix(stream, "$") {
		return ""
	}
	return category
}

// String is revision@stream, as links write it.
func (e *Event) String() string {
	return strconv.FormatInt(int64(e.Revision), 10) + "@" + e.Stream
}

// streamPartition is the partition of the event under foreachStream.
func (e *Event) streamPartition() string {
	if e.LinkMetadata != nil {
		var origin struct {
			Stream string `json:"$o"`
		}
		if json.Unmarshal(e.LinkMetadata, &origin) == nil && origin.Stream != "" {
			return origin.Stream
		}
	}
	return strings.TrimPrefix(e.Stream, "$$")
}

// skipped reports whether no handler may see the event: it claims to be JSON and is not.
func (e *Event) skipped() bool {
	if e.Binary {
		return false
	}
	return !json.Valid(e.Data)
}

// deletes is the stream whose deletion the event records, in either of EventStoreDB's ways.
func (e *Event) deletes() (stream string, ok bool) {
	switch e.Type {
	case "$streamDeleted":
		return e.Stream, true
	case "$metadata":
		stream, meta := strings.CutPrefix(e.Stream, "$$")
		var about struct {
			Before json.Number `json:"$tb"`
		}
		if meta && json.Unmarshal(e.Data, &about) == nil && about.Before == "9223372036854775807" {
			return stream, true
		}
	}
	return "", false
}

// At is when the event was recorded, which scripts see as created: the moment that its own metadata
// gives, or else the store's. A ledger that was copied keeps its time.
func (e *Event) At() time.Time {
	var metadata struct {
		Recorded time.Time `json:"recorded_at"`
	}
	if json.Unmarshal(e.Metadata, &metadata) == nil && !metadata.Recorded.IsZero() {
		return metadata.Recorded
	}
	return e.Created
}

func (e *Event) created() string {
	const layout = "2006-01-02T15:04:05.000000Z"
	return e.At().UTC().Format(layout)
}
