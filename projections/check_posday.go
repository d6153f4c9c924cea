package projections

import (
	"context"
	"errors"

	"github.com/google/uuid"
)

// posday is what a check expects of the tables about shifts and exceptions.
type posday struct {
	report     *Report
	shifts     expected[uuid.UUID, shiftRow]
	exceptions expected[uuid.UUID, exceptionRow]
}

func newPosday(report *Report) posday {
	return posday{report, expected[uuid.UUID, shiftRow]{}, expected[uuid.UUID, exceptionRow]{}}
}

// fold takes e, the log's next event, which is not damaged.
func (p *posday) fold(e *Event) {
	if id, ok := streamID(e.Stream, "shift-"); ok {
		_ = foldShift(p.shifts, e, id) // what cannot be decoded is found by the check of its stream
	}
	if id, ok := streamID(e.Stream, "batch-"); ok {
		_ = foldException(p.exceptions, e, id)
	}
}

// compare compares the tables when the log is over.
func (p *posday) compare(ctx context.Context, q querier) error {
	return errors.Join(compareTable(ctx, q, p.report, shiftTable, p.shifts),
		compareTable(ctx, q, p.report, exceptionTable, p.exceptions))
}
