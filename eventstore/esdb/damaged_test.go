package esdb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/tillbook/tillbook/eventstore"
)

// tampered is a store whose server somebody else writes to as well.
type tampered struct {
	*testing.T
	*Store
	calls streams.StreamsClient
}

func newTampered(t *testing.T) *tampered {
	server := standIn(t, openEmbedded(t))
	s := openAt(t, server.address, usualPace)
	n, err := s.leader.enter(t.Context())
	if err != nil {
		t.Fatalf("node: got %v, want one", err)
	}
	defer n.leave()
	conn, release, err := n.conn()
	if err != nil {
		t.Fatalf("connection: got %v, want one", err)
	}
	t.Cleanup(release)
	return &tampered{t, s, streams.NewStreamsClient(conn)}
}

// fill writes n events to a stream.
func (s *tampered) fill(stream string, n int) {
	s.Helper()
	if _, err := s.Append(s.Context(), stream, eventstore.NoStream, debits(n)); err != nil {
		s.Fatalf("append: got %v, want no error", err)
	}
}

func (s *tampered) delete(stream string) {
	s.Helper()
	_, err := s.calls.Delete(s.Context(), &streams.DeleteReq{Options: &streams.DeleteReq_Options{
		StreamIdentifier:       identifier(stream),
		ExpectedStreamRevision: &streams.DeleteReq_Options_Any{Any: &shared.Empty{}}}})
	if err != nil {
		s.Fatalf("delete: got %v, want no error", err)
	}
}

func (s *tampered) tombstone(stream string) {
	s.Helper()
	_, err := s.calls.Tombstone(s.Context(), &streams.TombstoneReq{
		Options: &streams.TombstoneReq_Options{
			StreamIdentifier:       identifier(stream),
			ExpectedStreamRevision: &streams.TombstoneReq_Options_Any{Any: &shared.Empty{}}}})
	if err != nil {
		s.Fatalf("tombstone: got %v, want no error", err)
	}
}

// truncate hides events below a revision.
func (s *tampered) truncate(stream string, before int) {
	s.Helper()
	e := eventstore.Event{Type: "$metadata", Data: fmt.Appendf(nil, `{"$tb":%d}`, before)}
	if _, err := s.put(s.Context(), "$$"+stream, e); err != nil {
		s.Fatalf("truncate: got %v, want no error", err)
	}
}

// breaks reads until the sequence ends, which must be at that damage.
func (s *tampered) breaks(events iter.Seq2[eventstore.Recorded, error], at eventstore.Revision) {
	s.Helper()
	var last error
	for _, last = range events {
	}
	damaged, ok := errors.AsType[*eventstore.Damaged](last)
	if !ok || damaged.Stream != "s" || damaged.Revision != at {
		s.Errorf("read: got %v, want damage of s at %d", last, at)
	}
}

func TestTombstone(t *testing.T) {
	s := newTampered(t)
	s.fill("s", 3)
	s.tombstone("s")
	s.breaks(s.Read(t.Context(), "s", 0), 0)
	s.breaks(s.ReadBackwards(t.Context(), "s", eventstore.End), 0)
	_, err := s.Append(t.Context(), "s", 2, debits(1))
	damaged, ok := errors.AsType[*eventstore.Damaged](err)
	if !ok || damaged.Stream != "s" || errors.Is(err, eventstore.ErrOutcomeUnknown) {
		t.Errorf("append: got %v, want damage of s", err)
	}
}

func TestTruncated(t *testing.T) {
	s := newTampered(t)
	s.fill("s", 5)
	s.truncate("s", 2)
	s.breaks(s.Read(t.Context(), "s", 0), 0)
	s.breaks(s.Read(t.Context(), "s", 1), 1)
	s.breaks(s.ReadBackwards(t.Context(), "s", eventstore.End), 1)
	for _, read := range []iter.Seq2[eventstore.Recorded, error]{
		s.Read(t.Context(), "s", 2), s.Read(t.Context(), "s", 9)} {
		for _, err := range read {
			wantError(t, err, nil)
		}
	}
	for e, err := range s.ReadBackwards(t.Context(), "s", eventstore.End) {
		wantError(t, err, nil)
		if e.Revision == 2 {
			break
		}
	}
}

// TestSoftDeleted: a stream that was deleted and written again begins behind a gap.
func TestSoftDeleted(t *testing.T) {
	s := newTampered(t)
	s.fill("s", 3)
	s.delete("s")
	for e, err := range s.Read(t.Context(), "s", 0) {
		t.Errorf("read: got %v, %v, want nothing", e, err)
	}
	_, err := s.Append(t.Context(), "s", eventstore.NoStream, debits(1))
	damaged, ok := errors.AsType[*eventstore.Damaged](err)
	if !ok || damaged.Stream != "s" || damaged.Revision != 3 {
		t.Errorf("append: got %v, want damage of s at 3", err)
	}
	s.breaks(s.Read(t.Context(), "s", 0), 0)
}

