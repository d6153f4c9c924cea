package domain

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Settled is an operation that moved value at a terminal, as the log has it.
type Settled struct {
	AccountID    uuid.UUID
	EventID      uuid.UUID
	OperationID  uuid.UUID
	Type         Operation
	Amount       Money // what the customer saw: no bonus, and what is owed too
	PosTxnID     string
	Leg          string
	Shift        string // as its post named it
	Operator     string
	Channel      string
	BusinessDate string
	OccurredAt   time.Time
	RecordedAt   time.Time
}

// Total is how many operations of a type there were, and their sum.
type Total struct {
	Type   Operation `json:"type"`
	Count  int       `json:"count"`
	Amount Money     `json:"amount"`
	Late   bool      `json:"late,omitempty"` // of those that belong to an earlier period
}

// late reports that o, which this shift's window holds, belongs to an earlier period: it names
// another shift, or an earlier business date.
func (e ShiftOpened) late(o Settled) bool {
	named := o.Shift != "" && e.Name != "" && o.Shift != e.Name && o.Shift != e.ShiftID.String()
	return named || o.BusinessDate < e.BusinessDate
}

// Totals are the sums of operations of the shift's window by type and unit, in the order of these
// names, those of an earlier period apart; and which of the operations are late.
func (e ShiftOpened) Totals(operations []Settled) (totals []Total, late []bool) {
	type key struct {
		kind Operation
		unit string
		late bool
	}
	sums := map[key]Total{}
	late = make([]bool, len(operations))
	for i, o := range operations {
		late[i] = e.late(o)
		k := key{o.Type, o.Amount.Unit(), late[i]}
		sum, ok := sums[k]
		if !ok {
			sum = Total{o.Type, 0, o.Amount.Sub(o.Amount), late[i]}
		}
		sum.Count, sum.Amount = sum.Count+1, sum.Amount.Add(o.Amount)
		sums[k] = sum
	}
	totals = []Total{}
	for _, sum := range sums {
		totals = append(totals, sum)
	}
	slices.SortFunc(totals, func(a, b Total) int {
		return cmp.Or(strings.Compare(string(a.Type), string(b.Type)),
			strings.Compare(a.Amount.Unit(), b.Amount.Unit()), first(b.Late, a.Late))
	})
	return totals, late
}
