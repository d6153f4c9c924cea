package projections

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// points is one row an account, points unit, day and type of event: what became of points then. The sum of
// an account's rows of a unit is its balance.
type points struct{}

// Name is points.
func (points) Name() string { return "points" }

// Version is 1.
func (points) Version() int { return 1 }

// Tables is points.
func (points) Tables() string {
	return `
CREATE TABLE points ( -- one row an account, unit of points, day and type of event
	account_id TEXT NOT NULL,
	unit       TEXT NOT NULL,
	day        TEXT NOT NULL,    -- business date, YYYY-MM-DD
	type       TEXT NOT NULL,    -- of the events: PointsEarned, PointsSpent, LotExpired, …
	events     INTEGER NOT NULL, -- how many
	amount     INTEGER NOT NULL, -- signed, in the unit's smallest steps; at most 10^15
	PRIMARY KEY (account_id, unit, day, type)
) STRICT, WITHOUT ROWID;
`
}

// Indexes are by unit and day.
func (points) Indexes() string {
	return `CREATE INDEX points_unit ON points (unit, day, type);`
}

type pointsKey struct {
	account         uuid.UUID
	unit, day, kind string
}

type pointsRow struct{ events, amount int64 }

var pointsTable = &Table[pointsKey, pointsRow]{
	Name:    "points",
	Columns: []string{"account_id", "unit", "day", "type", "events", "amount"},
	Keys:    func(k pointsKey) []any { return []any{k.account.String(), k.unit, k.day, k.kind} },
	Values:  func(p *pointsRow) []any { return []any{p.events, p.amount} },
	Scan: func(row func(...any) error, k *pointsKey, p *pointsRow) error {
		return row(&k.account, &k.unit, &k.day, &k.kind, &p.events, &p.amount)
	},
}

func (p *pointsRow) add(amount int64) {
	p.events++
	p.amount = max(-mostSteps, min(p.amount+amount, mostSteps))
}

// pointsMoved are the points among an event's moves, false where there are none.
func pointsMoved(moves []domain.Move) (amount int64, some bool) {
	for _, m := range moves {
		if m.Class == domain.Earned && !m.Amount.IsZero() {
			amount, some = amount+steps(m.Amount), true
		}
	}
	return amount, some
}

// Apply adds up what became of points.
func (points) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := pointsTable.In(tx)
	type change struct {
		pointsKey
		amount int64
	}
	var changes []change
	for i := range events {
		e := &events[i]
		if !e.Body.Valued {
			continue
		}
		if amount, some := pointsMoved(e.Body.Moves); some {
			k := pointsKey{e.Account, e.Body.Unit, e.Metadata.BusinessDate, e.Type}
			rows.Want(k)
			changes = append(changes, change{k, amount})
		}
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for _, c := range changes {
		if rows.Row(c.pointsKey) == nil {
			rows.Add(c.pointsKey, pointsRow{})
		}
		rows.Change(c.pointsKey).add(c.amount)
	}
	return rows.Write(ctx)
}

// pointsColumns are what Check compares: the key within an account first.
var pointsColumns = []string{"unit || ' ' || day || ' ' || type", "events", "amount"}

// pointsTold are an account's points as its events tell of them, by the key within it.
type pointsTold map[string]*pointsRow

func (t pointsTold) note(p domain.Posted) {
	e, ok := p.Event.(domain.Valued)
	if !ok {
		return
	}
	v := e.Worth()
	amount, some := pointsMoved(v.Moves)
	if !some {
		return
	}
	key := strings.Join([]string{v.Amount.Unit(), p.Metadata.BusinessDate, domain.TypeOf(p.Event)}, " ")
	if t[key] == nil {
		t[key] = &pointsRow{}
	}
	t[key].add(amount)
}

func (t pointsTold) wanted() map[string][]string {
	rows := map[string][]string{}
	for key, p := range t {
		rows[key] = shownValues(pointsTable.Values(p))
	}
	return rows
}
