package projections

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
)

// balances is one row an account and unit: the sum of the moves.
type balances struct{}

// Name is balances.
func (balances) Name() string { return "balances" }

// Version is 2.
func (balances) Version() int { return 2 }

// Tables is balances.
func (balances) Tables() string {
	return `
CREATE TABLE balances ( -- one row an account and unit
	account_id TEXT NOT NULL,
	unit       TEXT NOT NULL,
	total      TEXT NOT NULL, -- at the unit's scale, by events, as all figures here
	held       TEXT NOT NULL, -- the part of it that holds pin, those included that have lapsed
	by_class   TEXT NOT NULL, -- JSON: {"principal":"100.00"}, of total, classes without any absent
	PRIMARY KEY (account_id, unit)
) STRICT, WITHOUT ROWID;
`
}

// Indexes are none: the key is enough.
func (balances) Indexes() string { return `` }

type balanceKey struct {
	account uuid.UUID
	unit    string
}

type balanceRow struct {
	total, held domain.Quantity
	byClass     map[domain.Class]domain.Quantity
}

var balanceTable = &Table[balanceKey, balanceRow]{
	Name:    "balances",
	Columns: []string{"account_id", "unit", "total", "held", "by_class"},
	Keys:    func(k balanceKey) []any { return []any{k.account.String(), k.unit} },
	Values: func(b *balanceRow) []any {
		return []any{b.total.String(), b.held.String(), classesJSON(b.byClass)}
	},
	Scan: func(row func(...any) error, k *balanceKey, b *balanceRow) error {
		var total, held, classes string
		if err := row(&k.account, &k.unit, &total, &held, &classes); err != nil {
			return err
		}
		if err := b.total.UnmarshalText([]byte(total)); err != nil {
			return err
		}
		if err := b.held.UnmarshalText([]byte(held)); err != nil {
			return err
		}
		return json.Unmarshal([]byte(classes), &b.byClass)
	},
}

// classesJSON is how sums by class stand in the table: classes in alphabetical order, those without
// any left out.
func classesJSON(sums map[domain.Class]domain.Quantity) string {
	b := []byte{'{'}
	for _, class := range classNames {
		sum, ok := sums[class]
		if !ok || sum.IsZero() {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, `"`+string(class)+`":"`+sum.String()+`"`...)
	}
	return string(append(b, '}'))
}

// classNames are the classes in alphabetical order.
var classNames = []domain.Class{domain.Bonus, domain.Cashback, domain.Compensation, domain.Earned,
	domain.Gift, domain.Principal, domain.Promo}

// Apply sums the moves.
func (balances) Apply(ctx context.Context, tx *Tx, events []Event) error {
	rows := balanceTable.In(tx)
	for i := range events {
		if e := &events[i]; len(e.Body.Moves) > 0 {
			rows.Want(balanceKey{e.Account, e.Body.Unit})
		}
	}
	if err := rows.Load(ctx); err != nil {
		return err
	}
	for i := range events {
		e := &events[i]
		if len(e.Body.Moves) == 0 {
			continue // a debit of an account that never had any of the unit leaves no balance
		}
		k := balanceKey{e.Account, e.Body.Unit}
		if rows.Row(k) == nil {
			none := e.Body.Amount.Zero()
			rows.Add(k, balanceRow{none, none, map[domain.Class]domain.Quantity{}})
		}
		rows.Change(k).add(e.Body.Moves)
	}
	return rows.Write(ctx)
}

func (b *balanceRow) add(moves []domain.Move) {
	for _, m := range moves {
		if !m.Held.IsZero() {
			b.held = b.held.Add(m.Held)
		}
		if m.Amount.IsZero() {
			continue
		}
		b.total = b.total.Add(m.Amount)
		b.byClass[m.Class] = b.byClass[m.Class].Add(m.Amount)
	}
}
