package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// page is a row of history_pages as the log says it should be. Batches do not show in it: every
// stretch but the last is of pageEvents events.
type page struct {
	first, last     eventstore.Position
	least, greatest time.Time
	events          int
}

// page counts e, which is not damaged, into the last stretch.
func (h *historyReader) page(e *Event) {
	at := e.Metadata.RecordedAt
	if n := len(h.pages); n == 0 || h.pages[n-1].events == pageEvents {
		h.pages = append(h.pages, page{first: e.Position, least: at, greatest: at})
	}
	p := &h.pages[len(h.pages)-1]
	p.last = e.Position
	p.events++
	if at.Before(p.least) {
		p.least = at
	}
	if at.After(p.greatest) {
		p.greatest = at
	}
}

func (p *page) String() string {
	return fmt.Sprintf("%d to %d, %v to %v, %d events", p.first, p.last, NullTime(p.least),
		NullTime(p.greatest), p.events)
}

// comparePages compares history_pages with the stretches that were counted.
func (h *historyReader) comparePages(ctx context.Context, q querier) error {
	wanted := map[eventstore.Position]string{}
	for i := range h.pages {
		wanted[h.pages[i].first] = h.pages[i].String()
	}
	rows, err := q.QueryContext(ctx, "SELECT first_position, "+
		"first_position || ' to ' || last_position || ', ' || first_recorded || ' to ' || last_recorded || "+
		"', ' || events || ' events' FROM history_pages")
	if err != nil {
		return fmt.Errorf("read history_pages: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var first eventstore.Position
		var got string
		if err := rows.Scan(&first, &got); err != nil {
			return fmt.Errorf("read history_pages: %w", err)
		}
		switch want, ok := wanted[first]; {
		case !ok:
			h.report.add("history_pages", "", -1, "row %d should not be there", first)
		case got != want:
			h.report.add("history_pages", "", -1, "row %d: got %s, want %s", first, got, want)
		}
		delete(wanted, first)
	}
	for first := range wanted {
		h.report.add("history_pages", "", -1, "row %d is missing", first)
	}
	return rows.Err()
}
