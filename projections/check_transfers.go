package projections

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// transfer notes what e does to a transfer. One that ends twice, or was never sent, is damage of the
// log: no stream shows it alone.
func (h *historyReader) transfer(e *Event) {
	step, is, err := e.transferStep()
	if err != nil || !is {
		return // who verifies the stream reports it
	}
	if step.begins != nil {
		h.transfers[step.id] = step.begins
		return
	}
	if err := step.end(h.transfers[step.id], e); err != nil {
		h.report.add("log", e.Stream, e.Revision, "%v", err)
	}
}

// compareTransfers compares the table of transfers with those that were noted.
func (h *historyReader) compareTransfers(ctx context.Context, q querier) error {
	rows, err := q.QueryContext(ctx, "SELECT "+columnList(transferTable.Columns)+" FROM transfers")
	if err != nil {
		return fmt.Errorf("read transfers: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		var got transferRow
		if err := transferTable.Scan(rows.Scan, &id, &got); err != nil {
			return fmt.Errorf("read transfers: %w", err)
		}
		want := h.transfers[id]
		switch {
		case want == nil:
			h.report.add("transfers", "", -1, "row %s should not be there", id)
		case fmt.Sprint(got.shown()...) != fmt.Sprint(want.shown()...):
			h.report.add("transfers", "", -1, "row %s: got %v, want %v", id, got.shown(), want.shown())
		}
		delete(h.transfers, id)
	}
	for id := range h.transfers {
		h.report.add("transfers", "", -1, "row %s is missing", id)
	}
	return rows.Err()
}

// shown are the columns of a row.
func (t *transferRow) shown() []any { return transferTable.Values(t) }
