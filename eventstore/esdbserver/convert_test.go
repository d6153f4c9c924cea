package esdbserver

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/eventstore"
)

// decoded is what a client sees of an answer.
func decoded(t interface{ Fatalf(string, ...any) }, answer *eventAnswer) *streams.ReadResp {
	var resp streams.ReadResp
	if err := proto.Unmarshal(answer.encoded, &resp); err != nil {
		t.Fatalf("decode: got %v, want no error", err)
	}
	return &resp
}

// protocolEvent is a RecordedEvent field by field.
func protocolEvent(e *eventstore.Recorded, text bool) *streams.ReadResp_ReadEvent_RecordedEvent {
	if e == nil {
		return nil
	}
	id := &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits:  int64(binary.BigEndian.Uint64(e.ID[:8])),
		LeastSignificantBits: int64(binary.BigEndian.Uint64(e.ID[8:])),
	}}}
	if text {
		id.Value = &shared.UUID_String_{String_: e.ID.String()}
	}
	content := "application/json"
	if e.Binary {
		content = "application/octet-stream"
	}
	number := uint64(e.Revision)
	if e.Type == tombstoneType {
		number = math.MaxInt64
	}
	return &streams.ReadResp_ReadEvent_RecordedEvent{
		Id:               id,
		StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(e.Stream)},
		StreamRevision:   number,
		CommitPosition:   uint64(e.Position), PreparePosition: uint64(e.Position),
		Metadata: map[string]string{
			"type":         e.Type,
			"created":      strconv.FormatInt(e.Created.UnixNano()/100, 10),
			"content-type": content,
		},
		CustomMetadata: e.Metadata, Data: e.Data,
	}
}

// What is encoded by hand is what protobuf would have encoded.
func TestEncodeEvent(t *testing.T) {
	kinds := rapid.OneOf(rapid.StringN(1, -1, -1), rapid.Just(tombstoneType))
	text := rapid.OneOf(rapid.String(), rapid.StringN(0, 300, 400))
	draw := func(rt *rapid.T, name string) *eventstore.Recorded {
		sized := rapid.SampledFrom([]int{0, 1, 127, 128, 16383, 16384, 1 << 20})
		return &eventstore.Recorded{
			Event: eventstore.Event{
				ID:       uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, name+" id")),
				Type:     kinds.Draw(rt, name+" type"),
				Data:     bytes.Repeat([]byte{0xff}, sized.Draw(rt, name+" data")),
				Metadata: rapid.SliceOf(rapid.Byte()).Draw(rt, name+" metadata"),
				Binary:   rapid.Bool().Draw(rt, name+" binary"),
			},
			Stream:   text.Draw(rt, name+" stream"),
			Revision: eventstore.Revision(rapid.Int64Min(0).Draw(rt, name+" revision")),
			Position: eventstore.Position(rapid.Uint64().Draw(rt, name+" position")),
			Created:  time.Unix(0, rapid.Int64Range(0, math.MaxInt64).Draw(rt, name+" created")),
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		var event, link *eventstore.Recorded
		way := rapid.IntRange(0, 2).Draw(rt, "way")
		if way < 2 {
			event = draw(rt, "event")
		}
		if way > 0 {
			link = draw(rt, "link")
		}
		original := event
		if link != nil {
			original = link
		}
		asText := rapid.Bool().Draw(rt, "text")
		found := &streams.ReadResp_ReadEvent{
			Event: protocolEvent(event, asText), Link: protocolEvent(link, asText),
			Position: &streams.ReadResp_ReadEvent_CommitPosition{
				CommitPosition: uint64(original.Position),
			},
		}
		want := &streams.ReadResp{Content: &streams.ReadResp_Event{Event: found}}
		answer := encodeEvent(event, link, asText)
		if got := decoded(rt, answer); !proto.Equal(got, want) {
			rt.Fatalf("got %v, want %v", got, want)
		}
		if got, want := len(answer.encoded), proto.Size(want); got != want {
			rt.Fatalf("size: got %d, want %d", got, want)
		}
	})
}

// An empty field is absent to the official client, not empty: its callers tell nil from empty.
func TestEncodeEventLeavesOutEmptyBytes(t *testing.T) {
	got := decoded(t, encodeEvent(&eventstore.Recorded{}, nil, false)).GetEvent().GetEvent()
	if got.GetData() != nil || got.GetCustomMetadata() != nil {
		t.Errorf("got %v %v, want nil twice", got.GetData(), got.GetCustomMetadata())
	}
}

func TestTicks(t *testing.T) {
	for _, row := range []struct {
		at   time.Time
		want int64
	}{
		{time.Unix(0, 0), 0},
		{time.Unix(1, 199), 10_000_001},
		{time.Unix(-1, 0), -10_000_000},
		{time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC), 135_694_656_000_000_000}, // beyond UnixNano
	} {
		if got := ticks(row.at); got != row.want {
			t.Errorf("ticks of %v: got %d, want %d", row.at, got, row.want)
		}
	}
}
