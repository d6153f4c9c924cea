package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

const (
	exportFormat  = 1
	exportLineMax = 4 << 20 // bytes, with the line's end
)

// exportLine is a line of a file of events; exportHelp draws it. It is either an event or the end.
type exportLine struct {
	Stream         string              `json:"stream"`
	Revision       eventstore.Revision `json:"revision"`
	ID             uuid.UUID           `json:"id"`
	Type           string              `json:"type"`
	Created        time.Time           `json:"created"`
	Binary         bool                `json:"binary"`
	Hash           domain.Hash         `json:"hash"`
	Data           json.RawMessage     `json:"data"`
	Metadata       json.RawMessage     `json:"metadata"`
	DataBase64     *[]byte             `json:"data_base64"`
	MetadataBase64 *[]byte             `json:"metadata_base64"`
	End            *exportEnd          `json:"end"`
}

// exportEnd is what the last line says of all events before it.
type exportEnd struct {
	Format int         `json:"format"`
	Events int64       `json:"events"`
	Digest domain.Hash `json:"digest"`
}

// appendEvent adds an event's line to dst. JSON is not encoded again: its bytes are what hashes are
// over.
func appendEvent(dst []byte, e *eventstore.Recorded) ([]byte, error) {
	if !utf8.ValidString(e.Stream) || !utf8.ValidString(e.Type) {
		return dst, fmt.Errorf("%q@%d of type %q: names that are not UTF-8 cannot stand in NDJSON",
			e.Stream, e.Revision, e.Type)
	}
	start := len(dst)
	dst = appendName(append(dst, `{"stream":`...), e.Stream)
	dst = strconv.AppendInt(append(dst, `,"revision":`...), int64(e.Revision), 10)
	dst = append(append(dst, `,"id":"`...), e.ID.String()...)
	dst = appendName(append(dst, `","type":`...), e.Type)
	dst = e.Created.UTC().AppendFormat(append(dst, `,"created":"`...), time.RFC3339Nano)
	dst = append(dst, '"')
	if e.Binary {
		dst = append(dst, `,"binary":true`...)
	}
	dst = append(append(dst, `,"hash":"`...), linkOf(e).String()...)
	dst = appendBytes(append(dst, `","data`...), e.Data)
	dst = appendBytes(append(dst, `,"metadata`...), e.Metadata)
	dst = append(dst, '}', '\n')
	if len(dst)-start > exportLineMax {
		return dst[:start], fmt.Errorf("%.100s@%d makes a line of more than %d bytes", e.Stream,
			e.Revision, exportLineMax)
	}
	return dst, nil
}

func appendName(dst []byte, name string) []byte {
	text, _ := json.Marshal(name) // a string always has JSON
	return append(dst, text...)
}

// appendBytes adds the rest of a field's name and its value.
func appendBytes(dst, value []byte) []byte {
	if standsAsItIs(value) {
		return append(append(dst, `":`...), value...)
	}
	dst = base64.StdEncoding.AppendEncode(append(dst, `_base64":"`...), value)
	return append(dst, '"')
}

// exportDepth bounds the brackets of JSON that stands as it is: readers bound its depth, which is
// less.
const exportDepth = 1000

// standsAsItIs reports whether whoever reads JSON out of one line finds these very bytes.
func standsAsItIs(b []byte) bool {
	if len(b) == 0 || bytes.ContainsAny(b, "\r\n") || isBlank(b[0]) || isBlank(b[len(b)-1]) {
		return false
	}
	depth := bytes.Count(b, []byte{'{'}) + bytes.Count(b, []byte{'['})
	return depth <= exportDepth && utf8.Valid(b) && json.Valid(b)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func appendEnd(dst []byte, t *logTally) []byte {
	return fmt.Appendf(dst, `{"end":{"format":%d,"events":%d,"digest":"%v"}}`+"\n", exportFormat,
		t.events, t.sum())
}

// readLine reads a line without its end: an event or, where that is not nil, the file's end.
func readLine(text []byte) (eventstore.Recorded, *exportEnd, error) {
	var l exportLine
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return eventstore.Recorded{}, nil, fmt.Errorf("it is no event: %w", err)
	}
	if d.InputOffset() != int64(len(text)) {
		return eventstore.Recorded{}, nil, errors.New("something follows the event")
	}
	if l.End != nil {
		return eventstore.Recorded{}, l.End, nil
	}
	data, err := oneOfTwo("data", l.Data, l.DataBase64)
	if err != nil {
		return eventstore.Recorded{}, nil, err
	}
	metadata, err := oneOfTwo("metadata", l.Metadata, l.MetadataBase64)
	if err != nil {
		return eventstore.Recorded{}, nil, err
	}
	e := eventstore.Recorded{
		Event: eventstore.Event{
			ID: l.ID, Type: l.Type, Data: data, Metadata: metadata, Binary: l.Binary,
		},
		Stream: l.Stream, Revision: l.Revision, Created: l.Created.UTC(),
	}
	if year := e.Created.Year(); year < 0 || year > 9999 {
		return e, nil, fmt.Errorf("it was created in the year %d", year)
	}
	if link := linkOf(&e); link != l.Hash {
		return e, nil, fmt.Errorf("it was changed: %s@%d hashes to %v, its hash is %v", e.Stream,
			e.Revision, link, l.Hash)
	}
	return e, nil, nil
}

// oneOfTwo is a field that has two names.
func oneOfTwo(name string, plain json.RawMessage, encoded *[]byte) ([]byte, error) {
	switch {
	case plain != nil && encoded != nil:
		return nil, fmt.Errorf("it has both %s and %s_base64", name, name)
	case plain == nil && encoded == nil:
		return nil, fmt.Errorf("it has no %s", name)
	case encoded != nil:
		return *encoded, nil
	}
	return plain, nil
}
