package api

import (
	"context"
	"encoding/csv"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections"
)

// settlementLimit bounds the operations of one file.
const settlementLimit = 100_000

// reportSettlement is the settlement file of a terminal's shifts: of one, named or by its id, or of
// those of a business date.
//
// What freezes it: a closed shift's file never changes, as its window of the log ended with its
// close; what is posted late stands in the file of the shift that was open when it was recorded, or
// the next, marked late. A file with an open shift in it says up to which position it goes
// (as_of_position), and is the same bytes when it is asked at_position. So is the file of a day, to
// which a shift may be added: it is the same bytes until then.
func reportSettlement(c *call) error {
	f, asCSV, err := c.settlementFilter()
	if err != nil {
		return err
	}
	if f.At == eventstore.Start {
		err = c.modelledToHead()
	} else {
		err = c.modelledTo(f.At)
	}
	if err != nil {
		return err
	}
	windows, at, err := c.s.Models.Settled(context.Background(), f)
	if errors.Is(err, projections.ErrTooLong) {
		return domain.ErrLimitExceeded.Because("more than 100000 operations: ask shift by shift")
	}
	if err != nil {
		return err
	}
	if len(windows) == 0 {
		return domain.ErrNotFound.Because("there is no such shift")
	}
	at = frozenAt(windows, at)
	if asCSV {
		return c.settlementCSV(windows, at)
	}
	o := c.out()
	o.settlement(windows, at)
	return c.ok(o)
}

// frozenAt is the position from which on the windows have not changed.
func frozenAt(windows []projections.Window, at eventstore.Position) eventstore.Position {
	var last eventstore.Position
	for _, w := range windows {
		if w.Closed == eventstore.Start {
			return at
		}
		last = max(last, w.Closed)
	}
	return last
}

func (c *call) settlementFilter() (f projections.SettlementFilter, asCSV bool, err error) {
	f = projections.SettlementFilter{Store: c.Query("store"), Terminal: c.Query("terminal"),
		Name: c.Query("shift"), BusinessDate: c.Query("business_date"), Limit: settlementLimit}
	for _, p := range []struct{ name, value string }{
		{"store", f.Store}, {"terminal", f.Terminal},
	} {
		if p.value == "" {
			return f, false, domain.ErrMalformed.Field(p.name, "is required")
		}
	}
	_, dateErr := time.Parse(time.DateOnly, f.BusinessDate)
	switch {
	case f.Name == "" && f.BusinessDate == "":
		return f, false, domain.ErrMalformed.Field("shift", "want it, or business_date")
	case f.BusinessDate != "" && dateErr != nil:
		return f, false, domain.ErrMalformed.Field("business_date", "want YYYY-MM-DD")
	}
	if id, ok := parseID(f.Name); ok {
		f.ID, f.Name = id, ""
	}
	if f.At, err = c.atPosition(); err != nil {
		return f, false, err
	}
	if asCSV, err = c.wantsCSV(); err != nil {
		return f, false, err
	}
	return f, asCSV, c.who.mayPost(f.Store)
}

// wantsCSV reads format.
func (c *call) wantsCSV() (bool, error) {
	switch c.Query("format") {
	case "", "json":
		return false, nil
	case "csv":
		return true, nil
	}
	return false, domain.ErrMalformed.Field("format", "want json or csv")
}

// modelledTo waits, as long as the caller wants to, until the read models hold a position.
func (c *call) modelledTo(at eventstore.Position) error {
	_, wait, err := c.freshness()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.s.stop, wait)
	defer cancel()
	return c.s.await(ctx, at)
}

func (o *out) settlement(windows []projections.Window, at eventstore.Position) {
	o.begin('{')
	o.open("shifts", '[')
	for i := range windows {
		w := &windows[i]
		totals, late := w.Totals()
		o.begin('{')
		o.shiftEntry(w.ShiftEntry)
		o.totals("totals", totals)
		o.open("operations", '[')
		for n, s := range w.Operations {
			o.begin('{')
			o.id("operation_id", s.OperationID)
			o.id("account_id", s.AccountID)
			o.plain("type", string(s.Type))
			o.money("amount", s.Amount)
			o.some("pos_txn_id", s.PosTxnID)
			o.some("leg", s.Leg)
			o.some("operator", s.Operator)
			o.some("channel", s.Channel)
			o.text("business_date", s.BusinessDate)
			o.time("occurred_at", s.OccurredAt)
			o.time("recorded_at", s.RecordedAt)
			if late[n] {
				o.boolean("late", true)
			}
			o.end('}')
		}
		o.end(']')
		o.end('}')
	}
	o.end(']')
	o.position("as_of_position", uint64(at))
	o.end('}')
}

var settlementHeader = []string{"record", "store", "terminal", "shift", "shift_number",
	"business_date", "shift_status", "type", "unit", "count", "amount", "late", "operation_id", "account_id",
	"pos_txn_id", "leg", "operator", "channel", "operation_business_date", "occurred_at", "recorded_at",
	"as_of_position"}

// settlementCSV answers the file as CSV: of each shift its sums, then its operations.
func (c *call) settlementCSV(windows []projections.Window, at eventstore.Position) error {
	rows := [][]string{settlementHeader}
	asOf := strconv.FormatUint(uint64(at), 10)
	for i := range windows {
		s := &windows[i]
		totals, late := s.Totals()
		head := []string{s.Store, s.Terminal, s.Name, strconv.Itoa(s.Number), s.BusinessDate, s.Status}
		line := func(record string, fields ...string) {
			row := append(append([]string{record}, head...), fields...)
			for n := range row {
				row[n] = harmless(row[n])
			}
			rows = append(rows, append(row, asOf))
		}
		for _, t := range totals {
			line("total", string(t.Type), t.Amount.Unit(), strconv.Itoa(t.Count),
				t.Amount.Quantity.String(), isLate(t.Late), "", "", "", "", "", "", "", "", "")
		}
		for n, o := range s.Operations {
			line("operation", string(o.Type), o.Amount.Unit(), "1", o.Amount.Quantity.String(),
				isLate(late[n]), o.OperationID.String(), o.AccountID.String(), o.PosTxnID, o.Leg,
				o.Operator, o.Channel, o.BusinessDate, o.OccurredAt.Format(time.RFC3339Nano),
				o.RecordedAt.Format(time.RFC3339Nano))
		}
	}
	return c.csv("settlement.csv", rows)
}

// csv answers rows as a file (RFC 4180).
func (c *call) csv(name string, rows [][]string) error {
	var text strings.Builder
	_ = csv.NewWriter(&text).WriteAll(rows) // a builder takes everything
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	o := c.out()
	o.b = append(o.b, text.String()...)
	c.send(fiber.StatusOK, "text/csv; charset=utf-8", o)
	return nil
}

func isLate(late bool) string {
	if late {
		return "late"
	}
	return ""
}

// harmless is text that a spreadsheet does not take for a formula: what would begin one is quoted by
// an apostrophe (OWASP, CSV injection).
func harmless(text string) string {
	if strings.HasPrefix(text, "'") || strings.ContainsAny(text[:min(1, len(text))], "=+-@\t\r") {
		return "'" + text
	}
	return text
}
