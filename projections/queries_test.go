package projections

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/tillbook/tillbook/domain"
	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/projections/placetest"
)

func TestAccountsByPages(t *testing.T) {
	store := memory(t)
	s := newShop(t, store)
	var want []string
	for i := range 25 {
		s.account(fmt.Sprintf("A-%02d", i))
		want = append(want, fmt.Sprintf("A-%02d", i))
	}
	frozen := s.account("B-1")
	s.must(frozen, domain.FreezeAccount{Modes: []domain.FreezeMode{domain.FreezeAll}, Reason: "x",
		Until: s.now.Add(time.Hour)}, domain.Context{})
	m := open(t, placetest.Place(t), store, Options{})

	var got []string
	f := AccountFilter{Prefix: "A-", Status: domain.Open, At: s.now}
	for p := (Paging{Limit: 10}); ; {
		page, err := m.Accounts(t.Context(), f, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page.Data {
			got = append(got, a.CustomerRef)
		}
		if p.Cursor = page.Next; p.Cursor == "" {
			break
		}
		f = AccountFilter{} // the cursor carries it
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, row := range []struct {
		f    AccountFilter
		want int
	}{
		{AccountFilter{Status: domain.Frozen, At: s.now}, 1},
		{AccountFilter{Status: domain.Frozen, At: s.now.Add(2 * time.Hour)}, 0},
		{AccountFilter{Status: domain.Open, At: s.now.Add(2 * time.Hour)}, 26},
		{AccountFilter{CustomerRef: "A-07"}, 1},
		{AccountFilter{CustomerRef: "A-7"}, 0},
		{AccountFilter{}, 26},
	} {
		page, err := m.Accounts(t.Context(), row.f, Paging{Limit: 100})
		if err != nil || len(page.Data) != row.want {
			t.Errorf("%+v: got %d, %v, want %d", row.f, len(page.Data), err, row.want)
		}
	}
}

func TestCursorIsOfItsList(t *testing.T) {
	store := memory(t)
	s := newShop(t, store)
	for i := range 5 {
		s.account(fmt.Sprint("A-", i))
	}
	m := open(t, placetest.Place(t), store, Options{})
	page, err := m.Accounts(t.Context(), AccountFilter{Prefix: "A"}, Paging{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	_, other := m.Audit(t.Context(), AuditFilter{}, Paging{Cursor: page.Next})
	_, filter := m.Accounts(t.Context(), AccountFilter{Prefix: "B"}, Paging{Cursor: page.Next})
	_, none := m.Accounts(t.Context(), AccountFilter{}, Paging{Cursor: "?"})
	for name, err := range map[string]error{"list": other, "filter": filter, "text": none} {
		if !errors.Is(err, ErrCursor) {
			t.Errorf("another %s: got %v, want ErrCursor", name, err)
		}
	}
}

func TestOperationsByReference(t *testing.T) {
	store := memory(t)
	_, id := busyShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	for _, row := range []struct{ store, txn, want string }{
		{"S1", "1", "[top_up posted]"},
		{"S1", "2", "[debit posted]"},
		{"S2", "4", "[debit cancelled cancel posted]"},
		{"S1", "5", "[hold posted]"},
		{"S1", "6", "[capture posted]"},
		{"S1", "8", "[debit declined]"},
		{"S1", "9", "[cancel cancelled]"},
		{"S1", "99", "[]"},
		{"", "1", "[]"},
	} {
		page, err := m.Operations(t.Context(), OperationFilter{Store: row.store, Terminal: "T1",
			PosTxnID: row.txn, Account: id}, Paging{})
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, o := range page.Data {
			got = append(got, string(o.Kind), o.Status)
		}
		if fmt.Sprint(got) != row.want {
			t.Errorf("%s of %q: got %v, want %s", row.txn, row.store, got, row.want)
		}
	}
}

func TestAudit(t *testing.T) {
	store := memory(t)
	_, id := busyShop(t, store)
	m := open(t, placetest.Place(t), store, Options{})
	all := auditPages(t, m, AuditFilter{})
	if len(all) != 17 {
		t.Fatalf("got %d events, want 17", len(all))
	}
	if got := string(all[1].Before) + string(all[3].Before) + string(all[4].After); got !=
		`{"store_id":"S1","name":"First","zone":"Asia/Shanghai","day_cut":"04:00","status":"open"}`+
			`{"total":"0.00","available":"0.00","held":"0.00"}`+
			`{"total":"117.50","available":"117.50","held":"0.00"}` {
		t.Errorf("got %s before and after", got)
	}
	half := all[8].RecordedAt
	for _, row := range []struct {
		name string
		f    AuditFilter
		want func(AuditEntry) bool
	}{
		{"account", AuditFilter{Account: id}, func(a AuditEntry) bool { return a.AccountID == id }},
		{"actor", AuditFilter{Actor: "admin"}, func(a AuditEntry) bool { return a.Actor == "admin" }},
		{"type", AuditFilter{Type: "DebitPosted"},
			func(a AuditEntry) bool { return a.Type == "DebitPosted" }},
		{"store", AuditFilter{Store: "S2"}, func(a AuditEntry) bool { return a.Store == "S2" }},
		{"from", AuditFilter{From: half}, func(a AuditEntry) bool { return !a.RecordedAt.Before(half) }},
		{"to", AuditFilter{To: half}, func(a AuditEntry) bool { return a.RecordedAt.Before(half) }},
		{"position", AuditFilter{Position: all[3].Position, Account: id},
			func(a AuditEntry) bool { return a.Position > all[3].Position && a.AccountID == id }},
		{"nothing", AuditFilter{From: half.AddDate(1, 0, 0)}, func(AuditEntry) bool { return false }},
	} {
		var want []eventstore.Position
		for _, a := range all {
			if row.want(a) {
				want = append(want, a.Position)
			}
		}
		var got []eventstore.Position
		for _, a := range auditPages(t, m, row.f) {
			got = append(got, a.Position)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", row.name, got, want)
		}
	}
}

// auditPages reads an audit in pages of three.
func auditPages(t *testing.T, m *Models, f AuditFilter) []AuditEntry {
	t.Helper()
	var all []AuditEntry
	for p := (Paging{Limit: 3}); ; {
		page, err := m.Audit(t.Context(), f, p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Data...)
		if p.Cursor = page.Next; p.Cursor == "" {
			return all
		}
	}
}

func TestDueAndLists(t *testing.T) {
	store := memory(t)
	s, id := busyShop(t, store)
	expiring := topUp("5.00", "")
	expiring.ExpiresAt = s.now.Add(time.Hour)
	other := domain.AccountID("C-1002")
	s.must(other, expiring, till("S1", "12"))
	m := open(t, placetest.Place(t), store, Options{})
	for _, row := range []struct {
		after       time.Duration
		holds, lots []uuid.UUID
	}{
		{0, nil, nil},
		{15 * time.Minute, []uuid.UUID{id}, nil},
		{2 * time.Hour, []uuid.UUID{id}, []uuid.UUID{other}},
	} {
		holds := listed(t, m.DueHolds(t.Context(), s.now.Add(row.after)))
		if !slices.Equal(holds, row.holds) {
			t.Errorf("holds after %s: got %v, want %v", row.after, holds, row.holds)
		}
		lots := listed(t, m.DueLots(t.Context(), s.now.Add(row.after)))
		if !slices.Equal(lots, row.lots) {
			t.Errorf("lots after %s: got %v, want %v", row.after, lots, row.lots)
		}
	}
	lots, err := m.Lots(t.Context(), other, Paging{Limit: 1})
	if err != nil || len(lots.Data) != 1 || lots.Next == "" {
		t.Fatalf("got %+v, %v, want the first of two lots", lots, err)
	}
	lots, err = m.Lots(t.Context(), other, Paging{Cursor: lots.Next})
	if err != nil || len(lots.Data) != 1 || lots.Data[0].Face.String() != "5.00" || lots.Next != "" {
		t.Errorf("got %+v, %v, want the second lot", lots, err)
	}
	balances, err := m.Balances(t.Context(), BalanceFilter{Unit: "CNY"}, Paging{})
	if err != nil || len(balances.Data) != 2 {
		t.Errorf("got %+v, %v, want two balances", balances, err)
	}
	holds, err := m.Holds(t.Context(), id, Paging{})
	if err != nil || len(holds.Data) != 2 || holds.Data[0].Status != HoldCaptured ||
		holds.Data[1].Status != HoldActive {
		t.Errorf("got %+v, %v, want a captured and an active hold", holds, err)
	}
	stores, err := m.Stores(t.Context(), Paging{})
	if err != nil || len(stores.Data) != 2 || !stores.Data[0].Registered ||
		stores.Data[0].Name != "First, moved" || stores.Data[1].Registered {
		t.Errorf("got %+v, %v, want S1 registered and S2 not", stores, err)
	}
}

func TestAt(t *testing.T) {
	store := memory(t)
	s := newShop(t, store)
	id := s.account("C-1")
	before := s.now
	late := till("S1", "1")
	late.OccurredAt = s.now.Add(-24 * time.Hour)
	s.must(id, topUp("100.00", "30.00"), late)
	middle := s.now
	s.must(id, domain.Debit{Amount: yuan("13.00")}, till("S1", "2"))
	for _, row := range []struct {
		axis Axis
		at   time.Time
		want string
	}{
		{Recorded, before.Add(-time.Hour), "-1 []"},
		{Recorded, before, "0 []"},
		{Recorded, middle, "1 [{CNY 130.00 map[bonus:30.00 principal:100.00]}]"},
		{Recorded, s.now, "2 [{CNY 117.00 map[bonus:27.00 principal:90.00]}]"},
		{Effective, before.Add(-25 * time.Hour), "-1 []"},
		{Effective, before.Add(-time.Hour), "1 [{CNY 130.00 map[bonus:30.00 principal:100.00]}]"},
		{Effective, s.now, "2 [{CNY 117.00 map[bonus:27.00 principal:90.00]}]"},
	} {
		i, err := At(t.Context(), store, id, row.at, row.axis)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(i.Revision, " ", i.Balances); got != row.want {
			t.Errorf("%s %s: got %s, want %s", row.axis, row.at, got, row.want)
		}
	}
	if _, err := At(t.Context(), store, id, middle, "sideways"); err == nil {
		t.Error("got an answer on an axis that does not exist")
	}
}

// TestAtEffectiveBeforeTheOpening dates a debit, and a grant's draw in another unit, before the
// top-ups that paid for them.
func TestAtEffectiveBeforeTheOpening(t *testing.T) {
	store := memory(t)
	s := newShop(t, store)
	id := s.account("C-1")
	jpy, _ := domain.ISOUnit("JPY")
	paid := s.must(id, topUp("100.00", "30.00"), till("S1", "1"))
	yen := domain.DefaultTerms()
	s.must(id, domain.TopUp{Amount: domain.MustMoney("500", jpy), TopUpTerms: yen}, till("S1", "2"))
	early := till("S1", "3")
	early.OccurredAt = s.now.Add(-24 * time.Hour)
	s.must(id, domain.Debit{Amount: yuan("13.00")}, early)
	early.PosTxnID = "4"
	s.must(id, domain.Debit{Amount: domain.MustMoney("20", jpy)}, early)
	i, err := At(t.Context(), store, id, early.OccurredAt, Effective)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range i.Lots {
		if l.Unit == "CNY" && l.Funding != paid[0].Metadata.EventID {
			t.Errorf("got funding %s, want the top-up's %s", l.Funding, paid[0].Metadata.EventID)
		}
		got = append(got, fmt.Sprint(l.Unit, " ", l.Class, " ", l.Face, " ", l.Remaining, " ", l.Cost))
	}
	slices.Sort(got)
	want := []string{"CNY bonus 0.00 -3.00 0.00", "CNY principal 0.00 -10.00 0.00",
		"JPY principal 0 -20 0"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := fmt.Sprint(i.Balances), "[{CNY -13.00 map[bonus:-3.00 principal:-10.00]} "+
		"{JPY -20 map[principal:-20]}]"; got != want {
		t.Errorf("got balances %s, want %s", got, want)
	}
}

// listed are the accounts of a due list.
func listed(t testing.TB, due iter.Seq2[uuid.UUID, error]) (accounts []uuid.UUID) {
	t.Helper()
	for id, err := range due {
		if err != nil {
			t.Fatal(err)
		}
		accounts = append(accounts, id)
	}
	return accounts
}
