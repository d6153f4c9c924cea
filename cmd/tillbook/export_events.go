package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/api"
	"github.com/tillbook/tillbook/api/webhooks"
	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// eventColumns are what all events have in common. Of an event that is not ours, or damaged, those
// up to type are filled, with data and metadata where they may be shown.
var eventColumns = []rowColumn{
	{"position", asInteger}, {"stream", asText}, {"revision", asInteger}, {"event_id", asText},
	{"type", asText}, {"recorded_at", asInstant}, {"occurred_at", asInstant}, {"skewed", asBoolean},
	{"business_date", asDate}, {"account_id", asText}, {"operation_id", asText},
	{"operation", asText}, {"code", asText}, {"unit", asText}, {"amount", asAmount},
	{"balance_after", asAmount}, {"store", asText}, {"terminal", asText}, {"pos_txn_id", asText},
	{"leg", asText}, {"channel", asText}, {"entity", asText}, {"shift", asText}, {"actor", asText},
	{"role", asText}, {"on_behalf_of", asText}, {"data", asJSON}, {"metadata", asJSON},
}

// rawColumns are added by --raw: bytes that are not JSON as base64.
var rawColumns = []rowColumn{
	{"operator", asText}, {"data_base64", asText}, {"metadata_base64", asText},
}

// eventRows makes rows of events.
type eventRows struct {
	raw     bool
	decoder *projections.Decoder
	row     []cell
}

func (r *eventRows) columns() []rowColumn {
	if r.raw {
		return append(eventColumns[:len(eventColumns):len(eventColumns)], rawColumns...)
	}
	return eventColumns
}

// of is an event's row, good until the next one, and when the event was recorded.
func (r *eventRows) of(stored eventstore.Recorded) ([]cell, time.Time) {
	e, err := r.decoder.Decode(stored)
	recorded := e.Metadata.RecordedAt
	if err != nil {
		e, recorded = projections.Event{Recorded: stored}, stored.Created
	}
	m, b := &e.Metadata, &e.Body
	r.row = append(r.row[:0], text(digits(stored.Position)), textual(stored.Stream),
		text(digits(stored.Revision)), text(stored.ID.String()), textual(stored.Type))
	if err != nil {
		for len(r.row) < len(eventColumns)-2 {
			r.row = append(r.row, cell{})
		}
	} else {
		r.row = append(r.row, instantCell(m.RecordedAt), instantCell(m.OccurredAt),
			text(strconv.FormatBool(m.Skewed)), some(m.BusinessDate), idCell(e.Account),
			idCell(m.OperationID), some(string(e.OperationKind())), some(b.Code), some(b.Unit))
		r.row = append(r.row, amountCells(&e)...)
		r.row = append(r.row, some(m.Store), some(m.Terminal), some(m.Reference.PosTxnID),
			some(m.Reference.Leg), some(m.Channel), some(m.Entity), some(m.Shift), some(m.Actor),
			some(m.Role), some(m.OnBehalfOf))
	}
	return r.bytes(stored, m.Operator), recorded
}

// bytes adds data and metadata.
func (r *eventRows) bytes(e eventstore.Recorded, operator string) []cell {
	if !r.raw {
		if webhooks.Secretive(e.Stream) {
			e.Data = nil
		}
		e = api.Impersonal(e)
		return append(r.row, jsonCell(e.Data), jsonCell(e.Metadata))
	}
	return append(r.row, jsonCell(e.Data), jsonCell(e.Metadata), some(operator), base64Cell(e.Data),
		base64Cell(e.Metadata))
}

func digits[N ~int64 | ~uint64](n N) string { return strconv.FormatInt(int64(n), 10) }

// some is a text that is there, NULL for none.
func some(s string) cell {
	if s == "" {
		return cell{}
	}
	return textual(s)
}

// textual is a text; NULL where it is not UTF-8, as only names of others' streams may not be.
func textual(s string) cell { return cell{String: s, Valid: utf8.ValidString(s)} }

func idCell(id uuid.UUID) cell {
	if id == (uuid.UUID{}) {
		return cell{}
	}
	return text(id.String())
}

func instantCell(t time.Time) cell {
	if t.IsZero() {
		return cell{}
	}
	return text(t.UTC().Format("2006-01-02T15:04:05.000000000Z"))
}

// amountCells are what an event moves, or a declined one asked for, and the balance that it left.
func amountCells(e *projections.Event) []cell {
	b := &e.Body
	switch {
	case b.Valued:
		return []cell{text(b.Amount.String()), text(b.Total.String())}
	case b.Unit == "":
		return make([]cell, 2)
	case e.Type == "OperationDeclined":
		return []cell{text(b.Requested.String()), {}}
	}
	return []cell{text(b.Amount.String()), {}}
}

func isJSON(b []byte) bool { return utf8.Valid(b) && json.Valid(b) }

func jsonCell(b []byte) cell {
	if !isJSON(b) {
		return cell{}
	}
	return text(string(b))
}

