package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
)

// ErrTooLong: there is more than one answer should hold.
var ErrTooLong = errors.New("too many operations: narrow it to a shift")

// SettlementFilter says of which shifts of a terminal the operations are wanted: of one by its ID,
// or of those of a store and terminal, by name and business date where these are given.
type SettlementFilter struct {
	ID           uuid.UUID
	Store        string
	Terminal     string
	Name         string
	BusinessDate string
	At           eventstore.Position // as the log stood there; Start: as the tables stand
	Limit        int                 // of operations; ErrTooLong beyond it; 0: none
}

// Window is a shift with what its window of the log holds, in the log's order.
type Window struct {
	ShiftEntry
	Operations []domain.Settled
}

// Totals are the window's sums, and which of its operations are late: domain.ShiftOpened.Totals.
func (w *Window) Totals() ([]domain.Total, []bool) {
	return domain.ShiftOpened{ShiftID: w.ID, Name: w.Name, BusinessDate: w.BusinessDate}.
		Totals(w.Operations)
}

// Settled are the windows of shifts, by number, and the position of the log they show: the same
// question at the same position has the same answer for ever.
func (m *Models) Settled(
	ctx context.Context, f SettlementFilter,
) (windows []Window, at eventstore.Position, err error) {
	_, err = m.view(ctx, func(q querier) error {
		stands, err := readCheckpoint(ctx, q)
		if err != nil {
			return err
		}
		if at = f.At; at == eventstore.Start || at > stands.position {
			at = stands.position
		}
		rows, err := shiftsOf(ctx, q, f, at)
		if err != nil {
			return err
		}
		left := math.MaxInt32
		if f.Limit > 0 {
			left = f.Limit
		}
		for i := range rows {
			w, err := rows[i].window(ctx, q, at, left+1)
			if err != nil {
				return err
			}
			windows = append(windows, w)
			if left -= len(w.Operations); left < 0 {
				return ErrTooLong
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read settlement: %w", err)
	}
	return windows, at, nil
}

// foundShift is a row of shifts with its id.
type foundShift struct {
	shiftRow
	id uuid.UUID
}

// shiftsOf are the shifts as they stood at a position: a later close has not happened.
func shiftsOf(ctx context.Context, q querier, f SettlementFilter, at eventstore.Position) (
	found []foundShift, err error,
) {
	var w where
	if !isZero(f.ID) {
		w.and("id = ?", f.ID.String())
	}
	w.same("store", f.Store)
	w.same("terminal", f.Terminal)
	w.same("name", f.Name)
	w.same("business_date", f.BusinessDate)
	w.and("opened_position <= ?", int64(at))
	rows, err := q.QueryContext(ctx, "SELECT "+columnList(shiftTable.Columns)+" FROM shifts"+w.text+
		" ORDER BY opened_position", w.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s foundShift
		if err := shiftTable.Scan(rows.Scan, &s.id, &s.shiftRow); err != nil {
			return nil, err
		}
		if s.closed > int64(at) {
			s.closed, s.closedAt, s.through, s.differences = 0, time.Time{}, nil, 0
		}
		found = append(found, s)
	}
	return found, rows.Err()
}

// window is what the shift counts up to a position.
func (s *foundShift) window(
	ctx context.Context, q querier, at eventstore.Position, limit int,
) (w Window, err error) {
	w.ShiftEntry = s.entry(s.id)
	from, to := s.opened, int64(at)
	if s.after != nil {
		if from, err = positionOf(ctx, q, *s.after); err != nil {
			return w, err
		}
	}
	switch {
	case s.closed != 0 && s.through == nil:
		to = from
	case s.closed != 0:
		if to, err = positionOf(ctx, q, *s.through); err != nil {
			return w, err
		}
	}
	rows, err := q.QueryContext(ctx, `SELECT account_id, event_id, operation_id, type, unit, amount,
		pos_txn_id, leg, shift, operator, channel, business_date, occurred_at, recorded_at
		FROM settlement WHERE store = ? AND terminal = ? AND position > ? AND position <= ?
		ORDER BY position LIMIT ?`, s.store, s.terminal, from, to, limit)
	if err != nil {
		return w, err
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scanSettled(rows.Scan)
		if err != nil {
			return w, err
		}
		w.Operations = append(w.Operations, o)
	}
	return w, rows.Err()
}

// positionOf is where in the log an event of an account stands.
func positionOf(ctx context.Context, q querier, m domain.Mark) (at int64, err error) {
	revision, _ := domain.RevisionOf(m.EventID)
	err = q.QueryRowContext(ctx, "SELECT position FROM history WHERE stream = ? AND revision = ?",
		domain.AccountStream(m.AccountID), revision).Scan(&at)
	if err != nil {
		return 0, fmt.Errorf("look for event %s: %w", m.EventID, err)
	}
	return at, nil
}

func scanSettled(row func(...any) error) (o domain.Settled, err error) {
	var unit, amount string
	var occurred, recorded sql.NullString
	texts := make([]sql.NullString, 5)
	err = row(&o.AccountID, &o.EventID, &o.OperationID, &o.Type, &unit, &amount, &texts[0], &texts[1],
		&texts[2], &texts[3], &texts[4], &o.BusinessDate, &occurred, &recorded)
	if err != nil {
		return o, err
	}
	o.PosTxnID, o.Leg, o.Shift = texts[0].String, texts[1].String, texts[2].String
	o.Operator, o.Channel = texts[3].String, texts[4].String
	if err := o.Amount.UnmarshalText([]byte(amount + " " + unit)); err != nil {
		return o, err
	}
	if o.OccurredAt, err = ReadTime(occurred); err != nil {
		return o, err
	}
	o.RecordedAt, err = ReadTime(recorded)
	return o, err
}
