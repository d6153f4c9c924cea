package projections

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// lots is one row a lot, those that are used up included.
type lots struct{}

// Name is lots.
func (lots) Name() string { return "lots" }

// Version is 4.
func (lots) Version() int { return 4 }

// Tables is lots.
func (lots) Tables() string {
	return `
CREATE TABLE lots ( -- one row a part of a balance that was opened together, empty ones included
	account_id   TEXT NOT NULL,
	id           TEXT NOT NULL,
	unit         TEXT NOT NULL,
	class        TEXT NOT NULL,    -- principal, bonus, gift, …
	face         TEXT NOT NULL,    -- what it was opened with, and points added, at the unit's scale
	remaining    TEXT NOT NULL,    -- the part that is part of the balance
	held         TEXT NOT NULL,    -- the part of remaining that holds pin
	cost         TEXT NOT NULL,    -- money received for it
	cost_left    TEXT NOT NULL,    -- the part of cost that remaining stands for
	cost_unit    TEXT,             -- where it is not unit
	funding_id   TEXT,             -- the top-up or grant that opened it
	effective_at TEXT NOT NULL,    -- since when it can be spent
	expires_at   TEXT,             -- NULL: never; a refund or an extension may have moved it
	expiries     INTEGER NOT NULL, -- how often it expired
	priority     INTEGER NOT NULL, -- 0 to 100, lower is drawn first
	draw         TEXT,             -- how it is divided with what was opened beside it: pro_rata, …
	scope        TEXT,             -- JSON: lists of stores, channels, products, categories
	terms        TEXT,             -- the program's version that it was opened under
	reminders    TEXT,             -- JSON: days before its end, [30,7,1]
	remind_at    TEXT,             -- when the next of them is due; NULL: none, or it is empty
	PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
`
}

// Indexes is what sweeps look for: lots with value that no hold pins, by when they end; lots with a
// reminder to come, by when. The first holds all that is asked for: else SQLite rather scans the table.
// Remaining and held have the same scale, so their texts differ exactly when the figures do.
func (lots) Indexes() string {
	return `CREATE INDEX lots_due ON lots (expires_at, account_id, id, remaining, held)
		WHERE expires_at IS NOT NULL AND remaining <> held;
	CREATE INDEX lots_remind ON lots (remind_at, account_id) WHERE remind_at IS NOT NULL;`
}

type lotKey struct{ account, id uuid.UUID }

type lotRow struct {
	domain.LotOpened
	unit                      string
	remaining, held, costLeft domain.Quantity
	expiries                  int
	remindAt                  time.Time
}

var lotTable = &Table[lotKey, lotRow]{
	Name: "lots",
	Columns: []string{"account_id", "id", "unit", "class", "face", "remaining", "held", "cost",
		"cost_left", "cost_unit", "funding_id", "effective_at", "expires_at", "expiries", "priority",
		"draw", "scope", "terms", "reminders", "remind_at"},
	Keys: func(k lotKey) []any { return []any{k.account.String(), k.id.String()} },
	Values: func(l *lotRow) []any {
		return []any{l.unit, string(l.Class), l.Face.String(), l.remaining.String(),
			l.held.String(), l.Cost.String(), l.costLeft.String(), Null(l.CostUnit),
			NullID(l.Funding), NullTime(l.EffectiveAt), NullTime(l.ExpiresAt), l.expiries,
			l.Priority, Null(string(l.Draw)), scopeJSON(l.Scope), Null(l.Terms),
			ladderJSON(l.Reminders), NullTime(l.remindAt)}
	},
	Scan: func(row func(...any) error, k *lotKey, l *lotRow) error {
		return l.scan(row, k)
	},
}

func (l *lotRow) scan(row func(...any) error, k *lotKey) error {
	var face, remaining, held, cost, left string
	var costUnit, funding, effective, expires, draw, scope, terms, ladder, remind sql.NullString
	err := row(&k.account, &k.id, &l.unit, &l.Class, &face, &remaining, &held, &cost, &left,
		&costUnit, &funding, &effective, &expires, &l.expiries, &l.Priority, &draw, &scope, &terms,
		&ladder, &remind)
	if err != nil {
		return err
	}
	l.ID, l.CostUnit, l.Draw, l.Terms = k.id, costUnit.String, domain.Draw(draw.String), terms.String
	for _, q := range []struct {
		text string
		to   *domain.Quantity
	}{
		{face, &l.Face}, {remaining, &l.remaining}, {held, &l.held}, {cost, &l.Cost},
		{left, &l.costLeft},
	} {
		if err := q.to.UnmarshalText([]byte(q.text)); err != nil {
			return err
		}
	}
	if funding.Valid {
		if err := l.Funding.UnmarshalText([]byte(funding.String)); err != nil {
			return err
		}
	}
	if scope.Valid {
		if err := json.Unmarshal([]byte(scope.String), &l.Scope); err != nil {
			return err
		}
	}
	if l.EffectiveAt, err = ReadTime(effective); err != nil {
		return err
	}
	if ladder.Valid {
		if err := json.Unmarshal([]byte(ladder.String), &l.Reminders); err != nil {
			return err
		}
	}
	if l.remindAt, err = ReadTime(remind); err != nil {
		return err
	}
	l.ExpiresAt, err = ReadTime(expires)
	return err
}

