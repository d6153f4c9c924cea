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
CREATE TABLE purchases ( -- one row an account, unit and day on which it bought something or gave it back
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
// back is taken off the day on which it does, and a sale that is cancelled is none. What is a part of a
// checkout, or of its return, counts with it.
func (e *Event) purchase() (p purchase, ok bool) {
	p.unit = e.Body.Unit
	switch amount := steps(settledAmount(e)); e.Type {
	case "CheckoutPosted", "CheckoutReturned":
		decoded, err := e.Decoded()
		if err != nil {
			return p, false // whoever verifies the stream reports it
		}
		return purchaseOf(decoded, &e.Metadata)
	case "DebitPosted":
		p.amount, ok = amount, isZero(e.Body.Checkout)
		if isZero(e.Body.Mandate) {
			p.sales = 1
		}
	case "DebitRefunded":
		p.amount, ok = -amount, e.Business()
	case "DebitReversed":
		p.sales, p.amount, ok = -1, -amount, isZero(e.Body.Checkout)
	}
	return p, ok
}

// purchase is a part of a row, and its unit.
type purchase struct {
	purchaseRow
	unit string
}

// purchaseOf is Event.purchase of an event that is decoded.
func purchaseOf(e domain.Event, m *domain.Metadata) (p purchase, ok bool) {
	row := func(unit string, sales int64, amount domain.Quantity) purchase {
		return purchase{purchaseRow{sales, steps(amount)}, unit}
	}
	switch e := e.(type) {
	case domain.CheckoutPosted:
		return row(e.Unit, 1, e.Net.Sub(e.PointsValue)), true
	case domain.CheckoutReturned:
		paid := e.Net
		for _, t := range e.RefundByTender {
			if t.Tender == domain.TenderPoints {
				paid = paid.Sub(t.Amount)
			}
		}
		if p = row(e.Unit, 0, paid.Neg()); e.Cause == domain.CauseCancelled {
			p.sales = -1
		}
		return p, true
	case domain.DebitPosted:
		amount := e.Amount
		if !isZero(e.ReceivableID) {
			amount = e.Requested
		}
		if p = row(amount.Unit(), 1, amount.Quantity); !isZero(e.MandateID) {
			p.sales = 0
		}
		return p, isZero(e.CheckoutID)
	case domain.DebitRefunded:
		return row(e.Amount.Unit(), 0, back(e.Amount, e.Unpaid).Neg()), m.EventID == m.OperationID
	case domain.DebitReversed:
		return row(e.Amount.Unit(), -1, back(e.Amount, e.Unpaid).Neg()), isZero(e.CheckoutID)
	}
	return p, false
}

// back is all that a debit gave back.
func back(amount, unpaid domain.Money) domain.Quantity {
	if unpaid.Unit() == "" {
		return amount.Quantity
	}
	return amount.Add(unpaid).Quantity
}

// Apply adds purchases up.
func (purchases) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := purchaseTable.In(tx)
	type sale struct {
		purchaseKey
		purchaseRow
	}
	var sales []sale
	for i := range events {
		e := &events[i]
		if p, ok := e.purchase(); ok {
			s := sale{purchaseKey{e.Account, p.unit, e.Metadata.BusinessDate}, p.purchaseRow}
			rows.Want(s.purchaseKey)
			sales = append(sales, s)
		}
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for _, s := range sales {
		if rows.Row(s.purchaseKey) == nil {
			rows.Add(s.purchaseKey, purchaseRow{})
		}
		rows.Change(s.purchaseKey).add(s.purchaseRow)
	}
	return rows.Write(ctx)
}

// bought are an account's purchases as its events tell of them, by unit and day.
type bought map[string]*purchaseRow

func (b bought) note(p domain.Posted) {
	sale, ok := purchaseOf(p.Event, &p.Metadata)
	if !ok {
		return
	}
	key := sale.unit + " " + p.Metadata.BusinessDate
	if b[key] == nil {
		b[key] = &purchaseRow{}
	}
	b[key].add(sale.purchaseRow)
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
