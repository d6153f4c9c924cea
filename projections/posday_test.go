package projections

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections/placetest"
)

// posdayShop is a shop with a till's day in its log: a closed shift, a sale after it, an open shift,
// and two exceptions, of which one is resolved.
func posdayShop(t *testing.T, store eventstore.Store) *shop {
	s := newShop(t, store)
	id := s.account("C-1")
	s.must(id, topUp("50.00", "5.00"), till("S1", "1"))
	s.register(shift(1, nil))
	s.must(id, domain.Debit{Amount: yuan("10.00")}, till("S1", "2"))
	owed := s.must(id, domain.OfflineDebit{Amount: yuan("60.00")}, till("S1", "3"))
	s.must(id, domain.Refund{DebitID: owed[0].Metadata.OperationID, Amount: yuan("20.00")},
		till("S1", "4"))
	s.must(id, domain.PlaceHold{Amount: yuan("1.00"), TTLSeconds: 60}, till("S1", "h"))
	s.must(id, domain.Debit{Amount: yuan("1.00")}, till("S2", "5"))
	s.must(id, domain.Cancel{}, till("S1", "2"))
	settled := closing(t, s, store)
	s.register(domain.CloseShift{ID: domain.ShiftID("S1", "T1", 1), Settled: settled})
	s.must(id, domain.Debit{Amount: yuan("2.00")}, till("S1", "6"))
	s.must(id, topUp("4.00", "1.00"), till("S1", "7"))
	last := settled[len(settled)-1]
	s.register(shift(2, &domain.Mark{AccountID: last.AccountID, EventID: last.EventID}))
	for seq := range int64(2) {
		s.register(domain.RaiseException{Exception: domain.Exception{
			ID:    domain.ExceptionID("S1", "T1", seq, domain.ExceptionRefused),
			Store: "S1", Terminal: "T1", Seq: seq, Kind: domain.ExceptionRefused,
			AccountID: id, Amount: yuan("5.00"), Code: "not_found"}})
	}
	s.register(domain.ResolveException{ID: domain.ExceptionID("S1", "T1", 1, domain.ExceptionRefused),
		How: "collected"})
	return s
}

func shift(number int, after *domain.Mark) domain.OpenShift {
	return domain.OpenShift{Store: "S1", Terminal: "T1", Name: fmt.Sprint("shift-", number),
		BusinessDate: "2026-03-01", Number: number, After: after}
}

// closing is what a close of the terminal's open shift would find.
func closing(t *testing.T, s *shop, store eventstore.Store) []domain.Settled {
	t.Helper()
	m := open(t, placetest.Place(t), store, Options{})
	windows, _, err := m.Settled(t.Context(), SettlementFilter{ID: domain.ShiftID("S1", "T1", 1)})
	if err != nil || len(windows) != 1 {
		t.Fatalf("got %d windows, %v", len(windows), err)
	}
	return windows[0].Operations
}

func kinds(operations []domain.Settled) string {
	var parts []string
	for _, o := range operations {
		parts = append(parts, fmt.Sprint(o.Type, " ", o.Amount.Quantity))
	}
	return strings.Join(parts, ", ")
}

