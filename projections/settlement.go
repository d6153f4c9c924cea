package projections

import (
	"context"

	"github.com/tillbook/tillbook/domain"
)

// settlement is one row for each time that value moved at a terminal: what shifts count and
// settlement files list. The rows are history's, which must come before it.
type settlement struct{}

// Name is settlement.
func (settlement) Name() string { return "settlement" }

// Version is 2.
func (settlement) Version() int { return 2 }

// Tables is the view settlement.
func (settlement) Tables() string {
	return `
CREATE VIEW settlement AS -- one row an event that a till answers for
-- store TEXT NOT NULL: id of the store
-- terminal TEXT NOT NULL: the till of the store
-- type TEXT NOT NULL: kind of the operation: debit, top_up, …
-- amount TEXT NOT NULL: as the customer saw it: no bonus, and all that is owed
-- shift TEXT: as the post named it
SELECT store, terminal, position, account_id, event_id, operation_id, settled AS type, unit,
	coalesce(settled_amount, amount) AS amount, pos_txn_id, leg, shift, operator, channel,
	business_date, occurred_at, recorded_at
FROM history WHERE settled IS NOT NULL;
`
}

// Indexes are none: history has the one by terminal.
func (settlement) Indexes() string { return `` }

// Apply does nothing: history has the rows.
func (settlement) Apply(context.Context, *Tx, []Event) error { return nil }

// appendSettled appends history's columns of an event of value that settlement shows.
func appendSettled(args []any, e *Event) []any {
	kind := settledKind(e)
	if kind == "" {
		return append(args, nil, nil)
	}
	args = append(args, string(kind))
	if amount := settledAmount(e); !amount.Equal(e.Body.Amount) {
		return append(args, amount.String())
	}
	return append(args, nil)
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
