package domain

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// shiftOf is a shift of till T1 in store S1 on noon's day.
func shiftOf(number int, name string) OpenShift {
	return OpenShift{Store: "S1", Terminal: "T1", Name: name, Number: number}
}

func TestOpenShift(t *testing.T) {
	p, got := registered(t, shiftOf(1, "morning"))
	e, ok := p.Event.(ShiftOpened)
	if !ok || e.ShiftID != ShiftID("S1", "T1", 1) || e.Number != 1 {
		t.Fatalf("got %+v, %q", p.Event, got)
	}
	if e.BusinessDate != "2026-03-02" {
		t.Errorf("got business date %s of noon", e.BusinessDate)
	}
	if ShiftID("S1", "T1", 1) == ShiftID("S1T", "1", 1) ||
		ShiftID("S", "T", 1) == ShiftID("S", "T", 2) {
		t.Error("two shifts have one id")
	}
	long := strings.Repeat("x", 65)
	for _, row := range []struct {
		name string
		open OpenShift
		want string
	}{
		{"no store", OpenShift{Terminal: "T1"}, "malformed store"},
		{"a long terminal", OpenShift{Store: "S1", Terminal: long}, "malformed terminal"},
		{"no terminal", OpenShift{Store: "S1"}, "malformed terminal"},
		{"a long name", OpenShift{Store: "S1", Terminal: "T1", Name: long}, "malformed shift"},
	} {
		if _, got := registered(t, row.open); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
	if _, got := registered(t, shiftOf(1, ""), p); got != "shift_open" {
		t.Errorf("opened twice: got %q", got)
	}
	later := shiftOf(1, "morning")
	later.BusinessDate = "2026-03-01"
	if got := DifferingRegistration(p, later); got != nil {
		t.Errorf("got %v of a repeat with another date", got)
	}
	if got := DifferingRegistration(p, shiftOf(1, "evening")); fmt.Sprint(got) != "[shift]" {
		t.Errorf("got %v, want shift", got)
	}
}

// settled is an operation of till T1: kind, reference, amount, and what else matters after a blank.
func settled(text string) Settled {
	f := strings.Fields(text)
	o := Settled{AccountID: AccountID("C-1"), EventID: uuid.NewSHA1(accounts, []byte(text)),
		Type: Operation(f[0]), PosTxnID: f[1], Leg: "1", Amount: cny(f[2]), BusinessDate: "2026-03-02"}
	for _, word := range f[3:] {
		if strings.HasPrefix(word, "20") {
			o.BusinessDate = word
		} else {
			o.Shift = word
		}
	}
	return o
}

func TestCloseShift(t *testing.T) {
	total := func(kind Operation, count int, amount string) Total {
		return Total{Type: kind, Count: count, Amount: cny(amount)}
	}
	ledger := []string{"debit 1 10", "debit 2 5", "top_up 3 100", "refund 4 2"}
	same := []Total{total("debit", 2, "15"), total("top_up", 1, "100"), total("refund", 1, "2")}
	pos := func(texts ...string) (all []PosOperation) {
		for _, text := range texts {
			o := settled(text)
			all = append(all, PosOperation{PosTxnID: o.PosTxnID, Type: o.Type, Amount: o.Amount})
		}
		return all
	}
	for _, row := range []struct {
		name    string
		settled []string
		close   CloseShift
		want    string
	}{
		{"the same sums", ledger, CloseShift{Totals: same}, ""},
		{"nothing on either side", nil, CloseShift{}, ""},
		{"a till that counts zeros", nil, CloseShift{Totals: []Total{total("debit", 0, "0")}}, ""},
		{"another amount", ledger, CloseShift{Totals: append(same[1:3:3], total("debit", 2, "16"))},
			"amount_differs debit pos 16.00 ledger 15.00"},
		{"another count", ledger, CloseShift{Totals: append(same[1:3:3], total("debit", 3, "15"))},
			"amount_differs debit pos 15.00 ledger 15.00"},
		{"a type the till does not have", ledger, CloseShift{Totals: same[:2]},
			"missing_in_pos refund ledger 2.00"},
		{"a type the ledger does not have", nil, CloseShift{Totals: same[:1]},
			"missing_in_ledger debit pos 15.00"},
		{"another shift's", append(ledger, "debit 5 7 evening"), CloseShift{Totals: same},
			"late debit 5 ledger 7.00"},
		{"this shift's own name", []string{"debit 1 15 morning"}, CloseShift{Totals: []Total{
			total("debit", 1, "15")}}, ""},
		{"this shift's own id", []string{"debit 1 15 " + ShiftID("S1", "T1", 1).String()},
			CloseShift{Totals: []Total{total("debit", 1, "15")}}, ""},
		{"yesterday's", append(ledger, "debit 5 7 2026-03-01"), CloseShift{Totals: same},
			"late debit 5 ledger 7.00"},
		{"tomorrow's", []string{"debit 1 15 2026-03-03"}, CloseShift{Totals: []Total{
			total("debit", 1, "15")}}, ""},

		{"the same operations", ledger, CloseShift{Operations: pos(ledger...)}, ""},
		{"operations rather than sums", ledger, CloseShift{Operations: pos(ledger...),
			Totals: same[:1]}, ""},
		{"one each way", ledger, CloseShift{Operations: pos("debit 1 10", "debit 2 6", "top_up 3 100",
			"refund 9 2")}, `
amount_differs debit 2 pos 6.00 ledger 5.00
missing_in_pos refund 4 ledger 2.00
missing_in_ledger refund 9 pos 2.00`},
		{"another type of one reference", ledger[:1], CloseShift{Operations: pos("capture 1 10")}, `
missing_in_pos debit 1 ledger 10.00
missing_in_ledger capture 1 pos 10.00`},
		{"two cards pay one ticket", []string{"debit 1 10", "debit 1 5"},
			CloseShift{Operations: pos("debit 1 5", "debit 1 10")}, ""},
		{"two cards, one wrong", []string{"debit 1 10", "debit 1 5"},
			CloseShift{Operations: pos("debit 1 6", "debit 1 10")},
			"amount_differs debit 1 pos 6.00 ledger 5.00"},
		{"two cards, one of them missing", []string{"debit 1 10"},
			CloseShift{Operations: pos("debit 1 10", "debit 1 10")},
			"missing_in_ledger debit 1 pos 10.00"},
		{"late, and the till has it", []string{"debit 1 10 2026-03-01"},
			CloseShift{Operations: pos("debit 1 11")}, `
late debit 1 ledger 10.00
amount_differs debit 1 pos 11.00 ledger 10.00`},
		{"late, and the till has it not", []string{"debit 1 10 2026-03-01", "debit 2 5"},
			CloseShift{Operations: pos("debit 2 5")}, "late debit 1 ledger 10.00"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, _ := registered(t, shiftOf(1, "morning"))
			row.close.ID = p.Event.(ShiftOpened).ShiftID
			for _, text := range row.settled {
				row.close.Settled = append(row.close.Settled, settled(text))
			}
			closed, refused := registered(t, row.close, p)
			if refused != "ShiftClosed" {
				t.Fatal(refused)
			}
			e := closed.Event.(ShiftClosed)
			if got, want := toldOf(e.Differences), strings.TrimSpace(row.want); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if n := len(row.close.Settled); n > 0 && e.Through.EventID != row.close.Settled[n-1].EventID {
				t.Errorf("got a window through %v", e.Through)
			}
			if got := DifferingRegistration(closed, row.close); got != nil {
				t.Errorf("got %v of a repeat", got)
			}
		})
	}
}

