package projections

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections/placetest"
)

// peopledShop has an account with a withdrawal that is approved, two adjustments, and a mandate of
// which one period was charged and the next failed once.
func peopledShop(t *testing.T, store eventstore.Store) (*shop, uuid.UUID) {
	s := newShop(t, store)
	none := domain.Context{}
	id := s.account("C-1")
	p := *domain.DefaultProgram()
	p.Terms.Approvals = []domain.Approval{{Unit: "CNY", Withdrawal: yuan("1000.00"),
		Adjustment: yuan("2.00")}}
	s.program = &p
	s.must(id, domain.TopUp{Amount: yuan("50.00"), TopUpTerms: domain.DefaultTerms()}, none)
	s.must(id, domain.SetMandate{Amount: yuan("30.00"), Cap: yuan("30.00"), Starts: s.now.Add(time.Minute),
		Calendar: domain.Calendar{Every: "month", Day: 31, At: "09:00", Zone: "UTC"}}, none)
	s.now = s.now.AddDate(0, 2, 0)
	s.must(id, domain.ChargeMandates{}, none)
	s.must(id, domain.ChargeMandates{}, none)
	for _, amount := range []string{"1.00", "3.00"} {
		s.must(id, domain.ProposeAdjustment{Amount: yuan(amount), Direction: domain.DirectionDebit,
			Class: domain.Principal, ReasonCode: "fraud", AttachmentHash: strings.Repeat("0a", 32)}, none)
	}
	s.must(id, domain.RequestWithdrawal{Unit: "CNY", Cause: domain.WithdrawalByProvider,
		PayeeMethod: "bank"}, none)
	return s, id
}

// TestItems: the tables of what people decide are right, listed newest first, and Check says so.
func TestItems(t *testing.T) {
	store := memory(t)
	s, id := peopledShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	clean(t, m)
	of := OfAccount{Account: id}
	page, err := m.Adjustments(t.Context(), of, Paging{Limit: 1})
	if err != nil || len(page.Data) != 1 || page.Next == "" || page.Data[0]["status"] != "proposed" {
		t.Fatalf("got %+v, %v, want the proposal, and more", page, err)
	}
	page, err = m.Adjustments(t.Context(), of, Paging{Cursor: page.Next})
	if err != nil || len(page.Data) != 1 || page.Data[0]["checker"] != domain.NoChecker {
		t.Fatalf("got %+v, %v, want what nobody had to check", page, err)
	}
	page, err = m.Withdrawals(t.Context(), of, Paging{})
	if err != nil || len(page.Data) != 1 || page.Data[0]["status"] != WithdrawalApproved {
		t.Fatalf("got %+v, %v, want one approved", page, err)
	}
	page, err = m.Mandates(t.Context(), of, Paging{})
	if err != nil || len(page.Data) != 1 || page.Data[0]["charged"] != "1" ||
		page.Data[0]["failed"] != "1" {
		t.Fatalf("got %+v, %v, want one charged once and failed once", page, err)
	}
	next := page.Data[0].Time("next_at")
	for at, want := range map[time.Time]int{next: 1, next.Add(-time.Microsecond): 0} {
		due := 0
		for _, err := range m.DueMandates(t.Context(), at) {
			if due++; err != nil {
				t.Fatal(err)
			}
		}
		if due != want {
			t.Errorf("due at %s: got %d, want %d", at, due, want)
		}
	}
	if next.Before(s.now) {
		t.Errorf("got %s, want a time to come", next)
	}
}

// TestCheckComparesItems changes each table in what the account's state knows and in what it does not.
func TestCheckComparesItems(t *testing.T) {
	for _, row := range []struct{ query, table, detail string }{
		{"UPDATE mandates SET next_at = '2026' WHERE account_id = ?", "mandates", "next_at 2026, want"},
		{"UPDATE mandates SET charged = 7 WHERE account_id = ?", "mandates", "charged 7, want 1"},
		{"UPDATE withdrawals SET payout = '9' WHERE account_id = ?", "withdrawals", "payout 9, want"},
		{"DELETE FROM withdrawals WHERE account_id = ?", "withdrawals", "is missing"},
		{"UPDATE adjustments SET status = 'rejected' WHERE checker = 'none' AND account_id = ?",
			"adjustments", "status rejected, want approved"},
		{"UPDATE adjustments SET maker = 'x' WHERE checker IS NULL AND account_id = ?", "adjustments",
			"maker x, want"},
	} {
		store := memory(t)
		_, id := peopledShop(t, store)
		m := open(t, placetest.Place(t), store, Options{})
		clean(t, m)
		edit(t, m, row.query, id.String())
		report, err := Check(t.Context(), opened(store), m, nil)
		if err != nil || len(report.Differences) != 1 {
			t.Fatalf("%s: got %+v, %v, want one difference", row.query, report, err)
		}
		if d := report.Differences[0]; d.What != row.table || !strings.Contains(d.Detail, row.detail) {
			t.Errorf("%s: got %s: %s, want %s", row.query, d.What, d.Detail, row.detail)
		}
	}
}
