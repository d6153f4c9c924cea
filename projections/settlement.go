package projections

import (
	"context"

	"github.com/tillbook/tillbook/domain"
)

// settlement is one row for each time that value moved at a terminal: what shifts count and
// settlement files list. The rows of a terminal stand in the order of the log.
type settlement struct{}

// Name is settlement.
func (settlement) Name() string { return "settlement" }

// Version is 1.
func (settlement) Version() int { return 1 }

// Tables is settlement.
func (settlement) Tables() string {
	return `
CREATE TABLE settlement ( -- one row an event that a till answers for
	store         TEXT NOT NULL,
	terminal      TEXT NOT NULL,
	position      INTEGER NOT NULL, -- the event's place in the log
	account_id    TEXT NOT NULL,
	event_id      TEXT NOT NULL,
	operation_id  TEXT NOT NULL,
	type          TEXT NOT NULL,    -- kind of the operation: debit, top_up, …
	unit          TEXT NOT NULL,
	amount        TEXT NOT NULL,    -- as the customer saw it: no bonus, and all that is owed
	pos_txn_id    TEXT,
	leg           TEXT,
	shift         TEXT,             -- as the post named it
	operator      TEXT,
	channel       TEXT,
	business_date TEXT NOT NULL,
	occurred_at   TEXT NOT NULL,
	recorded_at   TEXT NOT NULL,
	PRIMARY KEY (store, terminal, position)
) STRICT, WITHOUT ROWID;
`
}

// Indexes are none: a terminal's operations are looked up by the key.
func (settlement) Indexes() string { return `` }

var settlementColumns = []string{"store", "terminal", "position", "account_id", "event_id",
	"operation_id", "type", "unit", "amount", "pos_txn_id", "leg", "shift", "operator", "channel",
	"business_date", "occurred_at", "recorded_at"}

// Apply adds a row for each event that moved value at a terminal.
func (settlement) Apply(ctx context.Context, tx *Tx, events []Event) error {
	var rows [][]any
	for i := range events {
		if row := settlementRow(&events[i]); row != nil {
			rows = append(rows, row)
		}
	}
	return tx.Insert(ctx, "settlement", settlementColumns, len(rows), func(values []any, i int) []any {
		return append(values, rows[i]...)
	})
}

// settlementRow is an event's row, nil where it has none.
func settlementRow(e *Event) []any {
	m, b := &e.Metadata, &e.Body
	kind := settledKind(e)
	if kind == "" {
		return nil
	}
	return []any{m.Store, m.Terminal, int64(e.Position), e.Account.String(), e.ID.String(),
		m.OperationID.String(), string(kind), b.Unit, settledAmount(e).String(),
		Null(m.Reference.PosTxnID), Null(m.Reference.Leg), Null(m.Shift), Null(m.Operator),
		Null(m.Channel), m.BusinessDate, NullTime(m.OccurredAt), NullTime(m.RecordedAt)}
}

// settledKind is what an event moved value by, "" where it moved none at a terminal, or was no
// answer to it: a hold moves none, and a lot that expires beside a debit was not asked for.
func settledKind(e *Event) domain.Operation {
	m, b := &e.Metadata, &e.Body
	if !b.Valued || m.Store == "" || m.Terminal == "" {
		return ""
	}
	moved := b.Total.Zero()
	for _, move := range b.Moves {
		moved = moved.Add(move.Amount)
	}
	switch {
	case moved.IsZero() && e.Type != "DebitPosted" && b.Unpaid.IsZero():
		return ""
	case e.Business():
		return e.OperationKind()
	case e.Type == "DebitPosted" && !isZero(b.Checkout):
		return domain.OpCheckout
	case e.Type == "DebitRefunded" && !isZero(b.Return):
		return domain.OpReturnCheckout
	case !isZero(e.Cancels()):
		return domain.OpCancel // one of several that a cancel undid
	}
	return ""
}

// settledAmount is what the customer saw of an event of value.
func settledAmount(e *Event) domain.Quantity {
	b := &e.Body
	switch {
	case e.Type == "DebitPosted" && !isZero(b.Owed):
		return b.Requested
	case !b.Bonus.IsZero():
		return b.Amount.Sub(b.Bonus)
	case !b.Unpaid.IsZero():
		return b.Amount.Add(b.Unpaid)
	}
	return b.Amount
}