// TestSettled: windows follow one another; a hold and another terminal's sale are in none; a debit
// counts with what is owed for it, its refund with what is owed no more, a top-up without its bonus.
func TestSettled(t *testing.T) {
	store := memory(t)
	posdayShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	of := func(f SettlementFilter) []Window {
		t.Helper()
		f.Store, f.Terminal = "S1", "T1"
		windows, _, err := m.Settled(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		return windows
	}
	both := of(SettlementFilter{BusinessDate: "2026-03-01"})
	if len(both) != 2 {
		t.Fatalf("got %d windows, want 2", len(both))
	}
	for i, want := range []string{"debit 10.00, debit 60.00, refund 20.00, cancel 10.00",
		"debit 2.00, top_up 4.00"} {
		if got := kinds(both[i].Operations); got != want {
			t.Errorf("shift %d: got %s, want %s", i+1, got, want)
		}
	}
	first := of(SettlementFilter{Name: "shift-1"})
	if len(first) != 1 || kinds(first[0].Operations) != kinds(both[0].Operations) {
		t.Errorf("got %+v of shift-1", first)
	}
	before := of(SettlementFilter{Name: "shift-1", At: first[0].Closed - 1})
	if before[0].Status != "open" || kinds(before[0].Operations) != kinds(first[0].Operations) {
		t.Errorf("got %+v before its close", before[0])
	}
	for _, f := range []SettlementFilter{{Name: "x"}, {BusinessDate: "2026-03-02"},
		{Name: "shift-2", At: first[0].Closed}} {
		if got := of(f); len(got) != 0 {
			t.Errorf("got %+v of %+v", got, f)
		}
	}
	of(SettlementFilter{Limit: 6}) // as many as there are
	for limit := range 5 {
		few := SettlementFilter{Store: "S1", Terminal: "T1", Limit: 1 + limit}
		if _, _, err := m.Settled(t.Context(), few); !errors.Is(err, ErrTooLong) {
			t.Errorf("got %v of more operations than the %d wanted", err, few.Limit)
		}
	}
	if got, err := m.KnownShift(t.Context(), "S1", "T1", "x"); err != nil || got != 2 {
		t.Errorf("got shift %d as the last, %v, want 2", got, err)
	}
}

// TestCheckFindsChangedTills has one row for each way a table about tills can differ from the log.
func TestCheckFindsChangedTills(t *testing.T) {
	for _, row := range []struct{ name, query, what, detail string }{
		{"an amount", "UPDATE history SET settled_amount = '1.00' WHERE settled_amount = '60.00' AND ? <> ''",
			"history", "settled_amount 1.00, want 60.00"},
		{"an operation that is missing", "UPDATE history SET settled = NULL WHERE settled_amount = '60.00' AND ? <> ''",
			"history", "settled , want debit"},
		{"an operation too many", "UPDATE history SET settled = 'debit' WHERE ? <> '' AND " +
			"position = (SELECT min(position) FROM history WHERE settled IS NULL)",
			"history", "settled debit, want "},
		{"a close", "UPDATE shifts SET closed_position = 0, closed_at = NULL WHERE number = 1 AND ? <> ''",
			"shifts", "got"},
		{"where a window ends", "UPDATE shifts SET through = NULL WHERE number = 1 AND ? <> ''",
			"shifts", "got"},
		{"a missing shift", "DELETE FROM shifts WHERE number = 2 AND ? <> ''", "shifts", "is missing"},
		{"a shift too many", "INSERT INTO shifts SELECT '" + uuid.NewString() + "', store, terminal, 3, " +
			"name, business_date, status, opened_at, closed_at, differences, opened_position, " +
			"closed_position, after, through, key FROM shifts WHERE number = 2 AND ? <> ''",
			"shifts", "should not be there"},
		{"a status that its columns belie", "UPDATE shifts SET status = 'open' WHERE number = 1 AND ? <> ''",
			"shifts", "got"},
		{"an exception that seems resolved", "UPDATE exceptions SET status = 'x' WHERE seq = 1 AND ? <> ''",
			"exceptions", "got"},
		{"how it was resolved", "UPDATE exceptions SET how = 'x' WHERE seq = 1 AND ? <> ''",
			"exceptions", "got"},
		{"an exception that is open", "UPDATE exceptions SET code = NULL WHERE seq = 0 AND ? <> ''",
			"exceptions", "got"},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := memory(t)
			posdayShop(t, store)
			m := open(t, placetest.Place(t), store, Options{})
			clean(t, m)
			edit(t, m, row.query, "x")
			report, err := Check(t.Context(), opened(store), m, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Differences) != 1 {
				t.Fatalf("got %d differences, want 1: %+v", report.Count, report.Differences)
			}
			d := report.Differences[0]
			if d.What != row.what || !strings.Contains(d.Detail, row.detail) {
				t.Errorf("got %s: %s, want %s: %s", d.What, d.Detail, row.what, row.detail)
			}
		})
	}
}

// TestTillsListed pages through shifts and exceptions.
func TestTillsListed(t *testing.T) {
	store := memory(t)
	posdayShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	for want, f := range map[int]ShiftFilter{2: {Store: "S1"}, 1: {Status: "open"},
		0: {Terminal: "T2"}} {
		page, err := m.Shifts(t.Context(), f, Paging{})
		if err != nil || len(page.Data) != want {
			t.Errorf("%+v: got %+v, %v, want %d", f, page.Data, err, want)
		}
	}
	first, err := m.Shifts(t.Context(), ShiftFilter{Store: "S1"}, Paging{Limit: 1})
	if err != nil || first.Data[0].Number != 1 || first.Next == "" {
		t.Fatalf("got %+v, %v", first, err)
	}
	second, err := m.Shifts(t.Context(), ShiftFilter{}, Paging{Cursor: first.Next})
	if err != nil || len(second.Data) != 1 || second.Data[0].Number != 2 {
		t.Errorf("got %+v, %v", second, err)
	}
	resolved := ExceptionFilter{Status: "resolved", Kind: "refused"}
	page, err := m.Exceptions(t.Context(), resolved, Paging{})
	if err != nil || len(page.Data) != 1 || page.Data[0].How != "collected" ||
		page.Data[0].Amount.String() != "5.00 CNY" {
		t.Errorf("got %+v, %v", page.Data, err)
	}
}
