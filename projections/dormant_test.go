package projections

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/projections/placetest"
)

// reminding is a program with ladders, in days.
func reminding(reminders, dormancy []int) *domain.Program {
	p := *domain.DefaultProgram()
	p.Terms.Reminders, p.Terms.Dormancy = reminders, dormancy
	return &p
}

const day = 24 * time.Hour

// TestDueReminders: what is due is listed when it is, and no more once it is written.
func TestDueReminders(t *testing.T) {
	store := memory(t)
	s := newShop(t, store)
	s.program = reminding([]int{7, 1}, []int{5, 9})
	began := s.now
	id, other := s.account("C-1"), s.account("C-2")
	expiring := topUp("5.00", "")
	expiring.ExpiresAt = began.Add(10 * day)
	s.must(id, expiring, till("S1", "1"))
	s.must(other, topUp("3.00", ""), till("S1", "2"))
	m := open(t, placetest.Place(t), store, Options{})
	ladders := [][]int{{5, 9}, {400}}
	of := func(id uuid.UUID) []int { return ladders[0] }
	look := func(when string, wantLots, wantIdle []uuid.UUID) {
		t.Helper()
		wait(t, m)
		if got := listed(t, m.DueReminders(t.Context(), s.now)); !slices.Equal(got, wantLots) {
			t.Errorf("%s: got the reminders of %v, want %v", when, got, wantLots)
		}
		if got := listed(t, m.DueDormancy(t.Context(), s.now, ladders, of)); !slices.Equal(got, wantIdle) {
			t.Errorf("%s: got the dormancy of %v, want %v", when, got, wantIdle)
		}
	}
	look("at first", nil, nil)
	s.now = began.Add(3 * day)
	look("seven days before", []uuid.UUID{id}, nil)
	s.must(id, domain.Sweep{}, domain.Context{})
	look("reminded", nil, nil)
	s.now = began.Add(5*day + time.Minute)
	look("five days idle", nil, []uuid.UUID{id, other})
	s.must(id, domain.Sweep{}, domain.Context{})
	look("one is dormant", nil, []uuid.UUID{other})
	of = func(uuid.UUID) []int { return ladders[1] }
	look("another ladder", nil, nil)
	of = func(uuid.UUID) []int { return ladders[0] }
	s.now = began.Add(9*day + time.Minute)
	look("nine days idle", []uuid.UUID{id}, []uuid.UUID{other, id})
	s.must(other, domain.Sweep{}, domain.Context{})
	wait(t, m)
	page, err := m.Dormant(t.Context(), DormantFilter{}, Paging{Limit: 1})
	if err != nil || len(page.Data) != 1 || page.Data[0].AccountID != id || page.Data[0].Step != 5 {
		t.Fatalf("got %+v, %v, want %s at step 5", page, err, id)
	}
	page, err = m.Dormant(t.Context(), DormantFilter{}, Paging{Cursor: page.Next})
	if err != nil || len(page.Data) != 1 || page.Data[0].AccountID != other || page.Next != "" ||
		page.Data[0].Step != 9 || page.Data[0].Balance["CNY"].String() != "3.00" {
		t.Errorf("got %+v, %v, want %s at step 9", page, err, other)
	}
	page, err = m.Dormant(t.Context(), DormantFilter{Step: 9}, Paging{})
	if err != nil || len(page.Data) != 1 || page.Data[0].AccountID != other {
		t.Errorf("got %+v, %v, want %s alone", page, err, other)
	}
	s.must(other, domain.Debit{Amount: yuan("1")}, till("S1", "3"))
	wait(t, m)
	page, err = m.Dormant(t.Context(), DormantFilter{Step: 9}, Paging{})
	if err != nil || len(page.Data) != 0 {
		t.Errorf("got %+v, %v, want none, as it is awake", page, err)
	}
	report, err := Check(t.Context(), opened(store), m, nil)
	if err != nil || !report.Clean() {
		t.Errorf("got %+v, %v, want no difference", report, err)
	}
}
