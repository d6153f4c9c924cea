package projections

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"strconv"
	"testing"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// padded is a store whose debits are larger, by blanks that mean nothing.
type padded struct {
	eventstore.Store
	blanks []byte
}

func (p padded) Follow(ctx context.Context, after eventstore.Position, prefixes ...string) iter.Seq2[
	[]eventstore.Recorded, error] {
	return func(yield func([]eventstore.Recorded, error) bool) {
		for events, err := range p.Store.Follow(ctx, after, prefixes...) {
			events = slices.Clone(events)
			for i := range events {
				if e := &events[i]; e.Type == "DebitPosted" {
					e.Data = append(bytes.Clone(e.Data), p.blanks...)
				}
			}
			if !yield(events, err) {
				return
			}
		}
	}
}

// TestRebuildHoldsLittle rebuilds from logs of several lengths, of small events and of large ones: it
// holds so many events at once, or so many bytes of them, however long the log is.
func TestRebuildHoldsLittle(t *testing.T) {
	store := memory(t)
	s := newShop(t, store)
	id := s.account("C-1")
	s.must(id, topUp("10000.00", "1.00"), till("S1", "first"))
	n := 0
	for _, length := range []int{1000, 4000} {
		for ; n < length; n++ {
			s.must(id, domain.Debit{Amount: yuan("1.00")}, till("S1", strconv.Itoa(n)))
		}
		const blanks = 8 << 10
		for _, row := range []struct{ blanks, most int }{
			{0, rebuildBatch}, {blanks, rebuildBytes/blanks + 1},
		} {
			m := open(t, t.TempDir(), padded{store, bytes.Repeat([]byte(" "), row.blanks)}, Options{})
			last, most := int64(0), int64(0)
			err := m.Rebuild(t.Context(), func(p Progress) { most, last = max(most, p.Events-last), p.Events })
			if err != nil {
				t.Fatal(err)
			}
			if last < int64(length) || most > int64(row.most) {
				t.Errorf("%d events with %d blanks: got %d at once of %d, want up to %d", length, row.blanks,
					most, last, row.most)
			}
			clean(t, m)
		}
	}
}
