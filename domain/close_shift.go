package domain

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
)

// The bounds of a close. An event holds the first differences; DifferenceCount counts all.
const (
	MaxPosTotals     = 100
	MaxPosOperations = 10_000
	mostDifferences  = 1_000
)

// CloseShift closes a shift with what the till counted. Settled is what the ledger has in the
// shift's window, in the order of the log; the shell reads it.
type CloseShift struct {
	ID         uuid.UUID
	Totals     []Total
	Operations []PosOperation // none: sums are compared, not operations
	Settled    []Settled
}

// PosOperation is an operation as the till has it. Its reference and type name it.
type PosOperation struct {
	PosTxnID string    `json:"pos_txn_id"`
	Leg      string    `json:"leg"`
	Type     Operation `json:"type"`
	Amount   Money     `json:"amount"`
}

// ShiftClosed records the end of a shift: what the till counted, what the ledger did, and where they
// differ.
type ShiftClosed struct {
	ShiftID         uuid.UUID    `json:"shift_id"`
	PosTotals       []Total      `json:"pos_totals"`
	PosOperations   int          `json:"pos_operations"`
	OperationsHash  Hash         `json:"operations_hash"` // SHA-256 of their JSON
	LedgerTotals    []Total      `json:"ledger_totals"`
	Differences     []Difference `json:"differences"` // the first 1,000
	DifferenceCount int          `json:"difference_count"`
	Through         *Mark        `json:"through,omitempty"` // the last operation counted; nil: none
}

// Difference is one thing in which a till and the ledger differ. Amounts and counts stand where that
// side has any.
type Difference struct {
	Kind         DifferenceKind `json:"kind"`
	Type         Operation      `json:"type"`
	PosTxnID     string         `json:"pos_txn_id,omitempty"`
	Leg          string         `json:"leg,omitempty"`
	AccountID    uuid.UUID      `json:"account_id,omitzero"`
	OperationID  uuid.UUID      `json:"operation_id,omitzero"`
	BusinessDate string         `json:"business_date,omitempty"` // of a late one
	Pos          *Money         `json:"pos,omitempty"`
	Ledger       *Money         `json:"ledger,omitempty"`
	PosCount     int            `json:"pos_count,omitempty"` // where sums are compared
	LedgerCount  int            `json:"ledger_count,omitempty"`
}

// DifferenceKind says how a till and the ledger differ.
type DifferenceKind string

// The kinds of difference.
const (
	MissingInLedger DifferenceKind = "missing_in_ledger"
	MissingInPos    DifferenceKind = "missing_in_pos"
	AmountDiffers   DifferenceKind = "amount_differs"
	Late            DifferenceKind = "late" // of an earlier shift or day
)

func (ShiftClosed) event() {}

// Stream is shift-<id>.
func (c CloseShift) Stream() string { return ShiftStream(c.ID) }

// Operation is close_shift.
func (CloseShift) Operation() Operation { return "close_shift" }

// Decide checks the totals, the operations, then the shift.
func (c CloseShift) Decide(before []Posted, _ Moment) ([]Event, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s, err := ReadShift(before)
	if err != nil {
		return nil, err
	}
	if s.Closed != nil {
		return nil, ErrShiftNotOpen.By(before[len(before)-1])
	}
	e := ShiftClosed{ShiftID: c.ID, PosTotals: append([]Total{}, c.Totals...),
		PosOperations: len(c.Operations), OperationsHash: hashOf(c.Operations)}
	totals, late := s.Opened.Totals(c.Settled)
	differences := c.differences(totals, late)
	e.LedgerTotals, e.DifferenceCount = totals, len(differences)
	e.Differences = differences[:min(len(differences), mostDifferences)]
	if n := len(c.Settled); n > 0 {
		e.Through = &Mark{c.Settled[n-1].AccountID, c.Settled[n-1].EventID}
	}
	return []Event{e}, nil
}

func (c CloseShift) check() error {
	if len(c.Totals) > MaxPosTotals {
		return ErrMalformed.Field("totals", fmt.Sprint("want at most ", MaxPosTotals))
	}
	sums := map[string]bool{}
	for i, t := range c.Totals {
		name := string(t.Type) + separator + t.Amount.Unit()
		switch field := fmt.Sprint("totals.", i); {
		case t.Type == "" || notAWord(string(t.Type)):
			return ErrMalformed.Field(field+".type", "want a type of operation")
		case t.Count < 0:
			return ErrMalformed.Field(field+".count", "want zero or more")
		case sums[name]:
			return ErrMalformed.Field(field, "the type and unit stand twice")
		}
		sums[name] = true
	}
	if len(c.Operations) > MaxPosOperations {
		return ErrMalformed.Field("operations", fmt.Sprint("want at most ", MaxPosOperations))
	}
	for i, o := range c.Operations {
		switch field := fmt.Sprint("operations.", i); {
		case o.PosTxnID == "" || notAWord(o.PosTxnID) || notAWord(o.Leg):
			return ErrMalformed.Field(field+".pos_txn_id", "want 1 to 64 bytes")
		case o.Type == "" || notAWord(string(o.Type)):
			return ErrMalformed.Field(field+".type", "want a type of operation")
		}
	}
	return nil
}

