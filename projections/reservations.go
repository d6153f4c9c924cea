package projections

import (
	"bytes"
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// reservations is one row a reservation of a campaign's budget, and one a part that an account's event
// gave back of one.
type reservations struct{}

// Name is reservations.
func (reservations) Name() string { return "reservations" }

// Version is 1.
func (reservations) Version() int { return 1 }

// Tables is reservations.
func (reservations) Tables() string {
	return `
CREATE TABLE reservations ( -- one row a reservation of a campaign's budgets, or a part given back
	id             TEXT PRIMARY KEY, -- of the event that reserved, or that gave a part back
	reservation_id TEXT NOT NULL,    -- of what was reserved together
	campaign       TEXT NOT NULL,
	account_id     TEXT NOT NULL,
	operation_id   TEXT,             -- that it was reserved for; NULL: a part that was given back
	kind           TEXT NOT NULL,    -- issue, redemption or discount
	count          INTEGER NOT NULL, -- how many coupons or uses
	unit           TEXT,             -- of the discount
	amount         TEXT,             -- at the unit's scale
	status         TEXT NOT NULL,    -- open, committed or released; of a part owed or released
	began_at       TEXT NOT NULL,    -- when it was reserved or given back
	ended_at       TEXT              -- NULL: of open and owed
) STRICT, WITHOUT ROWID;
`
}

// Indexes is what is settled, the oldest first.
func (reservations) Indexes() string {
	return `CREATE INDEX reservations_unsettled ON reservations (began_at, id)
	WHERE status IN ('open', 'owed');`
}

// The statuses of a reservation, and of a part that was given back.
const (
	reservationOpen      = "open"
	reservationCommitted = "committed"
	reservationReleased  = "released"
	reservationOwed      = "owed"
)

type reservationRow struct {
	domain.BudgetPart
	reservation, account, operation uuid.UUID
	status                          string
	began, endedAt                  time.Time
}

var reservationTable = &Table[uuid.UUID, reservationRow]{
	Name: "reservations",
	Columns: []string{"id", "reservation_id", "campaign", "account_id", "operation_id", "kind", "count",
		"unit", "amount", "status", "began_at", "ended_at"},
	Keys: func(id uuid.UUID) []any { return []any{id.String()} },
	Values: func(r *reservationRow) []any {
		amount := any(nil)
		if r.Amount.Unit() != "" {
			amount = r.Amount.Quantity.String()
		}
		return []any{r.reservation.String(), r.Campaign, r.account.String(), NullID(r.operation),
			string(r.Kind), r.Count, Null(r.Amount.Unit()), amount, r.status, NullTime(r.began),
			NullTime(r.endedAt)}
	},
	Scan: func(row func(...any) error, id *uuid.UUID, r *reservationRow) error {
		var operation, unit, amount, began, ended sql.NullString
		err := row(id, &r.reservation, &r.Campaign, &r.account, &operation, &r.Kind, &r.Count, &unit,
			&amount, &r.status, &began, &ended)
		if err == nil && operation.Valid {
			err = r.operation.UnmarshalText([]byte(operation.String))
		}
		if err == nil && unit.Valid {
			err = r.Amount.UnmarshalText([]byte(amount.String + " " + unit.String))
		}
		if err != nil {
			return err
		}
		if r.began, err = ReadTime(began); err != nil {
			return err
		}
		r.endedAt, err = ReadTime(ended)
		return err
	},
}

// budgetEvent is e, decoded, where it reserves, commits, gives back or releases.
func budgetEvent(e *Event) (domain.Event, bool, error) {
	about := e.Type == "BudgetReserved" || e.Type == "BudgetReleased" ||
		strings.HasPrefix(e.Type, "Coupon") && bytes.Contains(e.Data, []byte(`"reservation_id"`))
	if !about {
		return nil, false, nil
	}
	decoded, err := e.Decoded()
	return decoded, err == nil, err
}

// endedReservation is the row that an event ends, zero where it ends none.
func endedReservation(e domain.Event) uuid.UUID {
	switch e := e.(type) {
	case domain.BudgetReleased:
		if e.SourceID != (uuid.UUID{}) {
			return e.SourceID
		}
		return e.ReservationID
	case domain.Committing:
		return e.Reserved()
	}
	return uuid.UUID{}
}

// foldReservation makes an event part of the rows, and reports whether it follows from them.
func foldReservation(rows lifeRows[reservationRow], e domain.Event, of *Event) bool {
	at := of.Metadata.RecordedAt
	switch e := e.(type) {
	case domain.BudgetReserved:
		rows.Add(e.ReservationID, reservationRow{BudgetPart: e.BudgetPart, reservation: e.ReservationID,
			account: e.AccountID, operation: e.OperationID, status: reservationOpen, began: at})
		return true
	case domain.Returning:
		back := e.Returned()
		if back.Reservation != (uuid.UUID{}) {
			rows.Add(of.Metadata.EventID, reservationRow{BudgetPart: back.BudgetPart, reservation: back.Reservation,
				account: of.Account, status: reservationOwed, began: at})
		}
		return true
	}
	id := endedReservation(e)
	if id == (uuid.UUID{}) {
		return true
	}
	r := rows.Change(id)
	if r == nil {
		return false
	}
	r.status, r.endedAt = reservationReleased, at
	if _, commits := e.(domain.Committing); commits {
		r.status = reservationCommitted
	}
	return true
}

var reservationLives = lives[reservationRow]{table: reservationTable, about: budgetEvent,
	ended: endedReservation, fold: foldReservation, loose: "it ends a reservation that did not begin"}

// Apply reserves, commits, gives back and releases.
func (reservations) Apply(ctx context.Context, tx *Tx, events []Event) error {
	return reservationLives.apply(ctx, tx, events)
}

// Unsettled is a reservation without a commit, or, with its Source, a part that was given back and is not
// released.
type Unsettled struct {
	Campaign                                string
	Reservation, Account, Source, Operation uuid.UUID
}

// UnsettledReservations are those that began before an instant, some at a time, the oldest first: a hint,
// to be held against the streams.
func (m *Models) UnsettledReservations(ctx context.Context, before time.Time) (
	all []Unsettled, err error,
) {
	_, err = m.view(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, `SELECT id, reservation_id, campaign, account_id, operation_id
			FROM reservations WHERE status IN ('open', 'owed') AND began_at < ?
			ORDER BY began_at, id LIMIT 1000`, NullTime(before))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var u Unsettled
			var operation sql.NullString
			err := rows.Scan(&u.Source, &u.Reservation, &u.Campaign, &u.Account, &operation)
			if err == nil && operation.Valid {
				u.Source = uuid.UUID{}
				err = u.Operation.UnmarshalText([]byte(operation.String))
			}
			if err != nil {
				return err
			}
			all = append(all, u)
		}
		return rows.Err()
	})
	return all, err
}