// ladderJSON is how days stand in a table; NULL for none.
func ladderJSON(days []int) any {
	if len(days) == 0 {
		return nil
	}
	text, err := json.Marshal(days)
	if err != nil {
		panic(err) // they are whole numbers
	}
	return string(text)
}

func scopeJSON(s domain.LotScope) any {
	if s.IsZero() {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a LotScope is lists of text
	}
	return string(text)
}

// Apply opens lots and sums their moves.
func (lots) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := lotTable.In(tx)
	for i := range events {
		e := &events[i]
		openLots(rows, e)
		for _, m := range e.Body.Moves {
			rows.Want(lotKey{e.Account, m.Lot})
		}
		for _, r := range e.Body.Reopened {
			rows.Want(lotKey{e.Account, r.Lot})
		}
		if e.Type == "LotExtended" || e.Type == "LotExpiring" {
			rows.Want(lotKey{e.Account, e.Body.Lot})
		}
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for i := range events {
		moveLots(tx, rows, &events[i])
	}
	return rows.Write(ctx)
}

// openLots adds the lots of an event, empty: its moves fill them.
func openLots(rows *Rows[lotKey, lotRow], e *Event) {
	none := e.Body.Amount.Zero()
	for _, o := range e.Body.Opened {
		rows.Add(lotKey{e.Account, o.ID}, lotRow{LotOpened: o, unit: e.Body.Unit,
			remaining: none, held: none, costLeft: o.Cost.Zero()})
	}
}

func moveLots(tx *Tx, rows *Rows[lotKey, lotRow], e *Event) {
	grows := e.Type == "PointsEarned" && len(e.Body.Opened) == 0
	for _, m := range e.Body.Moves {
		l := rows.Change(lotKey{e.Account, m.Lot})
		if l == nil {
			tx.Damaged(*e, "lot "+m.Lot.String()+" was never opened")
			return
		}
		if grows {
			l.Face = l.Face.Add(m.Amount)
		}
		had := l.remaining.IsPositive()
		l.remaining = l.remaining.Add(m.Amount)
		if had != l.remaining.IsPositive() {
			l.reschedule(e.Metadata.RecordedAt)
		}
		l.costLeft = l.costLeft.Add(m.Cost)
		if !m.Held.IsZero() {
			l.held = l.held.Add(m.Held)
		}
	}
	for _, r := range e.Body.Reopened {
		if l := rows.Change(lotKey{e.Account, r.Lot}); l != nil {
			l.ExpiresAt = r.ExpiresAt
			l.reschedule(e.Metadata.RecordedAt)
		}
	}
	if e.Type == "LotExpiring" {
		if l := rows.Change(lotKey{e.Account, e.Body.Lot}); l != nil {
			l.reschedule(e.Metadata.OccurredAt)
		}
	}
	if e.Type == "LotExpired" {
		if l := rows.Row(lotKey{e.Account, e.Body.Lot}); l != nil {
			l.expiries = e.Body.N
		}
	}
	if e.Type == "LotExtended" {
		extendLot(tx, rows, e)
	}
}

func extendLot(tx *Tx, rows *Rows[lotKey, lotRow], e *Event) {
	decoded, err := e.Decoded()
	extended, ok := decoded.(domain.LotExtended)
	l := rows.Change(lotKey{e.Account, e.Body.Lot})
	if err != nil || !ok || l == nil {
		tx.Damaged(*e, "lot "+e.Body.Lot.String()+" was never opened, or its end cannot be read")
		return
	}
	l.ExpiresAt = extended.To
	l.reschedule(e.Metadata.RecordedAt)
}

// reschedule is when the lot's first reminder after an instant is due.
func (l *lotRow) reschedule(after time.Time) {
	l.remindAt = time.Time{}
	if l.remaining.IsPositive() {
		l.remindAt = l.NextReminder(l.ExpiresAt, after)
	}
}