// operationName is what a till and the ledger know an operation by.
type operationName struct {
	posTxnID, leg string
	kind          Operation
}

func (o PosOperation) name() operationName {
	leg := o.Leg
	if leg == "" {
		leg = "1"
	}
	return operationName{o.PosTxnID, leg, o.Type}
}

func (o Settled) name() operationName { return operationName{o.PosTxnID, o.Leg, o.Type} }

// differences are the late operations, in the order of the log, then what the till and the ledger do
// not have alike: operation by operation where the till sent its own, else sum by sum. What is late
// and the till does not have is late, and no difference beside that.
func (c CloseShift) differences(totals []Total, late []bool) []Difference {
	all := []Difference{}
	for i, o := range c.Settled {
		if late[i] {
			d := o.difference(Late)
			d.BusinessDate = o.BusinessDate
			all = append(all, d)
		}
	}
	if len(c.Operations) > 0 {
		return append(all, c.byOperation(late)...)
	}
	return append(all, c.bySum(totals)...)
}

// difference is o as a difference that only the ledger's side has.
func (o Settled) difference(kind DifferenceKind) Difference {
	return Difference{Kind: kind, Type: o.Type, PosTxnID: o.PosTxnID, Leg: o.Leg,
		AccountID: o.AccountID, OperationID: o.OperationID, Ledger: &o.Amount}
}

// byOperation pairs operations of one name, of which two cards make two: those of one amount first.
func (c CloseShift) byOperation(late []bool) []Difference {
	type exactly struct {
		operationName
		amount string
	}
	key := func(n operationName, m Money) exactly { return exactly{n, m.String()} }
	alike := map[exactly]int{}
	for _, o := range c.Settled {
		alike[key(o.name(), o.Amount)]++
	}
	alone := map[operationName][]int{} // the till's that no amount matches
	paired := map[exactly]int{}
	for i, p := range c.Operations {
		if k := key(p.name(), p.Amount); paired[k] < alike[k] {
			paired[k]++
		} else {
			alone[p.name()] = append(alone[p.name()], i)
		}
	}
	var all []Difference
	missing := make([]bool, len(c.Operations))
	for i, o := range c.Settled {
		others := alone[o.name()]
		switch k := key(o.name(), o.Amount); {
		case paired[k] > 0:
			paired[k]--
		case len(others) > 0:
			d := o.difference(AmountDiffers)
			d.Pos, alone[o.name()] = &c.Operations[others[0]].Amount, others[1:]
			all = append(all, d)
		case !late[i]:
			all = append(all, o.difference(MissingInPos))
		}
	}
	for _, left := range alone {
		for _, i := range left {
			missing[i] = true
		}
	}
	for i, p := range c.Operations {
		if missing[i] {
			all = append(all, Difference{Kind: MissingInLedger, Type: p.Type, PosTxnID: p.PosTxnID,
				Leg: p.name().leg, Pos: &p.Amount})
		}
	}
	return all
}

func (c CloseShift) bySum(totals []Total) []Difference {
	var all []Difference
	seen := map[int]bool{}
	for _, t := range totals {
		if t.Late {
			continue
		}
		d := Difference{Kind: MissingInPos, Type: t.Type, Ledger: &t.Amount, LedgerCount: t.Count}
		for i, p := range c.Totals {
			if p.Type == t.Type && p.Amount.Unit() == t.Amount.Unit() {
				seen[i] = true
				d.Kind, d.Pos, d.PosCount = AmountDiffers, &p.Amount, p.Count
			}
		}
		if d.Pos == nil || !d.Pos.Equal(t.Amount) || d.PosCount != t.Count {
			all = append(all, d)
		}
	}
	for i, p := range c.Totals {
		if !seen[i] && (p.Count > 0 || !p.Amount.IsZero()) {
			all = append(all, Difference{Kind: MissingInLedger, Type: p.Type, Pos: &p.Amount,
				PosCount: p.Count})
		}
	}
	return all
}

// closing is a close as a repeat is compared by it.
type closing struct {
	ShiftID    uuid.UUID `json:"shift_id"`
	Totals     []Total   `json:"totals"`
	Operations Hash      `json:"operations"`
}

func (c CloseShift) canonical() any {
	return closing{c.ID, append([]Total{}, c.Totals...), hashOf(c.Operations)}
}

func (e ShiftClosed) command() any { return closing{e.ShiftID, e.PosTotals, e.OperationsHash} }

// hashOf is the SHA-256 of the JSON of a list that is too long for an event.
func hashOf[T any](list []T) Hash {
	text, err := json.Marshal(append([]T{}, list...))
	if err != nil {
		panic(err) // it is plain fields
	}
	return sha256.Sum256(text)
}
