package esdbserver

import (
	"strings"
	"testing"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

// What the server knows of a stream is what its last writer has left, whoever that was.
func TestState(t *testing.T) {
	for name, store := range map[string]eventstore.Indexed{
		"memory": storetest.NewMemory(), "embedded": openEmbedded(t),
	} {
		t.Run(name, func(t *testing.T) {
			h := openHouseOf(t, Options{Store: store, Owned: func(stream string) bool {
				return strings.HasPrefix(stream, "account-")
			}})
			check := func(stream string, want streamState) {
				t.Helper()
				if got, err := h.server.state(h.ctx, stream); err != nil || got != want {
					t.Errorf("%s: got %+v, %v, want %+v", stream, got, err, want)
				}
			}
			behind := func(stream string, after eventstore.Revision) {
				t.Helper()
				events := []eventstore.Event{event("Happened")}
				if _, err := h.store.Append(h.ctx, stream, after, events); err != nil {
					t.Fatal(err)
				}
			}
			kept := metadata{maxCount: 1}
			check("s", unwritten)
			check("$$s", streamState{last: -1, metaLast: -1, metadata: kept})
			behind("s", eventstore.NoStream) // nobody remembers that there was nothing
			check("s", streamState{last: 0, metaLast: -1})
			h.fill("s", 2, "Happened")
			h.describe("s", `{"$maxCount":7}`)
			said := metadata{maxCount: 7}
			for range 2 {
				check("s", streamState{last: 2, metaLast: 0, metadata: said})
				check("$$s", streamState{last: 0, metaLast: -1, metadata: kept})
				h.restart()
			}
			h.tombstone("s")
			for range 2 {
				check("s", streamState{last: 2, metaLast: 0, metadata: said, tombstoned: true})
				check("$$s", streamState{last: 0, metaLast: -1, metadata: kept, tombstoned: true})
				h.restart()
			}
			for i := range eventstore.Revision(3) { // as the ledger does
				behind("account-1", i-1)
				check("account-1", streamState{last: int64(i), metaLast: -1})
			}
		})
	}
}
