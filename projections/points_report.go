package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/tillbook/tillbook/eventstore"
)

// PointsFilter says of which points a report is wanted. Empty fields do not filter.
type PointsFilter struct {
	Unit    string
	From    string    // business dates, YYYY-MM-DD: this one or later,
	Through string    // this one or earlier
	Now     time.Time // when what is pending, and ends, is asked for
	// At is where the log stands of which it is asked; Start: as the tables stand. With it nothing is said
	// of what is pending and ends, which the tables know as they stand alone.
	At eventstore.Position
}

// PointsSum is what became of the points of a unit, in its smallest steps.
type PointsSum struct {
	Unit     string
	Opening  int64 // outstanding before From
	Changes  []PointsChange
	Closing  int64 // outstanding after Through: what is owed to customers
	Accounts int64 // that have some of it
	Pending  int64 // of all that is outstanding, what cannot be spent yet
	Ending   []PointsEnding
}

// PointsChange is what events of a type did to points from From through Through.
type PointsChange struct {
	Type   string // of the events
	Events int64
	Amount int64 // signed
}

// PointsEnding are points that end in a month, and cannot be kept beyond it but by an extension.
type PointsEnding struct {
	Month  string // YYYY-MM, in UTC; "": never
	Amount int64
}

// PointsReport is what became of points, by unit, and what of them is outstanding, and the position of the
// log it shows: the same question at the same position has the same answer for ever.
func (m *Models) PointsReport(ctx context.Context, f PointsFilter) (
	all []PointsSum, at eventstore.Position, err error,
) {
	_, err = m.view(ctx, func(q querier) error {
		stands, err := readCheckpoint(ctx, q)
		if err != nil {
			return err
		}
		asked := f.At != eventstore.Start
		if at = f.At; !asked || at > stands.position {
			at = stands.position
		}
		f.At = at
		if all, err = pointsSums(ctx, q, f); err != nil {
			return err
		}
		for i := range all {
			s := &all[i]
			if s.Changes, err = pointsChanges(ctx, q, f, s.Unit); err != nil {
				return err
			}
			if asked {
				continue
			}
			if err := s.lots(ctx, q, f.Now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("report points: %w", err)
	}
	return all, at, nil
}

// lastDay is after every business date.
const lastDay = "9999-99"

func (f PointsFilter) through() string {
	if f.Through == "" {
		return lastDay
	}
	return f.Through
}

func pointsSums(ctx context.Context, q querier, f PointsFilter) (all []PointsSum, err error) {
	var w where
	w.and("position <= ?", int64(f.At))
	w.same("unit", f.Unit)
	rows, err := q.QueryContext(ctx, `
		WITH held AS (SELECT account_id, unit,
				sum(CASE WHEN day < ? THEN amount ELSE 0 END) AS opening,
				sum(CASE WHEN day <= ? THEN amount ELSE 0 END) AS closing
			FROM points`+w.text+` GROUP BY account_id, unit)
		SELECT unit, sum(opening), sum(closing), sum(CASE WHEN closing > 0 THEN 1 ELSE 0 END)
		FROM held GROUP BY unit ORDER BY unit`, append([]any{f.From, f.through()}, w.args...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s PointsSum
		if err := rows.Scan(&s.Unit, &s.Opening, &s.Closing, &s.Accounts); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

func pointsChanges(ctx context.Context, q querier, f PointsFilter, unit string) (
	all []PointsChange, err error,
) {
	rows, err := q.QueryContext(ctx, `SELECT type, count(*), sum(amount) FROM points
		WHERE unit = ? AND day >= ? AND day <= ? AND position <= ? GROUP BY type ORDER BY type`,
		unit, f.From, f.through(), int64(f.At))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c PointsChange
		if err := rows.Scan(&c.Type, &c.Events, &c.Amount); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// lots reads what of the points is pending and when they end, as it stands.
func (s *PointsSum) lots(ctx context.Context, q querier, now time.Time) error {
	rows, err := q.QueryContext(ctx, `
		WITH held AS (SELECT coalesce(substr(expires_at, 1, 7), '') AS ends, effective_at,
				CAST(replace(remaining, '.', '') AS BIGINT) AS amount
			FROM lots WHERE unit = ? AND class = 'earned')
		SELECT ends, sum(amount), sum(CASE WHEN effective_at > ? THEN amount ELSE 0 END)
		FROM held WHERE amount > 0 GROUP BY ends ORDER BY ends`, s.Unit, NullTime(now))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var e PointsEnding
		var pending int64
		if err := rows.Scan(&e.Month, &e.Amount, &pending); err != nil {
			return err
		}
		s.Ending, s.Pending = append(s.Ending, e), s.Pending+pending
	}
	return rows.Err()
}
