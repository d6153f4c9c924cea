package projections

import (
	"context"
	"strconv"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// purchases is one row an account, unit and day: what the customer bought then. Spend, frequency and
// recency are sums of it over any window.
type purchases struct{}

// Name is purchases.
func (purchases) Name() string { return "purchases" }

// Version is 1.
func (purchases) Version() int { return 1 }

// Tables is purchases.
func (purchases) Tables() string {
	return `
CREATE TABLE purchases (
	account_id TEXT NOT NULL,
	unit       TEXT NOT NULL,
	day        TEXT NOT NULL,    -- business date, YYYY-MM-DD, of the sale or of what came back
	sales      INTEGER NOT NULL, -- less those that were cancelled
	amount     INTEGER NOT NULL, -- in the unit's smallest steps, less what came back; at most 10^15
	PRIMARY KEY (account_id, unit, day)
) STRICT, WITHOUT ROWID;
`
}

// Indexes are none: the key is enough.
func (purchases) Indexes() string { return `` }

type purchaseKey struct {
	account   uuid.UUID
	unit, day string
}

type purchaseRow struct{ sales, amount int64 }

var purchaseTable = &Table[purchaseKey, purchaseRow]{
	Name:    "purchases",
	Columns: []string{"account_id", "unit", "day", "sales", "amount"},
	Keys:    func(k purchaseKey) []any { return []any{k.account.String(), k.unit, k.day} },
	Values:  func(p *purchaseRow) []any { return []any{p.sales, p.amount} },
	Scan: func(row func(...any) error, k *purchaseKey, p *purchaseRow) error {
		return row(&k.account, &k.unit, &k.day, &p.sales, &p.amount)
	},
}

// mostSteps bounds a day's amount, so that no sum over days overflows.
const mostSteps = 1_000_000_000_000_000

// steps are a quantity in its smallest steps, within the bound of a day.
func steps(q domain.Quantity) int64 {
	n := q.Decimal().Coefficient()
	switch {
	case n.IsInt64():
		return max(-mostSteps, min(n.Int64(), mostSteps))
	case n.Sign() < 0:
		return -mostSteps
	}
	return mostSteps
}

func (p *purchaseRow) add(q purchaseRow) {
	p.sales += q.sales
	p.amount = max(-mostSteps, min(p.amount+q.amount, mostSteps))
}

// purchase is what an event adds to its day. A standing charge is spent, but is no sale; what comes
// back is taken off the day on which it does, and a sale that is cancelled is none.
func (e *Event) purchase() (p purchaseRow, ok bool) {
	switch amount := steps(settledAmount(e)); e.Type {
	case "DebitPosted":
		p.amount = amount
		if isZero(e.Body.Mandate) {
			p.sales = 1
		}
	case "DebitRefunded":
		p.amount = -amount
	case "DebitReversed":
		p.sales, p.amount = -1, -amount
	default:
		return p, false
	}
	return p, true
}

func (e *Event) purchaseKey() purchaseKey {
	return purchaseKey{e.Account, e.Body.Unit, e.Metadata.BusinessDate}
}

// Apply adds purchases up.
func (purchases) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := purchaseTable.In(tx)
	for i := range events {
		if _, ok := events[i].purchase(); ok {
			rows.Want(events[i].purchaseKey())
		}
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for i := range events {
		p, ok := events[i].purchase()
		if !ok {
			continue
		}
		k := events[i].purchaseKey()
		if rows.Row(k) == nil {
			rows.Add(k, purchaseRow{})
		}
		rows.Change(k).add(p)
	}
	return rows.Write(ctx)
}

// bought are an account's purchases as its events tell of them, by unit and day.
type bought map[string]*purchaseRow

func (b bought) note(p domain.Posted) {
	var row purchaseRow
	var amount domain.Money
	switch e := p.Event.(type) {
	case domain.DebitPosted:
		if amount = e.Amount; !isZero(e.ReceivableID) {
			amount = e.Requested
		}
		row.amount = steps(amount.Quantity)
		if isZero(e.MandateID) {
			row.sales = 1
		}
	case domain.DebitRefunded:
		amount = e.Amount
		row.amount = -steps(back(e.Amount, e.Unpaid))
	case domain.DebitReversed:
		amount = e.Amount
		row.sales, row.amount = -1, -steps(back(e.Amount, e.Unpaid))
	default:
		return
	}
	key := amount.Unit() + " " + p.Metadata.BusinessDate
	if b[key] == nil {
		b[key] = &purchaseRow{}
	}
	b[key].add(row)
}

// back is all that a debit gave back.
func back(amount, unpaid domain.Money) domain.Quantity {
	if unpaid.Unit() == "" {
		return amount.Quantity
	}
	return amount.Add(unpaid).Quantity
}

// purchaseColumns are what Check compares: the key within an account first.
var purchaseColumns = []string{"unit || ' ' || day", "sales", "amount"}

func (b bought) wanted() map[string][]string {
	rows := map[string][]string{}
	for key, p := range b {
		rows[key] = []string{strconv.FormatInt(p.sales, 10), strconv.FormatInt(p.amount, 10)}
	}
	return rows
}