func base64Cell(b []byte) cell {
	if isJSON(b) {
		return cell{}
	}
	return text(base64.StdEncoding.EncodeToString(b))
}

// exportEvents adds the events behind those that are there.
func (x *exporter) exportEvents(ctx context.Context, at place) error {
	store, done, err := openForReading(ctx, at)
	if err != nil {
		return err
	}
	defer done()
	rows := &eventRows{raw: x.wish.raw, decoder: projections.NewDecoder()}
	began := x.manifest.hasEvents()
	t, err := x.manifest.table(eventsTable, rows.columns())
	if err != nil {
		return err
	}
	if t.Facts = true; !began {
		t.After = x.wish.from
	}
	if err := x.continues(ctx, store, t.Last); err != nil {
		return err
	}
	until, err := parseUntil(x.wish.until)
	if err != nil {
		return err
	}
	head, err := store.Head(ctx, domain.Prefixes...)
	if err != nil {
		return err
	}
	w := &eventParts{exporter: x, table: t, rows: rows, until: until}
	if err := w.write(ctx, store, head); err != nil {
		return errors.Join(err, w.drop())
	}
	return w.end()
}

// continues demands that the log is the one that the folder holds.
func (x *exporter) continues(ctx context.Context, store eventstore.Store, last *manifestEvent) error {
	for e, err := range store.ReadAll(ctx, eventstore.Start, domain.Prefixes...) {
		if err != nil {
			return err
		}
		if err := x.isOf(e.ID); err != nil {
			return err
		}
		break
	}
	if last == nil {
		return nil
	}
	for e, err := range store.Read(ctx, last.Stream, last.Revision) {
		if err != nil {
			return err
		}
		if e.ID == last.ID && e.Position == last.Position {
			return nil
		}
		break
	}
	return fmt.Errorf("the log does not hold the last event of %s, %s@%d at position %d", x.wish.out,
		last.Stream, last.Revision, last.Position)
}

// end of events: a position, or an instant; the zero value is none.
type until struct {
	position eventstore.Position
	instant  time.Time
}

func parseUntil(s string) (u until, err error) {
	if s == "" {
		return u, nil
	}
	if n, err := strconv.ParseUint(s, 10, 63); err == nil && n > 0 {
		return until{position: eventstore.Position(n)}, nil
	}
	if u.instant, err = time.Parse(time.RFC3339Nano, s); err != nil {
		return u, fmt.Errorf("--until %.40q: want a position or an instant, RFC 3339", s)
	}
	return u, nil
}

func (u until) ends(at eventstore.Position, recorded time.Time) bool {
	return u.position > 0 && at > u.position || !u.instant.IsZero() && !recorded.Before(u.instant)
}

// eventParts writes events, a part after the other.
type eventParts struct {
	*exporter
	table *manifestTable
	rows  *eventRows
	until until
	part  *partFile // nil between two
	day   string
	last  manifestEvent // of the part
}

func (w *eventParts) write(
	ctx context.Context, store eventstore.Store, head eventstore.Position,
) error {
	after := w.table.After
	if w.table.Last != nil {
		after = w.table.Last.Position
	}
	for e, err := range store.ReadAll(ctx, after, domain.Prefixes...) {
		if err != nil {
			return err
		}
		row, recorded := w.rows.of(e)
		if w.until.ends(e.Position, recorded) {
			return nil
		}
		if err := w.add(&e, row, recorded); err != nil {
			return fmt.Errorf("%s@%d: %w", e.Stream, e.Revision, err)
		}
		w.bar.to(e.Position, head)
	}
	return ctx.Err()
}

func (w *eventParts) add(e *eventstore.Recorded, row []cell, recorded time.Time) (err error) {
	day := ""
	if w.wish.byDay {
		day = recorded.UTC().Format(time.DateOnly)
	}
	if w.part != nil && (day != w.day || w.part.Rows >= int64(w.wish.batch)) {
		if err := w.end(); err != nil {
			return err
		}
	}
	if w.part == nil {
		folder := eventsTable
		if w.day = day; day != "" {
			folder += "/day=" + day
		}
		w.part, err = w.begin(folder, fmt.Sprintf("%019d", e.Position), w.rows.columns())
		if err != nil {
			return err
		}
	}
	w.last = manifestEvent{e.Position, e.ID, e.Stream, e.Revision}
	return w.part.add(e.Position, row)
}

// end ends the part that is being written, if any, and names it in the manifest.
func (w *eventParts) end() error {
	if w.part == nil {
		return nil
	}
	p, err := w.exporter.end(w.part)
	w.part = nil
	if err != nil {
		return err
	}
	p.After = w.table.After
	if w.table.Last != nil {
		p.After = w.table.Last.Position
	}
	p.Day, p.AsOf = w.day, p.Last
	last := w.last
	w.table.Files, w.table.Rows, w.table.Last = append(w.table.Files, p), w.table.Rows+p.Rows, &last
	return w.manifest.save(w.wish.out)
}

func (w *eventParts) drop() error {
	if w.part == nil {
		return nil
	}
	return w.part.drop()
}
