package projections

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// historyReader compares the rows of history, in the order of the log, with the events they are of.
type historyReader struct {
	report    *Report
	rows      *sql.Rows
	at        eventstore.Position // of the row that is read but not compared; rowsOver behind the last
	columns   []sql.NullString    // of that row
	to        []any
	names     *names
	stores    map[string]storeRow        // as the events say
	transfers map[uuid.UUID]*transferRow // likewise
	frozen    freezes                    // likewise
	pages     []page                     // likewise

	segments expected[string, SegmentEntry] // likewise
	codes    expected[uuid.UUID, codeRow]   // likewise

	reservations expected[uuid.UUID, reservationRow] // likewise

	posday posday // likewise
}

// rowsOver is a position that no row has.
const rowsOver = eventstore.Position(math.MaxUint64)

func (h *historyReader) open(ctx context.Context, tables *snapshot) (err error) {
	h.rows, err = tables.stream(ctx, "SELECT "+columnList(historyColumns)+
		" FROM history ORDER BY position")
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	h.names, h.stores = newNames(), map[string]storeRow{}
	h.transfers = map[uuid.UUID]*transferRow{}
	h.frozen = freezes{}
	h.segments = expected[string, SegmentEntry]{}
	h.codes = expected[uuid.UUID, codeRow]{}
	h.reservations = expected[uuid.UUID, reservationRow]{}
	h.columns = make([]sql.NullString, len(historyColumns)-1)
	h.to = []any{&h.at}
	for i := range h.columns {
		h.to = append(h.to, &h.columns[i])
	}
	h.posday = newPosday(h.report)
	return h.next()
}

func (h *historyReader) close() {
	h.rows.Close() // whatever it has to say, rest has heard
}

func (h *historyReader) next() error {
	if !h.rows.Next() {
		h.at = rowsOver
		return h.rows.Err()
	}
	return h.rows.Scan(h.to...)
}

// compare compares the next rows with e, the log's next event.
func (h *historyReader) compare(stored eventstore.Recorded) error {
	for h.at != rowsOver && h.at < stored.Position {
		if err := h.stranger(); err != nil {
			return err
		}
	}
	var e Event
	if err := e.decode(stored, h.names); err != nil {
		return nil // no row is right; a row there is a stranger, found by the next event
	}
	h.store(&e)
	h.transfer(&e)
	h.page(&e)
	if id, ok := segmentOf(e.Stream); ok {
		_ = foldSegment(h.segments, &e, id) // what cannot be decoded is found by the check of its stream
	}
	if about, ok, err := codeEvent(&e); ok && err == nil {
		_ = foldCode(h.codes, about, &e) // what does not follow is damaged there too
	}
	if about, ok, err := budgetEvent(&e); ok && err == nil {
		_ = foldReservation(h.reservations, about, &e) // likewise
	}
	h.posday.fold(&e)
	wanted := historyRow(nil, &e, h.frozen)[1:]
	if h.at != stored.Position {
		h.report.add("history", e.Stream, e.Revision, "the row of position %d is missing", e.Position)
		return nil
	}
	var differing []string
	for i, want := range wanted {
		got, column := h.columns[i], historyColumns[i+1]
		if text := shownValue(want); got.String != text {
			differing = append(differing, fmt.Sprintf("%s %s, want %s", column, got.String, text))
		}
	}
	if len(differing) > 0 {
		h.report.add("history", e.Stream, e.Revision, "the row of position %d: got %s", e.Position,
			strings.Join(differing, "; "))
	}
	return h.next()
}

// store notes the store that e registers or names. A registered one stays so.
func (h *historyReader) store(e *Event) {
	s, err := storeOf(e)
	known, ok := h.stores[s.ID]
	switch {
	case err != nil || s.ID == "":
	case !ok:
		h.stores[s.ID] = storeRow{s, int64(e.Position)}
	case s.Status != domain.UnregisteredStore("").Status:
		h.stores[s.ID] = storeRow{s, known.first}
	}
}

// compareStores compares the table of stores with those that were noted.
func (h *historyReader) compareStores(ctx context.Context, q querier) error {
	rows, err := q.QueryContext(ctx, "SELECT "+columnList(storeTable.Columns)+" FROM stores")
	if err != nil {
		return fmt.Errorf("read stores: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var got storeRow
		if err := storeTable.Scan(rows.Scan, &id, &got); err != nil {
			return fmt.Errorf("read stores: %w", err)
		}
		if want, ok := h.stores[id]; !ok || got != want {
			h.report.add("stores", "", -1, "row %s: got %+v, want %+v", id, got, want)
		}
		delete(h.stores, id)
	}
	for id := range h.stores {
		h.report.add("stores", "", -1, "row %s is missing", id)
	}
	return rows.Err()
}

// stranger reports the row that is read and goes on to the next.
func (h *historyReader) stranger() error {
	h.report.add("history", h.columns[0].String, -1, "the row of position %d has no event", h.at)
	return h.next()
}

// rest reports the rows that are left when the log is over.
func (h *historyReader) rest() error {
	for h.at != rowsOver {
		if err := h.stranger(); err != nil {
			return err
		}
	}
	return h.rows.Err()
}

// shownValue is a column's value as it is read into a text.
func shownValue(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}
