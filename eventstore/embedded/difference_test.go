package embedded

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/tillbook/tillbook/eventstore"
)

// TestMetadataComesBack appends events whose metadata are anything, or much like those before them.
func TestMetadataComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := make([]eventstore.Event, rapid.IntRange(1, 12).Draw(t, "events"))
		bound := 0
		for i := range events {
			metadata := rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "metadata")
			if i > 0 && rapid.IntRange(0, 3).Draw(t, "like") > 0 {
				metadata = bytes.Clone(events[i-1].Metadata)
				for range rapid.IntRange(0, 4).Draw(t, "changes") {
					if n := len(metadata); n > 0 {
						metadata[rapid.IntRange(0, n-1).Draw(t, "at")]++
					}
				}
			}
			events[i] = eventstore.Event{ID: uuid.New(), Type: "T", Data: []byte("{}"), Metadata: metadata}
			bound += recordBound("account-1", &events[i])
		}
		p, read := encode("account-1", 4, events), page{}
		for i, record := range p.records {
			if err := read.add(record, eventstore.Position(i+1)); err != nil {
				t.Fatalf("event %d: got %v, want no error", i, err)
			}
			if got, want := read.events[i].Metadata, events[i].Metadata; !bytes.Equal(got, want) {
				t.Fatalf("event %d: got %q, want %q", i, got, want)
			}
		}
		if len(p.buffer) > bound {
			t.Fatalf("records: got %d bytes, want at most %d", len(p.buffer), bound)
		}
	})
}

// TestDifferenceIsShort says what is spared of a sale.
func TestDifferenceIsShort(t *testing.T) {
	common := strings.Repeat(`"store":"S1",`, 30)
	metadata := func(end string) []byte { return []byte(`{"id":"` + end + `",` + common + `"x":1}`) }
	got, ok := appendDifference(nil, metadata("0123456789"), metadata("0123zz6789"))
	if want := "\x0b\x02zz"; !ok || string(got) != want {
		t.Errorf("difference: got %q, %v, want %q", got, ok, want)
	}
	if got, ok := appendDifference(nil, []byte(common), []byte(strings.ToUpper(common))); ok {
		t.Errorf("another text: got %d bytes, want none", len(got))
	}
}

// FuzzApplyDifference demands that no bytes make it panic, and that what it takes is as long as the base.
func FuzzApplyDifference(f *testing.F) {
	f.Add([]byte("0123456789"), []byte{2, 3, 'a', 'b', 'c', 1, 1, 'd'})
	f.Add([]byte("0123456789"), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1})
	f.Add([]byte{}, []byte{0, 1, 'a'})
	f.Fuzz(func(t *testing.T, base, difference []byte) {
		before := bytes.Clone(base)
		got, err := applyDifference(base, difference)
		if err == nil && len(got) != len(base) || !bytes.Equal(base, before) {
			t.Errorf("got %q from %q, which became %q", got, before, base)
		}
	})
}
