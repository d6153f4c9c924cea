package esdbserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// The names that belong to the protocol.
const (
	metastreamPrefix = "$$"
	metadataType     = "$metadata"
	tombstoneType    = "$streamDeleted"
	linkType         = "$>"
	truncateKey      = "$tb"
)

// softDeleted is the $tb of a stream that was deleted and may be written again.
const softDeleted = math.MaxInt64

// metadata is what EventStoreDB understands of a stream's metadata; zero values are absent. Roles
// ($acl) are kept as they were written and not enforced.
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

// errMetadata says that metadata is not of EventStoreDB's form.
var errMetadata = errors.New("not the metadata of a stream")

// parseMetadata reads the data of a $metadata event. What is malformed spoils the whole, as it does
// in EventStoreDB: then there is no metadata. A number that makes no sense is as if it were absent.
func parseMetadata(data []byte) metadata {
	var m metadata
	err := eachMember(data, func(name string, value json.RawMessage) (err error) {
		switch name {
		case "$maxAge":
			m.maxAge, err = seconds(value)
		case "$maxCount":
			m.maxCount, err = integer(value)
		case truncateKey:
			m.truncateBefore, err = integer(value)
		case "$cacheControl":
			m.cacheControl, err = seconds(value)
		case "$tmp":
			err = boolean(value)
		case "$acl":
			err = checkACL(value)
		}
		return err
	})
	if err != nil {
		return metadata{}
	}
	m.maxAge, m.maxCount = max(m.maxAge, 0), max(m.maxCount, 0)
	m.truncateBefore, m.cacheControl = max(m.truncateBefore, 0), max(m.cacheControl, 0)
	return m
}

// withTruncateBefore is the metadata in data with $tb changed and all else kept.
func withTruncateBefore(data []byte, number int64) ([]byte, error) {
	out := []byte{'{'}
	err := eachMember(data, func(name string, value json.RawMessage) error {
		if name == truncateKey {
			return nil
		}
		key, err := json.Marshal(name)
		out = append(append(append(append(out, key...), ':'), value...), ',')
		return err
	})
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(out, `"%s":%d}`, truncateKey, number), nil
}

// eachMember calls take for the members of the JSON object that data is, in their order.
func eachMember(data []byte, take func(name string, value json.RawMessage) error) error {
	in := json.NewDecoder(bytes.NewReader(data))
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return errMetadata
	}
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return errMetadata
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return errMetadata
		}
		if err := take(name.(string), value); err != nil { // an object's key is a string
			return err
		}
	}
	if _, err := in.Token(); err != nil { // the closing brace
		return errMetadata
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return errMetadata
	}
	return nil
}

func integer(value json.RawMessage) (int64, error) {
	return strconv.ParseInt(string(value), 10, 64)
}

// secondsMost is what EventStoreDB's own durations can hold.
const secondsMost = 922_337_203_685

// seconds is a whole number of them. What is longer than 292 years is 292 years.
func seconds(value json.RawMessage) (time.Duration, error) {
	n, err := integer(value)
	switch {
	case err != nil || n > secondsMost || n < -secondsMost:
		return 0, errMetadata
	case n > int64(math.MaxInt64/time.Second):
		return math.MaxInt64, nil
	}
	return time.Duration(max(n, 0)) * time.Second, nil
}

func boolean(value json.RawMessage) error {
	if s := string(value); s != "true" && s != "false" {
		return errMetadata
	}
	return nil
}

// checkACL wants an object of roles, each a name or a list of names, or the name of a default.
func checkACL(value json.RawMessage) error {
	if s := string(value); s == `"$userStreamAcl"` || s == `"$systemStreamAcl"` {
		return nil
	}
	return eachMember(value, func(name string, roles json.RawMessage) error {
		switch name {
		case "$r", "$w", "$d", "$mr", "$mw":
			var one *string
			var many []*string
			if json.Unmarshal(roles, &one) == nil && one != nil {
				return nil
			}
			if json.Unmarshal(roles, &many) != nil || many == nil {
				return errMetadata
			}
			for _, role := range many {
				if role == nil {
					return errMetadata
				}
			}
			return nil
		}
		return errMetadata
	})
}

// metadataOf is what the last event of a metastream says. Only JSON says something.
func metadataOf(e *eventstore.Event) metadata {
	if e.Binary {
		return metadata{}
	}
	return parseMetadata(e.Data)
}