func toldOf(differences []Difference) string {
	var lines []string
	for _, d := range differences {
		line := fmt.Sprint(d.Kind, " ", d.Type)
		if d.PosTxnID != "" {
			line += " " + d.PosTxnID
		}
		if d.Pos != nil {
			line += " pos " + d.Pos.Quantity.String()
		}
		if d.Ledger != nil {
			line += " ledger " + d.Ledger.Quantity.String()
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestCloseShiftRefuses(t *testing.T) {
	p, _ := registered(t, shiftOf(1, "morning"))
	id := p.Event.(ShiftOpened).ShiftID
	closed, _ := registered(t, CloseShift{ID: id}, p)
	one := Total{Type: "debit", Amount: cny("1")}
	for _, row := range []struct {
		name   string
		close  CloseShift
		before []Posted
		want   string
	}{
		{"many totals", CloseShift{Totals: make([]Total, 101)}, nil, "malformed totals"},
		{"no type", CloseShift{Totals: []Total{{Amount: cny("1")}}}, nil, "malformed totals.0.type"},
		{"less than none", CloseShift{Totals: []Total{{Type: "debit", Count: -1, Amount: cny("1")}}}, nil,
			"malformed totals.0.count"},
		{"twice", CloseShift{Totals: []Total{one, one}}, nil, "malformed totals.1"},
		{"many operations", CloseShift{Operations: make([]PosOperation, 10_001)}, nil,
			"malformed operations"},
		{"no reference", CloseShift{Operations: []PosOperation{{Type: "debit"}}}, nil,
			"malformed operations.0.pos_txn_id"},
		{"operation of no type", CloseShift{Operations: []PosOperation{{PosTxnID: "1"}}}, nil,
			"malformed operations.0.type"},
		{"no shift", CloseShift{ID: id}, nil, "not_found"},
		{"closed", CloseShift{ID: id}, []Posted{p, closed}, "shift_not_open"},
	} {
		if _, got := registered(t, row.close, row.before...); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
	if got := DifferingRegistration(closed, CloseShift{ID: id, Totals: []Total{one}}); len(got) == 0 {
		t.Error("other totals are a repeat")
	}
	if got := DifferingRegistration(closed, shiftOf(1, "")); len(got) == 0 {
		t.Error("an opening is a repeat of a close")
	}
}

// A close tells 1,000 differences at the most, and counts all.
func TestCloseShiftDifferencesAreBounded(t *testing.T) {
	p, _ := registered(t, shiftOf(1, ""))
	c := CloseShift{ID: p.Event.(ShiftOpened).ShiftID}
	for i := range 1_500 {
		c.Operations = append(c.Operations, PosOperation{PosTxnID: fmt.Sprint(i), Type: "debit",
			Amount: cny("1")})
	}
	closed, _ := registered(t, c, p)
	e := closed.Event.(ShiftClosed)
	if len(e.Differences) != 1_000 || e.DifferenceCount != 1_500 {
		t.Errorf("got %d of %d differences, want 1000 of 1500", len(e.Differences), e.DifferenceCount)
	}
	if s, err := ReadShift([]Posted{p, closed}); err != nil || s.Status() != "closed" ||
		s.Through() != nil {
		t.Errorf("got %+v, %v", s, err)
	}
	if s, err := ReadShift([]Posted{p}); err != nil || s.Status() != "open" {
		t.Errorf("got %+v, %v", s, err)
	}
}
