package esdbserver

import (
	"encoding/json"
	"math"
	"strings"
	"time"
)

// The names that belong to the protocol.
const (
	metastreamPrefix = "$$"
	metadataType     = "$metadata"
	tombstoneType    = "$streamDeleted"
	linkType         = "$>"
)

// softDeleted is the $tb of a stream that was deleted and may be written again.
const softDeleted = math.MaxInt64

// metadata is what EventStoreDB understands of a stream's metadata; zero values are absent.
type metadata struct {
	maxAge         time.Duration
	maxCount       int64
	truncateBefore int64 // softDeleted: no event is left
	cacheControl   time.Duration
}

// isMetastream says whether a stream holds another one's metadata.
func isMetastream(stream string) bool { return strings.HasPrefix(stream, metastreamPrefix) }

// metastreamOf is where the metadata of a stream is kept.
func metastreamOf(stream string) string { return metastreamPrefix + stream }

// originalOf is the stream whose metadata a metastream holds; any other stream is its own.
func originalOf(stream string) string { return strings.TrimPrefix(stream, metastreamPrefix) }

// parseMetadata reads the data of a $metadata event. One bad value spoils the whole, as it does in
// EventStoreDB: then there is no metadata.
func parseMetadata(data []byte) metadata {
	var raw struct {
		MaxAge         *int64 `json:"$maxAge"`
		MaxCount       *int64 `json:"$maxCount"`
		TruncateBefore *int64 `json:"$tb"`
		CacheControl   *int64 `json:"$cacheControl"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return metadata{}
	}
	var m metadata
	if raw.MaxAge != nil {
		m.maxAge = time.Duration(*raw.MaxAge) * time.Second
	}
	if raw.MaxCount != nil {
		m.maxCount = *raw.MaxCount
	}
	if raw.TruncateBefore != nil {
		m.truncateBefore = *raw.TruncateBefore
	}
	if raw.CacheControl != nil {
		m.cacheControl = time.Duration(*raw.CacheControl) * time.Second
	}
	return m
}
