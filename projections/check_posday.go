package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/eventstore"
)

// posday is what a check expects of the tables about tills, and its reader of settlement, which
// compares in the order of the log.
type posday struct {
	report     *Report
	rows       *sql.Rows           // of settlement
	at         eventstore.Position // of the row that is read; rowsOver behind the last
	columns    []sql.NullString
	shifts     expected[uuid.UUID, shiftRow]
	exceptions expected[uuid.UUID, exceptionRow]
}

func openPosday(ctx context.Context, tables *snapshot, report *Report) (*posday, error) {
	p := &posday{report: report, columns: make([]sql.NullString, len(settlementColumns)),
		shifts: expected[uuid.UUID, shiftRow]{}, exceptions: expected[uuid.UUID, exceptionRow]{}}
	var err error
	p.rows, err = tables.stream(ctx, "SELECT position, "+columnList(settlementColumns)+
		" FROM settlement ORDER BY position")
	if err != nil {
		return nil, fmt.Errorf("read settlement: %w", err)
	}
	return p, p.next()
}

func (p *posday) next() error {
	if !p.rows.Next() {
		p.at = rowsOver
		return p.rows.Err()
	}
	to := []any{&p.at}
	for i := range p.columns {
		to = append(to, &p.columns[i])
	}
	return p.rows.Scan(to...)
}

// compare takes e, the log's next event, which is not damaged.
func (p *posday) compare(e *Event) error {
	for p.at != rowsOver && p.at < e.Position {
		if err := p.stranger(); err != nil {
			return err
		}
	}
	if id, ok := streamID(e, "shift-"); ok {
		_ = foldShift(p.shifts, e, id) // what cannot be decoded is found by the check of its stream
	}
	if id, ok := streamID(e, "batch-"); ok {
		_ = foldException(p.exceptions, e, id)
	}
	wanted := settlementRow(e)
	switch {
	case wanted == nil && p.at == e.Position:
		return p.stranger()
	case wanted == nil:
		return nil
	case p.at != e.Position:
		p.report.add("settlement", e.Stream, e.Revision, "the row of position %d is missing", e.Position)
		return nil
	}
	var differing []string
	for i, want := range wanted {
		if got, text := p.columns[i].String, shownValue(want); got != text {
			differing = append(differing, fmt.Sprintf("%s %s, want %s", settlementColumns[i], got, text))
		}
	}
	if len(differing) > 0 {
		p.report.add("settlement", e.Stream, e.Revision, "the row of position %d: got %s", e.Position,
			strings.Join(differing, "; "))
	}
	return p.next()
}

// stranger reports the row that is read and goes on to the next.
func (p *posday) stranger() error {
	p.report.add("settlement", "", -1, "the row of position %d has no event", p.at)
	return p.next()
}

// rest reports what is left when the log is over, and compares shifts and exceptions.
func (p *posday) rest(ctx context.Context, q querier) error {
	for p.at != rowsOver {
		if err := p.stranger(); err != nil {
			return err
		}
	}
	return errors.Join(p.rows.Err(), compareTable(ctx, q, p.report, shiftTable, p.shifts),
		compareTable(ctx, q, p.report, exceptionTable, p.exceptions))
}

func (p *posday) close() {
	p.rows.Close() // whatever it has to say, rest has heard
}
