package projections

import (
	"context"
	"strconv"

	"github.com/tillbook/tillbook/domain"
)

// points is one row an event that gave or took points of an account: the sum of an account's rows of a unit
// is its balance.
type points struct{}

// Name is points.
func (points) Name() string { return "points" }

// Version is 2.
func (points) Version() int { return 2 }

// Tables is points.
func (points) Tables() string {
	return `
CREATE TABLE points ( -- one row an event that gave or took points of an account
	account_id TEXT NOT NULL,
	revision   INTEGER NOT NULL,
	position   INTEGER NOT NULL,
	unit       TEXT NOT NULL,
	day        TEXT NOT NULL,    -- business date, YYYY-MM-DD
	type       TEXT NOT NULL,    -- of the event: PointsEarned, PointsSpent, LotExpired, …
	amount     INTEGER NOT NULL, -- signed, in the unit's smallest steps; at most 10^15
	PRIMARY KEY (account_id, revision)
) STRICT, WITHOUT ROWID;
`
}

// Indexes are by unit and day.
func (points) Indexes() string {
	return `CREATE INDEX points_unit ON points (unit, day, type);`
}

var pointsColumns = []string{"account_id", "revision", "position", "unit", "day", "type", "amount"}

// pointsMoved are the points among an event's moves, false where there are none.
func pointsMoved(moves []domain.Move) (amount int64, some bool) {
	for _, m := range moves {
		if m.Class == domain.Earned && !m.Amount.IsZero() {
			amount, some = amount+steps(m.Amount), true
		}
	}
	return max(-mostSteps, min(amount, mostSteps)), some
}

// Apply adds a row for each event that moves points.
func (points) Apply(ctx context.Context, tx *Tx, events []Event) error {
	var rows [][]any
	for i := range events {
		e := &events[i]
		if !e.Body.Valued {
			continue
		}
		if amount, some := pointsMoved(e.Body.Moves); some {
			rows = append(rows, []any{e.Account.String(), int64(e.Revision), int64(e.Position), e.Body.Unit,
				e.Metadata.BusinessDate, e.Type, amount})
		}
	}
	return tx.Insert(ctx, "points", pointsColumns, len(rows), func(values []any, i int) []any {
		return append(values, rows[i]...)
	})
}

// pointsChecked are what Check compares: the key within an account first.
var pointsChecked = []string{"revision", "unit", "day", "type", "amount"}

// pointsTold are an account's points as its events tell of them, by the key within it.
type pointsTold map[string][]string

func (t pointsTold) note(p domain.Posted) {
	e, ok := p.Event.(domain.Valued)
	if !ok {
		return
	}
	v := e.Worth()
	if amount, some := pointsMoved(v.Moves); some {
		t[strconv.FormatInt(p.Revision, 10)] = shownValues([]any{v.Amount.Unit(), p.Metadata.BusinessDate,
			domain.TypeOf(p.Event), amount})
	}
}