// TestSnapshotStreams looks at how a snapshot is kept.
func TestSnapshotStreams(t *testing.T) {
	s := newTampered(t)
	s.fill("s", 1)
	for i := range 3 {
		parts := map[int][]byte{0: {byte(i)}, 7: {byte(i), 7}}
		if err := s.PutSnapshot(t.Context(), "s", parts); err != nil {
			t.Fatalf("put: got %v, want no error", err)
		}
	}
	var ids [2]string
	for i, stream := range []string{"snapshot-s-0", "snapshot-s-7"} {
		var kept []eventstore.Recorded
		take := events(func(e eventstore.Recorded) (bool, error) {
			kept = append(kept, e)
			return true, nil
		})
		err := reading{cluster: s.leader, take: take, request: func() *streams.ReadReq {
			return streamRequest(stream, 0, math.MaxUint64)
		}}.run(t.Context(), usualPace)
		if err != nil || len(kept) != 1 || !kept[0].Binary || kept[0].Data[0] != 2 {
			t.Fatalf("events of %s: got %v, %v, want the last one, binary", stream, kept, err)
		}
		ids[i] = string(kept[0].Metadata)
	}
	if ids[0] != ids[1] || ids[0] == "" {
		t.Errorf("metadata of parts: got %q, want one id", ids)
	}
}

// TestSnapshotOrder: what is found through part 0 is there before it, and goes after it.
func TestSnapshotOrder(t *testing.T) {
	p, s := plainStore(t)
	var order []string
	p.mu.Lock()
	p.got = func(r *streams.BatchAppendReq) {
		name := string(r.GetOptions().GetStreamIdentifier().GetStreamName())
		if !isSystem(name) {
			order = append(order, name)
		}
	}
	p.mu.Unlock()
	parts := map[int][]byte{0: []byte("head"), 9: nil, 3: []byte("run"), 4: {}, 1: nil}
	if err := s.PutSnapshot(t.Context(), "s", parts); err != nil {
		t.Fatalf("put: got %v, want no error", err)
	}
	want := []string{"snapshot-s-4", "snapshot-s-3", "snapshot-s-0"}
	if len(order) != 5 || !slices.Equal(order[:3], want) {
		t.Errorf("order: got %v, want %v and then those removed", order, want)
	}
	if part, err := s.Snapshot(t.Context(), "s", 4); err != nil || part == nil {
		t.Errorf("part of no bytes: got %v, %v, want one", part, err)
	}
}

// TestOddAnswers: a server that talks nonsense gets an error and ends nothing.
func TestOddAnswers(t *testing.T) {
	event := func(e *streams.ReadResp_ReadEvent_RecordedEvent) *streams.ReadResp {
		return &streams.ReadResp{Content: &streams.ReadResp_Event{
			Event: &streams.ReadResp_ReadEvent{Event: e}}}
	}
	for name, row := range map[string]struct {
		answer *streams.ReadResp
		fails  bool
	}{
		"nothing":          {&streams.ReadResp{}, false},
		"no event":         {event(nil), true},
		"an empty event":   {event(&streams.ReadResp_ReadEvent_RecordedEvent{}), false},
		"a checkpoint":     {&streams.ReadResp{Content: &streams.ReadResp_Checkpoint_{}}, false},
		"a later revision": {event(&streams.ReadResp_ReadEvent_RecordedEvent{StreamRevision: 7}), true},
		"a bad time and id": {event(&streams.ReadResp_ReadEvent_RecordedEvent{
			Id:       &shared.UUID{Value: &shared.UUID_String_{String_: "no id"}},
			Metadata: map[string]string{"created": "yesterday"}}), false},
	} {
		t.Run(name, func(t *testing.T) {
			p, s := plainStore(t)
			p.mu.Lock()
			p.odd = row.answer
			p.mu.Unlock()
			var last error
			for _, last = range s.Read(t.Context(), "s", 0) {
			}
			if (last != nil) != row.fails {
				t.Errorf("read: got %v, want an error: %v", last, row.fails)
			}
			_, err := s.Head(t.Context())
			if fails := name == "no event"; (err != nil) != fails {
				t.Errorf("head: got %v, want an error: %v", err, fails)
			}
			ctx, cancel := context.WithTimeout(t.Context(), hurried.stall/2)
			defer cancel()
			for _, err := range s.Follow(ctx, eventstore.Start) {
				if err != nil && !errors.Is(err, context.DeadlineExceeded) && name != "no event" {
					t.Errorf("follow: got %v, want %v", err, context.DeadlineExceeded)
				}
			}
		})
	}
}
