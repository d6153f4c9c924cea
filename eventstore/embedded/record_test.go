package embedded

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

func TestRecord(t *testing.T) {
	for _, binary := range []bool{false, true} {
		comesBack(t, eventstore.Event{
			ID: uuid.New(), Type: "DebitPosted", Data: []byte(`{"a": 1}`),
			Metadata: []byte(`{"b": 2}`), Binary: binary,
		})
	}
}

func comesBack(t *testing.T, want eventstore.Event) {
	t.Helper()
	created := time.Unix(1_700_000_000, 123_456_789).UTC()
	record := appendRecord([]byte("before"), "account-1", 77, created, &want, nil)[len("before"):]
	got, _, err := decodeRecord(record)
	if err != nil || got.ID != want.ID || got.Type != want.Type || got.Stream != "account-1" ||
		got.Revision != 77 || !got.Created.Equal(created) ||
		got.Binary != want.Binary ||
		!bytes.Equal(got.Data, want.Data) || !bytes.Equal(got.Metadata, want.Metadata) {
		t.Errorf("decode: got %v, %v, want %v", got, err, want)
	}
	stream, revision := recordPlace(record)
	if string(stream) != "account-1" || revision != 77 {
		t.Errorf("place: got %s@%d, want account-1@77", stream, revision)
	}
	for i := range record {
		record[i] ^= 1
		if _, _, err := decodeRecord(record); err == nil {
			t.Errorf("decode with byte %d changed: got no error, want one", i)
		}
		record[i] ^= 1
	}
	if bound := recordBound("account-1", &want); len(record) > bound {
		t.Errorf("record: got %d bytes, want at most %d", len(record), bound)
	}
}

// TestBrokenClock records an event on a machine that believes it is before 1970.
func TestBrokenClock(t *testing.T) {
	e := eventstore.Event{ID: uuid.New(), Type: "T"}
	got, _, err := decodeRecord(appendRecord(nil, "account-1", 0, time.Unix(-5, 0), &e, nil))
	if err != nil || got.Binary || !got.Created.Equal(time.Unix(0, 0)) {
		t.Errorf("decode: got %v, %v, want 1970 and no binary event", got, err)
	}
}

// FuzzDecodeRecord demands that no bytes make the decoder panic, that what it takes encodes to an
// equal event, and that the lenient recordPlace agrees with it. The checksum is made right first,
// or no input would come past it.
func FuzzDecodeRecord(f *testing.F) {
	e := eventstore.Event{ID: uuid.New(), Type: "T", Data: []byte("{}"), Metadata: []byte("{}")}
	f.Add(appendRecord(nil, "account-1", 3, time.Now(), &e, nil))
	e.Binary = true
	f.Add(appendRecord(nil, "account-1", 3, time.Now(), &e, nil))
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 60))
	f.Fuzz(func(t *testing.T, record []byte) {
		recordPlace(record)
		if _, _, err := decodeRecord(record); err != nil && len(record) >= headSize {
			sum(record)
		}
		got, _, err := decodeRecord(record)
		if err != nil {
			return
		}
		stream, revision := recordPlace(record)
		if string(stream) != got.Stream || revision != got.Revision {
			t.Errorf("place: got %s@%d, want %s@%d", stream, revision, got.Stream, got.Revision)
		}
		again := appendRecord(nil, got.Stream, got.Revision, got.Created, &got.Event, nil)
		back, _, err := decodeRecord(again)
		if err != nil || back.Stream != got.Stream || back.Binary != got.Binary ||
			!back.Created.Equal(got.Created) || !bytes.Equal(back.Data, got.Data) ||
			!bytes.Equal(back.Metadata, got.Metadata) || back.Type != got.Type {
			t.Errorf("encode again: got %v, %v, want %v", back, err, got)
		}
	})
}
